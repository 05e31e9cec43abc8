use alloc::string::String;
use alloc::vec::Vec;

use super::CommitRef;
use crate::Checksum;
use crate::gvariant::{Counter, Variant, Writer, align, minimal_width, write_array};
use embedded_io::Write;

/// An owned commit, to be built up. It has no related objects, as no tool writes any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The metadata, in the order in which it is written.
    pub metadata: Vec<(String, Variant)>,
    /// The commit before this one on its branch.
    pub parent: Option<Checksum>,
    /// One line that says what the commit is.
    pub subject: String,
    /// More about it.
    pub body: String,
    /// When it was made, in seconds since 1970-01-01T00:00:00Z.
    pub timestamp: u64,
    /// The root directory's dirtree object.
    pub tree: Checksum,
    /// The root directory's dirmeta object.
    pub meta: Checksum,
}

impl Commit {
    /// The object's bytes. A NUL in subject or body ends it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let parent = self.parent.as_ref().map_or(&[][..], |parent| &parent.0);
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        let mut ends = [0; 6];
        let Ok(()) = self.write_members(&mut writer, parent, &mut ends);
        let width = minimal_width(writer.position(), ends.len());
        for end in ends.into_iter().rev() {
            let Ok(()) = writer.offset(end, width);
        }
        bytes
    }

    fn write_members<W: Write>(
        &self,
        writer: &mut Writer<W>,
        parent: &[u8],
        ends: &mut [usize; 6],
    ) -> Result<(), W::Error> {
        let entries = self.metadata.iter().map(|(key, value)| (until_nul(key), value));
        write_array(
            writer,
            8,
            entries,
            |(key, value)| entry_len(key, value),
            |writer, (key, value)| write_entry(writer, key, value),
        )?;
        ends[0] = writer.position();
        writer.bytes(parent)?;
        ends[1] = writer.position();
        // No related objects: an empty array.
        ends[2] = writer.position();
        writer.string(until_nul(&self.subject))?;
        ends[3] = writer.position();
        writer.string(until_nul(&self.body))?;
        ends[4] = writer.position();
        writer.pad(8)?;
        writer.bytes(&self.timestamp.to_be_bytes())?;
        writer.bytes(&self.tree.0)?;
        ends[5] = writer.position();
        writer.bytes(&self.meta.0)
    }
}

/// The size of a `{sv}` without padding after it.
fn entry_len(key: &str, value: &Variant) -> usize {
    let mut counter = Counter::default();
    let Ok(()) = write_entry(&mut Writer::new(&mut counter), key, value);
    counter.bytes
}

/// Writes a `{sv}`. Its own padding counts from its start, which `write_array` has aligned to 8.
fn write_entry<W: Write>(writer: &mut Writer<W>, key: &str, value: &Variant) -> Result<(), W::Error> {
    let start = writer.position();
    writer.string(key)?;
    let key_end = writer.position() - start;
    writer.pad(8)?;
    let variant = value.as_ref();
    writer.bytes(variant.bytes())?;
    writer.bytes(&[0])?;
    writer.bytes(variant.type_string().as_bytes())?;
    let body = align(key_end, 8).saturating_add(value.boxed_len());
    writer.offset(key_end, minimal_width(body, 1))
}

/// GVariant strings end at the first NUL.
fn until_nul(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default()
}

impl From<CommitRef<'_>> for Commit {
    fn from(commit: CommitRef<'_>) -> Self {
        Self {
            metadata: commit.metadata().iter().map(|(key, value)| (key.into(), value.into())).collect(),
            parent: commit.parent(),
            subject: commit.subject().into(),
            body: commit.body().into(),
            timestamp: commit.timestamp(),
            tree: commit.tree(),
            meta: commit.meta(),
        }
    }
}
