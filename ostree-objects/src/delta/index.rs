use super::DeltaName;
use crate::gvariant::{MetadataRef, Span, VariantRef};
use crate::limits::MAX_SUMMARY_BYTES;
use crate::{Checksum, Error, ErrorKind};

/// The key of the deltas in an index or a summary.
pub(crate) const DELTAS_KEY: &str = "ostree.static-deltas";

/// The deltas to one commit, for clients without a summary: `delta-indexes/AB/CDE….index`, `a{sv}`.
#[derive(Clone, Copy, Debug)]
pub struct DeltaIndexRef<'a> {
    deltas: DeltasRef<'a>,
}

/// Static deltas and the checksums of their superblocks: `a{sv}` of `FROM-TO` or `TO` and `ay`.
#[derive(Clone, Copy, Debug)]
pub struct DeltasRef<'a> {
    entries: Option<MetadataRef<'a>>,
}

impl<'a> DeltaIndexRef<'a> {
    /// Reads an index.
    ///
    /// # Errors
    /// If it is not in the normal form, larger than [`MAX_SUMMARY_BYTES`], or names no deltas where it should.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let span = Span::new(bytes);
        if bytes.len() > MAX_SUMMARY_BYTES {
            let kind = ErrorKind::TooLarge { limit: MAX_SUMMARY_BYTES, actual: bytes.len() };
            return Err(span.error(0, kind));
        }
        Ok(Self { deltas: DeltasRef::read(&MetadataRef::read(span)?)? })
    }

    /// The deltas.
    #[must_use]
    pub const fn deltas(&self) -> DeltasRef<'a> {
        self.deltas
    }
}

impl<'a> DeltasRef<'a> {
    /// The deltas that `metadata` lists.
    pub(crate) fn read(metadata: &MetadataRef<'a>) -> Result<Self, Error> {
        let Some(value) = metadata.get(DELTAS_KEY) else { return Ok(Self { entries: None }) };
        let wrong = Error { kind: ErrorKind::ValueType, offset: 0 };
        let entries = value.as_metadata().ok_or(wrong)?;
        for (name, value) in entries.iter() {
            let _: DeltaName = name.parse()?;
            checksum(value).ok_or(wrong)?;
        }
        Ok(Self { entries: Some(entries) })
    }

    /// The deltas and the SHA-256 of each one's superblock.
    pub fn iter(&self) -> impl Iterator<Item = (DeltaName, Checksum)> + use<'a> {
        // `read` has read each of them once.
        let entries = self.entries.into_iter().flat_map(|entries| entries.iter());
        entries.filter_map(|(name, value)| Some((name.parse().ok()?, checksum(value)?)))
    }
}

fn checksum(value: VariantRef<'_>) -> Option<Checksum> {
    value.as_bytes()?.try_into().ok().map(Checksum)
}
