//! The demonstration's factory and device, for updates of one's own.

use std::path::{Path, PathBuf};

use anyhow::Context;
use ostree_objects::Checksum;

use super::factory::Assignment;
use super::release::Release;
use super::story::Story;
use super::world::World;
use super::{Options, prepare};

/// A factory with its server and a provisioned device, in a directory. The device is updated by `ota-agent` with the
/// configuration at [`config`](Self::config), as long as this value lives.
#[derive(Debug)]
pub struct Rehearsal {
    world: World,
    releases: u32,
}

impl Rehearsal {
    /// Makes both in `directory`, which must not exist or be empty. The device runs release 1.0.0 of the system.
    ///
    /// # Errors
    /// If the directory cannot be used.
    pub fn make(directory: &Path) -> anyhow::Result<Self> {
        let directory = prepare(directory)?;
        let world = World::make(&directory, &Options::default(), &mut Story::new(&mut |_| {}))?;
        Ok(Self { world, releases: 1 })
    }

    /// The device's configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.world.on_device("agent.toml")
    }

    /// Writes a Lockbox with the Compose file `compose` and a new release of the system into `stick`; the archives of
    /// the images are for the caller to add. Returns the file's SHA-256 in hex, by which they are found.
    ///
    /// # Errors
    /// If it cannot be built or signed.
    pub fn write_lockbox(&mut self, compose: &str, stick: &Path) -> anyhow::Result<String> {
        self.releases += 1;
        let version = format!("{}.0.0", self.releases);
        let factory = &mut self.world.factory;
        let release = Release { version: &version, sshd: None, sysctl: None, init: true, documents: 1 };
        let system = factory.build_system(&release)?;
        let application = factory.application(&version, compose)?;
        factory.write_lockbox(stick, "rehearsal", &system, &application)?;
        Ok(Checksum(application.sha256).to_string())
    }

    /// A path on the device.
    #[must_use]
    pub fn on_device(&self, path: &str) -> PathBuf {
        self.world.on_device(path)
    }

    /// Assigns the device the Compose file `compose`, and a new release of the system if `system`. Returns the
    /// release's version, which names both.
    ///
    /// # Errors
    /// If it cannot be built or signed.
    pub fn publish(&mut self, compose: &str, system: bool) -> anyhow::Result<String> {
        self.releases += 1;
        let version = format!("{}.0.0", self.releases);
        let factory = &mut self.world.factory;
        let release = Release { version: &version, sshd: None, sysctl: None, init: true, documents: 1 };
        let system = if system { Some(factory.build_system(&release)?) } else { None };
        let application = Some(factory.application(&version, compose)?);
        factory.publish(&Assignment { id: format!("urn:rehearsal:{version}"), system, application })?;
        Ok(version)
    }

    /// Switches the device on, or resets it. Returns the version of the system that runs then.
    ///
    /// # Errors
    /// If none starts.
    pub fn power_on(&mut self) -> anyhow::Result<String> {
        let attempts = self.world.machine.power_on()?;
        Ok(attempts.last().context("the device did not boot")?.version.clone())
    }

    /// The manifests that arrived since the last call and that the device's key signed.
    ///
    /// # Errors
    /// If one is malformed.
    pub fn manifests(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        self.world.manifests()
    }
}
