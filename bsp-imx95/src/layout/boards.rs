use super::{BOOT_PARTITION_OFFSET, CARD_OFFSET, Partition, Region};
use crate::bootloader::{Place, Rom};

/// `CONFIG_ENV_OFFSET=0xFFFFDE00` of U-Boot's `configs/{verdin,toradex-smarc,aquila}-imx95_defconfig`, which
/// `ofnode_conf_read_int` makes negative: 0x2200 bytes before the end.
const TORADEX_ENVIRONMENT_OFFSET: i64 = -0x2200;

/// `CONFIG_ENV_SIZE=0x2000` of the same three files.
const TORADEX_ENVIRONMENT_LEN: u32 = 0x2000;

/// Directly before the first copy: no board is shipped with two, but builds for Toradex modules have them there.
const TORADEX_REDUNDANT_OFFSET: i64 = -0x4200;

/// `CONFIG_ENV_MMC_EMMC_HW_PARTITION=1` of the same three files.
const TORADEX_ENVIRONMENT_PARTITION: Partition = Partition::Boot0;

/// `TDX_CFG_BLOCK_OFFSET` and `TDX_CFG_BLOCK_PART` in U-Boot's `board/toradex/*-imx95/Kconfig`: the last 512
/// bytes of boot0. Serial number and MAC addresses of the module are there; nothing brings them back.
const TORADEX_CONFIG_BLOCK: Region = Region { partition: Partition::Boot0, offset: -512, len: 512 };

/// `CONFIG_ENV_OFFSET=0x700000` and `CONFIG_ENV_SIZE=0x4000` of U-Boot's
/// `configs/imx95_{15x15,19x19}_evk_defconfig`, without a hardware partition: the user area of the device that
/// was booted from.
const EVK_ENVIRONMENT: Region = Region { partition: Partition::User, offset: 0x70_0000, len: 0x4000 };

/// Where a board has its boot image, its environment and what else must not be overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Board {
    /// Its name in U-Boot: `configs/NAME_defconfig`.
    pub name: &'static str,
    /// The one copy of the U-Boot environment that a stock board has.
    pub environment: Region,
    /// Where the second copy is if U-Boot is built for two; its place is kept free on every board that can have it.
    pub redundant_environment: Option<Region>,
    /// The block with the module's serial number and addresses.
    pub config_block: Option<Region>,
    /// Which of the two boot partitions the ROM takes. See [`Rom`]: this is not settled for the i.MX95.
    pub rom: Rom,
}

impl Board {
    const fn toradex(name: &'static str) -> Self {
        let partition = TORADEX_ENVIRONMENT_PARTITION;
        let environment =
            Region { partition, offset: TORADEX_ENVIRONMENT_OFFSET, len: TORADEX_ENVIRONMENT_LEN };
        Self {
            name,
            environment,
            redundant_environment: Some(Region { offset: TORADEX_REDUNDANT_OFFSET, ..environment }),
            config_block: Some(TORADEX_CONFIG_BLOCK),
            rom: Rom::Enabled,
        }
    }

    const fn evk(name: &'static str) -> Self {
        Self {
            name,
            environment: EVK_ENVIRONMENT,
            redundant_environment: None,
            config_block: None,
            rom: Rom::Enabled,
        }
    }

    /// This board with another rule of the ROM.
    #[must_use]
    pub const fn with_rom(self, rom: Rom) -> Self {
        Self { rom, ..self }
    }

    /// Where the first container begins in a partition.
    #[must_use]
    pub const fn first_container(&self, partition: Partition) -> u32 {
        match partition {
            Partition::User => CARD_OFFSET,
            Partition::Boot0 | Partition::Boot1 => BOOT_PARTITION_OFFSET,
        }
    }

    /// What a boot image must not touch.
    pub fn reserved(&self) -> impl Iterator<Item = Region> + use<> {
        [Some(self.environment), self.redundant_environment, self.config_block].into_iter().flatten()
    }

    /// The most bytes that a boot image in a partition of `size` bytes can have: up to the first thing behind
    /// its start that it must not touch. `None` if something reserved does not lie on the partition.
    #[must_use]
    pub fn room(&self, partition: Partition, size: u64) -> Option<u64> {
        self.room_from(partition, u64::from(self.first_container(partition)), size)
    }

    /// The same for a boot image that begins at `start`, as a second set does.
    #[must_use]
    pub fn room_from(&self, partition: Partition, start: u64, size: u64) -> Option<u64> {
        let mut end = size;
        for region in self.reserved().filter(|region| region.partition == partition) {
            let range = region.range(size)?;
            if range.end > start {
                end = end.min(range.start);
            }
        }
        end.checked_sub(start)
    }

    /// The room that a boot image has in either boot partition: an image that is accepted for one today will
    /// fit into the other tomorrow.
    #[must_use]
    pub fn room_in_boot_partitions(&self, size: u64) -> Option<u64> {
        Some(self.room(Partition::Boot0, size)?.min(self.room(Partition::Boot1, size)?))
    }

    /// The boot partition that [`Place`] means on an eMMC.
    #[must_use]
    pub const fn partition(place: Place) -> Partition {
        match place {
            Place::A => Partition::Boot0,
            Place::B => Partition::Boot1,
        }
    }
}

/// Toradex Verdin iMX95: U-Boot's `configs/verdin-imx95_defconfig`.
pub const VERDIN_IMX95: Board = Board::toradex("verdin-imx95");

/// Toradex SMARC iMX95: U-Boot's `configs/toradex-smarc-imx95_defconfig`.
pub const SMARC_IMX95: Board = Board::toradex("toradex-smarc-imx95");

/// Toradex Aquila iMX95: U-Boot's `configs/aquila-imx95_defconfig`. Its SPL stores DDR training data in the
/// boot image (`CONFIG_SPL_IMX_QB`): see [`TRAINING_DATA_LEN`](super::TRAINING_DATA_LEN).
pub const AQUILA_IMX95: Board = Board::toradex("aquila-imx95");

/// NXP i.MX95 EVK with the package of 19 × 19 mm: U-Boot's `configs/imx95_19x19_evk_defconfig`.
pub const EVK_19X19_IMX95: Board = Board::evk("imx95_19x19_evk");

/// NXP i.MX95 EVK with the package of 15 × 15 mm: U-Boot's `configs/imx95_15x15_evk_defconfig`.
pub const EVK_15X15_IMX95: Board = Board::evk("imx95_15x15_evk");

/// All of them.
pub const BOARDS: [Board; 5] = [VERDIN_IMX95, SMARC_IMX95, AQUILA_IMX95, EVK_19X19_IMX95, EVK_15X15_IMX95];

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT_PARTITION: u64 = 4 << 20;

    #[test]
    fn a_toradex_boot_image_ends_before_the_environment() {
        for board in [VERDIN_IMX95, SMARC_IMX95, AQUILA_IMX95] {
            assert_eq!(board.room(Partition::Boot0, BOOT_PARTITION), Some(BOOT_PARTITION - 0x4200));
            assert_eq!(board.room(Partition::Boot1, BOOT_PARTITION), Some(BOOT_PARTITION));
            assert_eq!(board.room_in_boot_partitions(BOOT_PARTITION), Some(BOOT_PARTITION - 0x4200));
            assert_eq!(board.room(Partition::Boot0, 0x2000), None);
            let environment = board.environment.range(BOOT_PARTITION).unwrap();
            let block = board.config_block.unwrap().range(BOOT_PARTITION).unwrap();
            assert_eq!((environment.end, block.end), (block.start, BOOT_PARTITION));
        }
    }

    #[test]
    fn an_evk_boot_image_on_a_card_ends_before_the_environment() {
        for board in [EVK_19X19_IMX95, EVK_15X15_IMX95] {
            assert_eq!(board.room(Partition::User, 1 << 30), Some(0x70_0000 - 0x8000));
            assert_eq!(board.room_in_boot_partitions(BOOT_PARTITION), Some(BOOT_PARTITION));
        }
    }

    #[test]
    fn a_second_copy_of_the_environment_ends_where_the_first_begins() {
        let second = VERDIN_IMX95.redundant_environment.unwrap().range(BOOT_PARTITION).unwrap();
        assert_eq!(second.end, VERDIN_IMX95.environment.range(BOOT_PARTITION).unwrap().start);
    }
}
