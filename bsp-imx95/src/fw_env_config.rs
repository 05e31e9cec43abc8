//! Where Linux finds the U-Boot environment: `fw_env.config`, as `fw_printenv` and `fw_setenv` read it.
//!
//! One line a copy: `device offset size [sector-size] [sectors] [disable-lock]`. An offset is decimal, `0x`
//! hexadecimal or `0` octal, and from the device's end if negative; **sizes are always hexadecimal**, with
//! or without `0x`. Unlike libubootenv, a line that cannot be read, copies that overlap, and a third line
//! are refused: each would cost the redundancy without a word.
//!
//! ```
//! use bsp_imx95::fw_env_config::FwEnvConfig;
//!
//! let config = FwEnvConfig::parse("/dev/emmc-boot0 -0x2200 0x2000\n/dev/emmc-boot0 -0x4200 0x2000\n")?;
//! assert_eq!(config.devices().len(), 2);
//! assert_eq!(config.devices()[1].start(0x40_0000), Some(0x40_0000 - 0x4200));
//! # Ok::<(), bsp_imx95::fw_env_config::Error>(())
//! ```

mod parse;
#[cfg(feature = "yaml")]
pub mod yaml;

use crate::env::{Layout, Scheme};

/// Most bytes of a configuration: 16 KiB.
pub const MAX_LEN: usize = 16 * 1024;

/// The one or two copies of an environment, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FwEnvConfig<'a> {
    devices: heapless::Vec<Device<'a>, 2>,
}

/// Where one copy lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device<'a> {
    /// Path of a block device, character device or regular file.
    pub path: &'a str,
    /// Offset in bytes from the start, or from the end if negative.
    pub offset: i64,
    /// Size in bytes of the copy, header included: 1 to [`env::MAX_SIZE`](crate::env::MAX_SIZE).
    pub size: usize,
    /// Erase size in bytes; 0 if not given.
    pub sector_size: u64,
    /// Number of sectors the copy may spread over; 0 if not given.
    pub sectors: u64,
}

/// Why a configuration is refused, and in which line (from 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct Error {
    /// Line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub kind: ErrorKind,
}

/// What is wrong in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is longer than [`MAX_LEN`].
    #[error("the text has {len} bytes, the limit is {limit}")]
    TooLong {
        /// Length in bytes.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// No line names a device. Reported at the last line.
    #[error("no device is given")]
    NoDevice,
    /// Fewer than three fields.
    #[error("a device, an offset and a size are needed, {given} of them are given")]
    MissingField {
        /// Fields in the line.
        given: usize,
    },
    /// A field is no number, or too large.
    #[error("field {field} is no number")]
    Number {
        /// Field, counted from 1.
        field: usize,
    },
    /// The size is 0 or above [`env::MAX_SIZE`](crate::env::MAX_SIZE). Sizes are hexadecimal.
    #[error("the size is {size} bytes (sizes are hexadecimal), it must be 1 to {limit}")]
    Size {
        /// The size read.
        size: u64,
        /// The limit.
        limit: usize,
    },
    /// A third device.
    #[error("a third device: an environment has one copy or two")]
    TooManyDevices,
    /// The second copy has another size than the first.
    #[error("the second copy has {second} bytes, the first {first}: they must have the same size")]
    SizesDiffer {
        /// Size of the first copy.
        first: usize,
        /// Size of the second copy.
        second: usize,
    },
    /// The copies share bytes: a torn write would lose both.
    #[error("the second copy overlaps the first: a torn write would lose both")]
    Overlap,
    /// The text is no YAML.
    #[error("not YAML")]
    Yaml,
    /// Something else belongs here: the form is names, below them `size`, `lockfile`, `writelist`, `devices`.
    #[error("something else belongs here")]
    Shape,
    /// A key that libubootenv does not know.
    #[error("an unknown key")]
    UnknownKey,
    /// A name appears twice.
    #[error("the name appears twice")]
    Repeated,
    /// A key is missing.
    #[error("{key} is missing")]
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// A value cannot be used.
    #[error("{key} has a value that cannot be used")]
    Value {
        /// Its key.
        key: &'static str,
    },
}

impl<'a> FwEnvConfig<'a> {
    /// Reads a configuration.
    ///
    /// # Errors
    /// The first line that cannot be used, and why. Copies on differently written paths, or one counted from
    /// the start and one from the end, can only be compared on the device: see [`Device::start`].
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        parse::parse(text).map(|devices| Self { devices })
    }

    /// The one or two copies, in the file's order.
    #[must_use]
    pub fn devices(&self) -> &[Device<'a>] {
        &self.devices
    }

    /// The layout: redundant, with the given meaning of the flags, if there are two copies.
    #[must_use]
    pub fn layout(&self, scheme: Scheme) -> Layout {
        if self.devices.len() == 2 { Layout::Redundant { scheme } } else { Layout::Single }
    }
}

impl Device<'_> {
    /// Offset in bytes of the copy on a device of `device_len` bytes; `None` if the copy does not lie on it.
    #[must_use]
    pub fn start(&self, device_len: u64) -> Option<u64> {
        let start = if self.offset < 0 {
            device_len.checked_sub(self.offset.unsigned_abs())?
        } else {
            self.offset.unsigned_abs()
        };
        let end = start.checked_add(u64::try_from(self.size).ok()?)?;
        (end <= device_len).then_some(start)
    }
}
