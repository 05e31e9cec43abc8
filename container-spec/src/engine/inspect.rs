//! What the engine tells about containers, images, networks and volumes.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Deserialize;

use super::response::{self, ResponseError};
use super::{HASH_LABEL, NUMBER_LABEL, SERVICE_LABEL};
use crate::digest::Sha256;
use crate::plan::{Container, Image};

/// What a health check says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// The container has no check.
    #[default]
    None,
    /// No result counts yet.
    Starting,
    /// The last check passed.
    Healthy,
    /// Too many checks failed.
    Unhealthy,
    /// A later engine says something else.
    #[serde(other)]
    Unknown,
}

/// The health of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Health {
    /// What the check says.
    pub status: HealthStatus,
    /// Failures in a row.
    pub failing_streak: u64,
}

/// How a container is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContainerState {
    /// `created`, `running`, `restarting`, `exited`, `paused`, `dead`, `removing`.
    pub status: String,
    /// Whether it runs.
    pub running: bool,
    /// Whether the engine is about to start it again.
    pub restarting: bool,
    /// How it ended.
    pub exit_code: i64,
    /// Why it could not be started.
    pub error: String,
    /// Its health.
    pub health: Option<Health>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    name: String,
    image: String,
    #[serde(default)]
    state: ContainerState,
    config: InspectedConfig,
    host_config: InspectedHost,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedConfig {
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InspectedHost {
    restart_policy: Option<RestartPolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RestartPolicy {
    name: String,
    #[serde(default)]
    maximum_retry_count: u32,
}

impl ContainerState {
    /// Reads the answer to [`Request::inspect_container`](super::Request::inspect_container): the container
    /// for a plan, and how it is.
    ///
    /// # Errors
    /// If there is no such container, or the answer has another form.
    pub fn read(status: u16, body: &[u8]) -> Result<(Container, Self), ResponseError> {
        let it: Inspected = response::json(status, body)?;
        let labels = it.config.labels.unwrap_or_default();
        let label = |name: &str| labels.get(name).map(String::as_str);
        let restart = match it.host_config.restart_policy {
            Some(RestartPolicy { name, maximum_retry_count: 0 }) => name,
            Some(RestartPolicy { name, maximum_retry_count }) => format!("{name}:{maximum_retry_count}"),
            None => String::new(),
        };
        let container = Container {
            id: it.id,
            name: it.name.trim_start_matches('/').to_owned(),
            service: label(SERVICE_LABEL).unwrap_or_default().to_owned(),
            number: label(NUMBER_LABEL).and_then(|number| number.parse().ok()).unwrap_or(1),
            config_hash: label(HASH_LABEL).and_then(Sha256::from_hex),
            image_id: it.image,
            running: it.state.running,
            restart: if restart.is_empty() { "no".to_string() } else { restart },
        };
        Ok((container, it.state))
    }
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "Id", alias = "Name")]
    name: String,
}

/// The ids in the answer to [`Request::containers`](super::Request::containers).
///
/// # Errors
/// If the answer has another form.
pub(super) fn ids(status: u16, body: &[u8]) -> Result<Vec<String>, ResponseError> {
    let list: Vec<Named> = response::json(status, body)?;
    Ok(list.into_iter().map(|named| named.name).collect())
}

impl super::Request {
    /// Reads the answer to [`containers`](Self::containers): the ids.
    ///
    /// # Errors
    /// If the answer has another form.
    pub fn read_container_ids(status: u16, body: &[u8]) -> Result<Vec<String>, ResponseError> {
        ids(status, body)
    }

    /// Reads the answer to [`images`](Self::images).
    ///
    /// # Errors
    /// If the answer has another form.
    pub fn read_images(status: u16, body: &[u8]) -> Result<Vec<Image>, ResponseError> {
        let list: Vec<ImageDetails> = response::json(status, body)?;
        Ok(list.into_iter().map(ImageDetails::into_image).collect())
    }

    /// Reads the answer to [`networks`](Self::networks): the names.
    ///
    /// # Errors
    /// If the answer has another form.
    pub fn read_networks(status: u16, body: &[u8]) -> Result<Vec<String>, ResponseError> {
        #[derive(Deserialize)]
        struct Network {
            #[serde(rename = "Name")]
            name: String,
        }
        let list: Vec<Network> = response::json(status, body)?;
        Ok(list.into_iter().map(|network| network.name).collect())
    }

    /// Reads the answer to [`volumes`](Self::volumes): the names.
    ///
    /// # Errors
    /// If the answer has another form.
    pub fn read_volumes(status: u16, body: &[u8]) -> Result<Vec<String>, ResponseError> {
        #[derive(Deserialize)]
        struct Volume {
            #[serde(rename = "Name")]
            name: String,
        }
        #[derive(Deserialize)]
        struct Volumes {
            #[serde(rename = "Volumes")]
            volumes: Option<Vec<Volume>>,
        }
        let list: Volumes = response::json(status, body)?;
        Ok(list.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect())
    }
}

/// What the engine says of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ImageDetails {
    /// Its id: the digest of its config in the classic store, that of its manifest or index in containerd's.
    pub id: String,
    /// Its names with digests; empty for what came from an archive.
    #[serde(deserialize_with = "nullable")]
    pub repo_digests: Vec<String>,
    /// Its names with tags.
    #[serde(deserialize_with = "nullable")]
    pub repo_tags: Vec<String>,
    /// What the store says it is, if it is containerd's.
    pub descriptor: Option<Descriptor>,
    /// Its layers.
    #[serde(rename = "RootFS")]
    pub root_fs: RootFs,
}

/// What containerd's store says an image is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Descriptor {
    /// Digest of the manifest or index.
    pub digest: String,
}

/// The layers of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RootFs {
    /// Digests of the layers, unpacked.
    #[serde(deserialize_with = "nullable")]
    pub layers: Vec<String>,
}

fn nullable<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl ImageDetails {
    /// Reads the answer to [`Request::inspect_image`](super::Request::inspect_image).
    ///
    /// # Errors
    /// If there is no such image, or the answer has another form.
    pub fn read(status: u16, body: &[u8]) -> Result<Self, ResponseError> {
        response::json(status, body)
    }

    /// The image for a plan: every digest that identifies it.
    #[must_use]
    pub fn into_image(self) -> Image {
        let mut digests: Vec<Sha256> = self
            .repo_digests
            .iter()
            .filter_map(|name| name.rsplit_once('@').map(|(_, digest)| digest))
            .chain([self.id.as_str()])
            .chain(self.descriptor.as_ref().map(|descriptor| descriptor.digest.as_str()))
            .filter_map(|digest| digest.strip_prefix("sha256:").and_then(Sha256::from_hex))
            .collect();
        digests.sort_unstable();
        digests.dedup();
        Image { id: self.id, digests }
    }
}
