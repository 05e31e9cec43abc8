use super::DeltaName;
use crate::gvariant::{Array, MetadataRef, Span, Tuple};
use crate::limits::MAX_SUPERBLOCK_BYTES;
use crate::{Checksum, CommitRef, DetachedRef, Error, ErrorKind, ObjectType};

/// The order of bytes in which the machine that made a delta kept its sizes. All else is the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// A delta's superblock: `(a{sv}tayay(a{sv}aya(say)sstayay)aya(uayttay)a(yaytt))`.
///
/// It must be in the normal form, which every writer gives it; libostree does not ask for that.
#[derive(Clone, Copy, Debug)]
pub struct SuperblockRef<'a> {
    metadata: MetadataRef<'a>,
    timestamp: u64,
    name: DeltaName,
    commit_bytes: &'a [u8],
    commit: CommitRef<'a>,
    parts: Array<'a>,
    fallbacks: Array<'a>,
    byte_order: ByteOrder,
    is_order_guessed: bool,
}

/// What a superblock says about a part: `(uayttay)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartHeaderRef<'a> {
    /// The SHA-256 of the part as it is stored: the byte that names the compression, and what follows.
    pub checksum: Checksum,
    /// The part's size as it is stored, in bytes.
    pub size: u64,
    /// The size of its objects together, in bytes.
    pub objects_size: u64,
    objects: &'a [u8],
}

/// An object that a part makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartObject {
    /// Its type: file, dirtree, dirmeta or commit.
    pub object_type: ObjectType,
    /// Its name.
    pub checksum: Checksum,
}

/// An object that is too large for the delta and has to be fetched by itself: `(yaytt)`, always a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// Its name.
    pub checksum: Checksum,
    /// Its size as a `.filez`, in bytes.
    pub size: u64,
    /// Its content's size, in bytes.
    pub content_size: u64,
}

/// Bytes of an object in a part's header: a type and a checksum.
const OBJECT_BYTES: usize = 33;

impl<'a> SuperblockRef<'a> {
    /// Reads a superblock that is not signed; see [`SignedSuperblockRef`].
    ///
    /// # Errors
    /// If it is not in the normal form, larger than [`MAX_SUPERBLOCK_BYTES`], or has a malformed member.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut tuple = Tuple::new(bounded(bytes)?, 6)?;
        let metadata = MetadataRef::read(tuple.variable(8)?)?;
        let timestamp = tuple.be_u64()?;
        let from = tuple.variable(1)?;
        let from = if from.len() == 0 { None } else { Some(from.checksum()?) };
        let to = tuple.variable(1)?.checksum()?;
        let commit = tuple.variable(8)?;
        // Deltas that have to be applied first; no tool writes any.
        let recurse = tuple.variable(1)?;
        if recurse.len() != 0 {
            return Err(recurse.error(0, ErrorKind::TrailingData { bytes: recurse.len() }));
        }
        let parts = Array::new(tuple.variable(8)?, 8)?;
        let fallbacks = Array::new(tuple.last(8)?, 8)?;
        let stored = metadata.get("ostree.endianness");
        let (byte_order, is_order_guessed) = match stored.map(|value| value.as_byte()) {
            Some(Some(b'l')) => (ByteOrder::Little, false),
            Some(Some(b'B')) => (ByteOrder::Big, false),
            Some(Some(value)) => return Err(Error { kind: ErrorKind::DeltaByteOrder { value }, offset: 0 }),
            Some(None) => return Err(Error { kind: ErrorKind::ValueType, offset: 0 }),
            None => (guess(&parts)?, true),
        };
        for index in 0..parts.len() {
            PartHeaderRef::read(parts.get(index)?, byte_order)?;
        }
        for index in 0..fallbacks.len() {
            Fallback::read(fallbacks.get(index)?, byte_order)?;
        }
        Ok(Self {
            metadata,
            timestamp,
            name: DeltaName { from, to },
            commit_bytes: commit.bytes,
            commit: CommitRef::read(commit)?,
            parts,
            fallbacks,
            byte_order,
            is_order_guessed,
        })
    }

    /// The metadata: among others parts and commitmeta that are in the superblock itself.
    #[must_use]
    pub const fn metadata(&self) -> MetadataRef<'a> {
        self.metadata
    }

    /// When the delta was made, in seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// From which commit to which one.
    #[must_use]
    pub const fn name(&self) -> DeltaName {
        self.name
    }

    /// The bytes of the commit that the delta leads to. Whether they are that commit's is for the caller to compare.
    #[must_use]
    pub const fn commit_bytes(&self) -> &'a [u8] {
        self.commit_bytes
    }

    /// The commit that these bytes are.
    #[must_use]
    pub const fn commit(&self) -> &CommitRef<'a> {
        &self.commit
    }

    /// In which order sizes are stored, and whether that had to be guessed: deltas older than 2015 do not say it.
    #[must_use]
    pub const fn byte_order(&self) -> (ByteOrder, bool) {
        (self.byte_order, self.is_order_guessed)
    }

    /// The parts, in the order in which they are applied.
    #[must_use]
    pub fn parts(&self) -> impl ExactSizeIterator<Item = PartHeaderRef<'a>> + use<'a> {
        let (parts, order) = (self.parts, self.byte_order);
        // `parse` has read each of them once.
        (0..parts.len()).map(move |index| {
            parts.get(index).and_then(|part| PartHeaderRef::read(part, order)).unwrap_or(PartHeaderRef::EMPTY)
        })
    }

    /// The objects that are not in the delta.
    pub fn fallbacks(&self) -> impl Iterator<Item = Fallback> + use<'a> {
        let (fallbacks, order) = (self.fallbacks, self.byte_order);
        (0..fallbacks.len()).filter_map(move |index| Fallback::read(fallbacks.get(index).ok()?, order).ok())
    }

    /// Part `index`, if it is in the superblock itself: its compression byte, and what follows.
    #[must_use]
    pub fn inline_part(&self, index: usize) -> Option<(u8, &'a [u8])> {
        let directory = self.name.directory();
        let is_key = |key: &str| {
            let number = key.strip_prefix(directory.as_str()).and_then(|rest| rest.strip_prefix('/'));
            number.is_some_and(|number| number.parse() == Ok(index))
        };
        let (_, value) = self.metadata.iter().find(|(key, _)| is_key(key))?;
        if value.type_string() != "(yay)" {
            return None;
        }
        let (compression, payload) = value.bytes().split_first()?;
        Some((*compression, payload))
    }

    /// The commit's detached metadata, if it is in the superblock.
    #[must_use]
    pub fn detached(&self) -> Option<&'a [u8]> {
        let directory = self.name.directory();
        let is_key =
            |key: &str| key.strip_prefix(directory.as_str()).is_some_and(|rest| rest == "/commitmeta");
        let (_, value) = self.metadata.iter().find(|(key, _)| is_key(key))?;
        (value.type_string() == "a{sv}").then(|| value.bytes())
    }
}

impl<'a> PartHeaderRef<'a> {
    const EMPTY: PartHeaderRef<'static> =
        PartHeaderRef { checksum: Checksum([0; 32]), size: 0, objects_size: 0, objects: &[] };

    /// A header from its parts; `objects` are 33 bytes each, a type's number and a checksum.
    ///
    /// # Errors
    /// If `objects` are not that, or of a type that no part makes.
    pub fn new(checksum: Checksum, size: u64, objects_size: u64, objects: &'a [u8]) -> Result<Self, Error> {
        let objects = Span::new(objects);
        check_objects(&objects)?;
        Ok(Self { checksum, size, objects_size, objects: objects.bytes })
    }

    fn read(span: Span<'a>, order: ByteOrder) -> Result<Self, Error> {
        let mut tuple = Tuple::new(span, 1)?;
        let version = order.u32(tuple.array(4)?);
        if version != 0 {
            return Err(span.error(0, ErrorKind::DeltaVersion { version }));
        }
        let checksum = tuple.variable(1)?.checksum()?;
        let size = order.u64(tuple.array(8)?);
        let objects_size = order.u64(tuple.array(8)?);
        let objects = tuple.last(1)?;
        check_objects(&objects)?;
        Ok(Self { checksum, size, objects_size, objects: objects.bytes })
    }

    /// The objects that the part makes, in its order.
    #[must_use]
    pub fn objects(&self) -> impl ExactSizeIterator<Item = PartObject> + use<'a> {
        let none = PartObject { object_type: ObjectType::File, checksum: Checksum([0; 32]) };
        // `read` has read each of them once.
        self.objects.chunks_exact(OBJECT_BYTES).map(move |object| PartObject::read(object).unwrap_or(none))
    }
}

fn check_objects(objects: &Span<'_>) -> Result<(), Error> {
    if !objects.len().is_multiple_of(OBJECT_BYTES) {
        let kind = ErrorKind::FixedSize { unit: OBJECT_BYTES, actual: objects.len() };
        return Err(objects.error(0, kind));
    }
    for (index, object) in objects.bytes.chunks_exact(OBJECT_BYTES).enumerate() {
        if PartObject::read(object).is_none() {
            let number = object.first().copied().unwrap_or_default();
            return Err(objects.error(index * OBJECT_BYTES, ErrorKind::DeltaObjectType { number }));
        }
    }
    Ok(())
}

impl PartObject {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (number, checksum) = bytes.split_first()?;
        let object_type = ObjectType::from_number(*number)?;
        let is_made = object_type == ObjectType::File || object_type.is_named_by_bytes();
        is_made.then_some(Self { object_type, checksum: Checksum(checksum.try_into().ok()?) })
    }
}

impl Fallback {
    fn read(span: Span<'_>, order: ByteOrder) -> Result<Self, Error> {
        let mut tuple = Tuple::new(span, 1)?;
        let [number] = tuple.array(1)?;
        if number != ObjectType::File.number() {
            return Err(span.error(0, ErrorKind::DeltaObjectType { number }));
        }
        let checksum = tuple.variable(1)?.checksum()?;
        let size = order.u64(tuple.array(8)?);
        let content_size = order.u64(tuple.array(8)?);
        tuple.finish(1)?;
        Ok(Self { checksum, size, content_size })
    }
}

impl ByteOrder {
    const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    const fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }
}

/// The order in which the sizes are smaller: in the wrong one, each has its low bytes on top.
///
/// libostree's rule (`_ostree_delta_get_endianness`: stored parts a fifth larger than their objects, or objects of
/// 4 GiB on average, are swapped) takes small little-endian deltas for swapped, those of its own test data too.
fn guess(parts: &Array<'_>) -> Result<ByteOrder, Error> {
    let sum = |order| {
        (0..parts.len()).try_fold(0_u128, |sum, index| {
            let part = PartHeaderRef::read(parts.get(index)?, order)?;
            Ok(sum.saturating_add(part.size.into()).saturating_add(part.objects_size.into()))
        })
    };
    Ok(if sum(ByteOrder::Big)? < sum(ByteOrder::Little)? { ByteOrder::Big } else { ByteOrder::Little })
}

/// A superblock with signatures of its bytes: `(taya{sv})`.
#[derive(Clone, Copy, Debug)]
pub struct SignedSuperblockRef<'a> {
    superblock: &'a [u8],
    signatures: DetachedRef<'a>,
}

/// `OSTSGNDT` (`ostree-repo-static-delta-private.h`, `OSTREE_STATIC_DELTA_SIGNED_MAGIC`).
const SIGNED_MAGIC: [u8; 8] = *b"OSTSGNDT";

impl<'a> SignedSuperblockRef<'a> {
    /// Whether `bytes` start as a signed superblock does.
    #[must_use]
    pub fn is_signed(bytes: &[u8]) -> bool {
        bytes.starts_with(&SIGNED_MAGIC)
    }

    /// Reads a signed superblock.
    ///
    /// # Errors
    /// If it is none, not in the normal form, or larger than [`MAX_SUPERBLOCK_BYTES`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let span = bounded(bytes)?;
        let mut tuple = Tuple::new(span, 1)?;
        let value = tuple.be_u64()?;
        if value.to_be_bytes() != SIGNED_MAGIC {
            return Err(span.error(0, ErrorKind::DeltaMagic { value }));
        }
        let superblock = tuple.variable(1)?.bytes;
        let signatures = DetachedRef::read(tuple.last(8)?)?;
        Ok(Self { superblock, signatures })
    }

    /// The bytes that are signed; [`SuperblockRef::parse`] reads them.
    #[must_use]
    pub const fn superblock(&self) -> &'a [u8] {
        self.superblock
    }

    /// The signatures, unverified.
    #[must_use]
    pub const fn signatures(&self) -> DetachedRef<'a> {
        self.signatures
    }
}

fn bounded(bytes: &[u8]) -> Result<Span<'_>, Error> {
    let span = Span::new(bytes);
    if bytes.len() > MAX_SUPERBLOCK_BYTES {
        let kind = ErrorKind::TooLarge { limit: MAX_SUPERBLOCK_BYTES, actual: bytes.len() };
        return Err(span.error(0, kind));
    }
    Ok(span)
}
