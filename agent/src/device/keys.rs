//! The keys of the device's ECUs, as seeds in files that only the owner reads.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use uptane_core::repository::SigningKey;

/// What an Ed25519 key pair is made from.
pub type Seed = [u8; 32];

/// The ECUs' keys.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The Primary's, which also signs the vehicle's manifest.
    pub primary: SigningKey,
    /// The application's.
    pub application: SigningKey,
}

fn random_seed() -> anyhow::Result<Seed> {
    let mut seed = [0; 32];
    fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut seed))
        .context("reading /dev/urandom")?;
    Ok(seed)
}

/// Seeds for both keys of a device, from the kernel's random numbers.
///
/// # Errors
/// If there are none.
pub fn random_seeds() -> anyhow::Result<(Seed, Seed)> {
    Ok((random_seed()?, random_seed()?))
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
            let path = path(directory, name);
            write(&path, seed).with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(())
    }
}

fn path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.seed"))
}

fn read(path: &Path) -> anyhow::Result<Option<SigningKey>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.with_context(|| format!("reading {}", path.display()))?,
    };
    let Ok(seed) = Seed::try_from(bytes.as_slice()) else {
        bail!("{}: {} bytes, a seed has 32", path.display(), bytes.len())
    };
    Ok(Some(SigningKey::from_seed(seed)))
}

fn write(path: &Path, seed: &Seed) -> std::io::Result<()> {
    let beside = path.with_extension("tmp");
    let _ = fs::remove_file(&beside);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(seed)?;
    file.sync_all()?;
    crate::atomic::rename(&beside, path)
}
