//! Going through two trees at once, of commits or of directories on disk.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use rustix::fs::AtFlags;

use super::walk::{check_depth, walk_below};
use super::{DiskTree, EntryObjects, Repo, RepoError, TreeEntry};
use crate::Checksum;

/// What distinguishes two trees: paths from `/` in a commit, and without it in a directory on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeDiff {
    /// In both, and different, as paths of the first. A directory is only if its own metadata is, or the other one is
    /// none.
    pub modified: Vec<String>,
    /// Only in the first; of a directory only the directory itself.
    pub removed: Vec<String>,
    /// Only in the second; of a directory everything in it.
    pub added: Vec<String>,
}

/// A tree that is compared.
#[derive(Clone, Debug)]
pub struct TreeSide<'a>(Side<'a>);

#[derive(Clone, Debug)]
enum Side<'a> {
    Commit { repo: &'a Repo, root: TreeEntry },
    Disk(&'a DiskTree),
}

/// What two commits have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffStats {
    /// Objects of the first.
    pub old: usize,
    /// Objects of the second.
    pub new: usize,
    /// Objects of both.
    pub common: usize,
    /// Bytes that the repository stores these in.
    pub common_bytes: u64,
}

impl<'a> TreeSide<'a> {
    /// The tree of a commit.
    ///
    /// # Errors
    /// If the commit is missing, corrupt or malformed.
    pub fn commit(repo: &'a Repo, commit: &Checksum) -> Result<Self, RepoError> {
        Ok(Self(Side::Commit { repo, root: repo.root(commit)? }))
    }

    /// A directory on disk.
    #[must_use]
    pub const fn disk(tree: &'a DiskTree) -> Self {
        Self(Side::Disk(tree))
    }

    /// How it differs from `new`. Directories with the same checksum are not read.
    ///
    /// # Errors
    /// If an object is missing, corrupt or malformed, directories nest too deep, or there are more entries than
    /// [`MAX_CHECKOUT_ENTRIES`](crate::limits::MAX_CHECKOUT_ENTRIES).
    pub fn diff(&self, new: &Self) -> Result<TreeDiff, RepoError> {
        let mut diff = TreeDiff::default();
        // The directories that are being compared, each inside of the one before it: the order is the tool's.
        let mut open = vec![Pair::read((self, self.root()), (new, new.root()), 1)?];
        while let Some(pair) = open.last_mut() {
            let depth = pair.depth;
            let Some(entry) = pair.before.next() else {
                let added = core::mem::take(&mut pair.added);
                open.pop();
                for entry in added {
                    walk_below(
                        |entry| new.entries(entry),
                        entry,
                        depth,
                        |entry| {
                            diff.added.push(entry.path.clone());
                            Ok::<(), RepoError>(())
                        },
                    )?;
                }
                continue;
            };
            let Some(other) = pair.after.get(name(&entry)) else {
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
                        let below = Pair::read((self, &entry), (new, other), depth.saturating_add(1))?;
                        open.push(below);
                    }
                }
                _ => diff.modified.push(entry.path),
            }
        }
        Ok(diff)
    }

    const fn root(&self) -> &TreeEntry {
        match &self.0 {
            Side::Commit { root, .. } => root,
            Side::Disk(tree) => tree.root(),
        }
    }

    fn entries(&self, directory: &TreeEntry) -> Result<Vec<TreeEntry>, RepoError> {
        match &self.0 {
            Side::Commit { repo, .. } => repo.entries(directory),
            Side::Disk(tree) => tree.entries(directory),
        }
    }
}

impl Repo {
    /// Compares the trees of two commits.
    ///
    /// # Errors
    /// As [`TreeSide::diff`].
    pub fn diff(&self, old: &Checksum, new: &Checksum) -> Result<TreeDiff, RepoError> {
        TreeSide::commit(self, old)?.diff(&TreeSide::commit(self, new)?)
    }

    /// Counts the objects of two commits, without their parents.
    ///
    /// # Errors
    /// If an object of metadata is missing, corrupt or malformed, or as of the file system.
    pub fn diff_stats(&self, old: &Checksum, new: &Checksum) -> Result<DiffStats, RepoError> {
        let [old, new] = [old, new].map(|commit| self.needed(&BTreeSet::from([*commit]), Some(0)));
        let (old, new) = (old?, new?);
        let mut stats = DiffStats { old: old.len(), new: new.len(), common: 0, common_bytes: 0 };
        for (object_type, checksum) in old.intersection(&new) {
            let path = checksum.loose_path(*object_type, self.mode);
            let stat = rustix::fs::statat(&self.objects, path.as_str(), AtFlags::SYMLINK_NOFOLLOW)
                .map_err(RepoError::io("looking at an object"))?;
            stats.common = stats.common.saturating_add(1);
            stats.common_bytes = stats.common_bytes.saturating_add(u64::try_from(stat.st_size).unwrap_or(0));
        }
        Ok(stats)
    }
}

/// Two directories that are compared.
struct Pair {
    /// How many directories they are inside of, themselves included.
    depth: usize,
    /// What is left of the first one's entries.
    before: vec::IntoIter<TreeEntry>,
    /// The second one's, by their names.
    after: BTreeMap<String, TreeEntry>,
    /// Those that the first one has not, in their order.
    added: Vec<TreeEntry>,
}

impl Pair {
    fn read(
        (old_side, old): (&TreeSide<'_>, &TreeEntry),
        (new_side, new): (&TreeSide<'_>, &TreeEntry),
        depth: usize,
    ) -> Result<Self, RepoError> {
        check_depth(old, depth)?;
        check_depth(new, depth)?;
        let (before, after) = (old_side.entries(old)?, new_side.entries(new)?);
        let known: BTreeSet<&str> = before.iter().map(name).collect();
        let added = after.iter().filter(|entry| !known.contains(name(entry))).cloned().collect();
        let after = after.into_iter().map(|entry| (name(&entry).into(), entry)).collect();
        Ok(Self { depth, before: before.into_iter(), after, added })
    }
}

fn name(entry: &TreeEntry) -> &str {
    entry.path.rsplit('/').next().unwrap_or_default()
}
