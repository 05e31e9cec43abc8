use alloc::string::String;
use alloc::vec::Vec;

use super::CommitRef;
use crate::Checksum;
use crate::gvariant::{Variant, Writer, minimal_width, until_nul, write_metadata};
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
        write_metadata(writer, &self.metadata)?;
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
