//! The stored U-Boot environment, where `fw_env.config` says it is: read, changed in one write, read back.
//!
//! `bsp-imx95` decides which copy counts, what the next one holds, and in which order they are written; here are
//! the files and devices, the locks, and the write protection. A redundant environment is changed by one write to
//! the copy not in use, so a power cut leaves the old state or the new one. A single copy, as on stock Toradex
//! modules, is overwritten in place: a torn write loses it, and nothing Linux does can change that.
//!
//! The configuration is that of libubootenv, as lines or as YAML. Copies lie in files, on block devices, or in NOR
//! flash (`/dev/mtdN`), each in erase blocks of its own. UBI and NAND flash are refused.

mod copies;
mod lock;

use anyhow::{Context as _, Result, bail, ensure};
use bsp_imx95::env::{
    self, Change, Layout, Outcome, Rules, Scheme, Storage as _, Transaction, TransactionError, Variables,
};
use bsp_imx95::fw_env_config::FwEnvConfig;
use bsp_imx95::fw_env_config::yaml::{Namespace, Writable, YamlConfig};
use copies::{Copies, Copy};
use lock::Lock;
use std::fs;
use std::path::{Path, PathBuf};

use crate::files;

/// Where Linux keeps the configuration.
pub const DEFAULT_CONFIG: &str = "/etc/fw_env.config";

/// Which environment of a YAML configuration U-Boot uses, if its device tree says so.
const NAMESPACE: &str = "/proc/device-tree/chosen/u-boot,env-config";

/// An environment in files or on block devices.
#[derive(Debug)]
pub struct BootEnv {
    copies: Vec<Copy>,
    layout: Layout,
    rules: Rules,
    locks: Vec<PathBuf>,
    writelist: Vec<Writable>,
}

impl BootEnv {
    /// Opens the environment that the `fw_env.config` at `config` describes. Relative device paths are relative
    /// to the directory of that file. Of several environments it is the one that the device tree names, or the
    /// first.
    ///
    /// # Errors
    /// If the configuration cannot be read or is refused, or a copy does not lie on its device, or the copies
    /// overlap there. Regular files, block devices and NOR flash are supported.
    pub fn open(config: &Path) -> Result<Self> {
        Self::open_namespace(config, None)
    }

    /// As [`open`](Self::open); of several environments the one called `namespace`.
    ///
    /// # Errors
    /// As of [`open`](Self::open), and if there is none of that name.
    pub fn open_namespace(config: &Path, namespace: Option<&str>) -> Result<Self> {
        let boot_env = Self::configured(config, namespace)?;
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
        let boot_env = Self::configured(config, None)?;
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
        self.read()
    }

    /// Makes all changes in one write, synced and read back; `None` or an empty value deletes. Nothing is written
    /// if every change holds already and no copy is broken.
    ///
    /// # Errors
    /// As of [`variables`](Self::variables) and [`env::write`]; if a variable may not be written, writing fails,
    /// or other bytes are read back.
    pub fn apply(&self, changes: &[Change<'_>]) -> Result<Outcome> {
        let _lock = self.lock()?;
        self.write(changes)
    }

    /// As [`apply`](Self::apply), with changes that depend on what is stored: nobody writes in between.
    ///
    /// # Errors
    /// As of [`apply`](Self::apply), and what `changes` fails with.
    pub fn update<'a>(
        &self,
        changes: impl FnOnce(&Variables) -> Result<&'a [Change<'a>]>,
    ) -> Result<Outcome> {
        let _lock = self.lock()?;
        self.write(changes(&self.read()?)?)
    }

    fn read(&self) -> Result<Variables> {
        let images = copies::read_all(&self.copies)?;
        let slices: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
        let (chosen, env) = env::load_with(self.layout, &slices, self.rules)?;
        if self.copies.len() == 2 && chosen.whole != [true, true] {
            tracing::warn!(in_use = chosen.index, "one copy of the boot environment is broken");
        }
        Ok(Variables::from_env(&env))
    }

    fn write(&self, changes: &[Change<'_>]) -> Result<Outcome> {
        self.check_writelist(changes)?;
        let mut copies = Copies::new(&self.copies);
        let mut buffer = vec![0; 2 * copies.size()];
        let transaction = Transaction::new(self.layout, changes).with_rules(self.rules);
        let outcome = transaction.run(&mut copies, &mut buffer).map_err(|error| match error {
            TransactionError::Storage(error) => error,
            other => anyhow::anyhow!("{other}"),
        })?;
        tracing::debug!(?outcome, changes = changes.len(), "boot environment");
        Ok(outcome)
    }

    fn check_writelist(&self, changes: &[Change<'_>]) -> Result<()> {
        if self.writelist.is_empty() {
            return Ok(());
        }
        for (name, value) in changes {
            let value = value.filter(|value| !value.is_empty());
            let writable = self.writelist.iter().find(|writable| writable.name == *name);
            ensure!(
                writable.is_some_and(|writable| writable.allows(value)),
                "the configuration does not let {name} be changed to {value:?}"
            );
        }
        Ok(())
    }

    fn configured(config: &Path, namespace: Option<&str>) -> Result<Self> {
        let text = files::read_text(config, files::MAX_SETTINGS_BYTES)?;
        let context = || config.display().to_string();
        let directory = config.parent().unwrap_or(Path::new(""));
        let copies =
            |devices: &[_]| devices.iter().map(|device| Copy::new(directory, device)).collect::<Vec<_>>();
        let (copies, lockfile, writelist) = if YamlConfig::is_yaml(&text) {
            let config = YamlConfig::parse(&text).with_context(context)?;
            let chosen = choose(&config, namespace).with_context(context)?;
            let devices = chosen.devices()?;
            (
                copies(&devices),
                chosen.lockfile().map(|lock| directory.join(lock)),
                chosen.writelist().to_vec(),
            )
        } else {
            ensure!(
                namespace.is_none(),
                "{}: only a YAML configuration names environments",
                config.display()
            );
            let parsed = FwEnvConfig::parse(&text).with_context(context)?;
            (copies(parsed.devices()), None, Vec::new())
        };
        // Files, eMMC and SD count; NOR flash marks the copy that is not in use.
        let is_flash = copies.iter().any(Copy::is_flash);
        let scheme = if is_flash { Scheme::SerialNor } else { Scheme::Counter };
        let layout = if copies.len() == 2 { Layout::Redundant { scheme } } else { Layout::Single };
        let locks = lock::DEFAULT.iter().map(PathBuf::from).chain(lockfile).collect();
        Ok(Self { copies, layout, rules: Rules::UBoot, locks, writelist })
    }

    fn lock(&self) -> Result<Lock> {
        let copy = self.copies.first().context("an environment without copies")?;
        Lock::take(&self.locks, copy.path())
    }
}

fn choose<'a>(config: &'a YamlConfig, name: Option<&str>) -> Result<&'a Namespace> {
    let tree = fs::read_to_string(NAMESPACE).ok();
    let tree = tree.as_deref().map(|name| name.trim_end_matches('\0'));
    match name.or(tree) {
        Some(name) => config.namespace(name).with_context(|| format!("no environment is called {name}")),
        None => match config.namespaces() {
            [first, ..] => Ok(first),
            [] => bail!("no environment is configured"),
        },
    }
}

#[cfg(test)]
mod tests;
