//! Places in files, on block devices and in the boot partitions of an eMMC.

use anyhow::{Context as _, Result};
use bsp_imx95::bootloader::{Medium, Place, SECTOR};
use rustix::fs::Advice;
use std::fs::{File, OpenOptions};
use std::io::{Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use super::register::Register;
use crate::storage::{self, protection::Unprotected};

/// One place.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    /// Where the first container is in it.
    pub(super) start: u64,
}

impl Part {
    /// Bytes of the whole file or device.
    pub(super) fn len(&self) -> Result<u64> {
        let len =
            self.open(OpenOptions::new().read(true)).and_then(|mut file| Ok(file.seek(SeekFrom::End(0))?));
        len.with_context(|| self.path.display().to_string())
    }

    fn open(&self, options: &OpenOptions) -> Result<File> {
        options.open(&self.path).with_context(|| format!("opening {}", self.path.display()))
    }

    fn position(&self, offset: u32) -> Result<u64> {
        self.start.checked_add(u64::from(offset)).context("an offset beyond all devices")
    }
}

/// Both places. One that is written stays writable until this is dropped.
#[derive(Debug)]
pub(super) struct Partitions {
    parts: [Part; 2],
    written: [Option<(File, Unprotected)>; 2],
    register: Option<Register>,
    are_two: bool,
}

const fn index(place: Place) -> usize {
    match place {
        Place::A => 0,
        Place::B => 1,
    }
}

impl Partitions {
    /// The boot partitions of an eMMC.
    pub(super) const fn emmc(a: Part, b: Part, register: Option<Register>) -> Self {
        Self { parts: [a, b], written: [None, None], register, are_two: true }
    }

    /// Two sets of containers on a card.
    pub(super) const fn card(a: Part, b: Part) -> Self {
        Self { parts: [a, b], written: [None, None], register: None, are_two: false }
    }

    /// Whether the places are partitions of their own.
    pub(super) const fn are_two(&self) -> bool {
        self.are_two
    }
}

impl Medium for Partitions {
    type Error = anyhow::Error;

    fn unit(&self) -> usize {
        SECTOR
    }

    fn read(&mut self, place: Place, offset: u32, out: &mut [u8]) -> Result<()> {
        let part = &self.parts[index(place)];
        let file = part.open(OpenOptions::new().read(true))?;
        file.read_exact_at(out, part.position(offset)?)
            .with_context(|| format!("reading {}", part.path.display()))
    }

    fn write(&mut self, place: Place, offset: u32, units: &[u8]) -> Result<()> {
        let (part, written) = (&self.parts[index(place)], &mut self.written[index(place)]);
        let (file, _) = match written {
            Some(written) => written,
            None => {
                let unprotected = storage::unprotected(&part.path)?;
                written.insert((part.open(OpenOptions::new().write(true))?, unprotected))
            }
        };
        file.write_all_at(units, part.position(offset)?)
            .with_context(|| format!("writing {}", part.path.display()))
    }

    fn sync(&mut self) -> Result<()> {
        for (file, _) in self.written.iter().flatten() {
            file.sync_all()?;
            // Without this the page cache would answer what is read back, not the storage.
            rustix::fs::fadvise(file, 0, None, Advice::DontNeed)?;
        }
        Ok(())
    }

    fn partition_config(&mut self) -> Result<Option<u8>> {
        self.register.as_ref().map(Register::get).transpose()
    }

    fn set_partition_config(&mut self, byte: u8) -> Result<()> {
        self.register.as_ref().context("there is no EXT_CSD")?.set(byte)
    }
}
