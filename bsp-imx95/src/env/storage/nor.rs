use super::{PlacementError, Storage, check_placement, position};
use embedded_storage::nor_flash::{MultiwriteNorFlash, NorFlash};

/// Largest word that a flash may program, in bytes: 32. Most NOR flash programs single bytes.
pub const MAX_WORD: usize = 32;

/// Copies on NOR flash, each in erase blocks of its own: what else lies in its last one is erased with it.
///
/// The flash must take a second write to the same word, as NOR flash without error correction does: that is
/// how a copy is marked obsolete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nor<'a, F> {
    flash: F,
    starts: &'a [u32],
    size: usize,
    room: u32,
}

impl<'a, F: MultiwriteNorFlash> Nor<'a, F> {
    /// Copies of `size` bytes that start at `starts`.
    ///
    /// # Errors
    /// [`PlacementError`], all of it.
    pub fn new(flash: F, starts: &'a [u32], size: usize) -> Result<Self, PlacementError> {
        let word = F::WRITE_SIZE.max(F::READ_SIZE);
        if word > MAX_WORD {
            return Err(PlacementError::Word { word, limit: MAX_WORD });
        }
        let is_multiple = |value: usize, unit: usize| value.checked_rem(unit) == Some(0);
        for (copy, start) in starts.iter().enumerate() {
            let start = usize::try_from(*start).unwrap_or(usize::MAX);
            for (value, unit) in [(start, F::ERASE_SIZE), (size, word)] {
                if !is_multiple(value, unit) {
                    return Err(PlacementError::Unaligned { copy, value, unit });
                }
            }
        }
        let room = size.checked_next_multiple_of(F::ERASE_SIZE).unwrap_or(usize::MAX);
        check_placement(starts, room, flash.capacity())?;
        Ok(Self { flash, starts, size, room: u32::try_from(room).unwrap_or(u32::MAX) })
    }

    /// Gives the flash back.
    pub fn release(self) -> F {
        self.flash
    }
}

impl<F: MultiwriteNorFlash + NorFlash> Storage for Nor<'_, F> {
    type Error = F::Error;

    fn size(&self) -> usize {
        self.size
    }

    fn read(&mut self, copy: usize, at: usize, out: &mut [u8]) -> Result<(), F::Error> {
        self.flash.read(position(self.starts, copy, at), out)
    }

    fn write(&mut self, copy: usize, image: &[u8]) -> Result<(), F::Error> {
        let start = position(self.starts, copy, 0);
        self.flash.erase(start, start.saturating_add(self.room))?;
        self.flash.write(start, image)
    }

    fn obsolete(&mut self, copy: usize) -> Result<(), F::Error> {
        /// Offset of the flags in a copy, after the CRC.
        const FLAGS: usize = 4;
        let unit = F::WRITE_SIZE.max(F::READ_SIZE).max(1);
        let start = position(self.starts, copy, FLAGS - FLAGS % unit);
        let mut buffer = [0; MAX_WORD];
        let (word, _) = buffer.split_at_mut(unit.min(MAX_WORD));
        self.flash.read(start, word)?;
        if let Some(flags) = word.get_mut(FLAGS % unit) {
            *flags = 0;
        }
        self.flash.write(start, word)
    }

    /// Nothing to do: what `NorFlash` has written is written.
    fn sync(&mut self) -> Result<(), F::Error> {
        Ok(())
    }
}
