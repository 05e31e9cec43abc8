//! The tag of the first container as a switch: one byte makes a boot image one that the ROM takes, or none.

use super::{Error, Medium, Place};

/// Where the tag is in the first container.
const OFFSET: usize = 3;
/// Bits that a container's tag (0x87, 0x82) has not and one that was not published yet has.
const UNPUBLISHED: u8 = 0x78;
/// The bit that both tags have and one that was retired has not.
const PUBLISHED: u8 = 0x80;

/// What the tag says. From each to the next only bits from 1 to 0 change, which NOR flash does without erasing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Written and not yet for the ROM.
    Unpublished,
    /// A container.
    Published,
    /// No longer for the ROM.
    Retired,
}

/// Whether `tag` is one of a container.
const fn is_container(tag: u8) -> bool {
    matches!(tag, 0x87 | 0x82)
}

/// The state, and the tag of the container that it is or was.
const fn read(tag: u8) -> Option<(State, u8)> {
    if is_container(tag) {
        return Some((State::Published, tag));
    }
    if tag & UNPUBLISHED == UNPUBLISHED && is_container(tag & !UNPUBLISHED) {
        return Some((State::Unpublished, tag & !UNPUBLISHED));
    }
    if tag & PUBLISHED == 0 && is_container(tag | PUBLISHED) {
        return Some((State::Retired, tag | PUBLISHED));
    }
    None
}

/// Puts the tag of a boot image in its first unit into the form that the ROM does not take.
pub(super) fn unpublish(unit: &mut [u8]) {
    if let Some(tag) = unit.get_mut(OFFSET) {
        *tag |= UNPUBLISHED;
    }
}

/// Makes the image in `place` one that the ROM takes. Nothing is written if it is one.
pub(super) fn publish<M: Medium>(
    medium: &mut M,
    place: Place,
    unit: &mut [u8],
) -> Result<(), Error<M::Error>> {
    medium.read(place, 0, unit).map_err(Error::Medium)?;
    let found = unit.get(OFFSET).copied().unwrap_or(0);
    let Some((state, tag)) = read(found) else { return Err(Error::NoImage { place, tag: found }) };
    if state == State::Retired {
        // On NOR flash this erases, and an interrupted programming must not leave a header with a valid tag
        // and nothing behind it.
        write(medium, place, unit, tag | UNPUBLISHED)?;
    }
    if state != State::Published {
        write(medium, place, unit, tag)?;
    }
    Ok(())
}

/// Makes what is in `place` one that the ROM does not take. Nothing is written if it is none.
pub(super) fn retire<M: Medium>(
    medium: &mut M,
    place: Place,
    unit: &mut [u8],
) -> Result<(), Error<M::Error>> {
    medium.read(place, 0, unit).map_err(Error::Medium)?;
    match unit.get(OFFSET).copied().and_then(read) {
        Some((State::Published, tag)) => write(medium, place, unit, tag & !PUBLISHED),
        _ => Ok(()),
    }
}

/// Stores the first unit with another tag, and reads it back.
fn write<M: Medium>(medium: &mut M, place: Place, unit: &mut [u8], tag: u8) -> Result<(), Error<M::Error>> {
    if let Some(byte) = unit.get_mut(OFFSET) {
        *byte = tag;
    }
    medium.write(place, 0, unit).map_err(Error::Medium)?;
    medium.sync().map_err(Error::Medium)?;
    medium.read(place, 0, unit).map_err(Error::Medium)?;
    if unit.get(OFFSET) == Some(&tag) { Ok(()) } else { Err(Error::Differs { place, offset: 0 }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_leads_to_the_next_by_clearing_bits() {
        for tag in [0x87, 0x82] {
            let (unpublished, retired) = (tag | UNPUBLISHED, tag & !PUBLISHED);
            assert_eq!(read(unpublished), Some((State::Unpublished, tag)));
            assert_eq!(read(tag), Some((State::Published, tag)));
            assert_eq!(read(retired), Some((State::Retired, tag)));
            assert_eq!((unpublished & tag, tag & retired), (tag, retired));
        }
        let known = (0..=u8::MAX).filter(|tag| read(*tag).is_some()).count();
        assert_eq!(known, 6, "no other byte is taken for an image that was put away");
    }
}
