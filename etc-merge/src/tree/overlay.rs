//! Two trees as one: what one has lies over what the other has.

use crate::digest::Digest;
use crate::error::SourceError;
use crate::tree::{Cursor, Kind, Meta, Tree};

/// A tree over another: new defaults with files that are declared for this device, say, without a copy of either.
///
/// Where both have an entry, the upper one counts, for a directory with its metadata; what lies in a directory of both
/// is united. A special file of the upper tree hides what the lower one has, as it counts as absent among defaults.
///
/// ```
/// use etc_merge::{Kind, MemoryTree, Node, OverlayTree, Policy, merge_in_memory};
/// let (mut image, mut declared) = (MemoryTree::new(), MemoryTree::new());
/// image.insert(b"motd", Node::new(Kind::File, b"welcome"))?;
/// declared.insert(b"hostname", Node::new(Kind::File, b"gateway-7"))?;
/// let new = OverlayTree::new(&image, &declared);
/// let merged = merge_in_memory(&image, &new, &image, &Policy::safe()).expect("no conflict");
/// assert_eq!(merged.iter().count(), 3);
/// # Ok::<(), etc_merge::MemoryError>(())
/// ```
#[derive(Debug)]
pub struct OverlayTree<'a, L, U> {
    lower: &'a L,
    upper: &'a U,
}

impl<'a, L: Tree, U: Tree> OverlayTree<'a, L, U> {
    /// `upper` over `lower`.
    #[must_use]
    pub const fn new(lower: &'a L, upper: &'a U) -> Self {
        Self { lower, upper }
    }
}

impl<L, U> Clone for OverlayTree<'_, L, U> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L, U> Copy for OverlayTree<'_, L, U> {}

impl<L: Tree, U: Tree> Tree for OverlayTree<'_, L, U> {
    type Cursor<'t>
        = OverlayCursor<L::Cursor<'t>, U::Cursor<'t>>
    where
        Self: 't;

    fn root(&self) -> Result<Self::Cursor<'_>, SourceError> {
        Ok(OverlayCursor::new(Some(self.lower.root()?), Some(self.upper.root()?)))
    }
}

/// The cursor of an [`OverlayTree`].
#[derive(Debug)]
pub struct OverlayCursor<L, U> {
    /// `None` once there are no more entries.
    lower: Option<L>,
    upper: Option<U>,
    /// Whether the current entry is one of the lower tree, and of the upper one. What is not current moves on later.
    current: (bool, bool),
    started: bool,
}

impl<L: Cursor, U: Cursor> OverlayCursor<L, U> {
    const fn new(lower: Option<L>, upper: Option<U>) -> Self {
        Self { lower, upper, current: (false, false), started: false }
    }

    /// The cursor that stands on the current entry and counts.
    fn with<T>(&self, lower: impl FnOnce(&L) -> T, upper: impl FnOnce(&U) -> T) -> Option<T> {
        match (self.current.1, &self.lower, &self.upper) {
            (true, _, Some(cursor)) => Some(upper(cursor)),
            (false, Some(cursor), _) => Some(lower(cursor)),
            _ => None,
        }
    }

    /// Whether both have a directory here.
    fn unites(&self) -> bool {
        let is_directory = |kind| kind == Kind::Directory;
        self.current == (true, true)
            && self.lower.as_ref().is_some_and(|cursor| is_directory(cursor.meta().kind))
            && self.upper.as_ref().is_some_and(|cursor| is_directory(cursor.meta().kind))
    }
}

/// Moves a cursor on that stands on the current entry; without further entries it is dropped.
fn step<C: Cursor>(cursor: &mut Option<C>, moves: bool) -> Result<(), SourceError> {
    if let Some(inside) = cursor.as_mut().filter(|_| moves)
        && !inside.advance()?
    {
        *cursor = None;
    }
    Ok(())
}

impl<L: Cursor, U: Cursor> Cursor for OverlayCursor<L, U> {
    fn advance(&mut self) -> Result<bool, SourceError> {
        step(&mut self.lower, self.current.0 || !self.started)?;
        step(&mut self.upper, self.current.1 || !self.started)?;
        self.started = true;
        self.current = match (&self.lower, &self.upper) {
            (Some(lower), Some(upper)) => (lower.name() <= upper.name(), upper.name() <= lower.name()),
            (lower, upper) => (lower.is_some(), upper.is_some()),
        };
        Ok(self.current != (false, false))
    }

    fn name(&self) -> &[u8] {
        match (self.current.1, &self.lower, &self.upper) {
            (true, _, Some(upper)) => upper.name(),
            (false, Some(lower), _) => lower.name(),
            _ => b"",
        }
    }

    fn meta(&self) -> Meta {
        self.with(Cursor::meta, Cursor::meta).unwrap_or(const { Meta::new(Kind::Directory) })
    }

    fn descend(&self) -> Result<Self, SourceError> {
        let both = self.unites();
        let lower =
            self.lower.as_ref().filter(|_| both || !self.current.1).map(Cursor::descend).transpose()?;
        let upper = self.upper.as_ref().filter(|_| self.current.1).map(Cursor::descend).transpose()?;
        Ok(Self::new(lower, upper))
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        match (self.current.1, &self.lower, &self.upper) {
            (true, _, Some(upper)) => upper.read(offset, buffer),
            (false, Some(lower), _) => lower.read(offset, buffer),
            _ => Ok(0),
        }
    }

    fn xattrs(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), SourceError> {
        match (self.current.1, &self.lower, &self.upper) {
            (true, _, Some(upper)) => upper.xattrs(visit),
            (false, Some(lower), _) => lower.xattrs(visit),
            _ => Ok(()),
        }
    }

    fn known_digest(&self) -> Option<Digest> {
        self.with(Cursor::known_digest, Cursor::known_digest).flatten()
    }

    fn check_unchanged(&self) -> Result<(), SourceError> {
        self.with(Cursor::check_unchanged, Cursor::check_unchanged).unwrap_or(Ok(()))
    }

    fn identity(&self) -> Option<[u64; 2]> {
        self.with(Cursor::identity, Cursor::identity).flatten()
    }

    fn subtree(&self) -> Option<Digest> {
        if self.unites() { None } else { self.with(Cursor::subtree, Cursor::subtree).flatten() }
    }

    fn digest(&self) -> Result<Digest, SourceError> {
        self.with(Cursor::digest, Cursor::digest).unwrap_or(Err(SourceError::Changed))
    }

    fn xattrs_digest(&self) -> Result<Option<Digest>, SourceError> {
        self.with(Cursor::xattrs_digest, Cursor::xattrs_digest).unwrap_or(Ok(None))
    }
}
