//! The application: a Compose file that is checked to be pinned, and the recorded plan of the switch to it.
//!
//! Where an engine is configured, it carries the plan out (`super::engine`), in the same directory, and is asked what
//! runs; otherwise this record stands in for it.
//!
//! ```text
//! docker-compose.yml     what is to run
//! containers.json        what runs, by the record of the plans that were carried out
//! next/docker-compose.yml, next/plan.json    what an update will switch to, and how
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use container_spec::compose::{self, Environment, Project};
use container_spec::plan::{self, Current, Options, Plan};
use serde::{Deserialize, Serialize};

use super::recorded;
use crate::atomic;
use crate::report::{Event, Observer};
use crate::update::journal::Image;

/// The name under which the engine knows the application.
pub(crate) const PROJECT: &str = "torizon";

/// The application's files.
#[derive(Clone, Debug)]
pub struct Application {
    directory: PathBuf,
}

/// A plan with the image it belongs to: a repeated step must not take another's.
#[derive(Debug, Serialize, Deserialize)]
struct Prepared {
    image: Image,
    plan: Plan,
    /// Images that were fetched for it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    fetched: BTreeSet<String>,
}

impl Application {
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.into() }
    }

    /// The Compose file that is to run.
    #[must_use]
    pub fn compose_file(&self) -> PathBuf {
        self.directory.join("docker-compose.yml")
    }

    /// What runs, by the record of the plans that were carried out.
    ///
    /// # Errors
    /// If the record is damaged.
    pub fn containers(&self) -> anyhow::Result<Current> {
        let path = self.directory.join("containers.json");
        match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Current::default()),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
            Ok(bytes) => {
                serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))
            }
        }
    }

    /// The plan of the switch that is prepared.
    ///
    /// # Errors
    /// If none is prepared, or its record is damaged.
    pub fn plan(&self) -> anyhow::Result<Plan> {
        Ok(self.prepared()?.plan)
    }

    /// Checks the file `bytes` of `image`, plans the switch to it and records both.
    pub(super) fn prepare(
        &self,
        image: &Image,
        bytes: &[u8],
        observer: &mut dyn Observer,
    ) -> anyhow::Result<()> {
        let project = read(bytes)?;
        let plan = plan::plan(PROJECT, &project, &self.containers()?, &Options::default())?;
        observer.event(Event::Note { text: format!("application: {} steps planned", plan.steps.len()) });
        let next = self.directory.join("next");
        atomic::write(&next.join("docker-compose.yml"), bytes).context("recording the Compose file")?;
        self.record(&Prepared { image: image.clone(), plan, fetched: BTreeSet::new() })
    }

    /// Records the plan of a switch that the engine carries out, and the images that are fetched for it, beside those
    /// of an earlier try.
    pub(super) fn record_fetch(&self, image: &Image, plan: Plan, fetched: &[&str]) -> anyhow::Result<()> {
        let mut all = self.fetched()?;
        all.extend(fetched.iter().map(|&name| name.to_owned()));
        self.record(&Prepared { image: image.clone(), plan, fetched: all })
    }

    /// The images that were fetched for what is prepared.
    pub(super) fn fetched(&self) -> anyhow::Result<BTreeSet<String>> {
        if !self.directory.join("next/plan.json").exists() {
            return Ok(BTreeSet::new());
        }
        Ok(self.prepared()?.fetched)
    }

    fn record(&self, prepared: &Prepared) -> anyhow::Result<()> {
        let record = serde_json::to_vec_pretty(prepared)?;
        atomic::write(&self.directory.join("next/plan.json"), &record).context("recording the plan")
    }

    /// Carries the plan for `image` out in the record and makes its file the one that is to run. It may be
    /// repeated.
    pub(crate) fn commit(&self, image: &Image) -> anyhow::Result<()> {
        let next = self.directory.join("next");
        if !next.join("plan.json").exists() {
            // Done before, by a call that was stopped after it.
            return Ok(());
        }
        let Prepared { image: planned, plan, .. } = self.prepared()?;
        if planned != *image {
            bail!("the plan is for {}, not for {}", planned.name, image.name);
        }
        let mut containers = self.containers()?;
        recorded::carry_out(&plan, &mut containers);
        let record = serde_json::to_vec_pretty(&containers)?;
        let compose =
            std::fs::read(next.join("docker-compose.yml")).context("reading the prepared Compose file")?;
        atomic::write(&self.directory.join("containers.json"), &record)
            .context("recording the containers")?;
        atomic::write(&self.compose_file(), &compose).context("writing the Compose file")?;
        self.discard()
    }

    /// Forgets what was prepared.
    pub(super) fn discard(&self) -> anyhow::Result<()> {
        // The plan last: as long as it is there, all of it counts as prepared.
        for name in ["plan.json", "docker-compose.yml"] {
            atomic::remove(&self.directory.join("next").join(name))
                .context("removing the prepared application")?;
        }
        Ok(())
    }

    fn prepared(&self) -> anyhow::Result<Prepared> {
        let path = self.directory.join("next/plan.json");
        let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))
    }
}

/// A Compose file that may not be used: malformed, or not pinned.
#[derive(Debug, thiserror::Error)]
#[error("the Compose file is refused: {reason}")]
pub struct RefusedApplication {
    /// Each problem with its line and column.
    reason: String,
}

/// Reads a Compose file and demands that nothing can change its meaning.
pub(super) fn read(bytes: &[u8]) -> Result<Project, RefusedApplication> {
    let refused = |reason| RefusedApplication { reason };
    let text = std::str::from_utf8(bytes).map_err(|error| refused(error.to_string()))?;
    let project = compose::load(text, &Environment::new()).map_err(|error| refused(error.to_string()))?;
    project.locked().map_err(|errors| {
        let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
        refused(lines.join("; "))
    })?;
    Ok(project)
}
