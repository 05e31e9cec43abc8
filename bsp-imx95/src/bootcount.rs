//! Where boot loaders count their boots: what each driver of U-Boot (`drivers/bootcount`) stores.
//!
//! | counter | driver | bytes | invalid means |
//! |---|---|---|---|
//! | [`Generic`] | `bootcount.c` | count, then magic `0xb001c041`, 32 bits each | 0 |
//! | [`SingleWord`] | `bootcount.c`, `bootcount_at91.c`, `bootcount_davinci.c` | 32 bits: `0xb001`, count | 0 |
//! | [`Ram`] | `bootcount_ram.c` | count, magic, 1000 words of patterns | 0 |
//! | [`Nvmem`] | `bootcount_nvmem.c` (AM33xx) | 32 bits: `0xb0`, version 2, on trial, count | 0 |
//! | [`Syscon`] | `bootcount_syscon.c` | `0xb001` and 16 bits, or `0xb0` and 8 bits | 0 |
//! | [`ZynqMp`] | `bootcount_zynqmp.c` | the low 8 bits of a register | – |
//! | [`Tagged`] | `rtc.c`, `spi-flash.c`, `i2c-eeprom.c` | 16 bits: `0xbc`, count | 0 |
//! | [`I2c`] | `bootcount_i2c.c`, `bootcount_dm_i2c.c` | `0xbc` or `0x55`, count | 0, and 0 is stored |
//! | [`Pfuze100`] | `pmic_pfuze100.c` | `0xdead`, count, 16 bits each | 0 |
//! | [`File`] | `bootcount_fs.c`, `bootcount_ext.c` | `0xbd`, version 1, count, on trial | 0, and it counts |
//! | [`Environment`] | `bootcount_env.c` | the variables `bootcount`, `upgrade_available` | 0 |
//!
//! An invalid record reads as 0 in U-Boot, so **a broken store means that it never rolls back**: here
//! [`load`](BootCount::load) says so. U-Boot stores too great a count without its upper bits, which then starts
//! from 0 or spoils the magic: here [`store`](BootCount::store) refuses it.
//!
//! ```
//! use bsp_imx95::bootcount::{BootCount, ByteOrder, Error, SingleWord};
//!
//! // The register of a watchdog chip, read through a nvmem cell.
//! let mut register = [0x02, 0x00, 0x01, 0xb0];
//! let counter = SingleWord { order: ByteOrder::Little };
//! assert_eq!(counter.load(&register), Ok(2));
//! counter.store(&mut register, 0)?;
//! assert_eq!(register, [0, 0, 0x01, 0xb0]);
//! assert_eq!(counter.store(&mut register, 0x1_0000), Err(Error::TooGreat { count: 0x1_0000, max: 0xffff }));
//! # Ok::<(), Error>(())
//! ```

mod bytes;
mod environment;
mod words;

pub use bytes::{File, I2c, Pfuze100, Tagged};
pub use environment::{EnvRecord, Environment};
pub use words::{Generic, Nvmem, Ram, SingleWord, Syscon, ZynqMp};

/// Magic number of most drivers: `CONFIG_SYS_BOOTCOUNT_MAGIC`.
pub const MAGIC: u32 = 0xb001_c041;

/// Counts boots in a record: bytes of a register, a chip or a file, or an environment.
pub trait BootCount<Record: ?Sized = [u8]> {
    /// The greatest count that can be stored.
    fn max(&self) -> u32;

    /// Reads the count. Where U-Boot counts only during an update, 0 outside of one.
    ///
    /// # Errors
    /// If the record is not valid: U-Boot reads it as 0.
    fn load(&self, record: &Record) -> Result<u32, Error>;

    /// Stores a count; `false` if nothing is stored because no update is on trial, when U-Boot stores nothing
    /// either.
    ///
    /// # Errors
    /// [`Error::TooGreat`] and [`Error::Length`]; the record is then unchanged.
    fn store(&self, record: &mut Record, count: u32) -> Result<bool, Error>;

    /// What U-Boot reads: 0 for a record that is not valid.
    fn load_as_u_boot(&self, record: &Record) -> u32 {
        self.load(record).unwrap_or(0)
    }
}

/// Order of the bytes of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// `CONFIG_SYS_BOOTCOUNT_LE`, and the registers of little-endian machines.
    Little,
    /// `CONFIG_SYS_BOOTCOUNT_BE`.
    Big,
}

/// Why a count cannot be read or stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The record has another length.
    #[error("the boot counter has {expected} bytes, {given} are given")]
    Length {
        /// Length in bytes of the record.
        expected: usize,
        /// Length in bytes that was given.
        given: usize,
    },
    /// The magic number is another one: nothing was ever stored, or something else was.
    #[error("the boot counter is marked by {expected:#x}, here is {found:#x}: U-Boot reads 0")]
    Magic {
        /// What is there.
        found: u32,
        /// What should be there.
        expected: u32,
    },
    /// The record has a version that is not known.
    #[error("the boot counter has version {found}, known is {expected}")]
    Version {
        /// What is there.
        found: u8,
        /// What is known.
        expected: u8,
    },
    /// A word of the pattern behind a counter in RAM has changed: the power was off too long.
    #[error("word {index} of the pattern behind the boot counter has changed: U-Boot reads 0")]
    Pattern {
        /// Index of the word, from 0.
        index: usize,
    },
    /// The count does not fit.
    #[error("a boot count of {count} does not fit: the greatest is {max}")]
    TooGreat {
        /// The count.
        count: u32,
        /// The greatest.
        max: u32,
    },
}

impl ByteOrder {
    const fn word(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    const fn bytes(self, word: u32) -> [u8; 4] {
        match self {
            Self::Little => word.to_le_bytes(),
            Self::Big => word.to_be_bytes(),
        }
    }
}

fn fixed<const N: usize>(record: &[u8]) -> Result<[u8; N], Error> {
    record.try_into().map_err(|_| Error::Length { expected: N, given: record.len() })
}

/// Overwrites the record once everything is known to be right.
fn put<const N: usize>(record: &mut [u8], bytes: [u8; N]) -> Result<bool, Error> {
    let given = record.len();
    let record: &mut [u8; N] = record.try_into().map_err(|_| Error::Length { expected: N, given })?;
    *record = bytes;
    Ok(true)
}

fn fits(count: u32, max: u32) -> Result<u32, Error> {
    if count <= max { Ok(count) } else { Err(Error::TooGreat { count, max }) }
}

fn low_byte(count: u32) -> Result<u8, Error> {
    u8::try_from(count).map_err(|_| Error::TooGreat { count, max: 0xff })
}
