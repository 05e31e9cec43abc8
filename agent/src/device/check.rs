//! Is there an update? The full verification of both repositories, and what it assigns that is not installed.

use anyhow::{Context, bail};
use uptane_core::primary::{Action, Cycle, Outcome};
use uptane_core::{Ecu, UtcTime};

use super::Device;
use crate::clock;
use crate::metadata::{self, Lockbox, Servers};
use crate::update::journal::{Image, Source, Update};

impl Device {
    /// Verifies what `source` serves and says what of it is to be installed. An assignment that failed before is
    /// not tried again: the Director has to make another one.
    ///
    /// # Errors
    /// If the metadata is refused (a [`uptane_core::Error`] in the chain), or the source cannot be reached.
    pub(crate) fn check(&self, source: &Source) -> anyhow::Result<Option<Update>> {
        let verified = self.verify(source);
        if let Err(error) = &verified
            && let Some(refusal) = error.downcast_ref::<uptane_core::Error>()
        {
            // The next manifest tells the Director.
            self.records.set_attack(&refusal.to_string())?;
        }
        let update = self.update(verified?, source)?;
        let failed = self.records.failed()?;
        Ok(update.filter(|update| failed.as_ref() != Some(update)))
    }

    fn verify(&self, source: &Source) -> anyhow::Result<Outcome> {
        let ecus = [&self.config.ecu.primary, &self.config.ecu.application];
        let ecus = ecus.map(|ecu| Ecu { serial: &ecu.serial, hardware_id: &ecu.hardware_id });
        let now = UtcTime::from_unix(clock::unix_now());
        match source {
            Source::Servers => {
                let server = &self.config.server;
                let (director, image) = (server.director.clone(), server.image.clone());
                self.drive(
                    Cycle::new(&ecus, now),
                    &Servers { client: self.client()?.clone(), director, image },
                )
            }
            Source::Lockbox(directory) => {
                self.drive(Cycle::lockbox(&ecus, now), &Lockbox { directory: directory.clone() })
            }
        }
    }

    /// Does what the verification asks for until it is done.
    fn drive(&self, mut cycle: Cycle<'_>, files: &dyn metadata::Source) -> anyhow::Result<Outcome> {
        loop {
            match cycle.poll() {
                Action::Load { repository, role } => {
                    let bytes = self.trusted.load(repository, role)?;
                    cycle.feed(bytes.as_deref())?;
                }
                Action::Fetch { repository, file, max_bytes } => {
                    let bytes = files.fetch(repository, file, max_bytes)?;
                    cycle.feed(bytes.as_deref())?;
                }
                Action::Persist { repository, role, bytes, .. } => {
                    self.trusted.persist(repository, role, bytes)?;
                    cycle.persisted()?;
                }
                Action::Forget { repository, role } => {
                    self.trusted.forget(repository, role)?;
                    cycle.persisted()?;
                }
                Action::Done => {
                    return cycle.into_outcome().context("the verification ended without an outcome");
                }
            }
        }
    }

    /// The part of a verified assignment that is not installed already.
    fn update(&self, outcome: Outcome, source: &Source) -> anyhow::Result<Option<Update>> {
        let installed = self.records.installed()?;
        let booted = self.booted()?;
        let mut update = Update {
            correlation_id: outcome.correlation_id,
            system: None,
            application: None,
            source: source.clone(),
        };
        for assigned in outcome.assigned {
            let sha256 =
                assigned.hashes.sha256.with_context(|| format!("{} has no SHA-256", assigned.name))?;
            let image = Image {
                name: assigned.name.clone(),
                length: assigned.length,
                sha256: ostree_objects::Checksum(sha256).to_string(),
            };
            if assigned.ecu_serial == self.config.ecu.primary.serial {
                if !assigned.is_ostree {
                    bail!("{} is assigned to the Primary, but is no OSTree commit", image.name);
                }
                update.system = Some(image).filter(|image| booted.as_ref() != Some(&image.sha256));
            } else {
                update.application =
                    Some(image).filter(|image| installed.application.as_ref() != Some(image));
            }
        }
        Ok(Some(update).filter(|update| update.system.is_some() || update.application.is_some()))
    }
}
