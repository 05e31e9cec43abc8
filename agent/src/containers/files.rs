//! Files that are read whole, up to a limit.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use anyhow::{Context, bail};
use container_spec::compose::limits;

/// The content of a file; nothing if there is none.
///
/// # Errors
/// If it cannot be read, or has more than `max_bytes`.
pub(super) fn read(path: &Path, max_bytes: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let what = || format!("reading {}", path.display());
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.with_context(what)?,
    };
    let mut bytes = Vec::new();
    // One byte more tells "exactly the limit" from "beyond it".
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).with_context(what)?;
    if u64::try_from(bytes.len())? > max_bytes {
        bail!("{} has more than {max_bytes} bytes", path.display());
    }
    Ok(Some(bytes))
}

/// The text of a Compose file; nothing if there is none.
///
/// # Errors
/// If it cannot be read, is longer than a Compose file may be, or is no UTF-8.
pub fn read_text(path: &Path) -> anyhow::Result<Option<String>> {
    let bytes = read(path, u64::try_from(limits::MAX_DOCUMENT_BYTES)?)?;
    bytes.map(String::from_utf8).transpose().with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_file_of_the_limit_is_read_and_one_byte_more_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        assert_eq!(read(&path, 3).unwrap(), None);
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(read(&path, 3).unwrap().as_deref(), Some(&b"abc"[..]));
        let error = read(&path, 2).unwrap_err().to_string();
        assert_eq!(error, format!("{} has more than 2 bytes", path.display()));
    }
}
