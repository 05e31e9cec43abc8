//! Updates of the boot image: the two places on the device's storage, the environment, and what is done after a boot.
//!
//! `bsp-imx95` decides the order in which everything is written; here are the files and devices.

mod flash;
mod partitions;
mod places;
mod register;

use anyhow::{Context as _, Result, bail, ensure};
use bsp_imx95::bootloader::{
    Error, FINISH, Medium as _, Passover, Place, Rom, SoundImage, Update, Verdict, judge, pending_of,
};
use bsp_imx95::emmc::PartitionConfig;
use bsp_imx95::env::Variables;
use bsp_imx95::layout::Board;
use bsp_imx95::slot::State;
use rustix::fs::FlockOperation;
use std::fs::File;
use std::path::Path;

use crate::bootenv::BootEnv;
use places::Places;

/// Bytes that are written and read back at once, if an erase block is not larger.
const BUFFER: usize = 256 * 1024;

/// The boot images of a device.
#[derive(Debug)]
pub struct BootImages {
    rom: Rom,
    places: Places,
    room: u64,
    /// Held as long as this lives: two updates at once would write the same place.
    _lock: File,
}

impl BootImages {
    /// Finds both places on `device`: the boot partitions `…boot0` and `…boot1` of an eMMC, or else two sets of
    /// containers on a card, in a file, or in NOR flash (`/dev/mtdN`). Where the second set is, the fuse
    /// `IMG_CNTN_SET1_OFFSET` says. Of an eMMC the ROM takes the boot partition that `rom` says, or else the
    /// board; of the others always the first set.
    ///
    /// # Errors
    /// If a place cannot be read, or does not have its room there; if `rom` says what only an eMMC has.
    pub fn open(device: &Path, board: Board, rom: Option<Rom>, second_set_fuse: u8) -> Result<Self> {
        let lock = File::open(device).with_context(|| format!("opening {}", device.display()))?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .with_context(|| format!("{}: another update of the boot image runs", device.display()))?;
        let (places, room) = Places::open(device, &board, second_set_fuse)?;
        let first = Rom::First(Place::A);
        let rom = if places.has_boot_partitions() { rom.unwrap_or(board.rom) } else { rom.unwrap_or(first) };
        ensure!(
            places.has_boot_partitions() || rom == first,
            "{} has no boot partitions: the ROM takes the first set of containers",
            device.display()
        );
        Ok(Self { rom, places, room, _lock: lock })
    }

    /// Bytes that a boot image can have.
    #[must_use]
    pub const fn room(&self) -> u64 {
        self.room
    }

    /// The place that was booted, from what the ROM left in memory.
    ///
    /// # Errors
    /// If the register of the eMMC is needed and cannot be read, or neither place was booted.
    pub fn booted(&mut self, passover: &Passover) -> Result<Place> {
        let byte = self.places.partition_config()?;
        let config = byte.map(PartitionConfig::from_byte).transpose()?;
        let booted = self.rom.booted(passover.stage, config);
        booted.with_context(|| format!("neither place was booted, but {:?} ({config:?})", passover.stage))
    }

    /// Checks the image, writes it to the place that was not booted, reads it back, announces its trial in one
    /// write of the environment, and makes the ROM take it at the next boot.
    ///
    /// With the hash of the device's keys every container must be signed by them.
    ///
    /// # Errors
    /// If something is on trial, the image is not sound or too large, or storage fails. The device then boots
    /// what it booted before, or what [`settle`](Self::settle) says.
    pub fn update(
        &mut self,
        image: &[u8],
        srk_hash: Option<&[u8]>,
        booted: Place,
        environment: &BootEnv,
    ) -> Result<()> {
        ensure_nothing_is_on_trial(&environment.variables()?)?;
        let image = match srk_hash {
            Some(hash) => SoundImage::check_signed(image, hash)?,
            None => SoundImage::check(image)?,
        };
        let mut buffer = self.buffer();
        let staged = self.client(booted).stage(&mut self.places, &image, &mut buffer).map_err(flat)?;
        let announced = staged.announce(|changes| {
            environment.update(|variables| ensure_nothing_is_on_trial(variables).map(|()| changes)).map(drop)
        })?;
        announced.switch(&mut self.places, &mut buffer).map_err(flat)
    }

    /// Ends a trial after a boot: completes it if the new image was booted and `is_wanted`, and goes back
    /// otherwise. If another place was booted than the one gone back to, a reboot is due.
    ///
    /// # Errors
    /// If storage fails, or the place to go back to holds no boot image any more.
    pub fn settle(&mut self, is_wanted: bool, booted: Place, environment: &BootEnv) -> Result<Verdict> {
        let verdict = judge(pending_of(&environment.variables()?), booted, is_wanted);
        match verdict {
            Verdict::Nothing => return Ok(verdict),
            Verdict::Complete => {}
            Verdict::GiveUp(previous) => {
                let mut buffer = self.buffer();
                self.client(booted).give_up(&mut self.places, previous, &mut buffer).map_err(flat)?;
            }
        }
        environment.apply(FINISH)?;
        Ok(verdict)
    }

    const fn client(&self, booted: Place) -> Update {
        Update { rom: self.rom, room: self.room, booted }
    }

    fn buffer(&self) -> Vec<u8> {
        vec![0; BUFFER.next_multiple_of(self.places.unit())]
    }
}

fn ensure_nothing_is_on_trial(variables: &Variables) -> Result<()> {
    if let Some(previous) = pending_of(variables) {
        bail!("a boot image is on trial; the one before it is in place {previous:?}: settle that first");
    }
    let state = State::of(variables);
    let is_quiet = !matches!(state, State::Staged | State::Trial { .. });
    ensure!(is_quiet, "an update of the system is {state}: confirm it or give it up first");
    Ok(())
}

fn flat(error: Error<anyhow::Error>) -> anyhow::Error {
    match error {
        Error::Medium(error) => error,
        other => anyhow::Error::msg(other.to_string()),
    }
}
