//! A patch by bsdiff, without a header and not compressed (`bsdiff/bspatch.c` of mendsley, as libostree has it).
//!
//! Until the new file is complete: three numbers of eight bytes (how many bytes are added to the old file's, how many
//! are taken as they are, how far the old file's position moves then), and these bytes.

/// What the next bytes of the new file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Each is the sum, modulo 256, of one of these and of one of the old file from this position on; outside of the
    /// old file that is 0.
    Sum(&'a [u8], i64),
    /// They are these.
    Copy(&'a [u8]),
}

/// A patch that is being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patch<'a> {
    rest: &'a [u8],
    new_left: u64,
    old_position: i64,
    sum_left: u64,
    copy_left: u64,
    seek: i64,
}

/// The patch is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadPatch;

impl<'a> Patch<'a> {
    /// A patch that makes `new_size` bytes.
    pub(crate) const fn new(bytes: &'a [u8], new_size: u64) -> Self {
        Self { rest: bytes, new_left: new_size, old_position: 0, sum_left: 0, copy_left: 0, seek: 0 }
    }

    /// The next piece, of `most` bytes at most; `None` at the end.
    pub(crate) fn next(&mut self, most: usize) -> Result<Option<Piece<'a>>, BadPatch> {
        loop {
            if self.sum_left > 0 {
                let piece = self.take(self.sum_left, most)?;
                let len = u64::try_from(piece.len()).map_err(|_| BadPatch)?;
                let position = self.old_position;
                self.sum_left -= len;
                self.old_position = position.checked_add_unsigned(len).ok_or(BadPatch)?;
                return Ok(Some(Piece::Sum(piece, position)));
            }
            if self.copy_left > 0 {
                let piece = self.take(self.copy_left, most)?;
                self.copy_left -= u64::try_from(piece.len()).map_err(|_| BadPatch)?;
                return Ok(Some(Piece::Copy(piece)));
            }
            self.old_position = self.old_position.checked_add(self.seek).ok_or(BadPatch)?;
            self.seek = 0;
            if self.new_left == 0 {
                return Ok(None);
            }
            let (sum, copy, seek) = (self.number()?, self.number()?, self.number()?);
            self.sum_left = sum.try_into().map_err(|_| BadPatch)?;
            self.copy_left = copy.try_into().map_err(|_| BadPatch)?;
            self.seek = seek;
            let made = self.sum_left.checked_add(self.copy_left).ok_or(BadPatch)?;
            self.new_left = self.new_left.checked_sub(made).ok_or(BadPatch)?;
        }
    }

    fn take(&mut self, left: u64, most: usize) -> Result<&'a [u8], BadPatch> {
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(most);
        let (piece, rest) = self.rest.split_at_checked(len).ok_or(BadPatch)?;
        self.rest = rest;
        Ok(piece)
    }

    /// Eight bytes, least significant first; the topmost bit is the sign.
    fn number(&mut self) -> Result<i64, BadPatch> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(BadPatch)?;
        self.rest = rest;
        let value = u64::from_le_bytes(*bytes);
        let magnitude = i64::try_from(value & (u64::MAX >> 1)).map_err(|_| BadPatch)?;
        Ok(if value >> 63 == 1 { -magnitude } else { magnitude })
    }
}
