use alloc::vec::Vec;

use super::apply::{Executor, Objects, ReadContent};
use super::bspatch::{Patch, Piece};
use super::{ApplyError, DeltaError, Operation, OperationRule, PartObject};
use crate::{Checksum, ContentHasher, FileHeaderRef};

/// Largest piece that is made at once, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// A file object's content: the operations between `o` and `c` give it, or it is there as a whole.
pub(super) struct Content<'e, 'a, O: Objects> {
    executor: &'e mut Executor<'a, O>,
    object: PartObject,
    /// Taken when size and checksum were found right.
    hasher: Option<ContentHasher>,
    left: u64,
    pending: Pending<'a>,
    is_closed: bool,
    old: Window,
}

/// What was last read of the file that a patch changes: a patch goes through it in small steps.
#[derive(Default)]
struct Window {
    /// Which file; of another nothing of it counts.
    file: Option<Checksum>,
    bytes: Vec<u8>,
    /// Where it starts in the file.
    offset: u64,
    len: usize,
}

/// What the operation at hand still gives.
enum Pending<'a> {
    Payload(&'a [u8]),
    Source { offset: u64, length: u64 },
    Patch(Patch<'a>),
}

impl Window {
    fn move_to(&mut self, file: Option<Checksum>) {
        if self.file != file {
            (self.file, self.len) = (file, 0);
        }
    }

    /// Copies the file's bytes from `offset` on, which are inside of its `size`.
    fn read<O: Objects>(
        &mut self,
        objects: &O,
        source: &mut O::Source,
        size: u64,
        offset: u64,
        out: &mut [u8],
    ) -> Result<(), ApplyError<O::Error>> {
        if out.len() >= PIECE_BYTES {
            return objects.read_at(source, offset, out).map_err(ApplyError::Objects);
        }
        copy(out, self.fill(objects, source, size, offset, out.len())?);
        Ok(())
    }

    /// The `len` bytes of the file from `offset` on, which are inside of its `size` and [`PIECE_BYTES`] at most.
    fn fill<O: Objects>(
        &mut self,
        objects: &O,
        source: &mut O::Source,
        size: u64,
        offset: u64,
        len: usize,
    ) -> Result<&[u8], ApplyError<O::Error>> {
        if self.get(offset, len).is_none() {
            // Nothing of it counts if reading fails.
            self.len = 0;
            let there = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
            let ahead = PIECE_BYTES.max(len).min(there);
            if self.bytes.len() < ahead {
                self.bytes.resize(ahead, 0);
            }
            let bytes = self.bytes.get_mut(..ahead).unwrap_or_default();
            objects.read_at(source, offset, bytes).map_err(ApplyError::Objects)?;
            (self.offset, self.len) = (offset, ahead);
        }
        Ok(self.get(offset, len).unwrap_or_default())
    }

    /// The file's bytes from `offset` on, if they are all in it.
    fn get(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        self.bytes.get(..self.len)?.get(start..start.checked_add(len)?)
    }
}

impl<'e, 'a, O: Objects> Content<'e, 'a, O> {
    /// The content that the next operations give, of `size` bytes.
    pub(super) fn from_operations(
        executor: &'e mut Executor<'a, O>,
        object: &PartObject,
        header: &FileHeaderRef<'_>,
        size: u64,
    ) -> Self {
        Self { left: size, is_closed: false, ..Self::from_bytes(executor, object, header, &[]) }
    }

    /// Content that is there.
    pub(super) fn from_bytes(
        executor: &'e mut Executor<'a, O>,
        object: &PartObject,
        header: &FileHeaderRef<'_>,
        bytes: &'a [u8],
    ) -> Self {
        let old = Window { file: executor.source_checksum(), ..Window::default() };
        Self {
            executor,
            object: *object,
            hasher: Some(ContentHasher::new(header)),
            left: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            pending: Pending::Payload(bytes),
            is_closed: true,
            old,
        }
    }

    pub(super) const fn objects(&self) -> &'a O {
        self.executor.objects
    }

    /// Reads what was left unread.
    pub(super) fn drain(mut self) -> Result<(), ApplyError<O::Error>> {
        let mut rest = [0; 256];
        while self.read(&mut rest)? > 0 {}
        Ok(())
    }

    /// The next bytes of the operation at hand; 0 if it gives no more.
    fn step(&mut self, out: &mut [u8]) -> Result<usize, ApplyError<O::Error>> {
        match &mut self.pending {
            Pending::Payload(bytes) => {
                let len = bytes.len().min(out.len());
                let (now, rest) = bytes.split_at_checked(len).unwrap_or_default();
                *bytes = rest;
                copy(out, now);
                Ok(now.len())
            }
            Pending::Source { length: 0, .. } => Ok(0),
            Pending::Source { offset, length } => {
                let len = usize::try_from(*length).unwrap_or(usize::MAX).min(out.len());
                let out = out.get_mut(..len).unwrap_or_default();
                let objects = self.executor.objects;
                let (source, size) = self.executor.source()?;
                self.old.read(objects, source, size, *offset, out)?;
                let len = u64::try_from(out.len()).unwrap_or(0);
                // The range was inside of the source.
                *offset = offset.saturating_add(len);
                *length = length.saturating_sub(len);
                Ok(out.len())
            }
            Pending::Patch(patch) => {
                let most = out.len().min(PIECE_BYTES);
                let piece = patch.next(most).map_err(|_| self.executor.broken(OperationRule::Patch))?;
                match piece {
                    None => Ok(0),
                    Some(Piece::Copy(bytes)) => {
                        copy(out, bytes);
                        Ok(bytes.len())
                    }
                    Some(Piece::Sum(bytes, position)) => {
                        copy(out, bytes);
                        let out = out.get_mut(..bytes.len()).unwrap_or_default();
                        self.add_old(out, position)?;
                        Ok(out.len())
                    }
                }
            }
        }
    }

    /// Adds the old file's bytes from `position` on, as far as it has some there.
    fn add_old(&mut self, out: &mut [u8], position: i64) -> Result<(), ApplyError<O::Error>> {
        let objects = self.executor.objects;
        let (source, size) = self.executor.source()?;
        let before = usize::try_from(position.min(0).unsigned_abs()).unwrap_or(usize::MAX);
        let offset = u64::try_from(position).unwrap_or(0);
        let there = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let Some(out) = out.get_mut(before..) else { return Ok(()) };
        let len = out.len().min(there);
        if len == 0 {
            return Ok(());
        }
        let old = self.old.fill(objects, source, size, offset, len)?;
        out.iter_mut().zip(old).for_each(|(byte, old)| *byte = byte.wrapping_add(*old));
        Ok(())
    }

    /// Begins what an operation inside of a file gives.
    fn begin(&mut self, operation: Operation) -> Result<(), ApplyError<O::Error>> {
        match operation {
            Operation::Close => self.is_closed = true,
            Operation::SetSource { offset } => {
                self.executor.set_source(offset)?;
                self.old.move_to(self.executor.source_checksum());
            }
            Operation::UnsetSource => self.executor.unset_source(),
            Operation::Write { from } if self.executor.has_source() => {
                let (_, size) = self.executor.source()?;
                if from.offset.checked_add(from.length).is_none_or(|end| end > size) {
                    return Err(self.executor.broken(OperationRule::Range).into());
                }
                self.pending = Pending::Source { offset: from.offset, length: from.length };
            }
            Operation::Write { from } => self.pending = Pending::Payload(self.executor.payload(&from)?),
            Operation::Patch { payload } => {
                self.executor.source()?;
                self.pending = Pending::Patch(Patch::new(self.executor.payload(&payload)?, self.left));
            }
            Operation::File { .. } | Operation::Metadata { .. } | Operation::Open { .. } => {
                return Err(self.executor.broken(OperationRule::Place).into());
            }
        }
        Ok(())
    }

    fn check_end(&mut self) -> Result<(), DeltaError> {
        if self.left > 0 {
            return Err(self.executor.broken(OperationRule::Size));
        }
        let PartObject { object_type, checksum: expected } = self.object;
        match self.hasher.take().map(ContentHasher::finish) {
            Some(actual) if actual != expected => {
                Err(DeltaError::ObjectChecksum { object_type, expected, actual })
            }
            _ => Ok(()),
        }
    }
}

impl<O: Objects> ReadContent<O::Error> for Content<'_, '_, O> {
    fn remaining(&self) -> u64 {
        self.left
    }

    /// As many bytes as there is room for: patches come in pieces of a few bytes, and whoever stores the content should
    /// not have to write each by itself.
    fn read(&mut self, out: &mut [u8]) -> Result<usize, ApplyError<O::Error>> {
        let mut filled = 0;
        while filled < out.len() && self.hasher.is_some() {
            let count = self.step(out.get_mut(filled..).unwrap_or_default())?;
            if count > 0 {
                let made = u64::try_from(count).unwrap_or(u64::MAX);
                let left = self.left.checked_sub(made);
                self.left = left.ok_or(self.executor.broken(OperationRule::Size))?;
                filled = filled.saturating_add(count);
                continue;
            }
            if self.is_closed {
                break;
            }
            match self.executor.next(false)? {
                Some(operation) => self.begin(operation)?,
                None => return Err(self.executor.broken(OperationRule::Place).into()),
            }
        }
        match &mut self.hasher {
            Some(hasher) if filled > 0 => hasher.update(out.get(..filled).unwrap_or_default()),
            Some(_) if !out.is_empty() => self.check_end()?,
            _ => {}
        }
        Ok(filled)
    }
}

fn copy(to: &mut [u8], from: &[u8]) {
    if let Some(to) = to.get_mut(..from.len()) {
        to.copy_from_slice(from);
    }
}
