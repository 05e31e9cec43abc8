//! Going through the tree of a commit.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::checkout::malformed;
use super::{Repo, RepoError};
use crate::limits::{MAX_CHECKOUT_ENTRIES, MAX_DEPTH};
use crate::{Checksum, CommitRef, DirTreeRef, ObjectType};

/// An entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// Its path, from `/`.
    pub path: String,
    /// Which objects it is.
    pub objects: EntryObjects,
}

/// The objects of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryObjects {
    /// A regular file or symbolic link.
    File {
        /// The file object.
        checksum: Checksum,
    },
    /// A directory.
    Directory {
        /// Its entries.
        tree: Checksum,
        /// Its owner, mode and extended attributes.
        meta: Checksum,
    },
}

impl Repo {
    /// The root of a commit's tree.
    ///
    /// # Errors
    /// If the commit is missing, corrupt or malformed.
    pub fn root(&self, commit: &Checksum) -> Result<TreeEntry, RepoError> {
        let bytes = self.load_metadata(ObjectType::Commit, commit)?;
        let parsed = CommitRef::parse(&bytes).map_err(malformed(ObjectType::Commit, commit))?;
        let objects = EntryObjects::Directory { tree: parsed.tree(), meta: parsed.meta() };
        Ok(TreeEntry { path: "/".to_string(), objects })
    }

    /// The entries of a directory: files in order, then directories in order. None for a file.
    ///
    /// # Errors
    /// If its dirtree is missing, corrupt or malformed.
    pub fn entries(&self, directory: &TreeEntry) -> Result<Vec<TreeEntry>, RepoError> {
        let EntryObjects::Directory { tree, .. } = directory.objects else { return Ok(Vec::new()) };
        let bytes = self.load_metadata(ObjectType::DirTree, &tree)?;
        let prefix = format!("{}/", directory.path.trim_end_matches('/'));
        children(&bytes, &prefix).map_err(malformed(ObjectType::DirTree, &tree))
    }

    /// Visits `start` and everything below it, each directory before its entries.
    ///
    /// # Errors
    /// If an object is missing, corrupt or malformed, directories nest too deep, there are more than
    /// [`MAX_CHECKOUT_ENTRIES`], or as of `visit`.
    pub fn walk<E: From<RepoError>>(
        &self,
        start: TreeEntry,
        visit: impl FnMut(&TreeEntry) -> Result<(), E>,
    ) -> Result<(), E> {
        walk_below(|entry| self.entries(entry), start, 0, visit)
    }
}

/// The entries that a dirtree says, whose paths start with `prefix`.
pub(super) fn children(bytes: &[u8], prefix: &str) -> Result<Vec<TreeEntry>, crate::Error> {
    let parsed = DirTreeRef::parse(bytes)?;
    let files = parsed.files().map(|file| TreeEntry {
        path: format!("{prefix}{}", file.name),
        objects: EntryObjects::File { checksum: file.checksum },
    });
    let directories = parsed.dirs().map(|dir| TreeEntry {
        path: format!("{prefix}{}", dir.name),
        objects: EntryObjects::Directory { tree: dir.tree, meta: dir.meta },
    });
    Ok(files.chain(directories).collect())
}

/// Visits `start`, which is in `outside` directories already, and everything below it; `entries` says what is in a
/// directory.
pub(super) fn walk_below<E: From<RepoError>>(
    entries: impl Fn(&TreeEntry) -> Result<Vec<TreeEntry>, RepoError>,
    start: TreeEntry,
    outside: usize,
    mut visit: impl FnMut(&TreeEntry) -> Result<(), E>,
) -> Result<(), E> {
    // One level a directory that is open: what is left in it, the next one last.
    let mut levels = vec![vec![start]];
    let mut left = MAX_CHECKOUT_ENTRIES;
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.pop() else {
            levels.pop();
            continue;
        };
        left = left.checked_sub(1).ok_or(RepoError::CheckoutEntries { limit: MAX_CHECKOUT_ENTRIES })?;
        check_depth(&entry, outside.saturating_add(levels.len()))?;
        visit(&entry)?;
        let mut below = entries(&entry)?;
        if !below.is_empty() {
            below.reverse();
            levels.push(below);
        }
    }
    Ok(())
}

/// Refuses a directory that is number `depth` of those inside each other, if that is one too many.
pub(super) fn check_depth(entry: &TreeEntry, depth: usize) -> Result<(), RepoError> {
    match entry.objects {
        EntryObjects::Directory { tree, .. } if depth > MAX_DEPTH => {
            Err(RepoError::TooDeep { checksum: tree, limit: MAX_DEPTH })
        }
        _ => Ok(()),
    }
}
