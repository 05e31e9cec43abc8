//! The operations of a part, one byte and numbers in LEB128 each (`ostree-repo-static-delta-processing.c`).

use super::{DeltaError, OperationRule};
use crate::varint;

/// An operation. Numbers are as stored: indices, and offsets and lengths in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `S` for a file: all of it is in the payload.
    File {
        /// Number of owner and mode.
        mode: u64,
        /// Number of the set of extended attributes.
        xattrs: u64,
        /// The content, or a symbolic link's target.
        payload: Range,
    },
    /// `S` for metadata.
    Metadata {
        /// The object.
        payload: Range,
    },
    /// `o`: a regular file begins.
    Open {
        /// Number of owner and mode.
        mode: u64,
        /// Number of the set of extended attributes.
        xattrs: u64,
        /// The content's size.
        size: u64,
    },
    /// `w`: content from the source if there is one, else from the payload.
    Write {
        /// Which.
        from: Range,
    },
    /// `r`: the file object whose checksum is in the payload is the source.
    SetSource {
        /// Where its 32 bytes are.
        offset: u64,
    },
    /// `R`: there is no source any more.
    UnsetSource,
    /// `B`: content by a patch of all of the source.
    Patch {
        /// The patch.
        payload: Range,
    },
    /// `c`: the file ends.
    Close,
}

/// A range of bytes as an operation has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Where it starts.
    pub offset: u64,
    /// How long it is.
    pub length: u64,
}

impl Range {
    /// These bytes of `bytes`, if they are inside.
    #[must_use]
    pub fn of<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let start = usize::try_from(self.offset).ok()?;
        bytes.get(start..start.checked_add(usize::try_from(self.length).ok()?)?)
    }
}

/// Reads operations one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Operations<'a> {
    bytes: &'a [u8],
    position: usize,
}

/// Why there is no operation where one should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoOperation {
    Unknown(u8),
    Number,
}

impl<'a> Operations<'a> {
    /// The operations of a part.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Where the next operation starts, in bytes.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// The next operation, as [`Operation`] has it; `S` has other arguments for metadata than for files, so
    /// `is_metadata` says what the next object of the part's list is. `None` at the end.
    ///
    /// # Errors
    /// If there is no such operation, or a number has no end.
    pub fn read(&mut self, is_metadata: bool) -> Result<Option<Operation>, DeltaError> {
        let offset = self.position;
        let rule = match self.next(is_metadata) {
            None => return Ok(None),
            Some(Ok(operation)) => return Ok(Some(operation)),
            Some(Err(NoOperation::Unknown(byte))) => OperationRule::Unknown { byte },
            Some(Err(NoOperation::Number)) => OperationRule::Number,
        };
        Err(DeltaError::Operation { offset, rule })
    }

    fn next(&mut self, is_metadata: bool) -> Option<Result<Operation, NoOperation>> {
        let byte = *self.bytes.get(self.position)?;
        self.position += 1;
        Some(self.arguments(byte, is_metadata))
    }

    fn arguments(&mut self, byte: u8, is_metadata: bool) -> Result<Operation, NoOperation> {
        Ok(match byte {
            b'S' if is_metadata => Operation::Metadata { payload: self.length_first()? },
            b'S' => {
                let (mode, xattrs) = (self.number()?, self.number()?);
                Operation::File { mode, xattrs, payload: self.length_first()? }
            }
            b'o' => Operation::Open { mode: self.number()?, xattrs: self.number()?, size: self.number()? },
            b'w' => Operation::Write { from: self.length_first()? },
            b'r' => Operation::SetSource { offset: self.number()? },
            b'R' => Operation::UnsetSource,
            b'B' => {
                let offset = self.number()?;
                Operation::Patch { payload: Range { offset, length: self.number()? } }
            }
            b'c' => Operation::Close,
            other => return Err(NoOperation::Unknown(other)),
        })
    }

    fn length_first(&mut self) -> Result<Range, NoOperation> {
        let length = self.number()?;
        Ok(Range { length, offset: self.number()? })
    }

    fn number(&mut self) -> Result<u64, NoOperation> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let number = varint::read(rest).ok_or(NoOperation::Number)?;
        self.position = self.position.saturating_add(number.len);
        Ok(number.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_arguments_in_the_order_of_each_operation() {
        let mut operations =
            Operations::new(b"S\x01\x02\x85\x01\x04S\x03\x07o\x00\x01\x09w\x02\x05r\x06B\x05\x02cR");
        let mut next = |is_metadata| operations.next(is_metadata).map(Result::unwrap);
        let range = |offset, length| Range { offset, length };
        assert_eq!(next(false), Some(Operation::File { mode: 1, xattrs: 2, payload: range(4, 133) }));
        assert_eq!(next(true), Some(Operation::Metadata { payload: range(7, 3) }));
        assert_eq!(next(false), Some(Operation::Open { mode: 0, xattrs: 1, size: 9 }));
        assert_eq!(next(false), Some(Operation::Write { from: range(5, 2) }));
        assert_eq!(next(false), Some(Operation::SetSource { offset: 6 }));
        assert_eq!(next(false), Some(Operation::Patch { payload: range(5, 2) }));
        assert_eq!(next(false), Some(Operation::Close));
        assert_eq!(next(false), Some(Operation::UnsetSource));
        assert_eq!(next(false), None);
    }

    #[test]
    fn refuses_unknown_operations_and_numbers_without_end() {
        let first = |bytes: &[u8]| Operations::new(bytes).next(false);
        assert_eq!(first(b"x"), Some(Err(NoOperation::Unknown(b'x'))));
        assert_eq!(first(b"r"), Some(Err(NoOperation::Number)));
        assert_eq!(first(b"r\x80"), Some(Err(NoOperation::Number)));
        let mut most = [0xff; 11];
        most[0] = b'r';
        most[10] = 1;
        assert_eq!(first(&most), Some(Ok(Operation::SetSource { offset: u64::MAX })));
        most[10] = 2;
        assert_eq!(first(&most), Some(Err(NoOperation::Number)));
    }
}
