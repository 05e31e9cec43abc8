//! One device: its configuration, its records, and the parts of an update that do I/O.

mod application;
mod boot_environment;
mod check;
mod deploy;
mod engine;
mod fetch;
mod keys;
mod manifest;
mod provision;
mod recorded;

pub(crate) use application::PROJECT;
pub use application::{Application, RefusedApplication};
pub use boot_environment::BootEnvironment;
pub use keys::{Keys, random_seeds};

use std::path::Path;
use std::sync::OnceLock;

use anyhow::Context;
use ostree_objects::sysroot::{Deployment, Sysroot};

use crate::bootenv::BootEnv;
use crate::config::Config;
use crate::http::{Client, Patience, Tls};
use crate::metadata::Trusted;
use crate::update::journal::Records;

/// A device, opened by its configuration.
#[derive(Debug)]
pub struct Device {
    pub(crate) config: Config,
    pub(crate) records: Records,
    trusted: Trusted,
    /// Made when a server is first asked: what needs none works without its settings for TLS.
    client: OnceLock<Client>,
}

/// The longest boot identifier that is read, in bytes.
const MAX_BOOT_ID_BYTES: u64 = 256;

impl Device {
    /// The device that `config` describes.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let records = Records::new(&config.paths.state);
        let trusted = Trusted::new(&config.paths.state.join("metadata"));
        Self { config, records, trusted, client: OnceLock::new() }
    }

    /// The device whose configuration is at `path`.
    ///
    /// # Errors
    /// If the configuration cannot be read.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Ok(Self::new(Config::read(path)?))
    }

    /// The client that asks its servers once.
    ///
    /// # Errors
    /// If what the configuration names for TLS is of no use.
    fn client(&self) -> anyhow::Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = self.patient_client(Patience::ONCE)?;
        Ok(self.client.get_or_init(|| client))
    }

    /// A client for the same servers with as much patience.
    ///
    /// # Errors
    /// As [`Self::client`].
    fn patient_client(&self, patience: Patience) -> anyhow::Result<Client> {
        let tls = match &self.config.server.tls {
            None => Tls::default(),
            Some(files) => Tls::read(files).context("[server.tls] of the configuration")?,
        };
        Ok(Client::with(patience, tls))
    }

    /// What it keeps about updates.
    #[must_use]
    pub const fn records(&self) -> &Records {
        &self.records
    }

    /// Its OSTree sysroot.
    ///
    /// # Errors
    /// If there is none.
    pub fn sysroot(&self) -> anyhow::Result<Sysroot> {
        let path = &self.config.paths.sysroot;
        Sysroot::open(path).with_context(|| format!("opening the sysroot {}", path.display()))
    }

    /// The deployment that runs; `None` if what runs is none.
    ///
    /// # Errors
    /// If the sysroot cannot be read.
    pub fn running(&self) -> anyhow::Result<Option<Deployment>> {
        self.sysroot()?.deployment_at(&self.config.paths.root).context("looking for the running deployment")
    }

    /// The commit that runs, in hex.
    ///
    /// # Errors
    /// As [`Self::running`].
    pub fn booted(&self) -> anyhow::Result<Option<String>> {
        Ok(self.running()?.map(|deployment| deployment.commit.to_string()))
    }

    /// What tells this boot from all others.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn boot_id(&self) -> anyhow::Result<String> {
        use std::io::Read;
        let path = &self.config.paths.boot_id;
        let mut text = String::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(MAX_BOOT_ID_BYTES).read_to_string(&mut text))
            .with_context(|| format!("reading the boot id {}", path.display()))?;
        Ok(text.trim().into())
    }

    /// The boot loader's environment.
    ///
    /// # Errors
    /// As of [`BootEnv::open`].
    pub fn boot_environment(&self) -> anyhow::Result<BootEnvironment> {
        Ok(BootEnvironment::new(BootEnv::open(&self.config.paths.fw_env_config)?))
    }

    /// The application.
    #[must_use]
    pub fn application(&self) -> Application {
        Application::new(&self.config.paths.application)
    }

    /// Asks the health command whether the running system is well; the inner error says what it said.
    ///
    /// # Errors
    /// If the command cannot be started: whether the system is well is then not known.
    pub(crate) fn health_check(&self) -> anyhow::Result<Result<(), String>> {
        let Some((program, arguments)) = self.config.health.command.split_first() else { return Ok(Ok(())) };
        let status = std::process::Command::new(program)
            .args(arguments)
            .stdout(std::process::Stdio::null())
            .status()
            .with_context(|| format!("starting the health command {program}"))?;
        Ok(if status.success() {
            Ok(())
        } else {
            Err(format!("the health command {program} ended with {status}"))
        })
    }
}
