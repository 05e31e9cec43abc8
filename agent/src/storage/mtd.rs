//! NOR flash as Linux has it: `/dev/mtdN`, read and programmed as it is, and `/dev/mtdblockN`, which erases first.
//!
//! Both are the same flash. Writing to the first clears bits and never erases; writing whole erase blocks to the
//! second erases and programs each of them once. So no `ioctl` is needed.

use anyhow::{Context as _, Result, bail, ensure};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// `MTD_CHAR_MAJOR` of Linux.
const MTD_CHAR_MAJOR: u32 = 90;

/// Where Linux describes flash.
const CLASS_MTD: &str = "/sys/class/mtd";

/// Bytes that are compared at once.
const CHUNK: usize = 4096;

/// One flash, or one partition of it.
#[derive(Debug)]
pub(crate) struct Mtd {
    /// `/dev/mtdN`.
    path: PathBuf,
    /// `/dev/mtdblockN`.
    block: PathBuf,
    erase_size: usize,
    size: u64,
}

impl Mtd {
    /// Whether `path` is `/dev/mtdN`.
    pub(crate) fn is_one(path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|metadata| {
            metadata.file_type().is_char_device() && rustix::fs::major(metadata.rdev()) == MTD_CHAR_MAJOR
        })
    }

    /// Looks at the flash `/dev/mtdN`.
    ///
    /// # Errors
    /// If it is no NOR flash that is erased in blocks of one size, or has no block device beside it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::described(path, Path::new(CLASS_MTD)).with_context(|| path.display().to_string())
    }

    fn described(path: &Path, class: &Path) -> Result<Self> {
        let real = fs::canonicalize(path)?;
        let name = real.file_name().and_then(|name| name.to_str()).context("a device without a name")?;
        let number = name.strip_prefix("mtd").context("its name is not mtdN")?;
        let block = real.with_file_name(format!("mtdblock{number}"));
        let read = |attribute: &str| {
            let path = class.join(name).join(attribute);
            fs::read_to_string(&path)
                .map(|text| text.trim().to_owned())
                .with_context(|| format!("reading {}", path.display()))
        };
        // RAM that acts as flash is what Linux's own tests use.
        let kind = read("type")?;
        ensure!(
            matches!(kind.as_str(), "nor" | "ram"),
            "flash of type {kind} is not supported: only NOR flash is"
        );
        ensure!(number_of::<u32>(&read("numeraseregions")?)? == 0, "its erase blocks have several sizes");
        let erase_size = number_of(&read("erasesize")?)?;
        ensure!(erase_size > 0, "its erase blocks have no size");
        ensure!(block.try_exists()?, "{} is missing: the kernel module mtdblock makes it", block.display());
        let size = number_of(&read("size")?)?;
        Ok(Self { path: real, block, erase_size, size })
    }

    /// Bytes of an erase block.
    pub(crate) const fn erase_size(&self) -> usize {
        self.erase_size
    }

    /// Bytes of the flash.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn read(&self, at: u64, out: &mut [u8]) -> Result<()> {
        let file = File::open(&self.path).with_context(|| format!("opening {}", self.path.display()))?;
        file.read_exact_at(out, at).with_context(|| format!("reading {}", self.path.display()))
    }

    /// Clears bits: every 1 in `bytes` must be one in the flash already.
    pub(crate) fn program(&self, at: u64, bytes: &[u8]) -> Result<()> {
        let file = OpenOptions::new().write(true).open(&self.path);
        let file = file.with_context(|| format!("opening {} for writing", self.path.display()))?;
        file.write_all_at(bytes, at).with_context(|| format!("writing {}", self.path.display()))
    }

    /// Stores whole erase blocks. One whose bits only change from 1 to 0 is not erased, one that holds them
    /// already is not written.
    pub(crate) fn store(&self, at: u64, units: &[u8]) -> Result<()> {
        let unit = u64::try_from(self.erase_size)?;
        let is_whole = at.is_multiple_of(unit) && units.len().is_multiple_of(self.erase_size);
        ensure!(is_whole, "{} bytes at {at:#x} are no whole erase blocks of {unit}", units.len());
        for (block, at) in units.chunks(self.erase_size).zip((at..).step_by(self.erase_size)) {
            match self.change(at, block)? {
                Change::None => {}
                Change::OnlyClears => self.program_differing(at, block)?,
                Change::Sets => self.rewrite(at, block)?,
            }
        }
        Ok(())
    }

    fn rewrite(&self, at: u64, block: &[u8]) -> Result<()> {
        let file = OpenOptions::new().write(true).open(&self.block);
        let file = file.with_context(|| format!("opening {}", self.block.display()))?;
        // The driver gathers a whole erase block before it erases; syncing lets it go.
        file.write_all_at(block, at)
            .and_then(|()| file.sync_all())
            .with_context(|| format!("writing {}", self.block.display()))
    }

    fn change(&self, at: u64, block: &[u8]) -> Result<Change> {
        let mut change = Change::None;
        let mut held = vec![0; CHUNK.min(block.len())];
        for (chunk, at) in block.chunks(CHUNK).zip((at..).step_by(CHUNK)) {
            let held = held.get_mut(..chunk.len()).context("a chunk is at most as long")?;
            self.read(at, held)?;
            if held.iter().zip(chunk).any(|(held, new)| held & new != *new) {
                return Ok(Change::Sets);
            }
            if held != chunk {
                change = Change::OnlyClears;
            }
        }
        Ok(change)
    }

    fn program_differing(&self, at: u64, block: &[u8]) -> Result<()> {
        let mut held = vec![0; CHUNK.min(block.len())];
        for (chunk, at) in block.chunks(CHUNK).zip((at..).step_by(CHUNK)) {
            let held = held.get_mut(..chunk.len()).context("a chunk is at most as long")?;
            self.read(at, held)?;
            if held != chunk {
                self.program(at, chunk)?;
            }
        }
        Ok(())
    }
}

/// What storing bytes does to the bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    None,
    OnlyClears,
    Sets,
}

fn number_of<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(text: &str) -> Result<T> {
    match text.parse() {
        Ok(number) => Ok(number),
        Err(error) => bail!(anyhow::Error::new(error).context(format!("{text} is no number"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// What Linux says of a flash, and its devices as files.
    fn described(changes: &[(&str, &str)]) -> (TempDir, Result<Mtd>) {
        let directory = tempfile::tempdir().unwrap();
        let class = directory.path().join("class/mtd3");
        fs::create_dir_all(&class).unwrap();
        let attributes =
            [("type", "nor"), ("numeraseregions", "0"), ("erasesize", "4096"), ("size", "16384")];
        for (name, value) in attributes.iter().chain(changes) {
            fs::write(class.join(name), format!("{value}\n")).unwrap();
        }
        fs::write(directory.path().join("mtd3"), "").unwrap();
        fs::write(directory.path().join("mtdblock3"), "").unwrap();
        let mtd = Mtd::described(&directory.path().join("mtd3"), &directory.path().join("class"));
        (directory, mtd)
    }

    #[test]
    fn a_flash_is_what_linux_says_it_is() {
        let (_directory, mtd) = described(&[]);
        let mtd = mtd.unwrap();
        assert_eq!((mtd.erase_size(), mtd.size()), (4096, 16384));
    }

    #[test]
    fn flash_that_cannot_be_written_so_is_refused_and_named() {
        for (attribute, value, message) in [
            ("type", "nand", "flash of type nand is not supported"),
            ("type", "ubi", "flash of type ubi is not supported"),
            ("numeraseregions", "2", "its erase blocks have several sizes"),
            ("erasesize", "0", "its erase blocks have no size"),
            ("size", "many", "many is no number"),
        ] {
            let error = described(&[(attribute, value)]).1.unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        assert!(!Mtd::is_one(Path::new("/dev/null")));
    }
}
