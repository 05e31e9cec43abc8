//! Files without their final name.

use alloc::format;
use alloc::string::String;
use std::fs::File;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::{Repo, RepoError};

/// A name in a directory of `tmp`; what has it is removed unless it gets another.
#[derive(Debug)]
pub(super) struct TemporaryName<'a> {
    pub(super) directory: &'a File,
    pub(super) name: String,
    kept: bool,
}

/// A file that has such a name.
#[derive(Debug)]
pub(super) struct Temporary<'a> {
    name: TemporaryName<'a>,
    pub(super) file: File,
}

impl<'a> Temporary<'a> {
    /// Closes the file.
    pub(super) fn into_name(self) -> TemporaryName<'a> {
        self.name
    }

    pub(super) fn rename_to(self, directory: &File, path: &str) -> Result<(), RepoError> {
        self.name.rename_to(directory, path).map_err(|(_, error)| RepoError::io("naming a file")(error))
    }
}

impl TemporaryName<'_> {
    /// The name of what is kept under it.
    pub(super) fn into_kept(mut self) -> String {
        self.kept = true;
        core::mem::take(&mut self.name)
    }

    /// Gives it back if that fails.
    pub(super) fn rename_to(mut self, directory: &File, path: &str) -> Result<(), (Self, Errno)> {
        match rustix::fs::renameat(self.directory, &*self.name, directory, path) {
            Ok(()) => {
                self.kept = true;
                Ok(())
            }
            Err(error) => Err((self, error)),
        }
    }
}

impl Drop for TemporaryName<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // Left behind it does no harm: it goes with its directory.
            let _ = rustix::fs::unlinkat(self.directory, &*self.name, AtFlags::empty());
        }
    }
}

impl Repo {
    /// A new file, open for reading and writing.
    pub(super) fn temporary_file(&self) -> Result<Temporary<'_>, RepoError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mode = Mode::from_raw_mode(0o644);
        let (name, file) =
            self.temporary(|directory, name| rustix::fs::openat(directory, name, flags, mode))?;
        Ok(Temporary { name, file: file.into() })
    }

    /// A new symbolic link.
    pub(super) fn temporary_link(&self, target: &str) -> Result<TemporaryName<'_>, RepoError> {
        let (name, ()) = self.temporary(|directory, name| rustix::fs::symlinkat(target, directory, name))?;
        Ok(name)
    }

    /// A new name, of what `make` makes.
    fn temporary<T>(
        &self,
        make: impl Fn(&File, &str) -> Result<T, Errno>,
    ) -> Result<(TemporaryName<'_>, T), RepoError> {
        static NEXT: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(0);
        let directory = &self.staging()?.directory;
        let number = NEXT.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        let name = format!("new-{number}");
        // Nobody else makes files there, and here no number comes twice.
        match make(directory, &name) {
            Ok(made) => Ok((TemporaryName { directory, name, kept: false }, made)),
            Err(error) => Err(RepoError::io("making a temporary file")(error)),
        }
    }
}
