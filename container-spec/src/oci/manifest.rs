//! Indexes and manifests.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{Descriptor, MediaType, OciError, OciErrorKind, is_media_type, read};
use crate::digest::Sha256;
use crate::platform::Platform;

/// One image for several platforms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// 2
    pub schema_version: i64,
    /// What the document is; Docker demands it, the specification does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What it is, if it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Manifests, for a platform each.
    pub manifests: Vec<Descriptor>,
    /// What this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// What people or tools noted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// One image: a config and layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// 2
    pub schema_version: i64,
    /// What the document is; Docker demands it, the specification does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What it is, if it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The config.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
    /// What this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// What people or tools noted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// Checks that `bytes` are what `digest` stands for.
fn content(what: &'static str, bytes: &[u8], digest: Sha256) -> Result<(), OciError> {
    if Sha256::of(bytes) == digest { Ok(()) } else { Err(OciError::new(what, OciErrorKind::Content)) }
}

/// What makes a document an index or a manifest. One that is both means different images to different readers
/// (CVE-2021-41190).
#[derive(Deserialize)]
struct Shape {
    manifests: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
}

fn unambiguous(what: &'static str, bytes: &[u8]) -> Result<(), OciError> {
    let shape: Shape = read(what, bytes)?;
    if shape.manifests.is_some() && (shape.config.is_some() || shape.layers.is_some()) {
        return Err(OciError::new(what, OciErrorKind::Ambiguous));
    }
    Ok(())
}

fn header(
    version: i64,
    media_type: Option<&str>,
    artifact_type: Option<&str>,
    kind: MediaType,
) -> Result<(), OciError> {
    if version != 2 {
        return Err(OciError::new("schemaVersion", OciErrorKind::Value("2")));
    }
    if let Some(text) = media_type {
        if !is_media_type(text) {
            return Err(OciError::new("mediaType", OciErrorKind::MediaType));
        }
        if MediaType::parse(text) != Some(kind) {
            return Err(OciError::new("mediaType", OciErrorKind::OtherMediaType));
        }
    }
    if artifact_type.is_some_and(|text| !is_media_type(text)) {
        return Err(OciError::new("artifactType", OciErrorKind::MediaType));
    }
    Ok(())
}

impl Index {
    /// Reads an index of which only the form is known.
    ///
    /// # Errors
    /// If it is not of the schema.
    pub fn read(bytes: &[u8]) -> Result<Self, OciError> {
        unambiguous("index", bytes)?;
        let this: Self = read("index", bytes)?;
        header(
            this.schema_version,
            this.media_type.as_deref(),
            this.artifact_type.as_deref(),
            MediaType::Index,
        )?;
        this.manifests.iter().chain(&this.subject).try_for_each(Descriptor::check)?;
        Ok(this)
    }

    /// Reads the index that `digest` stands for.
    ///
    /// # Errors
    /// If it is another one, or not of the schema.
    pub fn verify(bytes: &[u8], digest: Sha256) -> Result<Self, OciError> {
        content("index", bytes, digest)?;
        Self::read(bytes)
    }

    /// The manifest for `platform`. Attestations never suit, nor do entries without a platform, unless there
    /// is only one entry.
    #[must_use]
    pub fn select(&self, platform: &Platform<'_>) -> Option<&Descriptor> {
        let candidates: Vec<&Descriptor> = self
            .manifests
            .iter()
            .filter(|entry| !entry.is_attestation() && entry.kind() == Some(MediaType::Manifest))
            .collect();
        if let [Descriptor { platform: None, .. }] = candidates.as_slice() {
            return candidates.first().copied();
        }
        let named: Vec<(&Descriptor, Platform<'_>)> = candidates
            .into_iter()
            .filter_map(|entry| entry.platform.as_ref().map(|platform| (entry, platform.as_platform())))
            .collect();
        let index = platform.select(named.iter().map(|(_, platform)| *platform))?;
        named.get(index).map(|(entry, _)| *entry)
    }
}

impl Manifest {
    /// Reads a manifest of which only the form is known.
    ///
    /// # Errors
    /// If it is not of the schema.
    pub fn read(bytes: &[u8]) -> Result<Self, OciError> {
        unambiguous("manifest", bytes)?;
        let this: Self = read("manifest", bytes)?;
        header(
            this.schema_version,
            this.media_type.as_deref(),
            this.artifact_type.as_deref(),
            MediaType::Manifest,
        )?;
        [&this.config]
            .into_iter()
            .chain(&this.layers)
            .chain(&this.subject)
            .try_for_each(Descriptor::check)?;
        if this.layers.is_empty() {
            return Err(OciError::new("layers", OciErrorKind::Empty));
        }
        Ok(this)
    }

    /// Reads the manifest that `digest` stands for.
    ///
    /// # Errors
    /// If it is another one, or not of the schema.
    pub fn verify(bytes: &[u8], digest: Sha256) -> Result<Self, OciError> {
        content("manifest", bytes, digest)?;
        Self::read(bytes)
    }
}
