//! Places in NOR flash: two sets of containers.

use anyhow::{Context as _, Result, ensure};
use bsp_imx95::bootloader::{Medium, Place};

use crate::storage::mtd::Mtd;

/// Both places.
#[derive(Debug)]
pub(super) struct Flash {
    mtd: Mtd,
    starts: [u64; 2],
}

impl Flash {
    /// Sets that begin at `starts`, which must begin erase blocks.
    pub(super) fn new(mtd: Mtd, starts: [u64; 2]) -> Result<Self> {
        let unit = u64::try_from(mtd.erase_size())?;
        for start in starts {
            ensure!(
                start.is_multiple_of(unit) && start < mtd.size(),
                "a set of containers at {start:#x} does not begin an erase block of {unit:#x} on {:#x} bytes",
                mtd.size()
            );
        }
        Ok(Self { mtd, starts })
    }

    /// The bytes that an image can have in either place.
    pub(super) fn room(&self) -> u64 {
        let [a, b] = self.starts;
        b.saturating_sub(a).min(self.mtd.size().saturating_sub(b))
    }

    fn position(&self, place: Place, offset: u32) -> Result<u64> {
        let start = match place {
            Place::A => self.starts[0],
            Place::B => self.starts[1],
        };
        start.checked_add(u64::from(offset)).context("an offset beyond all flash")
    }
}

impl Medium for Flash {
    type Error = anyhow::Error;

    fn unit(&self) -> usize {
        self.mtd.erase_size()
    }

    fn read(&mut self, place: Place, offset: u32, out: &mut [u8]) -> Result<()> {
        self.mtd.read(self.position(place, offset)?, out)
    }

    fn write(&mut self, place: Place, offset: u32, units: &[u8]) -> Result<()> {
        self.mtd.store(self.position(place, offset)?, units)
    }

    /// Nothing to do: what is stored in flash is stored.
    fn sync(&mut self) -> Result<()> {
        Ok(())
    }

    fn partition_config(&mut self) -> Result<Option<u8>> {
        Ok(None)
    }

    fn set_partition_config(&mut self, byte: u8) -> Result<()> {
        anyhow::bail!("flash has no EXT_CSD to store {byte:#04x} in")
    }
}
