//! A project: all services and what they share, read, checked and complete.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::decode::is_default;
use super::error::{Error, ErrorKind};
use super::interpolate::Unset;
use super::model::{Config, Model, Network, Secret, Service, Volume};
use super::place::Position;

/// A Compose project in long form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Project {
    /// The name: given, written in a file, or that of the directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The version written in the file, which has no meaning any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Services by name.
    pub services: BTreeMap<String, Service>,
    /// Services that are in none of the active profiles: they are not part of the application.
    #[serde(skip_serializing_if = "is_default")]
    pub inactive: BTreeMap<String, Service>,
    /// Networks by key.
    #[serde(skip_serializing_if = "is_default")]
    pub networks: BTreeMap<String, Network>,
    /// Volumes by key.
    #[serde(skip_serializing_if = "is_default")]
    pub volumes: BTreeMap<String, Volume>,
    /// Secrets by key.
    #[serde(skip_serializing_if = "is_default")]
    pub secrets: BTreeMap<String, Secret>,
    /// Configs by key.
    #[serde(skip_serializing_if = "is_default")]
    pub configs: BTreeMap<String, Config>,
    /// Language models by key.
    #[serde(skip_serializing_if = "is_default")]
    pub models: BTreeMap<String, Model>,
    /// Properties whose name starts with `x-`.
    #[serde(flatten)]
    pub extensions: BTreeMap<String, serde_json::Value>,
    /// Variables that were used but not set.
    #[serde(skip)]
    pub unset: Vec<Unset>,
    #[serde(skip)]
    pub(crate) places: BTreeMap<String, Places>,
}

/// Where a service and its image stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) name: Position,
    pub(crate) image: Option<Position>,
}

impl Project {
    /// Where the service is defined. `None` for a project that was not read from a file.
    #[must_use]
    pub fn position(&self, service: &str) -> Option<Position> {
        self.places.get(service).map(|places| places.name)
    }

    /// Keeps the services that have no profile, or one of these; `*` stands for all.
    pub(crate) fn activate(&mut self, profiles: &[&str]) {
        let active = |name: &String| profiles.iter().any(|profile| *profile == "*" || profile == name);
        for (name, service) in core::mem::take(&mut self.services) {
            let active = service.profiles.is_empty() || service.profiles.iter().any(active);
            let services = if active { &mut self.services } else { &mut self.inactive };
            services.insert(name, service);
        }
    }

    /// Checks that nothing can change what the file means: every service has an image with a sha256 digest,
    /// and every variable that is used is set. Services that are built, not pulled, have no place on a device.
    ///
    /// # Errors
    /// All that keeps the project from being locked, in the order of the file.
    pub fn locked(&self) -> Result<(), Vec<Error>> {
        let mut errors = Vec::new();
        for (name, service) in self.services.iter().chain(&self.inactive) {
            let places = self.places.get(name);
            let at = places.map(|places| places.name).unwrap_or_default();
            let Some(image) = &service.image else {
                errors.push(Error::new(at, ErrorKind::NoImage, name));
                continue;
            };
            if image.normalized().and_then(|image| image.pinned()).is_none() {
                let at = places.and_then(|places| places.image).unwrap_or(at);
                errors.push(Error::new(at, ErrorKind::Unpinned, image.as_str()));
            }
        }
        errors
            .extend(self.unset.iter().map(|unset| Error::new(unset.at, ErrorKind::Unresolved, &unset.name)));
        errors.sort_by_key(|error| error.at);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// The names of all services, each after those it depends on; within that, sorted by name.
    ///
    /// # Errors
    /// With a service of the cycle, if services depend on each other.
    pub fn start_order(&self) -> Result<Vec<&str>, Error> {
        let mut order: Vec<&str> = Vec::new();
        let mut waiting: Vec<(&str, &Service)> = self.services.iter().map(|(n, s)| (n.as_str(), s)).collect();
        while !waiting.is_empty() {
            let before = order.len();
            waiting.retain(|(name, service)| {
                let blocked = service
                    .depends_on
                    .iter()
                    .any(|(other, _)| self.services.contains_key(other) && !order.contains(&other.as_str()));
                if !blocked {
                    order.push(name);
                }
                blocked
            });
            if order.len() == before
                && let Some((name, _)) = waiting.first()
            {
                let at = self.position(name).unwrap_or_default();
                return Err(Error::new(at, ErrorKind::DependencyCycle, name));
            }
        }
        Ok(order)
    }
}
