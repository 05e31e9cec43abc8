//! The stored U-Boot environment, where `fw_env.config` says it is: read, changed in one write, read back.
//!
//! `bsp-imx95` decides which copy counts and what the next one holds; here are the files, the lock and the
//! order of the writes. A redundant environment is changed by one write to the copy not in use, so a power
//! cut leaves the old state or the new one. A single copy, as on stock Toradex modules, is overwritten in
//! place: a torn write loses it, and nothing Linux does can change that.

mod device;

use anyhow::{Context as _, Result, ensure};
use bsp_imx95::env::{self, Change, Layout, Rules, Scheme, Variables};
use bsp_imx95::fw_env_config::FwEnvConfig;
use device::{Copy, Lock, Unprotected};
use std::fs;
use std::path::Path;

/// An environment in files or on block devices.
#[derive(Debug)]
pub struct BootEnv {
    copies: Vec<Copy>,
    layout: Layout,
    rules: Rules,
}

impl BootEnv {
    /// Opens the environment that the `fw_env.config` at `config` describes. Relative device paths are relative
    /// to the directory of that file.
    ///
    /// # Errors
    /// If the configuration cannot be read or is refused, or a copy does not lie on its device, or the copies
    /// overlap there. Only regular files and block devices are supported: raw flash needs erasing first.
    pub fn open(config: &Path) -> Result<Self> {
        let boot_env = Self::configured(config)?;
        for copy in &boot_env.copies {
            copy.check()?;
        }
        if let [first, second] = boot_env.copies.as_slice() {
            ensure!(
                !first.overlaps(second)?,
                "{}: the two copies of the environment overlap on the device: a torn write would lose both",
                config.display()
            );
        }
        Ok(boot_env)
    }

    /// Makes the files that `config` names, which must not exist, and stores `variables` in every copy.
    ///
    /// # Errors
    /// As of [`open`](Self::open); if a file exists, or an offset counts from the end of a file.
    pub fn create(config: &Path, variables: &Variables) -> Result<Self> {
        let boot_env = Self::configured(config)?;
        for copy in &boot_env.copies {
            ensure!(!copy.path().exists(), "{}: the file exists already", copy.path().display());
        }
        for copy in &boot_env.copies {
            let image = variables.encode(boot_env.layout, copy.size())?;
            copy.create(&image).with_context(|| format!("creating {}", copy.path().display()))?;
        }
        Self::open(config)
    }

    /// The same environment by other rules: [`Rules::Libubootenv`] shows and stores values as `fw_printenv` and
    /// `fw_setenv` do. The default is U-Boot's.
    #[must_use]
    pub fn with_rules(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    /// Reads the variables of the copy in use.
    ///
    /// # Errors
    /// If no copy can be read and has the right checksum.
    pub fn variables(&self) -> Result<Variables> {
        let _lock = self.lock()?;
        let images = self.read()?;
        let (chosen, env) = env::load_with(self.layout, &slices(&images), self.rules)?;
        if self.copies.len() == 2 && chosen.whole != [true, true] {
            tracing::warn!(in_use = chosen.index, "one copy of the boot environment is broken");
        }
        Ok(Variables::from_env(&env))
    }

    /// Makes all changes in one write, synced and read back; `None` or an empty value deletes. Returns whether
    /// anything was written: not if every change holds already.
    ///
    /// # Errors
    /// As of [`variables`](Self::variables) and [`env::write`]; if writing fails, or other bytes are read back.
    pub fn apply(&self, changes: &[Change<'_>]) -> Result<bool> {
        let _lock = self.lock()?;
        let images = self.read()?;
        let mut next = vec![0; self.copies.first().map_or(0, Copy::size)];
        let write = env::write_with(self.layout, &slices(&images), changes, self.rules, &mut next)?;
        let Some(write) = write else { return Ok(false) };
        let copy = self.copies.get(write.copy).context("the environment has no such copy")?;
        let _unprotected = Unprotected::new(Path::new("/sys/class/block"), copy.path())?;
        copy.write(&next).with_context(|| format!("writing {}", copy.path().display()))?;
        tracing::debug!(copy = write.copy, changes = changes.len(), "boot environment written");
        Ok(true)
    }

    fn configured(config: &Path) -> Result<Self> {
        let text = fs::read_to_string(config).with_context(|| format!("reading {}", config.display()))?;
        let parsed = FwEnvConfig::parse(&text).with_context(|| format!("{}", config.display()))?;
        let directory = config.parent().unwrap_or(Path::new(""));
        let copies = parsed.devices().iter().map(|device| Copy::new(directory, device)).collect();
        // Files, eMMC and SD count; only NOR flash, which is refused, has the other scheme.
        Ok(Self { copies, layout: parsed.layout(Scheme::Counter), rules: Rules::UBoot })
    }

    fn lock(&self) -> Result<Lock> {
        let copy = self.copies.first().context("an environment without copies")?;
        Lock::take(copy.path())
    }

    /// A copy that cannot be read counts as broken, as in U-Boot, unless it is the only one or both are.
    fn read(&self) -> Result<Vec<Vec<u8>>> {
        let mut images = Vec::new();
        let mut failed = Vec::new();
        for copy in &self.copies {
            match copy.read().with_context(|| format!("reading {}", copy.path().display())) {
                Ok(image) => images.push(image),
                Err(error) => {
                    tracing::warn!("{error:#}");
                    // Zeros never have the right checksum.
                    images.push(vec![0; copy.size()]);
                    failed.push(error);
                }
            }
        }
        match failed.pop() {
            Some(error) if failed.len() + 1 == self.copies.len() => Err(error),
            _ => Ok(images),
        }
    }
}

fn slices(images: &[Vec<u8>]) -> Vec<&[u8]> {
    images.iter().map(Vec::as_slice).collect()
}

#[cfg(test)]
mod tests;
