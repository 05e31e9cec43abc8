//! Whether a commit has all of its objects.

use alloc::collections::BTreeSet;
use alloc::vec;

use super::checkout::malformed;
use super::fsck::refused;
use super::{Repo, RepoError};
use crate::limits::MAX_OBJECTS;
use crate::pull::Planner;
use crate::{Checksum, CommitRef, DirTreeRef, Limits, ObjectType};

impl Repo {
    /// Looks whether everything that `commit` needs is there, and if so takes the mark away that it is partial.
    /// Metadata is compared with its name, files are only looked for: whoever stored them compared them. Directories
    /// that it shares with `base`, which is complete, are not looked at.
    ///
    /// # Errors
    /// If an object is missing or malformed, or as of the file system. The mark then stays.
    pub fn complete(&self, commit: &Checksum, base: Option<&Checksum>) -> Result<(), RepoError> {
        let shared = base.map(|base| self.trees(base)).transpose()?.unwrap_or_default();
        let mut planner = Planner::new(*commit, Limits::DEFAULT).without(shared);
        while let Some(request) = planner.next_request() {
            let (object_type, checksum) = (request.object_type, request.checksum);
            let arrived = if object_type == ObjectType::File {
                if !self.has(object_type, &checksum)? {
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

    /// The dirtrees of a commit, for [`Planner::without`]; none if the commit is not complete.
    ///
    /// # Errors
    /// If a dirtree is missing or malformed, there are more than [`MAX_OBJECTS`], or as of the file system.
    pub fn trees(&self, commit: &Checksum) -> Result<BTreeSet<Checksum>, RepoError> {
        let mut trees = BTreeSet::new();
        if self.is_partial(commit)? || !self.has(ObjectType::Commit, commit)? {
            return Ok(trees);
        }
        let bytes = self.load_metadata(ObjectType::Commit, commit)?;
        let root = CommitRef::parse(&bytes).map_err(malformed(ObjectType::Commit, commit))?.tree();
        let mut left = vec![root];
        while let Some(tree) = left.pop() {
            if !trees.insert(tree) {
                continue;
            }
            if trees.len() > MAX_OBJECTS {
                return Err(RepoError::Objects { limit: MAX_OBJECTS });
            }
            let bytes = self.load_metadata(ObjectType::DirTree, &tree)?;
            let parsed = DirTreeRef::parse(&bytes).map_err(malformed(ObjectType::DirTree, &tree))?;
            left.extend(parsed.dirs().map(|dir| dir.tree));
        }
        Ok(trees)
    }
}
