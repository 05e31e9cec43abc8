//! Counters in single bytes of chips and files.

use super::{BootCount, Error, fits, fixed, low_byte, put};

/// Two bytes of a real-time clock, a SPI flash or an EEPROM: the count, then `0xbc`.
///
/// In flash U-Boot erases and writes the whole sector around them at each boot: a power cut then loses the
/// count, and whatever else lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tagged;

impl Tagged {
    const MAGIC: u8 = 0xbc;
}

impl BootCount for Tagged {
    fn max(&self) -> u32 {
        0xff
    }

    fn load(&self, record: &[u8]) -> Result<u32, Error> {
        let [count, found] = fixed(record)?;
        check(found, Self::MAGIC, count)
    }

    fn store(&self, record: &mut [u8], count: u32) -> Result<bool, Error> {
        put(record, [low_byte(count)?, Self::MAGIC])
    }
}

/// Two registers of a chip on an I²C bus: a mark, then the count.
///
/// `bootcount_dm_i2c.c` writes them one after the other: a cut between is only noticed if the mark was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum I2c {
    /// `bootcount_i2c.c`: marked by `0xbc`.
    Legacy,
    /// `bootcount_dm_i2c.c`: marked by `0x55`.
    DriverModel,
}

impl I2c {
    const fn magic(self) -> u8 {
        match self {
            Self::Legacy => 0xbc,
            Self::DriverModel => 0x55,
        }
    }
}

impl BootCount for I2c {
    fn max(&self) -> u32 {
        0xff
    }

    fn load(&self, record: &[u8]) -> Result<u32, Error> {
        let [found, count] = fixed(record)?;
        check(found, self.magic(), count)
    }

    fn store(&self, record: &mut [u8], count: u32) -> Result<bool, Error> {
        put(record, [self.magic(), low_byte(count)?])
    }
}

/// The memory registers A to D of a PFUZE100 power management chip: `0xdead` and the count, low bytes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pfuze100;

impl Pfuze100 {
    const MAGIC: u16 = 0xdead;
}

impl BootCount for Pfuze100 {
    fn max(&self) -> u32 {
        0xffff
    }

    fn load(&self, record: &[u8]) -> Result<u32, Error> {
        let [a, b, c, d] = fixed(record)?;
        match u16::from_le_bytes([a, b]) {
            Self::MAGIC => Ok(u16::from_le_bytes([c, d]).into()),
            found => Err(Error::Magic { found: found.into(), expected: Self::MAGIC.into() }),
        }
    }

    fn store(&self, record: &mut [u8], count: u32) -> Result<bool, Error> {
        let ([a, b], [c, d, ..]) = (Self::MAGIC.to_le_bytes(), fits(count, self.max())?.to_le_bytes());
        put(record, [a, b, c, d])
    }
}

/// A file of four bytes, by default `/boot/failures`.
///
/// While its last byte is 0 U-Boot does not count. Without the file, or with a wrong one, it counts from 0 and
/// makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File;

impl File {
    const MAGIC: u8 = 0xbd;
    const VERSION: u8 = 1;

    /// The file's bytes that put an update on trial, or end the trial: no boots yet.
    #[must_use]
    pub const fn with_trial(on_trial: bool) -> [u8; 4] {
        [Self::MAGIC, Self::VERSION, 0, if on_trial { 1 } else { 0 }]
    }
}

impl BootCount for File {
    fn max(&self) -> u32 {
        0xff
    }

    fn load(&self, record: &[u8]) -> Result<u32, Error> {
        let [found, version, count, on_trial] = fixed(record)?;
        if version != Self::VERSION && found == Self::MAGIC {
            return Err(Error::Version { found: version, expected: Self::VERSION });
        }
        check(found, Self::MAGIC, if on_trial == 0 { 0 } else { count })
    }

    fn store(&self, record: &mut [u8], count: u32) -> Result<bool, Error> {
        let is_valid = self.load(record).is_ok();
        let [.., on_trial] = fixed::<4>(record)?;
        // What U-Boot assumes of a file that it cannot use.
        let on_trial = if is_valid { on_trial } else { 1 };
        if on_trial == 0 {
            return Ok(false);
        }
        put(record, [Self::MAGIC, Self::VERSION, low_byte(count)?, on_trial])
    }
}

fn check(found: u8, expected: u8, count: u8) -> Result<u32, Error> {
    if found == expected {
        Ok(count.into())
    } else {
        Err(Error::Magic { found: found.into(), expected: expected.into() })
    }
}
