//! Going through the tree of a commit, and through two at once.

use alloc::collections::{BTreeMap, BTreeSet};
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

/// What distinguishes two trees, as paths from `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeDiff {
    /// In both, and different. A directory is only if the other one is none.
    pub modified: Vec<String>,
    /// Only in the first; of a directory only the directory itself.
    pub removed: Vec<String>,
    /// Only in the second; of a directory everything in it.
    pub added: Vec<String>,
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
        let parsed = DirTreeRef::parse(&bytes).map_err(malformed(ObjectType::DirTree, &tree))?;
        let parent = directory.path.trim_end_matches('/');
        let files = parsed.files().map(|file| TreeEntry {
            path: format!("{parent}/{}", file.name),
            objects: EntryObjects::File { checksum: file.checksum },
        });
        let directories = parsed.dirs().map(|dir| TreeEntry {
            path: format!("{parent}/{}", dir.name),
            objects: EntryObjects::Directory { tree: dir.tree, meta: dir.meta },
        });
        Ok(files.chain(directories).collect())
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
        self.walk_below(start, 0, visit)
    }

    /// Visits what is in `outside` directories already.
    fn walk_below<E: From<RepoError>>(
        &self,
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
            let mut below = self.entries(&entry)?;
            if !below.is_empty() {
                below.reverse();
                levels.push(below);
            }
        }
        Ok(())
    }

    /// Compares the trees of two commits. Directories with the same checksum are not read.
    ///
    /// # Errors
    /// As [`walk`](Self::walk).
    pub fn diff(&self, old: &Checksum, new: &Checksum) -> Result<TreeDiff, RepoError> {
        let mut diff = TreeDiff::default();
        // With the number of directories that they are, or are in.
        let mut left = vec![(self.root(old)?, self.root(new)?, 1)];
        while let Some((old, new, depth)) = left.pop() {
            check_depth(&old, depth)?;
            check_depth(&new, depth)?;
            let (before, after) = (self.entries(&old)?, self.entries(&new)?);
            let known: BTreeSet<&str> = before.iter().map(|entry| entry.path.as_str()).collect();
            let others: BTreeMap<&str, &TreeEntry> =
                after.iter().map(|entry| (entry.path.as_str(), entry)).collect();
            let mut both = Vec::new();
            for entry in &before {
                let Some(other) = others.get(entry.path.as_str()) else {
                    diff.removed.push(entry.path.clone());
                    continue;
                };
                match (entry.objects, other.objects) {
                    (ours, theirs) if ours == theirs => {}
                    (EntryObjects::Directory { tree, .. }, EntryObjects::Directory { tree: new, .. }) => {
                        if tree != new {
                            both.push((entry.clone(), (*other).clone(), depth + 1));
                        }
                    }
                    _ => diff.modified.push(entry.path.clone()),
                }
            }
            for entry in after.iter().filter(|entry| !known.contains(entry.path.as_str())) {
                self.walk_below(entry.clone(), depth, |entry| {
                    diff.added.push(entry.path.clone());
                    Ok::<(), RepoError>(())
                })?;
            }
            both.reverse();
            left.extend(both);
        }
        Ok(diff)
    }
}

/// Refuses a directory that is number `depth` of those inside each other, if that is one too many.
fn check_depth(entry: &TreeEntry, depth: usize) -> Result<(), RepoError> {
    match entry.objects {
        EntryObjects::Directory { tree, .. } if depth > MAX_DEPTH => {
            Err(RepoError::TooDeep { checksum: tree, limit: MAX_DEPTH })
        }
        _ => Ok(()),
    }
}
