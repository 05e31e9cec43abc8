//! A/B update of the boot image: write the place that is not booted from, read it back, announce the trial in
//! one environment write, switch, and later complete or go back.
//!
//! ```text
//! Update::stage      retire the header of the other place, write, sync, read back       ── Staged
//! Staged::announce   one environment write by the caller                                ── Announced
//! Announced::switch  publish the header, then make the ROM take it
//! ── reboot ──
//! judge              the place that booted, the environment, the version that runs      ── Verdict
//! complete, give_up  one environment write; before it, when giving up, the switch back
//! ```
//!
//! Power may fail before, after and inside every write: the place that was booted from is not written before
//! the trial is announced, and then only one bit field of one byte of it, if the [`Rom`] leaves no other way.
//! A switch is one byte: the EXT_CSD register's, or the tag of the first container, which makes it a
//! container or none. A torn write of its sector holds the old byte or the new one and nothing else.
//!
//! The environment stays where it is: [`Board::room`](crate::layout::Board::room) ends before it.
//!
//! Do not begin while an update of the system is on trial: both use the variable `upgrade_available`.

mod blocks;
mod error;
mod medium;
mod nor;
mod passover;
mod sound;
mod tag;
mod trial;
mod update;

pub use blocks::{Blocks, Register};
pub use error::Error;
pub use medium::Medium;
pub use nor::NorSets;
pub use passover::{BootDevice, Passover, PassoverError, Stage};
pub use sound::SoundImage;
#[cfg(feature = "alloc")]
pub use trial::pending_of;
pub use trial::{FINISH, PREVIOUS, STATUS, Verdict, judge, pending};
pub use update::{Announced, Staged, Update};

/// One of the two places for a boot image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `mmcblkNboot0`, or the first set of containers on a card or in NOR flash.
    A,
    /// `mmcblkNboot1`, or the second set.
    B,
}

impl Place {
    /// The other place.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// Which place the ROM takes: a parameter of the board.
///
/// For the eMMC boot partitions of the i.MX95 this is not settled. U-Boot assumes [`Rom::Enabled`]
/// (`spl_mmc_emmc_boot_partition` in `arch/arm/mach-imx/image-container.c`); of the i.MX93 NXP's support says
/// [`Rom::First`] (community.nxp.com 2033785 and 2037970). The reference manual of the chip decides. On a
/// card, in the user area and in NOR flash it is `First(Place::A)`.
///
/// In any case the ROM takes the other place only if the container in the first is invalid: it notices a torn
/// boot image, never a boot loader that hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rom {
    /// The boot partition that EXT_CSD byte 179 enables.
    Enabled,
    /// Always this one, whatever EXT_CSD says.
    First(Place),
}

impl Rom {
    /// The place that was booted, from what the ROM reports and the byte 179 of EXT_CSD, which only
    /// [`Rom::Enabled`] needs. `None` if it booted from neither.
    #[must_use]
    pub const fn booted(
        self,
        stage: Stage,
        partition_config: Option<crate::emmc::PartitionConfig>,
    ) -> Option<Place> {
        use crate::emmc::BootPartition;
        let first = match (self, partition_config) {
            (Self::First(place), _) => place,
            (Self::Enabled, Some(config)) => match config.boot {
                BootPartition::Boot0 => Place::A,
                BootPartition::Boot1 => Place::B,
                BootPartition::None | BootPartition::User => return None,
            },
            (Self::Enabled, None) => return None,
        };
        match stage {
            Stage::Primary => Some(first),
            Stage::Secondary => Some(first.other()),
            Stage::Recovery | Stage::Serial => None,
        }
    }
}

/// Bytes of the largest unit that can be read back on the stack of a caller without a heap: a sector of eMMC.
pub const SECTOR: usize = 512;
