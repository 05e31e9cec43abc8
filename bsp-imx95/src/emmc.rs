//! Which boot partition of an eMMC is used: byte 179 of its EXT_CSD register, `PARTITION_CONFIG`.
//!
//! The byte is the one of JEDEC JESD84-B51, 7.4.69; U-Boot's `include/mmc.h` has the same masks. JEDEC counts
//! the boot partitions from 1, Linux from 0: JEDEC's boot partition 1 is `/dev/mmcblkNboot0`.
//!
//! ```
//! use bsp_imx95::emmc::{BootPartition, PartitionConfig};
//!
//! let config = PartitionConfig::from_byte(0x48)?;
//! assert_eq!(config.boot, BootPartition::Boot0);
//! assert_eq!(PartitionConfig { boot: BootPartition::Boot1, ..config }.to_byte(), 0x50);
//! # Ok::<(), bsp_imx95::emmc::Error>(())
//! ```

/// The index of `PARTITION_CONFIG` in the EXT_CSD register.
pub const PARTITION_CONFIG: usize = 179;

/// Bytes of a boot partition for each unit of `BOOT_SIZE_MULT`, EXT_CSD byte 226: 128 KiB.
pub const BOOT_SIZE_UNIT: u32 = 128 * 1024;

/// From where the eMMC sends data when the ROM boots: bits 5..3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootPartition {
    /// 0: from nowhere.
    None,
    /// 1: `mmcblkNboot0`.
    Boot0,
    /// 2: `mmcblkNboot1`.
    Boot1,
    /// 7: the user area.
    User,
}

/// What reads and writes go to: bits 2..0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// 0: the user area. It is what Linux leaves behind.
    User,
    /// 1: `mmcblkNboot0`.
    Boot0,
    /// 2: `mmcblkNboot1`.
    Boot1,
    /// 3: the replay protected memory block.
    Rpmb,
    /// 4 to 7: a general purpose partition, counted from 0.
    General(u8),
}

/// The byte, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionConfig {
    /// What is accessed.
    pub access: Access,
    /// What is booted from.
    pub boot: BootPartition,
    /// Bit 6: the eMMC acknowledges a boot.
    pub acknowledge: bool,
}

/// Why a byte is no `PARTITION_CONFIG`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bits 5..3 are 3, 4, 5 or 6.
    #[error("PARTITION_CONFIG {byte:#04x} boots from the reserved partition {value}")]
    BootPartition {
        /// The byte.
        byte: u8,
        /// Bits 5..3.
        value: u8,
    },
    /// Bit 7 is set.
    #[error("PARTITION_CONFIG {byte:#04x} has the reserved bit 7")]
    Reserved {
        /// The byte.
        byte: u8,
    },
}

impl PartitionConfig {
    /// Reads the byte.
    ///
    /// # Errors
    /// If it has a reserved value: it is then not one to change a part of.
    pub const fn from_byte(byte: u8) -> Result<Self, Error> {
        if byte & 0x80 != 0 {
            return Err(Error::Reserved { byte });
        }
        let boot = match byte >> 3 & 7 {
            0 => BootPartition::None,
            1 => BootPartition::Boot0,
            2 => BootPartition::Boot1,
            7 => BootPartition::User,
            value => return Err(Error::BootPartition { byte, value }),
        };
        let access = match byte & 7 {
            0 => Access::User,
            1 => Access::Boot0,
            2 => Access::Boot1,
            3 => Access::Rpmb,
            general => Access::General(general - 4),
        };
        Ok(Self { access, boot, acknowledge: byte & 0x40 != 0 })
    }

    /// The byte.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        let boot = match self.boot {
            BootPartition::None => 0,
            BootPartition::Boot0 => 1,
            BootPartition::Boot1 => 2,
            BootPartition::User => 7,
        };
        let access = match self.access {
            Access::User => 0,
            Access::Boot0 => 1,
            Access::Boot1 => 2,
            Access::Rpmb => 3,
            // There are four; two bits cannot name another.
            Access::General(general) => 4 | general & 3,
        };
        let acknowledge = if self.acknowledge { 0x40 } else { 0 };
        acknowledge | boot << 3 | access
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_reads_back_or_is_refused() {
        for byte in 0..=u8::MAX {
            let expected = match (byte >> 7, byte >> 3 & 7) {
                (1, _) => Err(Error::Reserved { byte }),
                (_, value @ 3..=6) => Err(Error::BootPartition { byte, value }),
                _ => Ok(byte),
            };
            assert_eq!(PartitionConfig::from_byte(byte).map(PartitionConfig::to_byte), expected);
        }
    }

    #[test]
    fn the_byte_of_a_toradex_module_boots_from_boot0() {
        // `mmc extcsd read` of mmc-utils prints it as "Boot Partition 1 enabled".
        let config = PartitionConfig { access: Access::User, boot: BootPartition::Boot0, acknowledge: true };
        assert_eq!(PartitionConfig::from_byte(0x48), Ok(config));
    }
}
