//! Where things lie on the storage of each board, every number with its source.
//!
//! ```
//! use bsp_imx95::layout::{Partition, VERDIN_IMX95};
//!
//! // A boot partition of 4 MiB: a place for a second environment, the environment, and the config block end it.
//! let environment = VERDIN_IMX95.environment.range(4 << 20);
//! assert_eq!(environment, Some(0x3f_de00..0x3f_fe00));
//! assert_eq!(VERDIN_IMX95.room(Partition::Boot0, 4 << 20), Some(0x3f_be00));
//! ```

mod boards;

use core::ops::Range;

pub use boards::{AQUILA_IMX95, BOARDS, Board, EVK_15X15_IMX95, EVK_19X19_IMX95, SMARC_IMX95, VERDIN_IMX95};

/// The first container in a boot partition of an eMMC: `CONTAINER_HDR_EMMC_OFFSET` in U-Boot's
/// `include/imx_container.h`, `emmc_boot` in spsdk's database of the i.MX95.
pub const BOOT_PARTITION_OFFSET: u32 = 0;

/// The first container on a card and in the user area of an eMMC: `CONTAINER_HDR_MMCSD_OFFSET`, `sd` and `emmc`.
pub const CARD_OFFSET: u32 = 0x8000;

/// The first container in NOR flash on FlexSPI: `CONTAINER_HDR_QSPI_OFFSET`, `flexspi_nor`.
pub const FLEXSPI_NOR_OFFSET: u32 = 0x1000;

/// The flash configuration block before it: `fcb` of `flexspi_nor` in spsdk's database.
pub const FLEXSPI_NOR_CONFIG_OFFSET: u32 = 0x400;

/// Where the tools put the first image behind headers of version 1, counted from the first header:
/// `START_IMAGE_ADDRESS` of `AHABContainer` in spsdk.
pub const FIRST_IMAGE_V1: u32 = 0x2000;

/// The same for version 2: `START_IMAGE_ADDRESS` of `AHABContainerV2`.
pub const FIRST_IMAGE_V2: u32 = 0xc000;

/// Bytes of DDR training data that U-Boot's SPL stores inside the boot image, in the gap behind the first
/// image or where the image of type 0xd points: `QB_STATE_LOAD_SIZE` in `arch/arm/mach-imx/imx9/qb.c`. A boot
/// image read back after it has run differs there from the file; no hash covers the gap.
pub const TRAINING_DATA_LEN: u32 = 0x1_0000;

/// Where the ROM leaves word about the boot in on-chip memory: imx-sm, `devices/MIMX95/sm/dev_sm_rom.c`.
pub const PASSOVER_ADDRESS: u32 = 0x2003_de00;

/// The fuse words that hold the hash of the super root keys: `srkh` in spsdk's database of the i.MX95.
pub const SRK_HASH_FUSES: Range<u16> = 128..144;

/// The fuse words for the second table of keys: `pqc_srkh`.
pub const SECOND_SRK_HASH_FUSES: Range<u16> = 448..464;

/// Where the second set of containers is on a card, in the user area of an eMMC and in NOR flash, by the
/// fuse `IMG_CNTN_SET1_OFFSET`. `None` if the fuse turns it off.
///
/// `SND_IMG_NUM_TO_OFF` in U-Boot's `image-container.c`: 0 is 4 MiB, 2 is 1 MiB, n is 2ⁿ MiB. Above 10 the
/// ROM looks at no second set.
#[must_use]
pub const fn second_set_offset(fuse: u8) -> Option<u64> {
    match fuse {
        0 => Some(4 << 20),
        2 => Some(1 << 20),
        1 | 3..=10 => Some(1 << (20 + fuse)),
        _ => None,
    }
}

/// The hardware partitions of an eMMC that hold what boots; a card has only its user area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition {
    /// The user area: partition 0 in U-Boot's numbers.
    User,
    /// `mmcblkNboot0`: 1 in U-Boot's numbers.
    Boot0,
    /// `mmcblkNboot1`: 2 in U-Boot's numbers.
    Boot1,
}

/// Bytes of a partition that belong to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The partition.
    pub partition: Partition,
    /// Where it begins, in bytes; negative: counted from the end of the partition.
    pub offset: i64,
    /// How many bytes it has.
    pub len: u32,
}

impl Region {
    /// Its bytes in a partition of `size` bytes; `None` if it does not lie on one.
    #[must_use]
    pub fn range(&self, size: u64) -> Option<Range<u64>> {
        let start = match u64::try_from(self.offset) {
            Ok(start) => start,
            Err(_) => size.checked_sub(self.offset.unsigned_abs())?,
        };
        let end = start.checked_add(u64::from(self.len))?;
        (end <= size).then_some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_set_is_where_the_fuse_says() {
        let mib = (0..=11).map(|fuse| second_set_offset(fuse).map(|offset| offset >> 20));
        let expected = [4, 2, 1, 8, 16, 32, 64, 128, 256, 512, 1024].map(Some);
        assert!(mib.eq(expected.into_iter().chain([None])));
    }

    #[test]
    fn a_region_from_the_end_needs_a_partition_that_holds_it() {
        let region = Region { partition: Partition::Boot0, offset: -0x2200, len: 0x2000 };
        assert_eq!(region.range(0x2200), Some(0..0x2000));
        assert_eq!(region.range(0x21ff), None);
        let region = Region { partition: Partition::User, offset: 0x10, len: 0x10 };
        assert_eq!((region.range(0x20), region.range(0x1f)), (Some(0x10..0x20), None));
    }
}
