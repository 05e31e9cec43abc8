//! Seeds of Ed25519 keys, in files that only the owner reads.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};

/// What an Ed25519 key pair is made from.
pub type Seed = [u8; 32];

/// A seed from the kernel's random numbers.
///
/// # Errors
/// If there are none.
pub fn random() -> anyhow::Result<Seed> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("reading the kernel's random numbers")?;
    Ok(seed)
}

/// The seed in the file `path`; `None` if there is no such file.
///
/// # Errors
/// If it cannot be read or is no seed.
pub fn read(path: &Path) -> anyhow::Result<Option<Seed>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.with_context(|| format!("reading {}", path.display()))?,
    };
    let Ok(seed) = Seed::try_from(bytes.as_slice()) else {
        bail!("{}: {} bytes, a seed has 32", path.display(), bytes.len())
    };
    checked(seed).map(Some).with_context(|| format!("in {}", path.display()))
}

/// Refuses what the library takes as no seed: it is what an erased file holds.
pub(crate) fn checked(seed: Seed) -> anyhow::Result<Seed> {
    anyhow::ensure!(seed != [0; 32], "a seed of zeros is no secret");
    Ok(seed)
}

/// Stores `seed` as the file `path`, durably.
///
/// # Errors
/// As of the file system.
pub fn write(path: &Path, seed: &Seed) -> anyhow::Result<()> {
    write_secret(path, seed)
}

/// Stores `bytes` as the file `path`, durably, for its owner alone.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let store = || {
        let beside = path.with_extension("tmp");
        let _ = fs::remove_file(&beside);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        crate::atomic::rename(&beside, path)
    };
    store().with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_the_owner_reads_a_seed_and_only_32_bytes_are_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.seed");
        assert_eq!(read(&path).unwrap(), None);
        let seed = random().unwrap();
        write(&path, &seed).unwrap();
        assert_eq!(read(&path).unwrap(), Some(seed));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, [1; 31]).unwrap();
        assert!(read(&path).unwrap_err().to_string().ends_with("31 bytes, a seed has 32"));
        fs::write(&path, [0; 32]).unwrap();
        assert_eq!(read(&path).unwrap_err().root_cause().to_string(), "a seed of zeros is no secret");
    }
}
