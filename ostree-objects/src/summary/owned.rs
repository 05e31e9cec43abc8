use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::SummaryRef;
use crate::Checksum;
use crate::delta::DeltaName;
use crate::gvariant::{
    Variant, Writer, align, framed_len, minimal_width, until_nul, write_array, write_metadata,
};

/// A summary, to be built up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The refs by name, which are written in this order.
    pub refs: BTreeMap<String, SummaryCommit>,
    /// The metadata, in the order in which it is written.
    pub metadata: Vec<(String, Variant)>,
}

/// What a summary says of a ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryCommit {
    /// The size of the commit object, in bytes.
    pub size: u64,
    /// The commit.
    pub checksum: Checksum,
    /// More about it, in the order in which it is written.
    pub metadata: Vec<(String, Variant)>,
}

impl Summary {
    /// The summary's bytes. A NUL in a ref's name or a key ends it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        let refs: Vec<Vec<u8>> =
            self.refs.iter().map(|(name, commit)| encode_ref(until_nul(name), commit)).collect();
        let Ok(()) = write_array(
            &mut writer,
            8,
            refs.iter(),
            |entry| entry.len(),
            |writer, entry| writer.bytes(entry),
        );
        let refs_end = writer.position();
        let Ok(()) = writer.pad(8);
        let Ok(()) = write_metadata(&mut writer, &self.metadata);
        let width = minimal_width(writer.position(), 1);
        let Ok(()) = writer.offset(refs_end, width);
        bytes
    }

    /// The value of `ostree.static-deltas`: the deltas, and the checksums of their superblocks.
    #[must_use]
    pub fn deltas(deltas: &[(DeltaName, Checksum)]) -> Variant {
        let entries: Vec<_> = deltas
            .iter()
            .map(|(name, checksum)| (alloc::format!("{name}"), Variant::bytes(&checksum.0)))
            .collect();
        Variant::metadata(&entries)
    }
}

/// `(s(taya{sv}))`.
fn encode_ref(name: &str, commit: &SummaryCommit) -> Vec<u8> {
    let mut inner = Vec::new();
    let mut writer = Writer::new(&mut inner);
    let Ok(()) = writer.bytes(&commit.size.to_le_bytes());
    let Ok(()) = writer.bytes(&commit.checksum.0);
    let checksum_end = writer.position();
    let Ok(()) = writer.pad(8);
    let Ok(()) = write_metadata(&mut writer, &commit.metadata);
    let width = minimal_width(writer.position(), 1);
    let Ok(()) = writer.offset(checksum_end, width);

    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    let Ok(()) = writer.string(name);
    let name_end = writer.position();
    let Ok(()) = writer.pad(8);
    let Ok(()) = writer.bytes(&inner);
    let Ok(()) = writer.offset(name_end, minimal_width(writer.position(), 1));
    debug_assert_eq!(bytes.len(), framed_len(align(name_end, 8).saturating_add(inner.len()), 1));
    bytes
}

impl From<SummaryRef<'_>> for Summary {
    fn from(summary: SummaryRef<'_>) -> Self {
        let owned = |metadata: crate::MetadataRef<'_>| {
            metadata.iter().map(|(key, value)| (String::from(key), Variant::from(value))).collect()
        };
        let refs = summary.refs().map(|entry| {
            let (size, checksum) = (entry.commit_size, entry.commit);
            (entry.name.into(), SummaryCommit { size, checksum, metadata: owned(entry.metadata) })
        });
        Self { refs: refs.collect(), metadata: owned(summary.metadata()) }
    }
}
