//! Summaries: which refs a repository serves, and which static deltas.

#[cfg(feature = "alloc")]
mod owned;

#[cfg(feature = "alloc")]
pub use owned::{Summary, SummaryCommit};

use crate::delta::DeltasRef;
use crate::gvariant::{Array, MetadataRef, Span, Tuple};
use crate::limits::MAX_SUMMARY_BYTES;
use crate::{Checksum, Error, ErrorKind};

/// A summary: `(a(s(taya{sv}))a{sv})`. `summary.sig` beside it is a [`DetachedRef`](crate::DetachedRef).
#[derive(Clone, Copy, Debug)]
pub struct SummaryRef<'a> {
    refs: Array<'a>,
    metadata: MetadataRef<'a>,
    deltas: DeltasRef<'a>,
}

/// A ref of a summary: `(s(taya{sv}))`.
#[derive(Clone, Copy, Debug)]
pub struct SummaryEntry<'a> {
    /// The ref's name.
    pub name: &'a str,
    /// The size of the commit object, in bytes. libostree writes it in the order of the machine that makes the
    /// summary and does not say which; it is read as of a little-endian one.
    pub commit_size: u64,
    /// The commit.
    pub commit: Checksum,
    /// More about it: `ostree.commit.timestamp` (`t`), `ostree.commit.version` (`s`).
    pub metadata: MetadataRef<'a>,
}

impl<'a> SummaryRef<'a> {
    /// Reads a summary.
    ///
    /// # Errors
    /// If it is not in the normal form, larger than [`MAX_SUMMARY_BYTES`], has a malformed member, or its refs are
    /// not in strictly increasing order.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let span = Span::new(bytes);
        if bytes.len() > MAX_SUMMARY_BYTES {
            let kind = ErrorKind::TooLarge { limit: MAX_SUMMARY_BYTES, actual: bytes.len() };
            return Err(span.error(0, kind));
        }
        let mut tuple = Tuple::new(span, 1)?;
        let refs = Array::new(tuple.variable(8)?, 8)?;
        let metadata = MetadataRef::read(tuple.last(8)?)?;
        let mut previous = None;
        for index in 0..refs.len() {
            let element = refs.get(index)?;
            let entry = read_entry(element)?;
            if previous.is_some_and(|previous| previous >= entry.name) {
                return Err(element.error(0, ErrorKind::Order));
            }
            previous = Some(entry.name);
        }
        let deltas = DeltasRef::read(&metadata)?;
        Ok(Self { refs, metadata, deltas })
    }

    /// The refs, in the order of their names.
    pub fn refs(&self) -> impl Iterator<Item = SummaryEntry<'a>> + use<'a> {
        let refs = self.refs;
        // `parse` has read each of them once.
        (0..refs.len()).filter_map(move |index| read_entry(refs.get(index).ok()?).ok())
    }

    /// The ref `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<SummaryEntry<'a>> {
        let (mut low, mut high) = (0, self.refs.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = read_entry(self.refs.get(middle).ok()?).ok()?;
            match entry.name.cmp(name) {
                core::cmp::Ordering::Equal => return Some(entry),
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// The metadata, such as `ostree.summary.last-modified`.
    #[must_use]
    pub const fn metadata(&self) -> MetadataRef<'a> {
        self.metadata
    }

    /// The static deltas that the repository has; none if it [has indexes](Self::has_delta_indexes) instead.
    #[must_use]
    pub const fn deltas(&self) -> DeltasRef<'a> {
        self.deltas
    }

    /// Whether there is an index of deltas for each commit that has any (`ostree.summary.indexed-deltas`).
    #[must_use]
    pub fn has_delta_indexes(&self) -> bool {
        self.metadata.get("ostree.summary.indexed-deltas").and_then(|value| value.as_bool()) == Some(true)
    }

    /// Whether commits that are deleted leave tombstones (`ostree.summary.tombstone-commits`).
    #[must_use]
    pub fn has_tombstones(&self) -> bool {
        self.metadata.get("ostree.summary.tombstone-commits").and_then(|value| value.as_bool()) == Some(true)
    }

    /// When the summary was made (`ostree.summary.last-modified`), in seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn last_modified(&self) -> Option<u64> {
        self.metadata.get("ostree.summary.last-modified")?.as_be_u64()
    }

    /// When it ends to be valid (`ostree.summary.expires`), in seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn expires(&self) -> Option<u64> {
        self.metadata.get("ostree.summary.expires")?.as_be_u64()
    }
}

fn read_entry(span: Span<'_>) -> Result<SummaryEntry<'_>, Error> {
    let mut tuple = Tuple::new(span, 1)?;
    let name = tuple.variable(1)?.string()?;
    let mut tuple = Tuple::new(tuple.last(8)?, 1)?;
    let commit_size = u64::from_le_bytes(tuple.array(8)?);
    let commit = tuple.variable(1)?.checksum()?;
    let metadata = MetadataRef::read(tuple.last(8)?)?;
    Ok(SummaryEntry { name, commit_size, commit, metadata })
}
