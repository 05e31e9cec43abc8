//! Byte 179 of EXT_CSD, through the tool `mmc` of mmc-utils, as Torizon has it too: Linux offers it by `ioctl` only.

use anyhow::{Context as _, Result, ensure};
use bsp_imx95::emmc::{BootPartition, PartitionConfig};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The register of one eMMC.
#[derive(Debug)]
pub(super) struct Register {
    tool: PathBuf,
    device: PathBuf,
}

impl Register {
    /// The register of a block device; a file has none.
    pub(super) fn of(device: &Path) -> Result<Option<Self>> {
        let metadata = fs::metadata(device).with_context(|| format!("opening {}", device.display()))?;
        let is_block = metadata.file_type().is_block_device();
        Ok(is_block.then(|| Self { tool: "mmc".into(), device: device.to_owned() }))
    }

    pub(super) fn get(&self) -> Result<u8> {
        let text = self.run(&[OsStr::new("extcsd"), OsStr::new("read"), self.device.as_os_str()])?;
        partition_config(&text).with_context(|| {
            format!("{} extcsd read {} names no PARTITION_CONFIG", self.tool.display(), self.device.display())
        })
    }

    /// The tool changes what is booted and whether it is acknowledged, and leaves what is accessed.
    pub(super) fn set(&self, byte: u8) -> Result<()> {
        let config = PartitionConfig::from_byte(byte)?;
        let boot = match config.boot {
            BootPartition::None => "0",
            BootPartition::Boot0 => "1",
            BootPartition::Boot1 => "2",
            BootPartition::User => "7",
        };
        let acknowledge = if config.acknowledge { "1" } else { "0" };
        let words = ["bootpart", "enable", boot, acknowledge].map(OsStr::new);
        self.run(&[&words[..], &[self.device.as_os_str()]].concat()).map(drop)
    }

    fn run(&self, arguments: &[&OsStr]) -> Result<String> {
        let output = Command::new(&self.tool).args(arguments).env("LC_ALL", "C").output();
        let output = output
            .with_context(|| format!("running {}: the package mmc-utils has it", self.tool.display()))?;
        ensure!(
            output.status.success(),
            "{} {}: {}: {}",
            self.tool.display(),
            arguments.join(OsStr::new(" ")).display(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The byte in what `mmc extcsd read` prints.
fn partition_config(text: &str) -> Option<u8> {
    let (_, behind) = text.split_once("[PARTITION_CONFIG: 0x")?;
    let (digits, _) = behind.split_once(']')?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// No machine of a test has an eMMC, and QEMU emulates none: a script keeps the byte instead, and takes and
    /// prints what mmc-utils' `mmc_cmds.c` does.
    const SCRIPT: &str = r#"#!/bin/sh
set -eu
for device; do :; done
byte=$(cat "$device.byte")
case "$1 $2" in
"extcsd read") printf 'Boot configuration bytes [PARTITION_CONFIG: 0x%02x]\n' "$byte" ;;
"bootpart enable") echo $((($4 << 6) | ($3 << 3) | (byte & 7))) >"$device.byte" ;;
*) echo "no such command" >&2; exit 1 ;;
esac
"#;

    #[test]
    fn the_boot_partition_is_set_and_the_rest_of_the_byte_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("mmc"), SCRIPT).unwrap();
        fs::set_permissions(path("mmc"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(path("mmcblk0.byte"), "73\n").unwrap();
        let register = Register { tool: path("mmc"), device: path("mmcblk0") };
        assert_eq!(register.get().unwrap(), 0x49);
        let config = PartitionConfig::from_byte(0x49).unwrap();
        register.set(PartitionConfig { boot: BootPartition::Boot1, ..config }.to_byte()).unwrap();
        assert_eq!(register.get().unwrap(), 0x51);
        fs::remove_file(path("mmcblk0.byte")).unwrap();
        let error = register.get().unwrap_err().to_string();
        assert!(error.contains("mmcblk0"), "{error}");
    }

    #[test]
    fn a_tool_that_is_missing_is_named() {
        let register = Register { tool: "/nowhere/mmc".into(), device: "/dev/mmcblk0".into() };
        let error = register.get().unwrap_err().to_string();
        assert_eq!(error, "running /nowhere/mmc: the package mmc-utils has it");
        assert_eq!(partition_config("Boot configuration bytes [PARTITION_CONFIG: 0x4]"), Some(4));
        assert_eq!(partition_config("Boot configuration bytes [PARTITION_CONFIG: 0x148]"), None);
    }

    #[test]
    fn a_file_has_no_register() {
        assert!(Register::of(Path::new("/proc/self/exe")).unwrap().is_none());
    }
}
