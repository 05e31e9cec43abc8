//! Where the files of an application are, and what of it does not change.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use container_spec::plan::Progress;
use container_spec::platform::Platform;
use container_spec::registry::{Credentials, MAX_CREDENTIALS_BYTES};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::images::Images;
use crate::files;

/// The largest journal, in bytes.
const MAX_JOURNAL_BYTES: usize = 16 << 20;

/// What does not change from switch to switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of the project for the engine.
    pub project: String,
    /// Where the files of this module are.
    pub directory: PathBuf,
    /// The directory that relative paths of Compose files start from: absolute, without a `/` at its end.
    pub base: String,
    /// The platform that images are for; that of this program if absent.
    pub platform: Option<String>,
    /// A `config.json` of Docker's with the credentials for registries; without it they are asked without.
    pub credentials: Option<PathBuf>,
}

impl Settings {
    /// Of the application `project` with its files in `directory`, which relative paths start from as well.
    ///
    /// # Errors
    /// If the directory's absolute name is no UTF-8.
    pub fn new(project: &str, directory: &Path, platform: Option<&str>) -> anyhow::Result<Self> {
        let base = std::path::absolute(directory)?;
        let base = base.to_str().context("a directory whose name is no UTF-8")?;
        Ok(Self {
            project: project.to_owned(),
            directory: directory.into(),
            base: base.trim_end_matches('/').to_owned(),
            platform: platform.map(str::to_owned),
            credentials: None,
        })
    }

    /// The same with the credentials of this file.
    #[must_use]
    pub fn with_credentials(self, path: Option<&Path>) -> Self {
        Self { credentials: path.map(Path::to_owned), ..self }
    }

    /// The platform that images are for.
    pub(super) fn platform(&self) -> anyhow::Result<Platform<'_>> {
        Ok(match &self.platform {
            Some(platform) => Platform::parse(platform)?,
            None => Platform::new("linux", std::env::consts::ARCH),
        })
    }

    /// The credentials for registries, read anew each time: they may have been renewed.
    pub(super) fn credentials(&self) -> anyhow::Result<Credentials> {
        let Some(path) = &self.credentials else { return Ok(Credentials::default()) };
        let json = files::read(path, MAX_CREDENTIALS_BYTES)?;
        Credentials::read(&json).with_context(|| format!("reading {}", path.display()))
    }

    pub(super) fn compose_file(&self) -> PathBuf {
        self.directory.join("docker-compose.yml")
    }

    pub(super) fn next_file(&self) -> PathBuf {
        self.directory.join("next/docker-compose.yml")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.directory.join("next/progress.json")
    }

    /// There while a switch waits for another decision before it is confirmed.
    pub(super) fn held_file(&self) -> PathBuf {
        self.directory.join("next/held")
    }

    pub(super) fn is_held(&self) -> anyhow::Result<bool> {
        self.held_file().try_exists().context("looking for what holds the switch")
    }

    pub(super) fn images(&self) -> anyhow::Result<Images> {
        Images::open(&self.directory.join("images.json"))
    }

    /// Keeps other processes from switching the same application, as long as the file is open.
    pub(super) fn lock(&self) -> anyhow::Result<File> {
        std::fs::create_dir_all(&self.directory)
            .with_context(|| format!("making {}", self.directory.display()))?;
        let path = self.directory.join("lock");
        let file = File::create(&path).with_context(|| format!("opening {}", path.display()))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                bail!("another process switches the application, it has {}", path.display())
            }
            locked => locked.with_context(|| format!("locking {}", path.display()))?,
        }
        Ok(file)
    }

    /// How far the switch is that is not finished; nothing if there is none.
    ///
    /// # Errors
    /// If the journal is damaged.
    pub fn progress(&self) -> anyhow::Result<Option<Progress>> {
        let path = self.journal();
        let Some(bytes) = files::read_if_there(&path, MAX_JOURNAL_BYTES)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).with_context(|| format!("{} is damaged", path.display()))
    }

    /// The Compose file of the last switch that was confirmed; nothing if there was none.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn confirmed(&self) -> anyhow::Result<Option<String>> {
        files::read_compose_if_there(&self.compose_file())
    }
}
