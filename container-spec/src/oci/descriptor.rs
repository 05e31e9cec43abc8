//! Descriptors: what refers to a blob.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{MediaType, OciError, OciErrorKind, is_media_type, read};
use crate::digest::{Digest, Sha256};
use crate::platform::Platform;

/// A blob: what it is, which, and how long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Which one: `algorithm:encoded`.
    pub digest: String,
    /// Its length in bytes.
    pub size: i64,
    /// Where else it can be had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// What people or tools noted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The blob itself in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// What it is, if it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<DescriptorPlatform>,
}

/// What an image runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescriptorPlatform {
    /// `GOARCH`
    pub architecture: String,
    /// `GOOS`
    pub os: String,
    /// Version of the system, on Windows.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// What the system must have, on Windows.
    #[serde(default, rename = "os.features", skip_serializing_if = "Vec::is_empty")]
    pub os_features: Vec<String>,
    /// Variant of the processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl DescriptorPlatform {
    /// For a choice among several.
    #[must_use]
    pub fn as_platform(&self) -> Platform<'_> {
        Platform { os: &self.os, architecture: &self.architecture, variant: self.variant.as_deref() }
    }
}

impl Descriptor {
    /// Reads one descriptor.
    ///
    /// # Errors
    /// If it is not of the schema.
    pub fn read(bytes: &[u8]) -> Result<Self, OciError> {
        let this: Self = read("descriptor", bytes)?;
        this.check()?;
        Ok(this)
    }

    /// What it refers to; `None` for a media type that images do not have.
    #[must_use]
    pub fn kind(&self) -> Option<MediaType> {
        MediaType::parse(&self.media_type)
    }

    /// The digest, if it is one that can be verified here.
    ///
    /// # Errors
    /// If it is another kind of digest.
    pub fn sha256(&self) -> Result<Sha256, OciError> {
        let digest = Digest::parse(&self.digest).ok().and_then(|digest| digest.sha256());
        digest.ok_or(OciError::new("digest", OciErrorKind::NotSha256))
    }

    /// Its length.
    ///
    /// # Errors
    /// If it is negative.
    pub fn size_bytes(&self) -> Result<u64, OciError> {
        u64::try_from(self.size).map_err(|_| OciError::new("size", OciErrorKind::Size(self.size)))
    }

    /// Whether it refers to an attestation about another entry: nothing that can run.
    #[must_use]
    pub fn is_attestation(&self) -> bool {
        self.annotations.get("vnd.docker.reference.type").is_some_and(|it| it == "attestation-manifest")
    }

    pub(super) fn check(&self) -> Result<(), OciError> {
        if !is_media_type(&self.media_type) {
            return Err(OciError::new("mediaType", OciErrorKind::MediaType));
        }
        if self.artifact_type.as_ref().is_some_and(|text| !is_media_type(text)) {
            return Err(OciError::new("artifactType", OciErrorKind::MediaType));
        }
        self.size_bytes()?;
        Digest::parse(&self.digest)
            .map_err(|error| OciError::new("digest", OciErrorKind::Digest(error.kind)))?;
        if self.data.as_ref().is_some_and(|data| !is_base64(data)) {
            return Err(OciError::new("data", OciErrorKind::Base64));
        }
        if !self.urls.iter().all(|url| is_uri(url)) {
            return Err(OciError::new("urls", OciErrorKind::Uri));
        }
        Ok(())
    }
}

/// RFC 4648, section 4, with padding.
fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    text.len().is_multiple_of(4) && text.len() - digits.len() <= 2 && digits.bytes().all(good)
}

/// A scheme, a colon, and no character that RFC 3986 excludes.
fn is_uri(text: &str) -> bool {
    let good = |b: u8| {
        b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
    };
    text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            && !rest.is_empty()
            && rest.bytes().all(good)
    })
}
