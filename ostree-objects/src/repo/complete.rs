//! Whether a commit has all of its objects.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use super::checkout::malformed;
use super::fsck::refused;
use super::{Repo, RepoError};
use crate::limits::MAX_OBJECTS;
use crate::pull::Planner;
use crate::{Checksum, CommitRef, DirTreeRef, Limits, ObjectType};

/// What two commits share.
#[derive(Default)]
struct Shared {
    trees: BTreeSet<Checksum>,
    files: BTreeSet<Checksum>,
}

impl Repo {
    /// Looks whether everything that `commit` needs is there, and if so takes the mark away that it is partial.
    /// Metadata is compared with its name, files are only looked for: whoever stored them compared them. Directories and
    /// files that `base`, which is complete, has in the same places are not looked at.
    ///
    /// # Errors
    /// If an object is missing or malformed, or as of the file system. The mark then stays.
    pub fn complete(&self, commit: &Checksum, base: Option<&Checksum>) -> Result<(), RepoError> {
        let shared = base.map(|base| self.shared(commit, base)).transpose()?.unwrap_or_default();
        let mut planner = Planner::new(*commit, Limits::DEFAULT).without(shared.trees);
        while let Some(request) = planner.next_request() {
            let (object_type, checksum) = (request.object_type, request.checksum);
            let arrived = if object_type == ObjectType::File {
                if !shared.files.contains(&checksum) && !self.has(object_type, &checksum)? {
                    return Err(RepoError::Missing { object_type, checksum });
                }
                planner.file_arrived(request)
            } else {
                planner.metadata_arrived(request, &self.load_metadata(object_type, &checksum)?)
            };
            arrived.map_err(|error| refused(request, error))?;
        }
        self.set_complete(commit)
    }

    /// What `commit` has in the same places as `base`; nothing if that is not complete. Only directories that differ are
    /// read: an update changes few of them.
    fn shared(&self, commit: &Checksum, base: &Checksum) -> Result<Shared, RepoError> {
        let mut shared = Shared::default();
        if self.is_partial(base)? || !self.has(ObjectType::Commit, base)? {
            return Ok(shared);
        }
        let mut seen = BTreeSet::new();
        let mut left = vec![(self.root_of(commit)?, self.root_of(base)?)];
        while let Some((new, old)) = left.pop() {
            if new == old {
                shared.trees.insert(new);
                continue;
            }
            // In more than one place, it is compared in one of them.
            if !seen.insert(new) {
                continue;
            }
            if seen.len() > MAX_OBJECTS {
                return Err(RepoError::Objects { limit: MAX_OBJECTS });
            }
            let (new_bytes, old_bytes) = (self.dirtree(&new)?, self.dirtree(&old)?);
            let tree = DirTreeRef::parse(&new_bytes).map_err(malformed(ObjectType::DirTree, &new))?;
            let before = DirTreeRef::parse(&old_bytes).map_err(malformed(ObjectType::DirTree, &old))?;
            let mut files = before.files().peekable();
            for file in tree.files() {
                while files.next_if(|old| old.name < file.name).is_some() {}
                shared.files.extend(files.next_if_eq(&file).map(|same| same.checksum));
            }
            let mut dirs = before.dirs().peekable();
            for dir in tree.dirs() {
                while dirs.next_if(|old| old.name < dir.name).is_some() {}
                left.extend(dirs.next_if(|old| old.name == dir.name).map(|old| (dir.tree, old.tree)));
            }
        }
        Ok(shared)
    }

    fn root_of(&self, commit: &Checksum) -> Result<Checksum, RepoError> {
        let bytes = self.load_metadata(ObjectType::Commit, commit)?;
        Ok(CommitRef::parse(&bytes).map_err(malformed(ObjectType::Commit, commit))?.tree())
    }

    fn dirtree(&self, tree: &Checksum) -> Result<Vec<u8>, RepoError> {
        self.load_metadata(ObjectType::DirTree, tree)
    }

    /// The dirtrees of a commit, for [`Planner::without`]; none if the commit is not complete.
    ///
    /// # Errors
    /// If a dirtree is missing or malformed, there are more than [`MAX_OBJECTS`], or as of the file system.
    pub fn trees(&self, commit: &Checksum) -> Result<BTreeSet<Checksum>, RepoError> {
        let mut trees = BTreeSet::new();
        if self.is_partial(commit)? || !self.has(ObjectType::Commit, commit)? {
            return Ok(trees);
        }
        let mut left = vec![self.root_of(commit)?];
        while let Some(tree) = left.pop() {
            if !trees.insert(tree) {
                continue;
            }
            if trees.len() > MAX_OBJECTS {
                return Err(RepoError::Objects { limit: MAX_OBJECTS });
            }
            let bytes = self.dirtree(&tree)?;
            let parsed = DirTreeRef::parse(&bytes).map_err(malformed(ObjectType::DirTree, &tree))?;
            left.extend(parsed.dirs().map(|dir| dir.tree));
        }
        Ok(trees)
    }
}
