//! What the engine has now, and what the caller decides.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::duration::Duration;

/// A container of the project, running or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Container {
    /// The engine's id.
    pub id: String,
    /// Its name, without a leading `/`.
    pub name: String,
    /// The service it belongs to.
    pub service: String,
    /// Which of the service's containers it is, from 1.
    pub number: u32,
    /// The hash of the service it was made from, if it was made by a plan.
    pub config_hash: Option<Sha256>,
    /// The engine's id of its image.
    pub image_id: String,
    /// Whether it runs.
    pub running: bool,
    /// Its restart policy, as `no`, `always`, `unless-stopped` or `on-failure[:N]`.
    pub restart: String,
}

/// What follows the name of a container before it takes over.
pub const NEXT_SUFFIX: &str = ".next";

/// What follows the name of a container after another one took over.
pub const PREVIOUS_SUFFIX: &str = ".previous";

impl Container {
    /// Whether only a switch under way needs it, by its name. When there is none, it may be removed.
    #[must_use]
    pub fn is_left_over(&self) -> bool {
        self.name.ends_with(NEXT_SUFFIX) || self.name.ends_with(PREVIOUS_SUFFIX)
    }
}

/// An image that the engine has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    /// The engine's id.
    pub id: String,
    /// Every digest that identifies it: those of its repositories, and those that an archive was verified for.
    pub digests: Vec<Sha256>,
}

/// The state that a plan starts from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Current {
    /// All containers of the project.
    pub containers: Vec<Container>,
    /// All images.
    pub images: Vec<Image>,
    /// Names of all networks.
    pub networks: BTreeSet<String>,
    /// Names of all volumes.
    pub volumes: BTreeSet<String>,
}

/// What the caller decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Images come from archives, not from a registry.
    pub offline: bool,
    /// Size in bytes of images that may have to be fetched, by the digest that pins them.
    pub image_bytes: BTreeMap<Sha256, u64>,
    /// How long a service may take to become healthy.
    pub start_timeout: Duration,
    /// How long a service without a health check must run to count as started.
    pub settle: Duration,
}

impl Default for Options {
    /// Online, sizes unknown, five minutes to become healthy, five seconds to settle.
    fn default() -> Self {
        Self {
            offline: false,
            image_bytes: BTreeMap::new(),
            start_timeout: Duration::from_secs(300),
            settle: Duration::from_secs(5),
        }
    }
}
