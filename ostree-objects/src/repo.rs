//! Repositories on disk: `archive` (what is served), `bare` (what a device keeps), `bare-user` and `bare-user-only`
//! (what is kept without root).
//!
//! Everything happens relative to a directory descriptor, and no symbolic link is followed. An object appears
//! under its name only when its content has that checksum.

mod attributes;
mod bare;
mod checkout;
mod commit;
mod complete;
mod config;
mod content;
mod delta;
mod diff;
mod error;
mod facts;
mod fsck;
mod generate;
mod import;
mod interrupted;
mod layout;
mod links;
mod lock;
mod parallel;
mod path;
mod pending;
mod prune;
mod read;
mod ref_names;
mod refs;
mod remote;
mod remove;
mod rev;
mod settings;
mod sizes;
mod space;
mod staging;
mod summary;
mod temporary;
mod tombstone;
mod walk;
mod write;

pub use checkout::{CheckoutOptions, Links, Ownership, Union};
pub use commit::{CommitOptions, DiskTree, checksum_of_path};
pub use diff::{DiffStats, TreeDiff, TreeSide};
pub use error::RepoError;
pub use facts::FileFacts;
pub use fsck::{BadRef, Damage, FsckReport};
pub use generate::{BuiltDelta, DeltaOptions};
pub use links::KnownLinks;
pub use lock::{LockKind, RepoLock};
pub use prune::{PruneOptions, PruneReport};
pub use read::FileObject;
pub use ref_names::RefTarget;
pub use remote::Remote;
pub use sizes::SizesNeeded;
pub use walk::{EntryObjects, TreeEntry};

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps};

use crate::{Checksum, ObjectType, RepoMode};

/// An open repository.
#[derive(Debug)]
pub struct Repo {
    directory: File,
    objects: File,
    temporary: File,
    mode: RepoMode,
    config: config::Config,
    /// Where files are made before they get their names, once there are any.
    staging: OnceLock<staging::Staging>,
    /// Objects that are complete and not in the repository yet, if they are to come in all at once.
    pending: Option<pending::Pending>,
}

/// How the agent opens directories: the very one that is named, for use as a starting point.
pub(crate) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The time of objects and of what is checked out: 1970.
const EPOCH: Timestamps = Timestamps {
    last_access: Timespec { tv_sec: 0, tv_nsec: 0 },
    last_modification: Timespec { tv_sec: 0, tv_nsec: 0 },
};

impl Repo {
    /// Makes an empty repository at `path`, which may exist as an empty directory.
    ///
    /// # Errors
    /// If the mode is none that is written, or as of the file system.
    pub fn init(path: &Path, mode: RepoMode) -> Result<Self, RepoError> {
        if mode == RepoMode::BareSplitXattrs {
            return Err(RepoError::Mode { mode: mode.name() });
        }
        std::fs::create_dir_all(path).map_err(RepoError::io("making the repository"))?;
        let directory = open_directory(CWD, path)?;
        layout::create(&directory, mode)?;
        Self::open(path)
    }

    /// Opens the repository at `path`.
    ///
    /// # Errors
    /// If it is none, or of a mode that is not read.
    pub fn open(path: &Path) -> Result<Self, RepoError> {
        let directory = open_directory(CWD, path)?;
        let config = config::Config::read(&directory)?;
        let objects = open_directory(&directory, "objects")?;
        make_directory(&directory, "tmp")?;
        let temporary = open_directory(&directory, "tmp")?;
        let (staging, pending) = (OnceLock::new(), None);
        Ok(Self { directory, objects, temporary, mode: config.mode, config, staging, pending })
    }

    /// How its objects are stored.
    #[must_use]
    pub const fn mode(&self) -> RepoMode {
        self.mode
    }

    /// Whether it has the object.
    ///
    /// # Errors
    /// As of the file system.
    pub fn has(&self, object_type: ObjectType, checksum: &Checksum) -> Result<bool, RepoError> {
        if self.pending.as_ref().is_some_and(|pending| pending.has(object_type, checksum)) {
            return Ok(true);
        }
        let path = checksum.loose_path(object_type, self.mode);
        match rustix::fs::statat(&self.objects, path.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(RepoError::io("looking for an object")(error)),
        }
    }
}

pub(crate) fn open_directory(at: impl AsFd, path: impl rustix::path::Arg) -> Result<File, RepoError> {
    let open = rustix::fs::openat(at, path, DIRECTORY, Mode::empty());
    open.map(File::from).map_err(RepoError::io("opening a directory"))
}

pub(crate) fn make_directory(at: impl AsFd, name: &str) -> Result<(), RepoError> {
    match rustix::fs::mkdirat(at, name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(RepoError::io("making a directory")(error)),
    }
}
