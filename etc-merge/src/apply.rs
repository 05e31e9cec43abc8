//! Writing the result of a merge, so that power may fail at any point.

pub(crate) mod build;
mod copy;
pub(crate) mod disk;
mod error;
mod install;
mod journal;
pub(crate) mod storage;

use std::path::Path;

use crate::error::Side;
use crate::policy::Policy;
use crate::report::Report;
use crate::tree::directory::DirectoryTree;

pub use build::Trees;
pub use disk::{Disk, Durability};
pub use error::{ApplyError, Operation, StorageError};
pub use install::{Installed, Installer, MAX_PASSES, Outcome};
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
/// If the policy refuses the merge, a tree cannot be read or the result not be written; if `out` is inside of a tree, or
/// what no merge has made is in the way.
pub fn merge_directories(
    old: &Path,
    new: &Path,
    local: &Path,
    out: &Path,
    policy: &Policy<'_>,
) -> Result<Report, ApplyError> {
    refuse_inside([old, new, local], out)?;
    let open = |side, path| DirectoryTree::open(path).map_err(|error| ApplyError::open(side, error));
    let old = open(Side::Old, old)?;
    let new = open(Side::New, new)?.with_links_of(&old);
    let local = open(Side::Local, local)?;
    let (directory, name) = parent_and_name(out)?;
    let disk = Disk::new(Durability::EachFile);
    let installer = Installer::new(&disk, &directory, &name);
    installer.write_fresh(Trees { old: &old, new: &new, local: &local }, policy)
}

/// Merges three directories and puts the result in place of `target`; see [`Installer::install`]. It keeps an index
/// beside the journal, so that a repeated call opens only files that changed. `now` is the time in seconds since 1970.
///
/// # Errors
/// As of [`Installer::install`].
pub fn install_directories(
    [old, new, local]: [&Path; 3],
    target: &Path,
    policy: &Policy<'_>,
    durability: Durability,
    now: i64,
) -> Result<Installed, ApplyError> {
    let (directory, name) = parent_and_name(target)?;
    let disk = Disk::new(durability);
    let installer = Installer::new(&disk, &directory, &name);
    let [known_old, known_new, known_local] = installer.load_indexes()?;
    let open = |side, path, known| match DirectoryTree::open(path) {
        Ok(tree) => Ok(tree.with_index(known, now)),
        Err(error) => Err(ApplyError::open(side, error)),
    };
    let old = open(Side::Old, old, known_old)?;
    let new = open(Side::New, new, known_new)?.with_links_of(&old);
    let local = open(Side::Local, local, known_local)?;
    let installed = installer.install(Trees { old: &old, new: &new, local: &local }, policy)?;
    if old.files_read() > 0 || new.files_read() > 0 || local.files_read() > 0 {
        let indexes = [old, new, local].map(|tree| tree.into_index().unwrap_or_default());
        installer.store_indexes(&indexes)?;
    }
    Ok(installed)
}

/// A result inside of a tree that it is made from would hold itself.
fn refuse_inside(trees: [&Path; 3], out: &Path) -> Result<(), ApplyError> {
    let parent = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // What does not resolve is for whoever opens it to say.
    let Ok(parent) = parent.canonicalize() else { return Ok(()) };
    for (side, tree) in [Side::Old, Side::New, Side::Local].into_iter().zip(trees) {
        if tree.canonicalize().is_ok_and(|tree| parent.starts_with(tree)) {
            return Err(ApplyError::Inside { side });
        }
    }
    Ok(())
}

/// Undoes the last [`install_directories`] at `target`; false if there is nothing to go back to.
///
/// # Errors
/// As of [`Installer::undo`].
pub fn undo(target: &Path) -> Result<bool, ApplyError> {
    let (directory, name) = parent_and_name(target)?;
    Installer::new(&Disk::default(), &directory, &name).undo()
}

/// Names the place of a storage error.
pub(crate) fn at_place<T>(place: Place, result: Result<T, StorageError>) -> Result<T, ApplyError> {
    result.map_err(|error| ApplyError::Storage { place, error })
}
