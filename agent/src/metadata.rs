//! Where metadata comes from (servers, a Lockbox) and where the trusted copy is kept.

use std::path::{Path, PathBuf};

use anyhow::Context;
use uptane_core::{Repository, Role};

use crate::atomic;
use crate::files::{prefix_if_there, read_prefix};
use crate::http::{self, Client};

/// Metadata files by name, from wherever they come.
pub trait Source {
    /// The first `max_bytes + 1` bytes of `file`, or all of it if it is shorter: the verifier itself
    /// refuses what is too large, and names the limit. `None` if the repository does not have it.
    ///
    /// # Errors
    /// If the source cannot be reached.
    fn fetch(&self, repository: Repository, file: &str, max_bytes: usize) -> anyhow::Result<Option<Vec<u8>>>;
}

/// The configured servers.
#[derive(Clone, Debug)]
pub struct Servers {
    /// The client to ask with.
    pub client: Client,
    /// URL of the Director repository.
    pub director: String,
    /// URL of the Image repository.
    pub image: String,
}

impl Source for Servers {
    fn fetch(&self, repository: Repository, file: &str, max_bytes: usize) -> anyhow::Result<Option<Vec<u8>>> {
        let base = match repository {
            Repository::Director => &self.director,
            Repository::Image => &self.image,
        };
        let url = format!("{base}/{}", http::encode_path(file));
        let absent = if file.ends_with(".root.json") { http::NO_NEWER_ROOT } else { http::ABSENT };
        let Some(reader) = self.client.open_unless(&url, absent)? else { return Ok(None) };
        read_prefix(reader, max_bytes).map(Some).with_context(|| format!("GET {url}"))
    }
}

/// A Lockbox: the directory `metadata` of a stick, with `director` and `image-repo` below it.
#[derive(Clone, Debug)]
pub struct Lockbox {
    /// The directory that holds `metadata` and `images`.
    pub directory: PathBuf,
}

impl Source for Lockbox {
    fn fetch(&self, repository: Repository, file: &str, max_bytes: usize) -> anyhow::Result<Option<Vec<u8>>> {
        let folder = match repository {
            Repository::Director => "metadata/director",
            Repository::Image => "metadata/image-repo",
        };
        prefix_if_there(&self.directory.join(folder).join(file), max_bytes)
    }
}

/// The metadata this device trusts: what was verified last, byte for byte.
#[derive(Clone, Debug)]
pub struct Trusted {
    directory: PathBuf,
}

impl Trusted {
    /// The trusted metadata below `directory`.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.into() }
    }

    /// What was kept of `role`.
    ///
    /// # Errors
    /// As of the file system.
    pub fn load(&self, repository: Repository, role: Role) -> anyhow::Result<Option<Vec<u8>>> {
        // Only what passed its limit was ever written here.
        prefix_if_there(&self.path(repository, role), usize::MAX)
    }

    /// Keeps `bytes` as the trusted metadata of `role`, durably.
    ///
    /// # Errors
    /// As of the file system; what was kept before is then untouched.
    pub fn persist(&self, repository: Repository, role: Role, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path(repository, role);
        atomic::write(&path, bytes).with_context(|| format!("writing {}", path.display()))
    }

    /// Forgets what was kept of `role`.
    ///
    /// # Errors
    /// As of the file system.
    pub fn forget(&self, repository: Repository, role: Role) -> anyhow::Result<()> {
        let path = self.path(repository, role);
        atomic::remove(&path).with_context(|| format!("removing {}", path.display()))
    }

    fn path(&self, repository: Repository, role: Role) -> PathBuf {
        self.directory.join(repository.name()).join(format!("{}.json", role.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_persisted_is_loaded_until_it_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let trusted = Trusted::new(directory.path());
        assert_eq!(trusted.load(Repository::Director, Role::Root).unwrap(), None);
        trusted.persist(Repository::Director, Role::Root, b"{}").unwrap();
        assert_eq!(trusted.load(Repository::Director, Role::Root).unwrap().as_deref(), Some(&b"{}"[..]));
        assert_eq!(trusted.load(Repository::Image, Role::Root).unwrap(), None);
        trusted.forget(Repository::Director, Role::Root).unwrap();
        assert_eq!(trusted.load(Repository::Director, Role::Root).unwrap(), None);
    }

    #[test]
    fn a_file_beyond_the_limit_is_cut_one_byte_after_it() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("metadata/director");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("big.json"), b"12345678").unwrap();
        let lockbox = Lockbox { directory: directory.path().into() };
        let fetch = |max| lockbox.fetch(Repository::Director, "big.json", max).unwrap().unwrap();
        assert_eq!(fetch(8), b"12345678");
        assert_eq!(fetch(7), b"12345678");
        assert_eq!(fetch(6), b"1234567");
    }
}
