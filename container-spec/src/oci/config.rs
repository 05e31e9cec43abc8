//! The config of an image: what it runs, and the layers it has.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{OciError, OciErrorKind, read};
use crate::digest::{Digest, Sha256};
use crate::platform::Platform;

/// A config. Docker adds properties of its own; they are not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// When it was made, by RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// `GOARCH`
    pub architecture: String,
    /// Variant of the processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// `GOOS`
    pub os: String,
    /// Version of the system, on Windows.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// What the system must have, on Windows.
    #[serde(default, rename = "os.features", skip_serializing_if = "Option::is_none")]
    pub os_features: Option<Vec<String>>,
    /// What a container of it runs with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Config>,
    /// Its layers.
    pub rootfs: RootFs,
    /// How each layer came about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<History>>,
}

/// What a container runs with, unless told otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Config {
    /// User and group.
    pub user: Option<String>,
    /// Ports that it listens on.
    pub exposed_ports: Option<BTreeMap<String, serde_json::Map<String, serde_json::Value>>>,
    /// Variables.
    pub env: Option<Vec<String>>,
    /// What starts the command.
    pub entrypoint: Option<Vec<String>>,
    /// The command.
    pub cmd: Option<Vec<String>>,
    /// Directories that are volumes.
    pub volumes: Option<BTreeMap<String, serde_json::Map<String, serde_json::Value>>>,
    /// Where the command runs.
    pub working_dir: Option<String>,
    /// Labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Signal that asks it to end.
    pub stop_signal: Option<String>,
    /// On Windows.
    pub args_escaped: Option<bool>,
}

/// The layers of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// `layers`
    #[serde(rename = "type")]
    pub kind: String,
    /// Digests of the layers as they are unpacked, lowest first.
    pub diff_ids: Vec<String>,
}

/// How a layer came about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// When, by RFC 3339.
    pub created: Option<String>,
    /// By whom.
    pub author: Option<String>,
    /// By which command.
    pub created_by: Option<String>,
    /// A remark.
    pub comment: Option<String>,
    /// Whether no layer belongs to it.
    pub empty_layer: Option<bool>,
}

impl ImageConfig {
    /// Reads a config.
    ///
    /// # Errors
    /// If it is not of the schema.
    pub fn read(bytes: &[u8]) -> Result<Self, OciError> {
        let this: Self = read("config", bytes)?;
        if this.rootfs.kind != "layers" {
            return Err(OciError::new("rootfs.type", OciErrorKind::Value("layers")));
        }
        for diff_id in &this.rootfs.diff_ids {
            Digest::parse(diff_id)
                .map_err(|error| OciError::new("rootfs.diff_ids", OciErrorKind::Digest(error.kind)))?;
        }
        Ok(this)
    }

    /// The layers, lowest first.
    ///
    /// # Errors
    /// If one has a digest that cannot be verified here.
    pub fn diff_ids(&self) -> Result<Vec<Sha256>, OciError> {
        let not_sha256 = OciError::new("rootfs.diff_ids", OciErrorKind::NotSha256);
        let sha256 = |text: &String| Digest::parse(text).ok().and_then(|digest| digest.sha256());
        self.rootfs.diff_ids.iter().map(|text| sha256(text).ok_or(not_sha256)).collect()
    }

    /// What it runs on.
    #[must_use]
    pub fn platform(&self) -> Platform<'_> {
        Platform { os: &self.os, architecture: &self.architecture, variant: self.variant.as_deref() }
    }
}
