//! What a pull leaves for the process that goes on with it, in `tmp`: its checkpoint, and what there is of objects that
//! are fetched. libostree sweeps `tmp` from time to time; what is gone is fetched again.

use alloc::format;
use alloc::string::String;
use std::fs::File;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::{Repo, RepoError};
use crate::pull::Checkpoint;
use crate::{Checksum, Limits};

const CHECKPOINT: &str = "pull-";
const PART: &str = "part-";

impl Repo {
    /// The checkpoint of an interrupted pull of `commit`; `None` if there is none, or it is damaged: then all files are
    /// to be hashed.
    ///
    /// # Errors
    /// As of the file system.
    pub fn read_checkpoint(
        &self,
        commit: &Checksum,
        limits: &Limits,
    ) -> Result<Option<Checkpoint>, RepoError> {
        let path = format!("tmp/{CHECKPOINT}{commit}");
        let bytes = self.read_file(&path, Checkpoint::max_bytes(limits))?;
        Ok(bytes.and_then(|bytes| Checkpoint::decode(&bytes, commit, limits).ok()))
    }

    /// Makes everything written so far durable, and then `checkpoint`, which was taken before, of a pull of `commit`.
    /// There is none in a repository whose config says `fsync=false`: nothing is known to be durable.
    ///
    /// # Errors
    /// As of the file system.
    pub fn write_checkpoint(&self, commit: &Checksum, checkpoint: &Checkpoint) -> Result<(), RepoError> {
        if !self.config.fsync {
            return Ok(());
        }
        self.sync()?;
        self.replace(&format!("tmp/{CHECKPOINT}{commit}"), &checkpoint.encode())
    }

    /// What there is of a `.filez` whose fetching was interrupted, open for reading and writing.
    ///
    /// It need not be what was written into it: the power may have failed. The object's checksum tells.
    ///
    /// # Errors
    /// As of the file system.
    pub fn open_part(&self, file: &Checksum) -> Result<Option<File>, RepoError> {
        self.part(file, OFlags::empty())
    }

    /// As [`open_part`](Self::open_part), made if there is none.
    ///
    /// # Errors
    /// As of the file system.
    pub fn make_part(&self, file: &Checksum) -> Result<Option<File>, RepoError> {
        self.part(file, OFlags::CREATE)
    }

    /// Removes what there is of a `.filez`.
    ///
    /// # Errors
    /// As of the file system.
    pub fn remove_part(&self, file: &Checksum) -> Result<(), RepoError> {
        self.remove_temporary(&part(file))
    }

    /// Removes what pulls of any commit left for those who go on with them.
    ///
    /// # Errors
    /// As of the file system.
    pub fn forget_interrupted(&self) -> Result<(), RepoError> {
        for name in self.names_in("tmp")? {
            if is_kept_for_a_pull(&name) {
                self.remove_temporary(&name)?;
            }
        }
        Ok(())
    }

    fn part(&self, file: &Checksum, flags: OFlags) -> Result<Option<File>, RepoError> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | flags;
        match rustix::fs::openat(&self.temporary, part(file), flags, Mode::from_raw_mode(0o644)) {
            Ok(part) => Ok(Some(part.into())),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(RepoError::io("opening what there is of an object")(error)),
        }
    }

    fn remove_temporary(&self, name: &str) -> Result<(), RepoError> {
        match rustix::fs::unlinkat(&self.temporary, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(RepoError::io("removing a temporary file")(error)),
        }
    }
}

/// Whether a file in `tmp` is what a pull goes on with.
pub(super) fn is_kept_for_a_pull(name: &str) -> bool {
    name.starts_with(CHECKPOINT) || name.starts_with(PART)
}

fn part(file: &Checksum) -> String {
    format!("{PART}{file}")
}
