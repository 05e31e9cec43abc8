use super::content::Content;
use super::{
    ApplyError, DeltaError, Operation, OperationRule, Operations, PartHeaderRef, PartObject, PartRef, Range,
    unpack,
};
use crate::limits::{MAX_CONTENT_BYTES, MAX_FILE_HEADER_BYTES, MAX_PART_UNPACKED_BYTES, XZ_MEMORY_KIB};
use crate::{Checksum, Error, ErrorKind, FileHeaderRef, Limits, ObjectType, SizesRef, XattrsRef};

/// What a delta may use, whatever it says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budget<'a> {
    /// The largest part after inflating, in bytes; that much memory it takes.
    pub unpacked_bytes: usize,
    /// The most memory for inflating an `.xz` stream, in KiB.
    pub xz_memory_kib: u32,
    /// What all objects together may have, in bytes. It shrinks from part to part.
    pub objects_bytes: u64,
    /// What the commit says that its objects have, and what of the files that it lists is left, in bytes.
    sizes: Option<(SizesRef<'a>, u64)>,
}

impl Budget<'_> {
    /// [`MAX_PART_UNPACKED_BYTES`], [`XZ_MEMORY_KIB`] and [`MAX_CONTENT_BYTES`].
    pub const DEFAULT: Self = Self {
        unpacked_bytes: MAX_PART_UNPACKED_BYTES,
        xz_memory_kib: XZ_MEMORY_KIB,
        objects_bytes: MAX_CONTENT_BYTES,
        sizes: None,
    };

    /// The same, but no object may be larger than its commit says, nor all files together: not even those that are not
    /// listed. A delta to a commit that lists only a part of its files is then refused if it holds more.
    ///
    /// What is listed is sound as far as whoever made the commit is trusted, whose checksum covers it; what a delta says
    /// of itself is as trustworthy as the server.
    #[must_use]
    pub fn within(self, sizes: SizesRef<'_>) -> Budget<'_> {
        let files = sizes.iter().filter(|size| size.object_type() == ObjectType::File);
        let left = files.fold(0, |sum: u64, size| sum.saturating_add(size.unpacked));
        Budget { sizes: Some((sizes, left)), ..self }
    }

    /// Takes `bytes` of a file's content.
    fn spend_content(&mut self, bytes: u64) -> Result<(), DeltaError> {
        if let Some((_, left)) = &mut self.sizes {
            *left = left.checked_sub(bytes).ok_or(DeltaError::CommitFiles { limit: *left })?;
        }
        spend(bytes, &mut self.objects_bytes)
    }

    fn check_size(&self, object: &PartObject, bytes: u64) -> Result<(), DeltaError> {
        match self.sizes {
            Some((sizes, _)) => Ok(sizes.check(object.object_type, &object.checksum, bytes)?),
            None => Ok(()),
        }
    }
}

impl Default for Budget<'_> {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Where a delta finds objects, and leaves new ones.
pub trait Objects {
    /// What can go wrong.
    type Error;
    /// The content of a regular file, open for reading at any place.
    type Source;

    /// Whether the object is not there yet. What is not wanted is not made.
    ///
    /// # Errors
    /// As of the store.
    fn wants(&self, object: &PartObject) -> Result<bool, Self::Error>;

    /// Opens a regular file's content, and says how many bytes it has; `None` if it is not there.
    ///
    /// # Errors
    /// As of the store.
    fn open(&self, file: &Checksum) -> Result<Option<(Self::Source, u64)>, Self::Error>;

    /// Fills `out` with the content from `offset` on. The range is inside of the size that [`Objects::open`] said.
    ///
    /// # Errors
    /// As of the store, also if there are fewer bytes.
    fn read_at(&self, source: &mut Self::Source, offset: u64, out: &mut [u8]) -> Result<(), Self::Error>;

    /// Keeps a metadata object, which has its checksum.
    ///
    /// # Errors
    /// As of the store.
    fn keep_metadata(&self, object: &PartObject, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Keeps a file object. Only when `content` has ended without an error it has the right checksum: until then
    /// it must not be visible under its name.
    ///
    /// # Errors
    /// As of the store, and what `content` returns.
    fn keep_file(
        &self,
        object: &PartObject,
        header: &FileHeaderRef<'_>,
        content: &mut dyn ReadContent<Self::Error>,
    ) -> Result<(), ApplyError<Self::Error>>;
}

/// The content of a file that is being made.
pub trait ReadContent<E> {
    /// How many bytes are still to come, if the delta is sound.
    fn remaining(&self) -> u64;

    /// The next bytes; 0 at the end, and not before size and checksum are right.
    ///
    /// # Errors
    /// If the delta is damaged, or as of the store.
    fn read(&mut self, out: &mut [u8]) -> Result<usize, ApplyError<E>>;
}

/// Makes the objects of a part, `stored` as it was fetched.
///
/// No object is kept whose checksum differs. Objects that were kept before an error are sound.
///
/// # Errors
/// If the part is not what `header` says, is damaged or exceeds `budget`, or as of `objects`.
pub fn apply_part<O: Objects>(
    header: &PartHeaderRef<'_>,
    stored: &[u8],
    budget: &mut Budget<'_>,
    objects: &O,
) -> Result<(), ApplyError<O::Error>> {
    let unpacked = unpack(header, stored, budget)?;
    apply_unpacked(PartRef::parse(&unpacked)?, header, budget, objects)
}

/// Like [`apply_part`], of a part that was unpacked and compared with its header.
///
/// # Errors
/// As [`apply_part`].
pub fn apply_unpacked<O: Objects>(
    part: PartRef<'_>,
    header: &PartHeaderRef<'_>,
    budget: &mut Budget<'_>,
    objects: &O,
) -> Result<(), ApplyError<O::Error>> {
    let mut executor = Executor {
        part,
        objects,
        operations: Operations::new(part.operations()),
        offset: 0,
        source: None,
        opened: None,
        declared_left: header.objects_size,
        declared: header.objects_size,
    };
    let mut made = 0;
    let mut listed = header.objects();
    let mut next = listed.next();
    loop {
        let is_metadata = next.is_some_and(|object| object.object_type != ObjectType::File);
        let Some(operation) = executor.next(is_metadata)? else { break };
        match operation {
            Operation::SetSource { offset } => executor.set_source(offset)?,
            Operation::UnsetSource => executor.source = None,
            operation => {
                let object = next.ok_or(executor.broken(OperationRule::ObjectCount))?;
                executor.make(&object, operation, budget)?;
                made += 1;
                next = listed.next();
            }
        }
    }
    if next.is_some() {
        return Err(DeltaError::ObjectsMissing { made, listed: header.objects().len() }.into());
    }
    Ok(())
}

/// Goes through the operations.
pub(super) struct Executor<'a, O: Objects> {
    part: PartRef<'a>,
    pub(super) objects: &'a O,
    operations: Operations<'a>,
    /// Where the operation at hand starts.
    offset: usize,
    source: Option<Checksum>,
    /// The source, once it was needed.
    opened: Option<(Checksum, O::Source, u64)>,
    declared_left: u64,
    declared: u64,
}

impl<'a, O: Objects> Executor<'a, O> {
    /// The next operation.
    pub(super) fn next(&mut self, is_metadata: bool) -> Result<Option<Operation>, DeltaError> {
        self.offset = self.operations.position();
        self.operations.read(is_metadata)
    }

    /// The operation at hand breaks a rule.
    pub(super) const fn broken(&self, rule: OperationRule) -> DeltaError {
        DeltaError::Operation { offset: self.offset, rule }
    }

    /// Bytes of the payload.
    pub(super) fn payload(&self, range: &Range) -> Result<&'a [u8], DeltaError> {
        range.of(self.part.payload()).ok_or(self.broken(OperationRule::Range))
    }

    pub(super) fn set_source(&mut self, offset: u64) -> Result<(), DeltaError> {
        let bytes = self.payload(&Range { offset, length: 32 })?;
        self.source = bytes.try_into().ok().map(Checksum);
        Ok(())
    }

    pub(super) const fn unset_source(&mut self) {
        self.source = None;
    }

    pub(super) const fn source_checksum(&self) -> Option<Checksum> {
        self.source
    }

    pub(super) const fn has_source(&self) -> bool {
        self.source.is_some()
    }

    /// The source, and its size in bytes.
    pub(super) fn source(&mut self) -> Result<(&mut O::Source, u64), ApplyError<O::Error>> {
        let checksum = self.source.ok_or(self.broken(OperationRule::NoSource))?;
        if self.opened.as_ref().is_none_or(|(opened, ..)| *opened != checksum) {
            let opened = self.objects.open(&checksum).map_err(ApplyError::Objects)?;
            let (source, size) = opened.ok_or(DeltaError::SourceMissing { checksum })?;
            self.opened = Some((checksum, source, size));
        }
        match &mut self.opened {
            Some((_, source, size)) => Ok((source, *size)),
            None => Err(DeltaError::SourceMissing { checksum }.into()),
        }
    }

    /// Makes the next object of the list.
    fn make(
        &mut self,
        object: &PartObject,
        operation: Operation,
        budget: &mut Budget<'_>,
    ) -> Result<(), ApplyError<O::Error>> {
        let is_file = object.object_type == ObjectType::File;
        match operation {
            Operation::Metadata { payload } if !is_file => self.metadata(object, &payload, budget),
            Operation::File { mode, xattrs, payload } if is_file => {
                budget.check_size(object, payload.length)?;
                let bytes = self.payload(&payload)?;
                let (mode, xattrs) = self.described(mode, xattrs, budget)?;
                let (uid, gid, mode) = (mode.uid, mode.gid, mode.mode);
                if mode & crate::object::S_IFMT == crate::object::S_IFLNK {
                    let target = core::str::from_utf8(bytes).map_err(|error| Error {
                        kind: ErrorKind::String(crate::StringRule::NotUtf8),
                        offset: error.valid_up_to(),
                    })?;
                    let header = FileHeaderRef::symlink(uid, gid, target, xattrs)?;
                    return self.file(object, &header, &[]);
                }
                self.charge(payload.length, budget)?;
                self.file(object, &FileHeaderRef::regular(uid, gid, mode, xattrs)?, bytes)
            }
            Operation::Open { mode, xattrs, size } if is_file => {
                budget.check_size(object, size)?;
                let (mode, xattrs) = self.described(mode, xattrs, budget)?;
                let header = FileHeaderRef::regular(mode.uid, mode.gid, mode.mode, xattrs)?;
                self.charge(size, budget)?;
                if !self.objects.wants(object).map_err(ApplyError::Objects)? {
                    return Ok(self.skip()?);
                }
                let mut content = Content::from_operations(self, object, &header, size);
                content.objects().keep_file(object, &header, &mut content)?;
                content.drain()
            }
            Operation::Metadata { .. } | Operation::File { .. } | Operation::Open { .. } => {
                Err(self.broken(OperationRule::ObjectType).into())
            }
            _ => Err(self.broken(OperationRule::Place).into()),
        }
    }

    fn metadata(
        &self,
        object: &PartObject,
        payload: &Range,
        budget: &mut Budget<'_>,
    ) -> Result<(), ApplyError<O::Error>> {
        let bytes = self.payload(payload)?;
        let limit = Limits::DEFAULT.metadata_bytes();
        if bytes.len() > limit {
            return Err(Error { kind: ErrorKind::TooLarge { limit, actual: bytes.len() }, offset: 0 }.into());
        }
        budget.check_size(object, payload.length)?;
        spend(payload.length, &mut budget.objects_bytes)?;
        if !self.objects.wants(object).map_err(ApplyError::Objects)? {
            return Ok(());
        }
        let actual = Checksum::of(bytes);
        let PartObject { object_type, checksum: expected } = *object;
        if actual != expected {
            return Err(DeltaError::ObjectChecksum { object_type, expected, actual }.into());
        }
        self.objects.keep_metadata(object, bytes).map_err(ApplyError::Objects)
    }

    fn file(
        &mut self,
        object: &PartObject,
        header: &FileHeaderRef<'_>,
        bytes: &'a [u8],
    ) -> Result<(), ApplyError<O::Error>> {
        if !self.objects.wants(object).map_err(ApplyError::Objects)? {
            return Ok(());
        }
        let mut content = Content::from_bytes(self, object, header, bytes);
        content.objects().keep_file(object, header, &mut content)?;
        content.drain()
    }

    /// Owner, mode and extended attributes by their numbers.
    fn described(
        &self,
        mode: u64,
        xattrs: u64,
        budget: &mut Budget<'_>,
    ) -> Result<(super::FileMode, XattrsRef<'a>), DeltaError> {
        let index = |number: u64| usize::try_from(number).map_err(|_| self.broken(OperationRule::Index));
        let mode = self.part.mode(index(mode)?).ok_or(self.broken(OperationRule::Index))?;
        let xattrs = self.part.xattrs(index(xattrs)?).ok_or(self.broken(OperationRule::Index))??;
        let actual = xattrs.as_bytes().len();
        if actual > MAX_FILE_HEADER_BYTES {
            let kind = ErrorKind::TooLarge { limit: MAX_FILE_HEADER_BYTES, actual };
            return Err(Error { kind, offset: 0 }.into());
        }
        // Any number of files can have the same attributes, and each costs their size.
        spend(u64::try_from(actual).unwrap_or(u64::MAX), &mut budget.objects_bytes)?;
        Ok((mode, xattrs))
    }

    /// A file's content counts against what the superblock declares and what the caller allows.
    fn charge(&mut self, bytes: u64, budget: &mut Budget<'_>) -> Result<(), DeltaError> {
        let declared = DeltaError::ObjectsSize { limit: self.declared };
        self.declared_left = self.declared_left.checked_sub(bytes).ok_or(declared)?;
        budget.spend_content(bytes)
    }

    /// Passes over a file that is there already.
    fn skip(&mut self) -> Result<(), DeltaError> {
        loop {
            match self.next(false)? {
                Some(Operation::Close) => return Ok(()),
                Some(Operation::Write { .. } | Operation::Patch { .. }) => {}
                Some(Operation::SetSource { offset }) => self.set_source(offset)?,
                Some(Operation::UnsetSource) => self.source = None,
                _ => return Err(self.broken(OperationRule::Place)),
            }
        }
    }
}

fn spend(bytes: u64, left: &mut u64) -> Result<(), DeltaError> {
    *left = left.checked_sub(bytes).ok_or(DeltaError::ObjectsSize { limit: *left })?;
    Ok(())
}
