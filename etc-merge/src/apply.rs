//! Writing the result of a merge, so that power may fail at any point.

pub(crate) mod build;
mod copy;
pub(crate) mod disk;
mod error;
mod install;
mod journal;
pub(crate) mod storage;

use std::path::Path;

use crate::policy::Policy;
use crate::report::Report;
use crate::tree::directory::DirectoryTree;

pub use build::Trees;
pub use disk::{Disk, Durability};
pub use error::{ApplyError, Operation, StorageError};
pub use install::{Installed, Installer, Outcome};
pub use journal::MAX_JOURNAL_BYTES;
pub use storage::{Attributes, Storage};

use disk::parent_and_name;
use error::Place;

/// Merges three directories into `out`, which must not exist or be empty. The losers of conflicts are saved in
/// `OUT.conflicts` beside it, in place of an earlier one; it exists only if there are any.
///
/// The result appears at once, by rename, after all of it is durable; on any error nothing appears.
///
/// # Errors
/// If the policy refuses the merge, a tree cannot be read or the result not be written.
pub fn merge_directories(
    old: &Path,
    new: &Path,
    local: &Path,
    out: &Path,
    policy: &Policy<'_>,
) -> Result<Report, ApplyError> {
    let open = |side, path| DirectoryTree::open(path).map_err(|error| ApplyError::open(side, error));
    let old = open(crate::Side::Old, old)?;
    let new = open(crate::Side::New, new)?;
    let local = open(crate::Side::Local, local)?;
    let (directory, name) = parent_and_name(out)?;
    let disk = Disk::new(Durability::EachFile);
    let installer = Installer::new(&disk, &directory, &name);
    installer.write_fresh(Trees { old: &old, new: &new, local: &local }, policy)
}

/// Names the place of a storage error.
pub(crate) fn at_place<T>(place: Place, result: Result<T, StorageError>) -> Result<T, ApplyError> {
    result.map_err(|error| ApplyError::Storage { place, error })
}
