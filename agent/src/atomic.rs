//! Files that are either the old or the new one, whatever happens: written beside, synced, renamed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Replaces `path` with `bytes`: after a power cut it holds the old content or the new, never a part.
///
/// # Errors
/// As of the file system; the old file is then untouched.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = parent(path)?;
    fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_directory(directory)
}

/// Removes `path` durably; that it is absent already is no error.
///
/// # Errors
/// As of the file system.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_directory(parent(path)?),
    }
}

/// Renames `from` to `to` in one file system, durably.
///
/// # Errors
/// As of the file system.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_directory(parent(from)?)?;
    sync_directory(parent(to)?)
}

/// Makes the directory's entries durable.
///
/// # Errors
/// As of the file system.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn parent(path: &Path) -> io::Result<&Path> {
    let parent = path.parent();
    let parent =
        parent.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a path without a directory"))?;
    // A bare name lies in the current directory.
    Ok(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_the_whole_file_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/er/file");
        write(&path, b"a long first content").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_bare_name_is_one_in_the_current_directory() {
        assert_eq!(parent(Path::new("file")).unwrap(), Path::new("."));
        assert_eq!(parent(Path::new("/file")).unwrap(), Path::new("/"));
        assert_eq!(parent(Path::new("/")).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn removing_what_is_absent_is_done_already() {
        let directory = tempfile::tempdir().unwrap();
        remove(&directory.path().join("none")).unwrap();
    }
}
