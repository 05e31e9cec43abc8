use embedded_storage::nor_flash::MultiwriteNorFlash;

use super::{Medium, Place};

/// Two sets of containers in one NOR flash, as the ROM finds them by
/// [`FLEXSPI_NOR_OFFSET`](crate::layout::FLEXSPI_NOR_OFFSET) and
/// [`second_set_offset`](crate::layout::second_set_offset).
#[derive(Debug)]
pub struct NorSets<F> {
    /// The flash; bits that are 0 may be written again.
    pub flash: F,
    /// Where the first set begins: a multiple of what the flash erases at once.
    pub a: u32,
    /// Where the second set begins.
    pub b: u32,
}

/// Bytes that are compared at once; the flash must write in parts of it.
const CHUNK: usize = 64;

impl<F: MultiwriteNorFlash> Medium for NorSets<F> {
    type Error = F::Error;

    fn unit(&self) -> usize {
        F::ERASE_SIZE
    }

    fn read(&mut self, place: Place, offset: u32, out: &mut [u8]) -> Result<(), F::Error> {
        self.flash.read(self.address(place, offset), out)
    }

    fn write(&mut self, place: Place, offset: u32, units: &[u8]) -> Result<(), F::Error> {
        for (index, unit) in units.chunks(F::ERASE_SIZE).enumerate() {
            let from = self.address(place, offset).saturating_add(number(index * F::ERASE_SIZE));
            if !self.only_clears_bits(from, unit)? {
                self.flash.erase(from, from.saturating_add(number(F::ERASE_SIZE)))?;
            }
            self.program(from, unit)?;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), F::Error> {
        // A driver returns when the flash is done.
        Ok(())
    }

    fn partition_config(&mut self) -> Result<Option<u8>, F::Error> {
        Ok(None)
    }

    fn set_partition_config(&mut self, _: u8) -> Result<(), F::Error> {
        Ok(())
    }
}

impl<F: MultiwriteNorFlash> NorSets<F> {
    fn address(&self, place: Place, offset: u32) -> u32 {
        let start = match place {
            Place::A => self.a,
            Place::B => self.b,
        };
        start.saturating_add(offset)
    }

    /// Whether the flash can go from what it holds to `unit` without erasing.
    fn only_clears_bits(&mut self, from: u32, unit: &[u8]) -> Result<bool, F::Error> {
        let mut held = [0; CHUNK];
        for (index, chunk) in unit.chunks(CHUNK).enumerate() {
            let held = held.get_mut(..chunk.len()).unwrap_or_default();
            self.flash.read(from.saturating_add(number(index * CHUNK)), held)?;
            if held.iter().zip(chunk).any(|(held, new)| held & new != *new) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Programs what differs.
    fn program(&mut self, from: u32, unit: &[u8]) -> Result<(), F::Error> {
        const { assert!(CHUNK.is_multiple_of(F::WRITE_SIZE) && F::ERASE_SIZE.is_multiple_of(CHUNK)) }
        let mut held = [0; CHUNK];
        for (index, chunk) in unit.chunks(CHUNK).enumerate() {
            let held = held.get_mut(..chunk.len()).unwrap_or_default();
            let at = from.saturating_add(number(index * CHUNK));
            self.flash.read(at, held)?;
            if held != chunk {
                self.flash.write(at, chunk)?;
            }
        }
        Ok(())
    }
}

/// A distance inside a flash, whose addresses have 32 bits.
fn number(distance: usize) -> u32 {
    u32::try_from(distance).unwrap_or(u32::MAX)
}
