use super::{Error, Medium, Place, Rom, SoundImage, tag, trial};
use crate::emmc::{BootPartition, PartitionConfig};
use crate::env::Change;

/// What an update needs to know about the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// Which place the ROM takes.
    pub rom: Rom,
    /// Most bytes that a boot image may have in either place: see
    /// [`Board::room_in_boot_partitions`](crate::layout::Board::room_in_boot_partitions).
    pub room: u64,
    /// The place that was booted: [`Rom::booted`]. It is not written.
    pub booted: Place,
}

/// A boot image that was written to the other place and read back. The ROM does not take it yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the ROM does not take it before the switch"]
pub struct Staged {
    update: Update,
}

/// A staged boot image whose trial the environment announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the ROM does not take it before the switch"]
pub struct Announced {
    update: Update,
}

impl Update {
    /// Writes the boot image to the place that was not booted, without making it one that the ROM takes.
    ///
    /// `buffer` holds at least one unit of the medium; the larger it is, the fewer reads are needed. Every
    /// byte is read back. Interrupted, it is begun anew: the device boots what it booted before.
    ///
    /// # Errors
    /// [`Error::TooLarge`] and [`Error::Buffer`], before anything is written; [`Error::Differs`]; what the
    /// medium says.
    pub fn stage<M: Medium>(
        self,
        medium: &mut M,
        image: &SoundImage<'_>,
        buffer: &mut [u8],
    ) -> Result<Staged, Error<M::Error>> {
        let unit = medium.unit();
        let len = image.bytes().len();
        let whole = len.checked_next_multiple_of(unit).and_then(|len| u64::try_from(len).ok());
        if whole.is_none_or(|whole| whole > self.room || u32::try_from(whole).is_err()) {
            return Err(Error::TooLarge { len, unit, room: self.room });
        }
        let buffer = whole_units(buffer, unit)?;
        let target = self.booted.other();
        // The ROM may have booted the second choice because the first is damaged. That one is about to be
        // written, and must not be what it takes halfway.
        self.enable(medium, self.booted)?;
        tag::retire(medium, target, buffer.get_mut(..unit).unwrap_or_default())?;
        write_behind_first_unit(medium, target, image.bytes(), buffer)?;
        let first = pad(image.bytes().get(..unit).unwrap_or(image.bytes()), unit, buffer);
        tag::unpublish(first);
        medium.write(target, 0, first).map_err(Error::Medium)?;
        medium.sync().map_err(Error::Medium)?;
        compare(medium, target, image.bytes(), buffer)?;
        Ok(Staged { update: self })
    }

    /// Goes back to the place that was booted before, `previous`: the first half of giving an update up.
    /// Repeating it is harmless. The caller then stores [`FINISH`](super::FINISH) in one environment write.
    ///
    /// # Errors
    /// [`Error::NoImage`] if that place holds none any more; what the medium says.
    pub fn give_up<M: Medium>(
        self,
        medium: &mut M,
        previous: Place,
        buffer: &mut [u8],
    ) -> Result<(), Error<M::Error>> {
        self.switch(medium, previous, buffer)
    }

    /// Makes `to` the place that the ROM takes.
    fn switch<M: Medium>(self, medium: &mut M, to: Place, buffer: &mut [u8]) -> Result<(), Error<M::Error>> {
        let unit = medium.unit();
        let unit = whole_units(buffer, unit)?.get_mut(..unit).unwrap_or_default();
        // First, so that both places hold a whole image at the moment of the switch.
        tag::publish(medium, to, unit)?;
        match self.rom {
            Rom::Enabled => self.enable(medium, to),
            Rom::First(first) if first != to => tag::retire(medium, first, unit),
            Rom::First(_) => Ok(()),
        }
    }

    /// Makes the ROM take `place`, if EXT_CSD decides that.
    fn enable<M: Medium>(self, medium: &mut M, place: Place) -> Result<(), Error<M::Error>> {
        if self.rom != Rom::Enabled {
            return Ok(());
        }
        let boot = match place {
            Place::A => BootPartition::Boot0,
            Place::B => BootPartition::Boot1,
        };
        let now = partition_config(medium)?;
        if now.boot == boot {
            return Ok(());
        }
        let wanted = PartitionConfig { boot, ..now };
        medium.set_partition_config(wanted.to_byte()).map_err(Error::Medium)?;
        let found = partition_config(medium)?;
        if found.boot == boot { Ok(()) } else { Err(Error::NotSwitched { wanted, found }) }
    }
}

impl Staged {
    /// Announces the trial: `store` gets the changes and makes them in one write of the environment.
    ///
    /// # Errors
    /// What `store` says. The image is then staged and not announced; nothing is to be undone.
    pub fn announce<E>(
        self,
        store: impl FnOnce(&[Change<'static>]) -> Result<(), E>,
    ) -> Result<Announced, E> {
        store(trial::announcement(self.update.booted))?;
        Ok(Announced { update: self.update })
    }
}

impl Announced {
    /// Makes the ROM take the staged image at the next boot. Repeating it is harmless.
    ///
    /// # Errors
    /// What the medium says; the ROM then takes the one image or the other, and [`judge`](super::judge) tells
    /// after the next boot what is to be done.
    pub fn switch<M: Medium>(self, medium: &mut M, buffer: &mut [u8]) -> Result<(), Error<M::Error>> {
        self.update.switch(medium, self.update.booted.other(), buffer)
    }
}

fn partition_config<M: Medium>(medium: &mut M) -> Result<PartitionConfig, Error<M::Error>> {
    let byte = medium.partition_config().map_err(Error::Medium)?.ok_or(Error::NoPartitionConfig)?;
    Ok(PartitionConfig::from_byte(byte)?)
}

/// The part of the buffer that holds whole units.
fn whole_units<E>(buffer: &mut [u8], unit: usize) -> Result<&mut [u8], Error<E>> {
    let given = buffer.len();
    let whole = given.checked_rem(unit).map_or(0, |rest| given - rest);
    if whole == 0 {
        return Err(Error::Buffer { given, unit });
    }
    Ok(buffer.get_mut(..whole).unwrap_or_default())
}

/// `bytes` at the start of the buffer, filled up with zeros to whole units.
fn pad<'a>(bytes: &[u8], unit: usize, buffer: &'a mut [u8]) -> &'a mut [u8] {
    let len = bytes.len().next_multiple_of(unit).min(buffer.len());
    let padded = buffer.get_mut(..len).unwrap_or_default();
    padded.fill(0);
    padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    padded
}

fn write_behind_first_unit<M: Medium>(
    medium: &mut M,
    place: Place,
    image: &[u8],
    buffer: &mut [u8],
) -> Result<(), Error<M::Error>> {
    let unit = medium.unit();
    for (index, chunk) in image.chunks(buffer.len()).enumerate() {
        // The first unit comes last.
        let skipped = if index == 0 { unit.min(chunk.len()) } else { 0 };
        let Some(chunk) = chunk.get(skipped..).filter(|chunk| !chunk.is_empty()) else { continue };
        let offset = offset(index * buffer.len() + skipped);
        let units = pad(chunk, unit, buffer);
        medium.write(place, offset, units).map_err(Error::Medium)?;
    }
    Ok(())
}

/// That the place holds the image, but for the tag that is not published.
fn compare<M: Medium>(
    medium: &mut M,
    place: Place,
    image: &[u8],
    buffer: &mut [u8],
) -> Result<(), Error<M::Error>> {
    let unit = medium.unit();
    // One unit more than the first chunk would be read in vain: the first unit is compared on its own.
    let (first, rest) = image.split_at(unit.min(image.len()));
    let read = buffer.get_mut(..first.len()).unwrap_or_default();
    medium.read(place, 0, read).map_err(Error::Medium)?;
    let same = |at: usize, a: u8, b: u8| a == b || (at == 3 && a == b | 0x78);
    if !read.iter().zip(first).enumerate().all(|(at, (a, b))| same(at, *a, *b)) {
        return Err(Error::Differs { place, offset: 0 });
    }
    for (index, chunk) in rest.chunks(buffer.len()).enumerate() {
        let offset = offset(unit + index * buffer.len());
        let read = buffer.get_mut(..chunk.len()).unwrap_or_default();
        medium.read(place, offset, read).map_err(Error::Medium)?;
        if read != chunk {
            return Err(Error::Differs { place, offset });
        }
    }
    Ok(())
}

/// An offset in an image that was found to fit into the room.
fn offset(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
