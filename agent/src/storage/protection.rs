//! The write protection of eMMC boot partitions.

use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// A boot partition of an eMMC, writable until this is dropped. Anything else is left alone.
#[derive(Debug)]
pub(crate) struct Unprotected {
    force_ro: Option<PathBuf>,
}

impl Unprotected {
    pub(crate) fn new(class_block: &Path, device: &Path) -> Result<Self> {
        let real = fs::canonicalize(device).with_context(|| format!("opening {}", device.display()))?;
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
