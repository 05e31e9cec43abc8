//! Records in NOR flash, without a file system: two slots for each, of which one is always whole.

use embedded_storage::nor_flash::NorFlash;

use super::{Record, StateError, Store, decode, repository_number, role_number};
use crate::error::{Repository, Role};

/// How many records there is a place for: six roles of two repositories.
pub const RECORDS: usize = 12;

/// Slots of each record.
pub const SLOTS: usize = 2;

/// A store in the first [`RECORDS`] × [`SLOTS`] × `slot_bytes` bytes of a flash.
///
/// A record is written into the slot that does not hold the current one: erased first, then written from its
/// start to its end, where its CRC stands. Whatever a power cut leaves there, the other slot still holds the
/// record before. A slot that is neither whole nor blank counts as one that was cut off.
#[derive(Debug)]
pub struct FlashStore<'s, F> {
    flash: F,
    slot_bytes: usize,
    scratch: &'s mut [u8],
}

impl<'s, F: NorFlash> FlashStore<'s, F> {
    /// A store in `flash`, with `scratch` as long as a slot: a whole number of erase blocks. `None` if it is not,
    /// or the flash is too small.
    #[must_use]
    pub fn new(flash: F, scratch: &'s mut [u8]) -> Option<Self> {
        let slot_bytes = scratch.len();
        let whole = slot_bytes.checked_rem(F::ERASE_SIZE)? == 0
            && slot_bytes.checked_rem(F::WRITE_SIZE)? == 0
            && slot_bytes.checked_rem(F::READ_SIZE)? == 0;
        let needed = slot_bytes.checked_mul(RECORDS * SLOTS)?;
        u32::try_from(needed).ok()?;
        (whole && slot_bytes > 0 && needed <= flash.capacity()).then_some(Self { flash, slot_bytes, scratch })
    }

    /// The flash.
    pub fn into_flash(self) -> F {
        self.flash
    }

    fn offset(&self, repository: Repository, role: Role, slot: usize) -> Result<u32, StateError<F::Error>> {
        let place =
            usize::from(repository_number(repository)) * (RECORDS / 2) + usize::from(role_number(role)?);
        // `new` made sure that the end of all slots fits.
        Ok(u32::try_from((place * SLOTS + slot) * self.slot_bytes).unwrap_or(u32::MAX))
    }

    /// Which slot holds the current record, and its sequence number.
    fn current(
        &mut self,
        repository: Repository,
        role: Role,
    ) -> Result<Option<(usize, u64)>, StateError<F::Error>> {
        let mut current: Option<(usize, u64)> = None;
        let (mut blank, mut other_format) = (false, None);
        for slot in 0..SLOTS {
            let offset = self.offset(repository, role, slot)?;
            self.flash.read(offset, self.scratch).map_err(StateError::Medium)?;
            match decode::<F::Error>(self.scratch, repository, role) {
                Ok((sequence, _)) if current.is_none_or(|(_, newest)| newest < sequence) => {
                    current = Some((slot, sequence));
                }
                Ok(_) => {}
                Err(error @ StateError::Format { .. }) => other_format = Some(error),
                Err(_) => blank |= self.scratch.iter().all(|&byte| byte == 0xff),
            }
        }
        match (current, other_format) {
            // A newer version of this program may have written it: what it trusts is not to be undone.
            (_, Some(error)) => Err(error),
            (Some(current), None) => Ok(Some(current)),
            // The very first write was cut off, or there was none.
            (None, None) if blank => Ok(None),
            (None, None) => Err(StateError::Damaged),
        }
    }
}

impl<F: NorFlash> Store for FlashStore<'_, F> {
    type Medium = F::Error;

    fn load<'b>(
        &mut self,
        repository: Repository,
        role: Role,
        buffer: &'b mut [u8],
    ) -> Result<Option<Record<'b>>, StateError<F::Error>> {
        let Some((slot, _)) = self.current(repository, role)? else { return Ok(None) };
        let limit = buffer.len();
        let buffer = buffer.get_mut(..self.slot_bytes).ok_or(StateError::TooLong { limit })?;
        self.flash.read(self.offset(repository, role, slot)?, buffer).map_err(StateError::Medium)?;
        decode(buffer, repository, role).map(|(_, record)| Some(record))
    }

    fn persist(&mut self, record: &Record<'_>) -> Result<(), StateError<F::Error>> {
        let current = self.current(record.repository, record.role)?;
        // Beyond the largest number an older record would win.
        let next = |(slot, sequence): (usize, u64)| Some((1 - slot, sequence.checked_add(1)?));
        let (slot, sequence) = current.map_or(Some((0, 0)), next).ok_or(StateError::Damaged)?;
        let length = record.encode(sequence, self.scratch)?;
        let written = length.next_multiple_of(F::WRITE_SIZE).min(self.slot_bytes);
        let bytes = self.scratch.get_mut(..written).unwrap_or_default();
        bytes.iter_mut().skip(length).for_each(|byte| *byte = 0xff);
        let start = self.offset(record.repository, record.role, slot)?;
        let end = self.offset(record.repository, record.role, slot + 1)?;
        self.flash.erase(start, end).map_err(StateError::Medium)?;
        self.flash.write(start, self.scratch.get(..written).unwrap_or_default()).map_err(StateError::Medium)
    }
}
