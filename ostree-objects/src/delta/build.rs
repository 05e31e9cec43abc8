//! Making parts and superblocks.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::diff::diff;
use super::{Compression, DeltaName, Fallback, PartObject};
use crate::gvariant::{Variant, Writer, minimal_width, write_array, write_metadata};
use crate::{Checksum, FileHeaderRef, ObjectType, varint};

/// A part that is being made: objects, one after the other.
#[derive(Debug, Default)]
pub struct PartBuilder {
    objects: Vec<u8>,
    objects_size: u64,
    modes: BTreeMap<[u8; 12], usize>,
    xattrs: BTreeMap<Vec<u8>, usize>,
    mode_list: Vec<u8>,
    xattr_list: Vec<Vec<u8>>,
    payload: Vec<u8>,
    operations: Vec<u8>,
}

/// What a superblock says of a part, and the part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltPart {
    /// The part as it is stored: the byte that names the compression, and what follows.
    pub stored: Vec<u8>,
    objects: Vec<u8>,
    objects_size: u64,
}

impl PartBuilder {
    /// Bytes that the operations refer to so far: the part's size, more or less.
    #[must_use]
    pub fn payload_len(&self) -> usize {
        self.payload.len()
    }

    /// Whether there is no object.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Adds a dirtree or dirmeta.
    pub fn metadata(&mut self, object: &PartObject, bytes: &[u8]) {
        self.list(object, bytes.len());
        let offset = self.store(bytes);
        self.operations.push(b'S');
        self.number(bytes.len());
        self.number(offset);
    }

    /// Adds a file with all of its content, which a symbolic link has none of.
    pub fn file(&mut self, checksum: &Checksum, header: &FileHeaderRef<'_>, content: &[u8]) {
        let content = header.symlink_target().map_or(content, str::as_bytes);
        self.list(&PartObject { object_type: ObjectType::File, checksum: *checksum }, content.len());
        let (mode, xattrs) = self.describe(header);
        let offset = self.store(content);
        self.operations.push(b'S');
        for number in [mode, xattrs, content.len(), offset] {
            self.number(number);
        }
    }

    /// Adds a regular file as a patch of another, if more than half of it is like that one; says whether it did.
    pub fn patched_file(
        &mut self,
        checksum: &Checksum,
        header: &FileHeaderRef<'_>,
        content: &[u8],
        source: &Checksum,
        old: &[u8],
    ) -> bool {
        let (patch, copied) = diff(old, content);
        if copied > content.len() / 2 || content.is_empty() {
            return false;
        }
        self.list(&PartObject { object_type: ObjectType::File, checksum: *checksum }, content.len());
        let (mode, xattrs) = self.describe(header);
        let name = self.store(&source.0);
        let offset = self.store(&patch);
        for (operation, numbers) in [
            (b'r', &[name][..]),
            (b'o', &[mode, xattrs, content.len()]),
            (b'B', &[offset, patch.len()]),
            (b'c', &[]),
            (b'R', &[]),
        ] {
            self.operations.push(operation);
            numbers.iter().for_each(|number| self.number(*number));
        }
        true
    }

    /// The part's bytes without the compression and its byte: `(a(uuu)aa(ayay)ayay)`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        let Ok(()) = writer.bytes(&self.mode_list);
        let modes_end = writer.position();
        let sets = self.xattr_list.iter();
        let Ok(()) = write_array(&mut writer, 1, sets, |set| set.len(), |writer, set| writer.bytes(set));
        let xattrs_end = writer.position();
        let Ok(()) = writer.bytes(&self.payload);
        let payload_end = writer.position();
        let Ok(()) = writer.bytes(&self.operations);
        let width = minimal_width(writer.position(), 3);
        for end in [payload_end, xattrs_end, modes_end] {
            let Ok(()) = writer.offset(end, width);
        }
        bytes
    }

    /// The finished part; `packed` is [`encode`](Self::encode)'s result, compressed that way.
    #[must_use]
    pub fn finish(self, compression: Compression, packed: &[u8]) -> BuiltPart {
        let stored = [&[compression.byte()], packed].concat();
        BuiltPart { stored, objects: self.objects, objects_size: self.objects_size }
    }

    fn list(&mut self, object: &PartObject, size: usize) {
        self.objects.push(object.object_type.number());
        self.objects.extend(object.checksum.0);
        self.objects_size = self.objects_size.saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
    }

    fn store(&mut self, bytes: &[u8]) -> usize {
        let offset = self.payload.len();
        self.payload.extend_from_slice(bytes);
        offset
    }

    /// The numbers of owner and mode, and of the extended attributes, in this part's lists.
    fn describe(&mut self, header: &FileHeaderRef<'_>) -> (usize, usize) {
        let mut mode = [0; 12];
        let numbers = [header.uid(), header.gid(), header.mode()].map(u32::to_be_bytes);
        for (to, from) in mode.chunks_exact_mut(4).zip(numbers) {
            to.copy_from_slice(&from);
        }
        let next = self.modes.len();
        let mode_number = *self.modes.entry(mode).or_insert(next);
        if mode_number == next {
            self.mode_list.extend(mode);
        }
        let xattrs = header.xattrs().as_bytes();
        let next = self.xattrs.len();
        let number = *self.xattrs.entry(xattrs.into()).or_insert(next);
        if number == next {
            self.xattr_list.push(xattrs.into());
        }
        (mode_number, number)
    }

    fn number(&mut self, number: usize) {
        varint::write(u64::try_from(number).unwrap_or(u64::MAX), &mut self.operations);
    }
}

/// A superblock that is being made; its sizes are little-endian.
#[derive(Debug)]
pub struct SuperblockBuilder<'a> {
    /// From which commit to which one.
    pub name: DeltaName,
    /// When it is made, in seconds since 1970-01-01T00:00:00Z.
    pub timestamp: u64,
    /// The bytes of the commit that it leads to.
    pub commit: &'a [u8],
    /// The commit's detached metadata.
    pub detached: Option<&'a [u8]>,
    /// The parts, in their order.
    pub parts: &'a [BuiltPart],
    /// Whether the parts are in the superblock.
    pub is_inline: bool,
    /// What has to be fetched by itself.
    pub fallbacks: &'a [Fallback],
}

impl SuperblockBuilder<'_> {
    /// The superblock's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut metadata: Vec<(String, Variant)> = [("ostree.endianness".into(), Variant::byte(b'l'))].into();
        let directory = self.name.directory();
        if let Some(detached) = self.detached {
            metadata.push((format!("{directory}/commitmeta"), Variant::from_parts("a{sv}", detached)));
        }
        let inline = self.parts.iter().enumerate().filter(|_| self.is_inline);
        metadata.extend(
            inline
                .map(|(at, part)| (format!("{directory}/{at}"), Variant::from_parts("(yay)", &part.stored))),
        );
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        let Ok(()) = write_metadata(&mut writer, &metadata);
        let mut ends = Vec::from([writer.position()]);
        let Ok(()) = writer.pad(8);
        let Ok(()) = writer.bytes(&self.timestamp.to_be_bytes());
        let from = self.name.from.as_ref().map_or(&[][..], |from| &from.0);
        for bytes in [from, &self.name.to.0] {
            let Ok(()) = writer.bytes(bytes);
            ends.push(writer.position());
        }
        let Ok(()) = writer.pad(8);
        let Ok(()) = writer.bytes(self.commit);
        ends.push(writer.position());
        // No deltas that have to be applied first.
        ends.push(writer.position());
        let parts: Vec<Vec<u8>> = self.parts.iter().map(encode_part).collect();
        let fallbacks: Vec<Vec<u8>> = self.fallbacks.iter().map(encode_fallback).collect();
        for list in [parts, fallbacks] {
            let Ok(()) = writer.pad(8);
            let Ok(()) = write_array(
                &mut writer,
                8,
                list.iter(),
                |entry| entry.len(),
                |writer, entry| writer.bytes(entry),
            );
            ends.push(writer.position());
        }
        // The last member has no offset.
        ends.pop();
        let width = minimal_width(writer.position(), ends.len());
        for end in ends.into_iter().rev() {
            let Ok(()) = writer.offset(end, width);
        }
        bytes
    }
}

/// `(uayttay)`.
fn encode_part(part: &BuiltPart) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    let Ok(()) = writer.bytes(&[0; 4]);
    let Ok(()) = writer.bytes(&Checksum::of(&part.stored).0);
    let checksum_end = writer.position();
    let Ok(()) = writer.pad(8);
    let Ok(()) = writer.bytes(&u64::try_from(part.stored.len()).unwrap_or(u64::MAX).to_le_bytes());
    let Ok(()) = writer.bytes(&part.objects_size.to_le_bytes());
    let Ok(()) = writer.bytes(&part.objects);
    let width = minimal_width(writer.position(), 1);
    let Ok(()) = writer.offset(checksum_end, width);
    bytes
}

/// `(yaytt)`.
fn encode_fallback(object: &Fallback) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    let Ok(()) = writer.bytes(&[ObjectType::File.number()]);
    let Ok(()) = writer.bytes(&object.checksum.0);
    let checksum_end = writer.position();
    let Ok(()) = writer.pad(8);
    let Ok(()) = writer.bytes(&object.size.to_le_bytes());
    let Ok(()) = writer.bytes(&object.content_size.to_le_bytes());
    let width = minimal_width(writer.position(), 1);
    let Ok(()) = writer.offset(checksum_end, width);
    bytes
}
