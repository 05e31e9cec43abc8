use super::{Block, Error, ErrorKind};

/// `N` bytes at `at`; zeros where `bytes` ends. For fields of structures whose length is already checked.
pub(super) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    core::array::from_fn(|index| bytes.get(at.saturating_add(index)).copied().unwrap_or(0))
}

pub(super) fn u8_at(bytes: &[u8], at: usize) -> u8 {
    u8::from_le_bytes(field(bytes, at))
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(field(bytes, at))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(field(bytes, at))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(field(bytes, at))
}

/// A part of the file that knows where it lies, so that errors can say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) bytes: &'a [u8],
    /// Where `bytes` begins in the file.
    pub(super) at: usize,
    /// Where the container begins in the file.
    pub(super) container: usize,
}

impl<'a> Part<'a> {
    /// The `len` bytes from `offset` on.
    pub(super) fn slice(self, offset: usize, len: usize) -> Result<Self, Error> {
        let end = offset.checked_add(len);
        match end.and_then(|end| self.bytes.get(offset..end)) {
            Some(bytes) => Ok(Self { bytes, at: self.at.saturating_add(offset), container: self.container }),
            None => {
                let have = self.bytes.len().saturating_sub(offset);
                let at = self.at.saturating_add(offset);
                Err(self.error(ErrorKind::Truncated { at, need: len, have }))
            }
        }
    }

    /// The bytes from `offset` on.
    pub(super) fn from(self, offset: usize) -> Result<Self, Error> {
        self.slice(offset, self.bytes.len().saturating_sub(offset))
    }

    /// A structure that begins here with version, length and tag, as long as it says.
    pub(super) fn block(self, block: Block, min: usize) -> Result<Self, Error> {
        let header = self.slice(0, 4)?.bytes;
        let (version, tag) = (u8_at(header, 0), u8_at(header, 3));
        self.of_length(block, version, tag, u16_at(header, 1), min)
    }

    /// As [`Self::block`] for the two structures that put the tag first: the SRK table and its records.
    pub(super) fn inverted_block(self, block: Block, min: usize) -> Result<Self, Error> {
        let header = self.slice(0, 4)?.bytes;
        let (version, tag) = (u8_at(header, 3), u8_at(header, 0));
        self.of_length(block, version, tag, u16_at(header, 1), min)
    }

    fn of_length(self, block: Block, version: u8, tag: u8, length: u16, min: usize) -> Result<Self, Error> {
        if !block.accepts(version, tag) {
            return Err(self.error(ErrorKind::Block { block, at: self.at, version, tag }));
        }
        let length = usize::from(length);
        if length < min {
            return Err(self.error(ErrorKind::BlockLength { block, at: self.at, length, expected: min }));
        }
        self.slice(0, length)
    }

    /// That the `len` bytes at `offset` are zero, as reserved fields must be.
    pub(super) fn reserved(self, offset: usize, len: usize) -> Result<(), Error> {
        for (index, byte) in self.slice(offset, len)?.bytes.iter().enumerate() {
            if *byte != 0 {
                let at = self.at.saturating_add(offset).saturating_add(index);
                return Err(self.error(ErrorKind::Reserved { at, value: *byte }));
            }
        }
        Ok(())
    }

    pub(super) const fn error(self, kind: ErrorKind) -> Error {
        Error { container: self.container, kind }
    }
}
