//! A tree that is a slice of entries: for programs without a heap.

use crate::error::SourceError;
use crate::limits::MAX_DEPTH;
use crate::tree::{Cursor, Kind, Meta, Tree, is_name};

/// One entry of a [`ListTree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListEntry<'a> {
    /// How deep it lies: 0 for the root, 1 for the root's entries.
    pub depth: usize,
    /// Its name; empty for the root.
    pub name: &'a [u8],
    /// Its metadata. The size is taken from `content`.
    pub meta: Meta,
    /// A file's content or a symlink's target.
    pub content: &'a [u8],
    /// Extended attributes, in strictly increasing byte order of their names.
    pub xattrs: &'a [(&'a [u8], &'a [u8])],
}

/// A tree as a slice of entries, each directory followed by its entries in byte order of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListTree<'a> {
    entries: &'a [ListEntry<'a>],
}

/// Why a slice is no tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {at}: {kind}")]
pub struct ListError {
    /// The index of the entry.
    pub at: usize,
    /// What is wrong with it.
    pub kind: ListErrorKind,
}

/// What is wrong with an entry of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListErrorKind {
    /// The first entry is no directory with an empty name at depth 0.
    #[error("the list does not start with the root directory")]
    NoRoot,
    /// A name is empty, `.`, `..`, too long, or holds `/` or NUL.
    #[error("its name is no file name")]
    BadName,
    /// Its name does not follow its predecessor's in byte order, or its extended attributes are not in order.
    #[error("it is not in order")]
    NotSorted,
    /// Its depth is 0 or does not continue the tree: its parent would be no directory.
    #[error("its parent is no directory of the list")]
    NoParent,
    /// It lies deeper than [`MAX_DEPTH`].
    #[error("it lies deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl<'a> ListTree<'a> {
    /// Checks that `entries` are a tree.
    ///
    /// # Errors
    /// The first entry that breaks the order or the nesting.
    pub fn new(entries: &'a [ListEntry<'a>]) -> Result<Self, ListError> {
        let error = |at, kind| Err(ListError { at, kind });
        let Some((root, rest)) = entries.split_first() else { return error(0, ListErrorKind::NoRoot) };
        if root.depth != 0 || !root.name.is_empty() || root.meta.kind != Kind::Directory {
            return error(0, ListErrorKind::NoRoot);
        }
        // The last name seen at each depth; cleared below a new directory.
        let mut last: [&[u8]; MAX_DEPTH] = [b""; MAX_DEPTH];
        let mut before = root;
        for (at, entry) in (1..).zip(rest) {
            if !is_name(entry.name) {
                return error(at, ListErrorKind::BadName);
            }
            let deepest = before.depth + usize::from(before.meta.kind == Kind::Directory);
            if entry.depth == 0 || entry.depth > deepest {
                return error(at, ListErrorKind::NoParent);
            }
            if entry.depth > before.depth
                && let Some(first) = last.get_mut(entry.depth - 1)
            {
                *first = b"";
            }
            let Some(sibling) = last.get_mut(entry.depth - 1) else {
                return error(at, ListErrorKind::TooDeep);
            };
            if entry.name <= *sibling || !entry.xattrs.is_sorted_by(|a, b| a.0 < b.0) {
                return error(at, ListErrorKind::NotSorted);
            }
            *sibling = entry.name;
            before = entry;
        }
        Ok(Self { entries })
    }
}

/// The cursor of a [`ListTree`].
#[derive(Clone, Copy, Debug)]
pub struct ListCursor<'a> {
    /// From the current entry on; before the first one, from where to look for it.
    rest: &'a [ListEntry<'a>],
    depth: u8,
    started: bool,
}

impl Tree for ListTree<'_> {
    type Cursor<'t>
        = ListCursor<'t>
    where
        Self: 't;

    fn root(&self) -> Result<ListCursor<'_>, SourceError> {
        Ok(ListCursor { rest: self.entries, depth: 0, started: false })
    }
}

impl<'a> ListCursor<'a> {
    fn entry(&self) -> Option<&'a ListEntry<'a>> {
        self.rest.first()
    }

    fn after(&self) -> &'a [ListEntry<'a>] {
        self.rest.get(1..).unwrap_or(&[])
    }
}

impl Cursor for ListCursor<'_> {
    fn advance(&mut self) -> Result<bool, SourceError> {
        if self.started {
            self.rest = self.after();
        }
        self.started = true;
        let depth = usize::from(self.depth);
        // Skips what lies below the entry that is left.
        while self.entry().is_some_and(|entry| entry.depth > depth) {
            self.rest = self.after();
        }
        Ok(self.entry().is_some_and(|entry| entry.depth == depth))
    }

    fn name(&self) -> &[u8] {
        self.entry().map_or(b"", |entry| entry.name)
    }

    fn meta(&self) -> Meta {
        let Some(entry) = self.entry() else { return Meta::new(Kind::Directory) };
        let size = if entry.meta.kind.is_leaf() {
            u64::try_from(entry.content.len()).unwrap_or(u64::MAX)
        } else {
            0
        };
        Meta { size, ..entry.meta }
    }

    fn descend(&self) -> Result<Self, SourceError> {
        Ok(Self { rest: self.after(), depth: self.depth.saturating_add(1), started: false })
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        Ok(self.entry().map_or(0, |entry| copy_from(entry.content, offset, buffer)))
    }

    fn xattrs(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), SourceError> {
        for (name, value) in self.entry().map_or(&[][..], |entry| entry.xattrs) {
            visit(name, value);
        }
        Ok(())
    }
}

/// Copies `content` from `offset` on into `buffer`, as much as fits.
pub(crate) fn copy_from(content: &[u8], offset: u64, buffer: &mut [u8]) -> usize {
    let rest = usize::try_from(offset).ok().and_then(|offset| content.get(offset..)).unwrap_or(&[]);
    let length = rest.len().min(buffer.len());
    if let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) {
        to.copy_from_slice(from);
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(depth: usize, name: &'static [u8], kind: Kind) -> ListEntry<'static> {
        ListEntry { depth, name, meta: Meta::new(kind), content: b"", xattrs: &[] }
    }

    fn refused(entries: &[ListEntry<'_>]) -> ListError {
        ListTree::new(entries).unwrap_err()
    }

    #[test]
    fn refuses_what_is_no_tree_and_says_where() {
        let root = entry(0, b"", Kind::Directory);
        let file = |depth, name| entry(depth, name, Kind::File);
        assert_eq!(refused(&[]), ListError { at: 0, kind: ListErrorKind::NoRoot });
        assert_eq!(refused(&[file(0, b"")]), ListError { at: 0, kind: ListErrorKind::NoRoot });
        assert_eq!(refused(&[root, file(1, b"a/b")]), ListError { at: 1, kind: ListErrorKind::BadName });
        assert_eq!(
            refused(&[root, file(1, b"b"), file(1, b"a")]),
            ListError { at: 2, kind: ListErrorKind::NotSorted }
        );
        assert_eq!(
            refused(&[root, file(1, b"a"), file(1, b"a")]),
            ListError { at: 2, kind: ListErrorKind::NotSorted }
        );
        assert_eq!(
            refused(&[root, file(1, b"a"), file(2, b"b")]),
            ListError { at: 2, kind: ListErrorKind::NoParent }
        );
    }

    #[test]
    fn walks_past_what_lies_below() {
        let entries = [
            entry(0, b"", Kind::Directory),
            entry(1, b"a", Kind::Directory),
            entry(2, b"x", Kind::File),
            entry(1, b"b", Kind::Directory),
            entry(2, b"c", Kind::File),
        ];
        let tree = ListTree::new(&entries).unwrap();
        let mut root = tree.root().unwrap();
        assert!(root.advance().unwrap());
        let mut inside = root.descend().unwrap();
        assert!(inside.advance().unwrap());
        assert_eq!(inside.name(), b"a");
        assert!(inside.advance().unwrap());
        assert_eq!(inside.name(), b"b");
        let mut below = inside.descend().unwrap();
        assert!(below.advance().unwrap());
        assert_eq!(below.name(), b"c");
        assert!(!below.advance().unwrap());
        assert!(!inside.advance().unwrap());
        assert!(!root.advance().unwrap());
    }
}
