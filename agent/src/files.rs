//! Files that are read whole, up to a limit: a device, a pipe or a growing file may have no end.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use anyhow::{Context, bail};
use container_spec::compose::limits::MAX_DOCUMENT_BYTES;

/// The largest file of configuration, rules or keys that is read, in bytes.
pub const MAX_SETTINGS_BYTES: usize = 1024 * 1024;

/// All of `reader`, or its first `max_bytes + 1` bytes: whoever judges them tells "exactly the limit" from "beyond it".
pub(crate) fn read_prefix(reader: impl Read, max_bytes: usize) -> std::io::Result<Vec<u8>> {
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    reader.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// As [`read_prefix`], of a file; nothing if there is none.
pub(crate) fn prefix_if_there(path: &Path, max_bytes: usize) -> anyhow::Result<Option<Vec<u8>>> {
    let what = || format!("reading {}", path.display());
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        file => read_prefix(file.with_context(what)?, max_bytes).map(Some).with_context(what),
    }
}

/// The content of a file; nothing if there is none.
///
/// # Errors
/// If it cannot be read, or has more than `max_bytes`.
pub(crate) fn read_if_there(path: &Path, max_bytes: usize) -> anyhow::Result<Option<Vec<u8>>> {
    let bytes = prefix_if_there(path, max_bytes)?;
    if bytes.as_ref().is_some_and(|bytes| bytes.len() > max_bytes) {
        bail!("{} has more than {max_bytes} bytes", path.display());
    }
    Ok(bytes)
}

/// The content of a file.
///
/// # Errors
/// As [`read_if_there`], and if there is none.
pub(crate) fn read(path: &Path, max_bytes: usize) -> anyhow::Result<Vec<u8>> {
    let found = read_if_there(path, max_bytes)?;
    found.ok_or_else(|| ErrorKind::NotFound.into()).map_err(|error: std::io::Error| {
        anyhow::Error::new(error).context(format!("reading {}", path.display()))
    })
}

/// The text of a file.
///
/// # Errors
/// As [`read`], and if it is no UTF-8.
pub(crate) fn read_text(path: &Path, max_bytes: usize) -> anyhow::Result<String> {
    String::from_utf8(read(path, max_bytes)?).with_context(|| format!("reading {}", path.display()))
}

/// The text of a Compose file; nothing if there is none.
///
/// # Errors
/// If it cannot be read, is longer than a Compose file may be, or is no UTF-8.
pub(crate) fn read_compose_if_there(path: &Path) -> anyhow::Result<Option<String>> {
    let bytes = read_if_there(path, MAX_DOCUMENT_BYTES)?;
    bytes.map(String::from_utf8).transpose().with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_limit_is_read_and_one_byte_more_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        assert_eq!(read_if_there(&path, 3).unwrap(), None);
        let missing = read(&path, 3).unwrap_err();
        let kind = missing.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        assert_eq!(kind, Some(ErrorKind::NotFound), "{missing:#}");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"abc");
        let error = read(&path, 2).unwrap_err().to_string();
        assert_eq!(error, format!("{} has more than 2 bytes", path.display()));
        std::fs::write(&path, b"\xff").unwrap();
        read_text(&path, 3).unwrap_err();
        // A device without an end says that it has no bytes.
        read(Path::new("/dev/zero"), 3).unwrap_err();
    }
}
