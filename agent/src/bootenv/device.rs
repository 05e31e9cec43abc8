//! One copy in its file or on its device, and what protects it.

use anyhow::{Context as _, Result, bail, ensure};
use bsp_imx95::fw_env_config::Device;
use rustix::fs::{Advice, FlockOperation};
use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// The lock of libubootenv's `fw_setenv`, through Debian's `/var/lock`: it and we exclude each other.
const DEVICE_LOCK: &str = "/run/lock/fw_printenv.lock";

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

    /// That the copy lies on a file or block device.
    pub(super) fn check(&self) -> Result<()> {
        let file = File::open(&self.path).with_context(|| format!("opening {}", self.path.display()))?;
        self.start(&file).map(drop)
    }

    /// Whether both copies share bytes, however their paths and offsets are written.
    pub(super) fn overlaps(&self, other: &Self) -> Result<bool> {
        let (first, second) = (File::open(&self.path)?, File::open(&other.path)?);
        let (a, b) = (first.metadata()?, second.metadata()?);
        let is_block = a.file_type().is_block_device() && b.file_type().is_block_device();
        let is_same = if is_block { a.rdev() == b.rdev() } else { (a.dev(), a.ino()) == (b.dev(), b.ino()) };
        let distance = self.start(&first)?.abs_diff(other.start(&second)?);
        Ok(is_same && distance < u64::try_from(self.size())?)
    }

    pub(super) fn read(&self) -> Result<Vec<u8>> {
        self.read_from(&File::open(&self.path)?)
    }

    /// Writes the copy at once, syncs, and compares what the storage then holds.
    pub(super) fn write(&self, image: &[u8]) -> Result<()> {
        let file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        file.write_all_at(image, self.start(&file)?)?;
        file.sync_all()?;
        // Without this the page cache would answer, not the storage.
        rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?;
        ensure!(self.read_from(&file)? == image, "other bytes are read back than were written");
        Ok(())
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

    fn read_from(&self, file: &File) -> Result<Vec<u8>> {
        let mut image = vec![0; self.size()];
        file.read_exact_at(&mut image, self.start(file)?)?;
        Ok(image)
    }

    fn start(&self, mut file: &File) -> Result<u64> {
        let kind = file.metadata()?.file_type();
        ensure!(
            kind.is_file() || kind.is_block_device(),
            "{}: neither a file nor a block device; raw flash is not supported",
            self.path.display()
        );
        let len = file.seek(SeekFrom::End(0))?;
        match self.device.start(len) {
            Some(start) => Ok(start),
            None => bail!(
                "{}: offset {} and size {:#x} do not lie on its {len} bytes",
                self.path.display(),
                self.device.offset,
                self.size()
            ),
        }
    }
}

/// Held while the environment is read or written.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock: beside a regular file, or the one of `fw_setenv` for a device.
    pub(super) fn take(path: &Path) -> Result<Self> {
        let lock = if fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
            let mut name = path.as_os_str().to_owned();
            name.push(".lock");
            PathBuf::from(name)
        } else {
            PathBuf::from(DEVICE_LOCK)
        };
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock)
            .with_context(|| format!("opening the lock {}", lock.display()))?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)
            .with_context(|| format!("locking {}", lock.display()))?;
        Ok(Self { _file: file })
    }
}

/// A boot partition of an eMMC, writable until this is dropped. Anything else is left alone.
#[derive(Debug)]
pub(super) struct Unprotected {
    force_ro: Option<PathBuf>,
}

impl Unprotected {
    pub(super) fn new(class_block: &Path, device: &Path) -> Result<Self> {
        let real = fs::canonicalize(device)?;
        let name = real.file_name().context("a device without a name")?;
        let force_ro = class_block.join(name).join("force_ro");
        // Protected again only if it was: somebody else may have lifted it on purpose.
        if !fs::read(&force_ro).is_ok_and(|value| value.trim_ascii() == b"1") {
            return Ok(Self { force_ro: None });
        }
        fs::write(&force_ro, "0").with_context(|| format!("writing 0 to {}", force_ro.display()))?;
        Ok(Self { force_ro: Some(force_ro) })
    }
}

impl Drop for Unprotected {
    fn drop(&mut self) {
        if let Some(path) = &self.force_ro
            && let Err(error) = fs::write(path, "1")
        {
            tracing::warn!("{} stays writable: {error}", path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protected_boot_partition_is_writable_only_meanwhile() {
        let directory = tempfile::tempdir().unwrap();
        let force_ro = directory.path().join("mmcblk0boot0/force_ro");
        fs::create_dir(directory.path().join("mmcblk0boot0")).unwrap();
        let device = directory.path().join("device/mmcblk0boot0");
        fs::create_dir(directory.path().join("device")).unwrap();
        fs::write(&device, "").unwrap();
        for before in ["1\n", "0\n"] {
            fs::write(&force_ro, before).unwrap();
            let unprotected = Unprotected::new(directory.path(), &device).unwrap();
            assert_eq!(fs::read_to_string(&force_ro).unwrap().trim(), "0");
            drop(unprotected);
            assert_eq!(fs::read_to_string(&force_ro).unwrap().trim(), before.trim());
        }
    }
}
