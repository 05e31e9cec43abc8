//! The copies in their files or on their devices.

use crate::storage;
use crate::storage::mtd::Mtd;
use crate::storage::protection::Unprotected;
use anyhow::{Context as _, Result, bail, ensure};
use bsp_imx95::env::Storage;
use bsp_imx95::fw_env_config::Device;
use rustix::fs::Advice;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// `MTD_BLOCK_MAJOR` of Linux: flash as a block device, which rewrites a whole erase block for each write.
const MTD_BLOCK_MAJOR: u32 = 31;

/// Where one copy lies.
#[derive(Debug)]
pub(super) struct Copy {
    path: PathBuf,
    device: Device<'static>,
}

impl Copy {
    pub(super) fn new(directory: &Path, device: &Device<'_>) -> Self {
        Self { path: directory.join(device.path), device: Device { path: "", ..*device } }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn size(&self) -> usize {
        self.device.size
    }

    /// Whether the copy lies in flash.
    pub(super) fn is_flash(&self) -> bool {
        Mtd::is_one(&self.path)
    }

    /// That the copy lies on a file or block device, or at an erase block of NOR flash.
    pub(super) fn check(&self) -> Result<()> {
        if !self.is_flash() {
            return self.open(OpenOptions::new().read(true)).map(drop);
        }
        let (mtd, start) = self.flash()?;
        ensure!(
            start.is_multiple_of(u64::try_from(mtd.erase_size())?),
            "{}: a copy at {start:#x} does not begin an erase block of {:#x} bytes",
            self.path.display(),
            mtd.erase_size()
        );
        Ok(())
    }

    /// Whether both copies share bytes, however their paths and offsets are written.
    pub(super) fn overlaps(&self, other: &Self) -> Result<bool> {
        if self.is_flash() || other.is_flash() {
            let rdev = |copy: &Self| Ok::<_, anyhow::Error>(fs::metadata(&copy.path)?.rdev());
            if rdev(self)? != rdev(other)? {
                return Ok(false);
            }
            let ((mtd, start), (_, other_start)) = (self.flash()?, other.flash()?);
            // What shares an erase block is erased together.
            let room = self.size().next_multiple_of(mtd.erase_size());
            return Ok(start.abs_diff(other_start) < u64::try_from(room)?);
        }
        let read = || OpenOptions::new().read(true).to_owned();
        let ((first, start), (second, other_start)) = (self.open(&read())?, other.open(&read())?);
        let (a, b) = (first.metadata()?, second.metadata()?);
        let is_block = a.file_type().is_block_device() && b.file_type().is_block_device();
        let is_same = if is_block { a.rdev() == b.rdev() } else { (a.dev(), a.ino()) == (b.dev(), b.ino()) };
        Ok(is_same && start.abs_diff(other_start) < u64::try_from(self.size())?)
    }

    /// Makes the file as long as the copy needs, and stores it.
    pub(super) fn create(&self, image: &[u8]) -> Result<()> {
        let start = u64::try_from(self.device.offset)
            .context("the offset counts from the end of a file that does not exist yet")?;
        // The other copy may have made it.
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&self.path)?;
        file.write_all_at(image, start)?;
        file.sync_all()?;
        crate::atomic::sync_directory(self.path.parent().context("a path without a directory")?)?;
        Ok(())
    }

    /// The flash, and where in it the copy starts.
    fn flash(&self) -> Result<(Mtd, u64)> {
        let mtd = Mtd::open(&self.path)?;
        let start = self.start(mtd.size())?;
        Ok((mtd, start))
    }

    /// Where the copy starts on a medium of `len` bytes.
    fn start(&self, len: u64) -> Result<u64> {
        self.device.start(len).with_context(|| {
            format!(
                "{}: offset {} and size {:#x} do not lie on its {len} bytes",
                self.path.display(),
                self.device.offset,
                self.size()
            )
        })
    }

    /// The file, and where in it the copy starts.
    fn open(&self, options: &OpenOptions) -> Result<(File, u64)> {
        let shown = self.path.display();
        let mut file = match options.open(&self.path) {
            Err(_) if is_volume(&self.path) => bail!("{shown}: UBI volumes are not supported"),
            opened => opened.with_context(|| format!("opening {shown}"))?,
        };
        let metadata = file.metadata()?;
        let kind = metadata.file_type();
        check_kind(kind.is_file(), kind.is_block_device(), metadata.rdev())
            .with_context(|| shown.to_string())?;
        let len = file.seek(SeekFrom::End(0))?;
        let start = self.start(len)?;
        Ok((file, start))
    }
}

/// `/dev/ubi0:name`, as libubootenv takes it.
fn is_volume(path: &Path) -> bool {
    path.to_str().is_some_and(|path| {
        (path.starts_with("/dev/ubi") || path.starts_with("/dev/mtd")) && path.contains(':')
    })
}

/// Refuses what is not overwritten in place.
fn check_kind(is_file: bool, is_block: bool, rdev: u64) -> Result<()> {
    let is_flash = is_block && rustix::fs::major(rdev) == MTD_BLOCK_MAJOR;
    ensure!(!is_flash, "flash behind a block device erases more than is written: name /dev/mtdN instead");
    ensure!(is_file || is_block, "neither a file, nor a block device, nor NOR flash");
    Ok(())
}

/// Reads every copy. One that cannot be read counts as broken, as in U-Boot, unless none can.
pub(super) fn read_all(copies: &[Copy]) -> Result<Vec<Vec<u8>>> {
    let mut storage = Copies::new(copies);
    let mut images = Vec::new();
    let mut failed = None;
    for (index, copy) in copies.iter().enumerate() {
        // Zeros never have the right checksum.
        let mut image = vec![0; copy.size()];
        match storage.read(index, 0, &mut image) {
            Ok(()) => {}
            Err(error) if failed.is_some() || copies.len() == 1 => return Err(error),
            Err(error) => {
                tracing::warn!("{error:#}");
                image.fill(0);
                failed = Some(error);
            }
        }
        images.push(image);
    }
    Ok(images)
}

/// The copies, one of them open and unprotected once it is written.
#[derive(Debug)]
pub(super) struct Copies<'a> {
    copies: &'a [Copy],
    written: Option<(File, Unprotected)>,
}

impl<'a> Copies<'a> {
    pub(super) const fn new(copies: &'a [Copy]) -> Self {
        Self { copies, written: None }
    }

    fn copy(&self, index: usize) -> Result<&'a Copy> {
        self.copies.get(index).context("the environment has no such copy")
    }
}

impl Storage for Copies<'_> {
    type Error = anyhow::Error;

    fn size(&self) -> usize {
        self.copies.first().map_or(0, Copy::size)
    }

    fn read(&mut self, copy: usize, at: usize, out: &mut [u8]) -> Result<()> {
        let copy = self.copy(copy)?;
        let at = u64::try_from(at)?;
        if copy.is_flash() {
            let (mtd, start) = copy.flash()?;
            return mtd.read(start.checked_add(at).context("an offset beyond all flash")?, out);
        }
        let (file, start) = copy.open(OpenOptions::new().read(true))?;
        let start = start.checked_add(at).context("an offset beyond all files")?;
        file.read_exact_at(out, start).with_context(|| format!("reading {}", copy.path.display()))
    }

    fn write(&mut self, copy: usize, image: &[u8]) -> Result<()> {
        let copy = self.copy(copy)?;
        if copy.is_flash() {
            let (mtd, start) = copy.flash()?;
            // What else is in the last erase block stays.
            let mut units = vec![0; image.len().next_multiple_of(mtd.erase_size())];
            mtd.read(start, &mut units)?;
            units.iter_mut().zip(image).for_each(|(unit, byte)| *unit = *byte);
            return mtd.store(start, &units);
        }
        let unprotected = storage::unprotected(&copy.path)?;
        let (file, start) = copy.open(OpenOptions::new().read(true).write(true))?;
        file.write_all_at(image, start).with_context(|| format!("writing {}", copy.path.display()))?;
        self.written = Some((file, unprotected));
        Ok(())
    }

    fn obsolete(&mut self, copy: usize) -> Result<()> {
        /// Offset of the flags in a copy, after the CRC.
        const FLAGS: u64 = 4;
        let copy = self.copy(copy)?;
        ensure!(copy.is_flash(), "{}: a copy is only marked obsolete on flash", copy.path.display());
        let (mtd, start) = copy.flash()?;
        mtd.program(start.checked_add(FLAGS).context("an offset beyond all flash")?, &[0])
    }

    fn sync(&mut self) -> Result<()> {
        if let Some((file, _)) = &self.written {
            file.sync_all()?;
            // Without this the page cache would answer what is read back, not the storage.
            rustix::fs::fadvise(file, 0, None, Advice::DontNeed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flash_is_refused_and_named() {
        // /dev/mmcblk0boot0, /dev/mtdblock0, /dev/mtd0
        assert!(check_kind(false, true, rustix::fs::makedev(179, 8)).is_ok());
        let error = check_kind(false, true, rustix::fs::makedev(31, 0)).unwrap_err().to_string();
        assert!(error.contains("name /dev/mtdN instead"), "{error}");
        let error = check_kind(false, false, rustix::fs::makedev(1, 3)).unwrap_err().to_string();
        assert!(error.contains("neither a file, nor a block device, nor NOR flash"), "{error}");
        for path in ["/dev/ubi0:env", "/dev/mtd0:env"] {
            let device = Device { path, offset: 0, size: 16, sector_size: 0, sectors: 0 };
            let error = Copy::new(Path::new("/"), &device).check().unwrap_err().to_string();
            assert_eq!(error, format!("{path}: UBI volumes are not supported"));
        }
    }
}
