//! Locks: other programs that change the environment, and other processes of this one, wait.

use anyhow::{Context as _, Result};
use rustix::fs::FlockOperation;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The lock of libubootenv, then the one of U-Boot's own tools: they do not exclude each other, but each of them
/// excludes us. U-Boot itself takes none.
pub(super) const DEFAULT: [&str; 2] = ["/var/lock/fw_printenv.lock", "/run/fw_printenv.lock"];

/// Held while the environment is read or written.
#[derive(Debug)]
pub(super) struct Lock {
    files: Vec<File>,
}

impl Lock {
    /// Waits for the locks, always in the same order.
    ///
    /// A regular file is locked itself, too, and a lock that may not be opened is done without: whoever may write
    /// the file need not be root.
    ///
    /// # Errors
    /// If a lock cannot be taken that a device needs.
    pub(super) fn take(paths: &[PathBuf], environment: &Path) -> Result<Self> {
        let is_file = fs::metadata(environment).is_ok_and(|metadata| metadata.is_file());
        let mut lock = Self { files: Vec::new() };
        for path in paths {
            // Neither truncated nor removed: it may be held by somebody else.
            match OpenOptions::new().write(true).create(true).truncate(false).open(path) {
                // Without its directory nobody else can hold it.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if is_file => tracing::debug!("the lock {}: {error}", path.display()),
                opened => lock.add(opened, path)?,
            }
        }
        if is_file {
            lock.add(File::open(environment), environment)?;
        }
        Ok(lock)
    }

    fn add(&mut self, opened: io::Result<File>, path: &Path) -> Result<()> {
        let file = opened.with_context(|| format!("opening the lock {}", path.display()))?;
        let identity = |file: &File| file.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        let new = identity(&file)?;
        // By another path the same file would wait for itself.
        for held in &self.files {
            if identity(held)? == new {
                return Ok(());
            }
        }
        rustix::fs::flock(&file, FlockOperation::LockExclusive)
            .with_context(|| format!("locking {}", path.display()))?;
        self.files.push(file);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn every_lock_is_held_until_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("environment"), "").unwrap();
        std::os::unix::fs::symlink("theirs", path("the-same")).unwrap();
        let locks = [path("theirs"), path("of-u-boots-tools"), path("missing/directory"), path("the-same")];
        let is_held = |name: &str| {
            let file = File::open(path(name)).unwrap();
            let taken = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
            assert!(matches!(taken, Ok(()) | Err(Errno::WOULDBLOCK)), "{taken:?}");
            taken.is_err()
        };
        let lock = Lock::take(&locks, &path("environment")).unwrap();
        for name in ["theirs", "of-u-boots-tools", "environment"] {
            assert!(is_held(name), "{name}");
        }
        drop(lock);
        for name in ["theirs", "of-u-boots-tools", "environment"] {
            assert!(!is_held(name), "{name}");
        }
        assert!(!path("missing").exists());
    }

    #[test]
    fn a_device_needs_its_locks_and_a_file_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("environment");
        fs::write(&file, "").unwrap();
        // A directory cannot be opened as a lock, not even by root.
        let locks = [directory.path().to_owned()];
        assert!(Lock::take(&locks, &file).is_ok());
        let error = Lock::take(&locks, Path::new("/dev/null")).unwrap_err().to_string();
        assert!(error.starts_with("opening the lock "), "{error}");
    }
}
