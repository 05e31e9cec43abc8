//! A project: all services and what they share, read, checked and complete.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::decode::is_default;
use super::error::{Error, ErrorKind};
use super::interpolate::Unset;
use super::limits::MAX_CONTAINERS;
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
    /// Properties that name files of values, whether these were read or not.
    #[serde(skip)]
    pub(crate) named_files: Vec<Error>,
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
        if self.services.values().all(|service| service.profiles.is_empty()) {
            return;
        }
        let active = |name: &String| profiles.iter().any(|profile| *profile == "*" || profile == name);
        for (name, service) in core::mem::take(&mut self.services) {
            let active = service.profiles.is_empty() || service.profiles.iter().any(active);
            let services = if active { &mut self.services } else { &mut self.inactive };
            services.insert(name, service);
        }
    }

    /// Checks that nothing can change what the file means: every service has an image with a sha256 digest, no values
    /// come from `env_file` or `label_file`, and every variable that is used is set. Services that are built, not pulled, have no place on a device.
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
        errors.extend(&self.named_files);
        errors
            .extend(self.unset.iter().map(|unset| Error::new(unset.at, ErrorKind::Unresolved, &unset.name)));
        errors.sort_by_key(|error| error.at);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// The first service, by name, with which the project has more than [`MAX_CONTAINERS`] containers; `None` if it has not.
    #[must_use]
    pub fn beyond_containers(&self) -> Option<&str> {
        let mut left = MAX_CONTAINERS;
        let mut services = self.services.iter();
        let beyond = services.find(|(_, service)| match left.checked_sub(service.replicas()) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        beyond.map(|(name, _)| name.as_str())
    }

    /// The names of all services, each after those it depends on; within that, sorted by name.
    ///
    /// # Errors
    /// With a service of the cycle, if services depend on each other.
    pub fn start_order(&self) -> Result<Vec<&str>, Error> {
        let names: Vec<&str> = self.services.keys().map(String::as_str).collect();
        let number = |name: &String| names.binary_search(&name.as_str()).ok();
        let mut dependents: Vec<Vec<usize>> = alloc::vec![Vec::new(); names.len()];
        // What is left to wait for, and the round in which a service can start: rounds go through all names in
        // order, and a service starts in the first one in which those that it needs have started before it.
        let mut waits: Vec<(usize, usize)> = Vec::with_capacity(names.len());
        for (service, own) in self.services.values().zip(0..) {
            let needed = service.depends_on.keys().filter_map(number);
            let mut count = 0;
            for other in needed {
                count += 1;
                if let Some(dependents) = dependents.get_mut(other) {
                    dependents.push(own);
                }
            }
            waits.push((count, 0));
        }
        let mut ready: Vec<usize> =
            waits.iter().zip(0..).filter(|((count, _), _)| *count == 0).map(|(_, own)| own).collect();
        let mut started: Vec<(usize, usize)> = Vec::with_capacity(names.len());
        while let Some(own) = ready.pop() {
            let round = waits.get(own).map_or(0, |(_, round)| *round);
            started.push((round, own));
            for &other in dependents.get(own).into_iter().flatten() {
                let Some((count, earliest)) = waits.get_mut(other) else { continue };
                *earliest = (*earliest).max(round + usize::from(own > other));
                *count -= 1;
                if *count == 0 {
                    ready.push(other);
                }
            }
        }
        if let Some((name, _)) = names.iter().zip(&waits).find(|(_, (count, _))| *count > 0) {
            let at = self.position(name).unwrap_or_default();
            return Err(Error::new(at, ErrorKind::DependencyCycle, name));
        }
        started.sort_unstable();
        let order = started.into_iter().filter_map(|(_, own)| names.get(own).copied()).collect();
        Ok(order)
    }
}
