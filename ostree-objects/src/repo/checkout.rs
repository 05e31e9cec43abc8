//! Checking a tree out, as `ostree checkout`.
//!
//! One directory descriptor a level, no symbolic link followed, no name that is not a [`crate::Name`]: nothing
//! outside the destination can be touched.

mod options;
mod place;
mod tree;

pub use options::{CheckoutOptions, Links, Ownership, Union};

use std::fs::File;

use super::{Repo, RepoError};
use crate::{Checksum, CommitRef, DirTreeRef, Name, ObjectType, RepoMode};

impl Repo {
    /// Checks `commit` out as the directory `name` in the directory `at`.
    ///
    /// # Errors
    /// If something is there that may not be, files cannot be linked that have to be, the commit has no such subpath, an object is missing or malformed, a
    /// limit is reached, or as of the file system. What was checked out so far then stays, for the caller to
    /// remove.
    pub fn checkout(
        &self,
        commit: &Checksum,
        at: &File,
        name: &str,
        options: CheckoutOptions<'_>,
    ) -> Result<(), RepoError> {
        // What is stored there has lost its owners, and is whoever's who checks it out, as with libostree.
        let ownership = match self.mode {
            RepoMode::BareUserOnly => Ownership::User,
            _ => options.ownership,
        };
        let options = CheckoutOptions { ownership, ..options };
        if options.links == Links::Required && !place::can_link(self.mode, options.ownership) {
            let rule = "they are stored as it cannot use them with these owners";
            return Err(RepoError::CannotLink { mode: self.mode, rule });
        }
        let bytes = self.load_metadata(ObjectType::Commit, commit)?;
        let root = CommitRef::parse(&bytes).map_err(malformed(ObjectType::Commit, commit))?;
        let (mut tree, mut meta) = (root.tree(), root.meta());
        for component in options.subpath.split('/').filter(|component| !component.is_empty()) {
            let name = Name::new(component).map_err(RepoError::Name)?;
            let bytes = self.load_metadata(ObjectType::DirTree, &tree)?;
            let entries = DirTreeRef::parse(&bytes).map_err(malformed(ObjectType::DirTree, &tree))?;
            let entry = entries.dir(name.as_str()).ok_or(RepoError::NoDirectory)?;
            (tree, meta) = (entry.tree, entry.meta);
        }
        tree::check_out(self, &options, at, name, tree, meta)
    }
}

pub(super) fn malformed(
    object_type: ObjectType,
    checksum: &Checksum,
) -> impl FnOnce(crate::Error) -> RepoError {
    let checksum = *checksum;
    move |error| RepoError::Malformed { object_type, checksum, error }
}
