//! Where the two places are: found by what the device is.

use anyhow::{Context as _, Result};
use bsp_imx95::bootloader::{Medium, Place};
use bsp_imx95::layout::{Board, CARD_OFFSET, FLEXSPI_NOR_OFFSET, Partition, second_set_offset};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::flash::Flash;
use super::partitions::{Part, Partitions};
use super::register::Register;
use crate::storage::mtd::Mtd;

#[derive(Debug)]
pub(super) enum Places {
    Partitions(Partitions),
    Flash(Flash),
}

impl Places {
    /// The places, and the bytes that a boot image can have in either.
    pub(super) fn open(device: &Path, board: &Board, second_set_fuse: u8) -> Result<(Self, u64)> {
        let second = second_set_offset(second_set_fuse).with_context(|| {
            format!("with the fuse IMG_CNTN_SET1_OFFSET at {second_set_fuse} the ROM looks for no second set")
        });
        if Mtd::is_one(device) {
            let starts = [u64::from(FLEXSPI_NOR_OFFSET), second?];
            let flash = Flash::new(Mtd::open(device)?, starts)?;
            let room = flash.room();
            return Ok((Self::Flash(flash), room));
        }
        let boot = ["boot0", "boot1"].map(|suffix| beside(device, suffix));
        if let [true, true] = [boot[0].try_exists()?, boot[1].try_exists()?] {
            let [a, b] = boot.map(|path| Part { path, start: 0 });
            let size = a.len()?.min(b.len()?);
            let room = board.room_in_boot_partitions(size).with_context(|| {
                format!("boot partitions of {size} bytes have no room for what {} keeps there", board.name)
            })?;
            let register = Register::of(device)?;
            return Ok((Self::Partitions(Partitions::emmc(a, b, register)), room));
        }
        let starts = [u64::from(CARD_OFFSET), second?];
        let [a, b] = starts.map(|start| Part { path: device.to_owned(), start });
        let len = a.len()?;
        let room =
            |start, end| board.room_from(Partition::User, start, len).map(|room| room.min(end - start));
        let room = room(starts[0], starts[1]).zip(room(starts[1], len.max(starts[1])));
        let room = room.map(|(a, b)| a.min(b)).filter(|room| *room > 0).with_context(|| {
            format!("{}: {len} bytes have no room for two sets of containers", device.display())
        })?;
        Ok((Self::Partitions(Partitions::card(a, b)), room))
    }

    /// Whether the places are the boot partitions of an eMMC.
    pub(super) const fn has_boot_partitions(&self) -> bool {
        match self {
            Self::Partitions(partitions) => partitions.are_two(),
            Self::Flash(_) => false,
        }
    }
}

/// `/dev/mmcblk0` and `boot0` are `/dev/mmcblk0boot0`.
fn beside(device: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(device);
    name.push(suffix);
    name.into()
}

impl Medium for Places {
    type Error = anyhow::Error;

    fn unit(&self) -> usize {
        match self {
            Self::Partitions(partitions) => partitions.unit(),
            Self::Flash(flash) => flash.unit(),
        }
    }

    fn read(&mut self, place: Place, offset: u32, out: &mut [u8]) -> Result<()> {
        match self {
            Self::Partitions(partitions) => partitions.read(place, offset, out),
            Self::Flash(flash) => flash.read(place, offset, out),
        }
    }

    fn write(&mut self, place: Place, offset: u32, units: &[u8]) -> Result<()> {
        match self {
            Self::Partitions(partitions) => partitions.write(place, offset, units),
            Self::Flash(flash) => flash.write(place, offset, units),
        }
    }

    fn sync(&mut self) -> Result<()> {
        match self {
            Self::Partitions(partitions) => partitions.sync(),
            Self::Flash(flash) => flash.sync(),
        }
    }

    fn partition_config(&mut self) -> Result<Option<u8>> {
        match self {
            Self::Partitions(partitions) => partitions.partition_config(),
            Self::Flash(flash) => flash.partition_config(),
        }
    }

    fn set_partition_config(&mut self, byte: u8) -> Result<()> {
        match self {
            Self::Partitions(partitions) => partitions.set_partition_config(byte),
            Self::Flash(flash) => flash.set_partition_config(byte),
        }
    }
}
