//! A directory on disk as the tree that a commit of it would have, and what lies at one path as its object.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use std::path::Path;

use rustix::fs::CWD;

use super::CommitOptions;
use super::store::Store;
use super::tree::{hash_one, read_tree};
use crate::repo::checkout::malformed;
use crate::repo::walk::children;
use crate::repo::{EntryObjects, RepoError, TreeEntry, open_directory};
use crate::{Checksum, ObjectType};

/// A directory on disk that was read and hashed, and stored nowhere.
#[derive(Clone, Debug)]
pub struct DiskTree {
    root: TreeEntry,
    trees: BTreeMap<Checksum, Vec<u8>>,
}

impl DiskTree {
    /// Reads all files in the directory at `path`; owners and extended attributes are as the options say. What no
    /// commit can have, such as a fifo, differs from everything else.
    ///
    /// # Errors
    /// As of [`Repo::commit`](crate::repo::Repo::commit), but for storing.
    pub fn read(path: &Path, options: &CommitOptions) -> Result<Self, RepoError> {
        let store = Store::nowhere();
        let (tree, meta) =
            read_tree(&store, open_directory(CWD, path)?, options, options.canonical_permissions)?;
        let objects = EntryObjects::Directory { tree, meta };
        Ok(Self { root: TreeEntry { path: String::new(), objects }, trees: store.into_trees() })
    }

    pub(in crate::repo) const fn root(&self) -> &TreeEntry {
        &self.root
    }

    pub(in crate::repo) fn entries(&self, directory: &TreeEntry) -> Result<Vec<TreeEntry>, RepoError> {
        let EntryObjects::Directory { tree, .. } = directory.objects else { return Ok(Vec::new()) };
        let object_type = ObjectType::DirTree;
        let bytes = self.trees.get(&tree).ok_or(RepoError::Missing { object_type, checksum: tree })?;
        let parent = &directory.path;
        let prefix = if parent.is_empty() { String::new() } else { alloc::format!("{parent}/") };
        children(bytes, &prefix).map_err(malformed(object_type, &tree))
    }
}

/// The checksum of the file, symbolic link or directory at `path`; of a directory that of its own metadata, without
/// entries, as `ostree checksum` has it.
///
/// # Errors
/// If it is none of these, or as of the file system.
pub fn checksum_of_path(path: &Path, options: &CommitOptions) -> Result<Checksum, RepoError> {
    hash_one(path, options)
}
