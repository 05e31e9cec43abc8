//! Reporting: what is installed, how the last update went, and whether an attack was noticed.

use anyhow::Context;
use uptane_core::manifest::{EcuReport, InstallationReport, InstalledImage, ecu_report, vehicle_manifest};

use super::Device;
use crate::update::journal::{Image, Installed, Outcome};

impl Device {
    /// The signed vehicle manifest, with a report number that was never used before.
    ///
    /// # Errors
    /// If the device was never provisioned, or its records cannot be read or written.
    pub fn manifest(&self) -> anyhow::Result<Vec<u8>> {
        let keys = self.keys()?;
        let (primary, application) = (&self.config.ecu.primary.serial, &self.config.ecu.application.serial);
        let Installed { system, application: installed } = self.installed()?;
        let attack = self.records.attack()?.unwrap_or_default();
        let counter = self.records.next_report()?;
        let mut reports = Vec::new();
        if let Some(image) = &system {
            let image = named(image);
            let report =
                EcuReport { serial: primary, image, counter: Some(counter), attacks_detected: &attack };
            reports.push((primary.as_str(), ecu_report(&report, &keys.primary)?));
        }
        if let Some(image) = &installed {
            let report =
                EcuReport { serial: application, image: named(image), counter: None, attacks_detected: "" };
            reports.push((application.as_str(), ecu_report(&report, &keys.application)?));
        }
        let outcome = self.records.outcome()?;
        let (mut ecus, mut report) = (Vec::new(), None);
        if let Some(Outcome { correlation_id, success, code, description, system, application: app }) =
            &outcome
        {
            ecus.extend(system.then_some(primary.as_str()));
            ecus.extend(app.then_some(application.as_str()));
            report = Some(InstallationReport {
                correlation_id,
                success: *success,
                code,
                description,
                ecus: &ecus,
            });
        }
        Ok(vehicle_manifest(primary, &reports, report.as_ref(), &keys.primary)?)
    }

    /// Sends the manifest. What it told of an update and of attacks is then not told again.
    ///
    /// # Errors
    /// As [`Self::manifest`], and if the Director cannot be reached; everything is then told the next time.
    pub fn send_manifest(&self) -> anyhow::Result<()> {
        let manifest = self.manifest()?;
        let url = format!("{}/manifest", self.config.server.director);
        self.client()?.put_json(&url, &manifest).context("sending the manifest")?;
        self.records.forget_outcome()?;
        self.records.forget_attack()
    }

    /// What is installed: of the system, what really runs.
    pub(crate) fn installed(&self) -> anyhow::Result<Installed> {
        let Installed { system, application } = self.records.installed()?;
        let running = self.booted()?;
        let system = match (system, running) {
            (Some(image), Some(commit)) if image.sha256 == commit => Some(image),
            (_, Some(commit)) => Some(Image { name: commit.clone(), length: 0, sha256: commit }),
            (image, None) => image,
        };
        Ok(Installed { system, application })
    }
}

fn named(image: &Image) -> InstalledImage<'_> {
    InstalledImage { name: &image.name, length: image.length, sha256: &image.sha256 }
}
