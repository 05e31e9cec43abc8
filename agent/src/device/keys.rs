//! The keys of the device's ECUs, as seeds in files that only the owner reads.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use uptane_core::repository::SigningKey;

use crate::seed::{self, Seed};

/// The ECUs' keys.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The Primary's, which also signs the vehicle's manifest.
    pub primary: SigningKey,
    /// The application's.
    pub application: SigningKey,
}

/// Seeds for both keys of a device, from the kernel's random numbers.
///
/// # Errors
/// If there are none.
pub fn random_seeds() -> anyhow::Result<(Seed, Seed)> {
    Ok((seed::random()?, seed::random()?))
}

impl Keys {
    /// Reads the keys below `directory`; `None` if they were never made.
    pub(super) fn load(directory: &Path) -> anyhow::Result<Option<Self>> {
        let Some(primary) = read(&path(directory, "primary"))? else { return Ok(None) };
        let application = read(&path(directory, "application"))?;
        let application = application.context("the application's key is missing beside the Primary's")?;
        Ok(Some(Self { primary, application }))
    }

    /// Stores the seeds below `directory`; the Primary's last, for it says that both are there.
    pub(super) fn store(directory: &Path, primary: &Seed, application: &Seed) -> anyhow::Result<()> {
        fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
        for (name, seed) in [("application", application), ("primary", primary)] {
            seed::write(&path(directory, name), seed)?;
        }
        Ok(())
    }
}

fn path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.seed"))
}

fn read(path: &Path) -> anyhow::Result<Option<SigningKey>> {
    Ok(seed::read(path)?.map(SigningKey::from_seed))
}
