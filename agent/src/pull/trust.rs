//! Who must have signed what is pulled.

use std::path::Path;

use anyhow::{Context, bail};
use ostree_objects::repo::Remote;
use ostree_objects::sign::{PublicKey, SignError, verify};
use ostree_objects::{Checksum, CommitRef, DetachedRef};

use super::Options;
use crate::files;

/// Where libostree looks for keys if a remote names none (`ostree-sign-ed25519.c`).
const SYSTEM: [&str; 2] = ["etc/ostree", "usr/share/ostree"];

/// The largest file of keys that is read, in bytes: some 20,000 keys.
const MAX_KEYS_BYTES: usize = 1024 * 1024;

/// Keys of which one must have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    keys: Vec<PublicKey>,
}

/// Why a commit or a summary is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No key that is trusted signed the commit.
    #[error("commit {commit}: {error}")]
    Commit {
        /// The commit.
        commit: Checksum,
        /// What is wrong with its signatures.
        error: SignError,
    },
    /// No key that is trusted signed the summary.
    #[error("the summary: {error}")]
    Summary {
        /// What is wrong with its signatures.
        error: SignError,
    },
    /// The commit is of other branches than the one it was found by.
    #[error("commit {commit} is bound to other refs ({}) than {branch}", .bound.join(", "))]
    Binding {
        /// The commit.
        commit: Checksum,
        /// The branch that was asked for.
        branch: String,
        /// Those it is bound to.
        bound: Vec<String>,
    },
}

impl Trust {
    /// One of these keys; there must be one at least.
    ///
    /// # Errors
    /// If there is none.
    pub fn new(keys: Vec<PublicKey>) -> anyhow::Result<Self> {
        if keys.is_empty() {
            bail!("signatures are to be verified, but there is no key to verify them with");
        }
        Ok(Self { keys })
    }

    /// What a remote's options in the repository's config name, or the system's keys below `root` if they name none.
    ///
    /// # Errors
    /// If a key is none, or a file of them cannot be read.
    pub fn of_remote(remote: &Remote, root: &Path) -> anyhow::Result<Self> {
        let mut keys = Vec::new();
        for text in &remote.ed25519_keys {
            keys.push(PublicKey::from_base64(text).context("verification-ed25519-key")?);
        }
        if let Some(file) = &remote.ed25519_file {
            keys.extend(keys_in(Path::new(file))?);
        }
        if keys.is_empty() {
            keys = system_keys(root)?;
        }
        Self::new(keys)
    }

    fn verify(&self, bytes: &[u8], beside: Option<&[u8]>) -> Result<(), SignError> {
        // What cannot be read holds no signature.
        let beside = DetachedRef::parse(beside.unwrap_or_default()).map_err(|_| SignError::Unsigned)?;
        verify(bytes, &beside, &self.keys).map(drop)
    }

    /// Whether the summary is signed.
    ///
    /// # Errors
    /// If it is not, by one of the keys.
    pub fn check_summary(&self, bytes: &[u8], signatures: Option<&[u8]>) -> Result<(), Refusal> {
        self.verify(bytes, signatures).map_err(|error| Refusal::Summary { error })
    }
}

/// Whether a commit, whose bytes have its checksum, may come in: signed, if that is asked for, and bound to no other branch.
pub(super) fn check(
    commit: &Checksum,
    bytes: &[u8],
    beside: Option<&[u8]>,
    options: &Options<'_>,
) -> anyhow::Result<()> {
    if let Some(trust) = options.trust {
        trust.verify(bytes, beside).map_err(|error| Refusal::Commit { commit: *commit, error })?;
    }
    let Some(branch) = options.branch else { return Ok(()) };
    let parsed = CommitRef::parse(bytes).with_context(|| format!("commit {commit}"))?;
    let Some(bound) = parsed.metadata().get("ostree.ref-binding").and_then(|value| value.as_strings()) else {
        return Ok(());
    };
    let bound: Vec<String> = bound.map(str::to_owned).collect();
    if bound.iter().any(|other| other == branch) {
        return Ok(());
    }
    Err(Refusal::Binding { commit: *commit, branch: branch.into(), bound }.into())
}

/// The keys that `ed25519=inline:KEY` or `ed25519=file:PATH` names, in the words of `ostree remote add --sign-verify`.
///
/// # Errors
/// If it is neither, or the key is none.
pub fn parse_key(text: &str) -> anyhow::Result<Vec<PublicKey>> {
    let named = text.strip_prefix("ed25519=").context("only keys of type ed25519 are known")?;
    if let Some(key) = named.strip_prefix("inline:") {
        return Ok(vec![PublicKey::from_base64(key)?]);
    }
    let path = named.strip_prefix("file:").context("neither ed25519=inline:KEY nor ed25519=file:PATH")?;
    keys_in(Path::new(path))
}

/// A key a line, in base64.
fn keys_in(file: &Path) -> anyhow::Result<Vec<PublicKey>> {
    keys_of(&files::read_text(file, MAX_KEYS_BYTES)?).with_context(|| file.display().to_string())
}

fn keys_of(text: &str) -> anyhow::Result<Vec<PublicKey>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(PublicKey::from_base64).collect::<Result<_, _>>()?)
}

/// The keys that a system trusts, without those that it revoked. What is there and cannot be read is an error: it may
/// be what revokes a key.
fn system_keys(root: &Path) -> anyhow::Result<Vec<PublicKey>> {
    let all = |name: &str| -> anyhow::Result<Vec<PublicKey>> {
        let mut keys = Vec::new();
        for directory in SYSTEM {
            let file = root.join(directory).join(format!("{name}.ed25519"));
            if let Some(bytes) = files::read_if_there(&file, MAX_KEYS_BYTES)? {
                let text = String::from_utf8(bytes).with_context(|| file.display().to_string())?;
                keys.extend(keys_of(&text).with_context(|| file.display().to_string())?);
            }
            let more = file.with_extension("ed25519.d");
            let entries = match std::fs::read_dir(&more) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                entries => entries.with_context(|| format!("reading {}", more.display()))?,
            };
            for entry in entries {
                keys.extend(keys_in(&entry?.path())?);
            }
        }
        Ok(keys)
    };
    let revoked = all("revoked")?;
    Ok(all("trusted")?.into_iter().filter(|key| !revoked.contains(key)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = include_str!("../../../ostree-objects/tests/fixtures/signed.pub");

    #[test]
    fn what_may_revoke_a_key_is_read_whole_or_refused() {
        let directory = tempfile::tempdir().unwrap();
        let settings = directory.path().join("etc/ostree");
        std::fs::create_dir_all(&settings).unwrap();
        let line = format!("{}\n", KEY.trim());
        let key = PublicKey::from_base64(KEY.trim()).unwrap();
        std::fs::write(settings.join("trusted.ed25519"), &line).unwrap();
        assert_eq!(system_keys(directory.path()).unwrap(), [key]);
        // No directory, and not absent either.
        std::fs::write(settings.join("revoked.ed25519.d"), &line).unwrap();
        system_keys(directory.path()).unwrap_err();
        std::fs::remove_file(settings.join("revoked.ed25519.d")).unwrap();
        // What is beyond the limit could be the very key.
        let blank = |bytes: usize| "\n".repeat(bytes - line.len()) + &line;
        std::fs::write(settings.join("revoked.ed25519"), blank(MAX_KEYS_BYTES)).unwrap();
        assert_eq!(system_keys(directory.path()).unwrap(), []);
        std::fs::write(settings.join("revoked.ed25519"), blank(MAX_KEYS_BYTES + 1)).unwrap();
        system_keys(directory.path()).unwrap_err();
    }
}
