//! A tree in memory.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Bound;

use crate::error::SourceError;
use crate::limits::{MAX_DEPTH, MAX_PATH_BYTES};
use crate::tree::list::copy_from;
use crate::tree::{Cursor, Kind, Meta, Tree, is_name};

/// One file, directory or symlink of a [`MemoryTree`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its metadata. The size is taken from `content`.
    pub meta: Meta,
    /// A file's content or a symlink's target.
    pub content: Vec<u8>,
    /// Extended attributes.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Node {
    /// A node of `kind` owned by root, with this content (or target) and the usual mode.
    #[must_use]
    pub fn new(kind: Kind, content: &[u8]) -> Self {
        Self { meta: Meta::new(kind), content: content.into(), xattrs: BTreeMap::new() }
    }

    /// The same with these permission bits.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Self {
        self.meta.mode = mode;
        self
    }

    /// The same with this owner and group.
    #[must_use]
    pub fn with_owner(mut self, uid: u32, gid: u32) -> Self {
        (self.meta.uid, self.meta.gid) = (uid, gid);
        self
    }

    /// The same with one more extended attribute.
    #[must_use]
    pub fn with_xattr(mut self, name: &[u8], value: &[u8]) -> Self {
        self.xattrs.insert(name.into(), value.into());
        self
    }
}

/// Why a node cannot be put into a [`MemoryTree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// A component of the path is empty, `.`, `..`, too long, or holds NUL.
    #[error("component {component} of the path is no file name")]
    BadName {
        /// Which component, from 0.
        component: usize,
    },
    /// The parent is no directory of the tree.
    #[error("the parent is no directory of the tree")]
    NoParent,
    /// The path is longer than [`MAX_PATH_BYTES`] or deeper than [`MAX_DEPTH`].
    #[error("the path is longer than {MAX_PATH_BYTES} bytes or deeper than {MAX_DEPTH} levels")]
    TooLong,
    /// The root must be a directory, and a directory with entries cannot become something else.
    #[error("a directory is needed here")]
    NotADirectory,
}

/// A tree in memory. Paths are relative to its root, which has the empty path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryTree {
    /// By path with NUL in place of `/`: below every byte of a name, so that a directory is followed by
    /// all that lies below it, in order.
    nodes: BTreeMap<Vec<u8>, Node>,
}

impl Default for MemoryTree {
    fn default() -> Self {
        Self { nodes: BTreeMap::from([(Vec::new(), Node::new(Kind::Directory, b""))]) }
    }
}

impl MemoryTree {
    /// A tree with nothing but its root directory, mode 0755.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `node` at `path`, in place of what was there.
    ///
    /// # Errors
    /// If the path is no path, its parent no directory of the tree, or a directory with entries would
    /// become something else.
    pub fn insert(&mut self, path: &[u8], node: Node) -> Result<(), MemoryError> {
        let key = key(path)?;
        if key.is_empty() && node.meta.kind != Kind::Directory {
            return Err(MemoryError::NotADirectory);
        }
        let parent = key.iter().rposition(|&byte| byte == 0).and_then(|end| key.get(..end)).unwrap_or(b"");
        if self.nodes.get(parent).is_none_or(|parent| parent.meta.kind != Kind::Directory) {
            return Err(MemoryError::NoParent);
        }
        if node.meta.kind != Kind::Directory && self.below(&key).next().is_some() {
            return Err(MemoryError::NotADirectory);
        }
        self.nodes.insert(key, node);
        Ok(())
    }

    /// Takes away what is at `path`, with all below it. The root stays.
    pub fn remove(&mut self, path: &[u8]) {
        let Ok(key) = key(path) else { return };
        let doomed: Vec<_> = self.below(&key).map(|(key, _)| key.clone()).collect();
        for key in &doomed {
            self.nodes.remove(key);
        }
        if !key.is_empty() {
            self.nodes.remove(&key);
        }
    }

    /// What is at `path`.
    #[must_use]
    pub fn get(&self, path: &[u8]) -> Option<&Node> {
        self.nodes.get(&key(path).ok()?)
    }

    /// All paths with their nodes; each directory before its entries, the root first.
    pub fn iter(&self) -> impl Iterator<Item = (Vec<u8>, &Node)> {
        self.nodes.iter().map(|(key, node)| (path(key), node))
    }

    fn below<'t>(&'t self, key: &[u8]) -> impl Iterator<Item = (&'t Vec<u8>, &'t Node)> + use<'t> {
        let mut first = Vec::from(key);
        let range = if key.is_empty() {
            (Bound::Excluded(Vec::new()), Bound::Unbounded)
        } else {
            first.push(0);
            let mut end = Vec::from(key);
            end.push(1);
            (Bound::Included(first), Bound::Excluded(end))
        };
        self.nodes.range(range)
    }
}

fn key(path: &[u8]) -> Result<Vec<u8>, MemoryError> {
    if path.len() > MAX_PATH_BYTES {
        return Err(MemoryError::TooLong);
    }
    if path.is_empty() {
        return Ok(Vec::new());
    }
    for (component, name) in path.split(|&byte| byte == b'/').enumerate() {
        if component >= MAX_DEPTH {
            return Err(MemoryError::TooLong);
        }
        if !is_name(name) {
            return Err(MemoryError::BadName { component });
        }
    }
    Ok(path.iter().map(|&byte| if byte == b'/' { 0 } else { byte }).collect())
}

fn path(key: &[u8]) -> Vec<u8> {
    key.iter().map(|&byte| if byte == 0 { b'/' } else { byte }).collect()
}

/// The cursor of a [`MemoryTree`].
#[derive(Clone, Debug)]
pub struct MemoryCursor<'t> {
    nodes: &'t BTreeMap<Vec<u8>, Node>,
    /// The directory's key; `None` for the cursor whose only entry is the root.
    directory: Option<&'t [u8]>,
    current: Option<(&'t [u8], &'t Node)>,
}

impl Tree for MemoryTree {
    type Cursor<'t> = MemoryCursor<'t>;

    fn root(&self) -> Result<MemoryCursor<'_>, SourceError> {
        Ok(MemoryCursor { nodes: &self.nodes, directory: None, current: None })
    }
}

impl Cursor for MemoryCursor<'_> {
    fn advance(&mut self) -> Result<bool, SourceError> {
        let from = match (self.directory, self.current) {
            (None, None) => Bound::Included(Vec::new()),
            (None, Some(_)) => return Ok(false),
            (Some(b""), None) => Bound::Excluded(Vec::new()),
            (Some(directory), None) => Bound::Included([directory, &[0]].concat()),
            // After all keys below the current one: these continue with 0.
            (Some(_), Some((key, _))) => Bound::Included([key, &[1]].concat()),
        };
        let next = self.nodes.range((from, Bound::Unbounded)).next();
        self.current =
            next.map(|(key, node)| (key.as_slice(), node)).filter(|(key, _)| match self.directory {
                None => key.is_empty(),
                Some(b"") => true,
                Some(directory) => key.strip_prefix(directory).is_some_and(|rest| rest.starts_with(&[0])),
            });
        Ok(self.current.is_some())
    }

    fn name(&self) -> &[u8] {
        let key = self.current.map_or(&b""[..], |(key, _)| key);
        key.rsplit(|&byte| byte == 0).next().unwrap_or(key)
    }

    fn meta(&self) -> Meta {
        let Some((_, node)) = self.current else { return Meta::new(Kind::Directory) };
        let leaf = node.meta.kind.is_leaf();
        Meta {
            size: if leaf { u64::try_from(node.content.len()).unwrap_or(u64::MAX) } else { 0 },
            ..node.meta
        }
    }

    fn descend(&self) -> Result<Self, SourceError> {
        Ok(Self {
            nodes: self.nodes,
            directory: Some(self.current.map_or(b"", |(key, _)| key)),
            current: None,
        })
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        Ok(self.current.map_or(0, |(_, node)| copy_from(&node.content, offset, buffer)))
    }

    fn xattrs(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), SourceError> {
        for (name, value) in self.current.iter().flat_map(|(_, node)| &node.xattrs) {
            visit(name, value);
        }
        Ok(())
    }

    fn identity(&self) -> Option<[u64; 2]> {
        None
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn walks_siblings_in_byte_order_whatever_lies_between_the_keys() {
        let mut tree = MemoryTree::new();
        for directory in [&b"a"[..], b"a/b", b"a\x01"] {
            tree.insert(directory, Node::new(Kind::Directory, b"")).unwrap();
        }
        tree.insert(b"a-", Node::new(Kind::File, b"1")).unwrap();
        tree.insert(b"a/b/c", Node::new(Kind::File, b"2")).unwrap();
        let mut root = tree.root().unwrap();
        assert!(root.advance().unwrap());
        let mut inside = root.descend().unwrap();
        let mut names = vec![];
        while inside.advance().unwrap() {
            names.push(inside.name().to_vec());
        }
        assert_eq!(names, [&b"a"[..], b"a\x01", b"a-"]);
        assert!(!root.advance().unwrap());
    }

    #[test]
    fn refuses_paths_that_are_none() {
        let mut tree = MemoryTree::new();
        let file = || Node::new(Kind::File, b"");
        assert_eq!(tree.insert(b"a/b", file()), Err(MemoryError::NoParent));
        assert_eq!(tree.insert(b"..", file()), Err(MemoryError::BadName { component: 0 }));
        assert_eq!(tree.insert(b"a//b", file()), Err(MemoryError::BadName { component: 1 }));
        assert_eq!(tree.insert(b"", file()), Err(MemoryError::NotADirectory));
        tree.insert(b"a", Node::new(Kind::Directory, b"")).unwrap();
        tree.insert(b"a/b", file()).unwrap();
        assert_eq!(tree.insert(b"a", file()), Err(MemoryError::NotADirectory));
        tree.remove(b"a");
        assert_eq!(tree.iter().count(), 1);
    }
}
