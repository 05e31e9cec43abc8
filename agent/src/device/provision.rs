//! Provisioning: keys, the Root metadata that the factory installed, registration of the ECUs.

use std::path::PathBuf;

use anyhow::Context;
use uptane_core::registration::{EcuRegistration, ecus_body};
use uptane_core::repository::SigningKey;
use uptane_core::{Repository, Role};

use super::{Device, Keys};
use crate::config::Ecu;
use crate::files;
use crate::seed::Seed;

/// The largest Root metadata that is taken from the factory, in bytes.
const MAX_ROOT_BYTES: usize = 64 * 1024;

impl Device {
    /// Makes the device one of the fleet: keeps its keys, trusts the installed Root metadata, registers its ECUs.
    /// `false` if that was done before; it may be repeated until it has been.
    ///
    /// # Errors
    /// If a Root is missing, or the Director cannot be reached or refuses the registration.
    pub fn provision(&self, seeds: impl FnOnce() -> anyhow::Result<(Seed, Seed)>) -> anyhow::Result<bool> {
        if self.records.is_provisioned()? {
            return Ok(false);
        }
        for repository in [Repository::Director, Repository::Image] {
            let path = self.config.paths.roots.join(format!("{}.json", repository.name()));
            let root = files::read(&path, MAX_ROOT_BYTES).context("the factory's Root")?;
            // Trusted as it is: whoever installed the system installed it too. Each verification reads it anew.
            if self.trusted.load(repository, Role::Root)?.is_none() {
                self.trusted.persist(repository, Role::Root, &root)?;
            }
        }
        let keys = match Keys::load(&self.key_directory())? {
            Some(keys) => keys,
            None => {
                let (primary, application) = seeds()?;
                Keys::store(&self.key_directory(), &primary, &application)?;
                self.keys()?
            }
        };
        self.register(&keys)?;
        self.records.set_provisioned()?;
        Ok(true)
    }

    /// The ECUs' keys.
    pub(super) fn keys(&self) -> anyhow::Result<Keys> {
        let keys = Keys::load(&self.key_directory())?;
        keys.context("the device has no keys: run `ota-agent provision` first")
    }

    fn register(&self, keys: &Keys) -> anyhow::Result<()> {
        let (primary, application) = (&self.config.ecu.primary, &self.config.ecu.application);
        let ecus = [registration(primary, &keys.primary), registration(application, &keys.application)];
        let body = ecus_body(&primary.serial, &ecus);
        let url = format!("{}/ecus", self.config.server.director);
        self.client()?.post_json(&url, body.as_bytes()).context("registering the ECUs")
    }

    fn key_directory(&self) -> PathBuf {
        self.config.paths.state.join("keys")
    }
}

fn registration<'e>(ecu: &'e Ecu, key: &'e SigningKey) -> EcuRegistration<'e> {
    EcuRegistration { serial: &ecu.serial, hardware_id: &ecu.hardware_id, key }
}
