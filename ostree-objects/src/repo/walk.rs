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
        // The directories that are being compared, each inside of the one before it: the order is the tool's.
        let mut open = vec![Pair::read(self, &self.root(old)?, &self.root(new)?, 1)?];
        while let Some(pair) = open.last_mut() {
            let depth = pair.depth;
            let Some(entry) = pair.before.next() else {
                let added = core::mem::take(&mut pair.added);
                open.pop();
                for entry in added {
                    self.walk_below(entry, depth, |entry| {
                        diff.added.push(entry.path.clone());
                        Ok::<(), RepoError>(())
                    })?;
                }
                continue;
            };
            let Some(other) = pair.after.get(&entry.path) else {
                diff.removed.push(entry.path);
                continue;
            };
            match (entry.objects, other.objects) {
                (ours, theirs) if ours == theirs => {}
                (
                    EntryObjects::Directory { tree, meta },
                    EntryObjects::Directory { tree: other_tree, meta: other_meta },
                ) => {
                    if meta != other_meta {
                        diff.modified.push(entry.path.clone());
                    }
                    if tree != other_tree {
                        let below = Pair::read(self, &entry, other, depth.saturating_add(1))?;
                        open.push(below);
                    }
                }
                _ => diff.modified.push(entry.path),
            }
        }
        Ok(diff)
    }
}

/// Two directories that are compared.
struct Pair {
    /// How many directories they are inside of, themselves included.
    depth: usize,
    /// What is left of the first one's entries.
    before: vec::IntoIter<TreeEntry>,
    /// The second one's, by their paths.
    after: BTreeMap<String, TreeEntry>,
    /// Those that the first one has not, in their order.
    added: Vec<TreeEntry>,
}

impl Pair {
    fn read(repo: &Repo, old: &TreeEntry, new: &TreeEntry, depth: usize) -> Result<Self, RepoError> {
        check_depth(old, depth)?;
        check_depth(new, depth)?;
        let (before, after) = (repo.entries(old)?, repo.entries(new)?);
        let known: BTreeSet<&str> = before.iter().map(|entry| entry.path.as_str()).collect();
        let added = after.iter().filter(|entry| !known.contains(entry.path.as_str())).cloned().collect();
        let after = after.into_iter().map(|entry| (entry.path.clone(), entry)).collect();
        Ok(Self { depth, before: before.into_iter(), after, added })
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
