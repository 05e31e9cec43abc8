//! The device's hardware: power, U-Boot after Torizon's boot script, and an initial RAM disk.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};
use bsp_imx95::boot_script::{ALTBOOTCMD, Boot, Entry, power_on};
use bsp_imx95::env::Variables;
use ostree_objects::sysroot::Sysroot;

use super::release::INIT;
use crate::bootenv::BootEnv;

/// Resets after which a device counts as bricked.
const MAX_ATTEMPTS: usize = 10;
/// Boots that a trial may take.
pub(super) const BOOTLIMIT: &str = "3";
/// Two copies of the environment in one file, as on a board with a redundant environment.
const FW_ENV_CONFIG: &str = "uboot.env 0x0 0x2000\nuboot.env 0x2000 0x2000\n";

/// A machine whose storage is a directory.
#[derive(Debug)]
pub(super) struct Machine {
    device: PathBuf,
    boots: u32,
}

/// One try to boot, from reset to the first program or to the watchdog.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    /// Which entry of `uEnv.txt`.
    pub(super) entry: Entry,
    /// Whether U-Boot ran `altbootcmd`, for the limit was passed.
    pub(super) used_altbootcmd: bool,
    /// What `os-release` calls the system.
    pub(super) version: String,
    /// Whether its first program was there to be started.
    pub(super) started: bool,
}

impl Machine {
    /// A machine with an environment as the factory leaves it.
    pub(super) fn make(device: PathBuf) -> anyhow::Result<Self> {
        let config = device.join("fw_env.config");
        fs::write(&config, FW_ENV_CONFIG)?;
        let mut variables = Variables::new();
        variables.apply(&[
            ("env_initialized", Some("1")),
            ("bootlimit", Some(BOOTLIMIT)),
            ("altbootcmd", Some(ALTBOOTCMD)),
        ])?;
        BootEnv::create(&config, &variables)?;
        Ok(Self { device, boots: 0 })
    }

    /// Switches the machine on and lets its watchdog reset it until a system starts.
    pub(super) fn power_on(&mut self) -> anyhow::Result<Vec<Attempt>> {
        let mut attempts = Vec::new();
        while attempts.len() < MAX_ATTEMPTS {
            let attempt = self.attempt()?;
            let started = attempt.started;
            attempts.push(attempt);
            if started {
                return Ok(attempts);
            }
        }
        bail!("after {MAX_ATTEMPTS} resets no system has started")
    }

    fn attempt(&mut self) -> anyhow::Result<Attempt> {
        self.boots += 1;
        let boot = self.u_boot()?;
        let sysroot = Sysroot::open(&self.device.join("sysroot"))?;
        let arguments = boot.bootargs.as_deref().context("uEnv.txt has no bootargs")?;
        let deployment = sysroot.deployment_of_command_line(arguments)?;
        let root = sysroot.path_of(&deployment);
        let version = version(&fs::read_to_string(root.join("usr/lib/os-release"))?);
        let started = root.join(INIT).is_file();
        if started {
            // What the initial RAM disk mounts as the root of the running system.
            let beside = self.device.join("root.tmp");
            let _ = fs::remove_file(&beside);
            std::os::unix::fs::symlink(&root, &beside)?;
            fs::rename(&beside, self.device.join("root"))?;
            fs::write(self.device.join("boot_id"), format!("boot {}\n", self.boots))?;
        }
        Ok(Attempt { entry: boot.entry, used_altbootcmd: boot.used_altbootcmd, version, started })
    }

    /// U-Boot until it starts the kernel; each save of the environment is one write.
    fn u_boot(&self) -> anyhow::Result<Boot> {
        let stored = BootEnv::open(&self.device.join("fw_env.config"))?;
        let uenv = fs::read_to_string(self.device.join("sysroot/boot/loader/uEnv.txt"))?;
        let boot = power_on(&stored.variables()?, &uenv).context("U-Boot")?;
        for save in &boot.saves {
            let changes: Vec<_> =
                save.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
            stored.apply(&changes)?;
        }
        for image in [Some(&boot.kernel_image), boot.ramdisk_image.as_ref()].into_iter().flatten() {
            let path = self.device.join("sysroot").join(image.trim_start_matches('/'));
            fs::metadata(&path).with_context(|| format!("U-Boot loads {}", path.display()))?;
        }
        Ok(boot)
    }
}

fn version(os_release: &str) -> String {
    let line = os_release.lines().find_map(|line| line.strip_prefix("VERSION_ID="));
    line.unwrap_or("unknown").to_owned()
}
