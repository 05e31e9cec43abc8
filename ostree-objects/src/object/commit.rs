#[cfg(feature = "alloc")]
mod owned;

#[cfg(feature = "alloc")]
pub use owned::Commit;

use super::sizes::SIZES_KEY;
use super::{SizesRef, metadata_span};
use crate::gvariant::{Array, MetadataRef, Span, Tuple};
use crate::{Checksum, Error, ErrorKind, Limits};

/// A commit: `(a{sv}aya(say)sstayay)`, its time in big-endian order.
#[derive(Clone, Copy, Debug)]
pub struct CommitRef<'a> {
    metadata: MetadataRef<'a>,
    parent: Option<Checksum>,
    related: RelatedRef<'a>,
    subject: &'a str,
    body: &'a str,
    timestamp: u64,
    tree: Checksum,
    meta: Checksum,
}

/// The related objects of a commit, `a(say)`; empty in practice.
#[derive(Clone, Copy, Debug)]
pub struct RelatedRef<'a> {
    entries: Array<'a>,
}

impl<'a> CommitRef<'a> {
    /// Reads a commit object.
    ///
    /// # Errors
    /// If it is not in the normal form, larger than the default limit, or has a malformed member.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::parse_with(bytes, &Limits::DEFAULT)
    }

    /// Like [`parse`](Self::parse) with other limits.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(bytes: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        Self::read(metadata_span(bytes, limits)?)
    }

    pub(crate) fn read(span: Span<'a>) -> Result<Self, Error> {
        // One framing offset for each member but the time, which is fixed, and the last.
        let mut tuple = Tuple::new(span, 6)?;
        let metadata = MetadataRef::read(tuple.variable(8)?)?;
        let parent = tuple.variable(1)?;
        let parent = if parent.len() == 0 { None } else { Some(parent.checksum()?) };
        let related = RelatedRef::read(tuple.variable(1)?)?;
        let subject = tuple.variable(1)?.string()?;
        let body = tuple.variable(1)?.string()?;
        let timestamp = tuple.be_u64()?;
        let tree = tuple.variable(1)?.checksum()?;
        let meta = tuple.last(1)?.checksum()?;
        Ok(Self { metadata, parent, related, subject, body, timestamp, tree, meta })
    }

    /// The metadata dictionary.
    #[must_use]
    pub const fn metadata(&self) -> MetadataRef<'a> {
        self.metadata
    }

    /// The commit before this one on its branch.
    #[must_use]
    pub const fn parent(&self) -> Option<Checksum> {
        self.parent
    }

    /// The related objects.
    #[must_use]
    pub const fn related(&self) -> RelatedRef<'a> {
        self.related
    }

    /// One line that says what the commit is.
    #[must_use]
    pub const fn subject(&self) -> &'a str {
        self.subject
    }

    /// More about it.
    #[must_use]
    pub const fn body(&self) -> &'a str {
        self.body
    }

    /// When it was made, in seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// The root directory's dirtree object.
    #[must_use]
    pub const fn tree(&self) -> Checksum {
        self.tree
    }

    /// The root directory's dirmeta object.
    #[must_use]
    pub const fn meta(&self) -> Checksum {
        self.meta
    }

    /// The sizes of its objects (`ostree.sizes`); `None` if it does not list them. Whoever made the commit says so, and
    /// nobody has checked it.
    ///
    /// # Errors
    /// As [`SizesRef::parse`], with the place in the commit, and if the value is of another type.
    pub fn sizes(&self) -> Result<Option<SizesRef<'a>>, Error> {
        match self.metadata.find(SIZES_KEY) {
            None => Ok(None),
            Some((b"aay", span)) => SizesRef::read(span).map(Some),
            Some((_, span)) => Err(span.error(0, ErrorKind::ValueType)),
        }
    }
}

impl<'a> RelatedRef<'a> {
    fn read(span: Span<'a>) -> Result<Self, Error> {
        let entries = Array::new(span, 1)?;
        for index in 0..entries.len() {
            read_related(entries.get(index)?)?;
        }
        Ok(Self { entries })
    }

    /// The related refs and their commits.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Checksum)> + use<'a> {
        let entries = self.entries;
        (0..entries.len()).filter_map(move |index| read_related(entries.get(index).ok()?).ok())
    }
}

fn read_related(entry: Span<'_>) -> Result<(&str, Checksum), Error> {
    let mut tuple = Tuple::new(entry, 1)?;
    let name = tuple.variable(1)?.string()?;
    Ok((name, tuple.last(1)?.checksum()?))
}
