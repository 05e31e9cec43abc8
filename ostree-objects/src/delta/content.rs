use alloc::vec;
use alloc::vec::Vec;

use super::apply::{Executor, Objects, ReadContent};
use super::bspatch::{Patch, Piece};
use super::{ApplyError, DeltaError, Operation, OperationRule, PartObject};
use crate::{ContentHasher, FileHeaderRef};

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
    old: Vec<u8>,
}

/// What the operation at hand still gives.
enum Pending<'a> {
    Payload(&'a [u8]),
    Source { offset: u64, length: u64 },
    Patch(Patch<'a>),
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
        Self {
            executor,
            object: *object,
            hasher: Some(ContentHasher::new(header)),
            left: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            pending: Pending::Payload(bytes),
            is_closed: true,
            old: Vec::new(),
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
                let (source, _) = self.executor.source()?;
                objects.read_at(source, *offset, out).map_err(ApplyError::Objects)?;
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
        if self.old.len() < len {
            self.old = vec![0; PIECE_BYTES.max(len)];
        }
        let old = self.old.get_mut(..len).unwrap_or_default();
        objects.read_at(source, offset, old).map_err(ApplyError::Objects)?;
        out.iter_mut().zip(old).for_each(|(byte, old)| *byte = byte.wrapping_add(*old));
        Ok(())
    }

    /// Begins what an operation inside of a file gives.
    fn begin(&mut self, operation: Operation) -> Result<(), ApplyError<O::Error>> {
        match operation {
            Operation::Close => self.is_closed = true,
            Operation::SetSource { offset } => self.executor.set_source(offset)?,
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
    fn read(&mut self, out: &mut [u8]) -> Result<usize, ApplyError<O::Error>> {
        if out.is_empty() {
            return Ok(0);
        }
        while self.hasher.is_some() {
            let count = self.step(out)?;
            if count > 0 {
                let made = u64::try_from(count).unwrap_or(u64::MAX);
                let left = self.left.checked_sub(made);
                self.left = left.ok_or(self.executor.broken(OperationRule::Size))?;
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(out.get(..count).unwrap_or_default());
                }
                return Ok(count);
            }
            if self.is_closed {
                self.check_end()?;
                break;
            }
            match self.executor.next(false)? {
                Some(operation) => self.begin(operation)?,
                None => return Err(self.executor.broken(OperationRule::Place).into()),
            }
        }
        Ok(0)
    }
}

fn copy(to: &mut [u8], from: &[u8]) {
    if let Some(to) = to.get_mut(..from.len()) {
        to.copy_from_slice(from);
    }
}
