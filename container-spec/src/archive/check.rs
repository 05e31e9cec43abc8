//! What an archive holds, held against what was pinned.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Deserialize;

use super::error::{ArchiveError, ArchiveErrorKind};
use super::reader::{File, Member, Reader};
use crate::digest::Sha256;
use crate::engine::ImageIdentity;
use crate::oci::{
    Compression, Descriptor, ImageConfig, Index, Layout, Manifest, MediaType, OciError, blob_digest,
    chain_ids,
};
use crate::platform::Platform;
use crate::reference::Normalized;

/// An image that an archive must hold.
#[derive(Clone, Copy, Debug)]
pub struct Pinned<'p> {
    /// Its name with its digest.
    pub image: Normalized<'p>,
    /// Indexes and manifests that came beside the archive. Archives of Docker up to 24 hold none. Each is used
    /// only if its digest is one that the pinned digest leads to.
    pub manifests: &'p [&'p [u8]],
    /// The platform that an index is read for.
    pub platform: Platform<'p>,
}

/// An image of a verified archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loadable {
    /// Its digests.
    pub identity: ImageIdentity,
    /// The names that the archive gives it.
    pub tags: Vec<String>,
    /// Its layers as they are unpacked, lowest first.
    pub diff_ids: Vec<Sha256>,
    /// The id of all layers together, if there are any.
    pub chain_id: Option<Sha256>,
}

/// An archive all of whose bytes were read, and all of whose images are pinned ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub(super) digest: Sha256,
    pub(super) len: u64,
    pub(super) content_end: u64,
    images: Vec<Loadable>,
}

impl Verified {
    /// The digest of the archive.
    #[must_use]
    pub const fn digest(&self) -> Sha256 {
        self.digest
    }

    /// Its images, in the order of the pinned ones.
    #[must_use]
    pub fn images(&self) -> &[Loadable] {
        &self.images
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SavedImage {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

impl Reader {
    /// Ends the archive and checks that it holds the images of `pinned`, whole, and no others.
    ///
    /// # Errors
    /// If the archive is cut off, or anything in it is not what the pinned digests lead to.
    pub fn finish(mut self, pinned: &[Pinned<'_>]) -> Result<Verified, ArchiveError> {
        let digest = self.end()?;
        self.check_blobs()?;
        let saved = self.saved_images()?;
        let mut images = Vec::new();
        let mut claimed = Vec::new();
        for wanted in pinned {
            let pin = wanted.image.pinned();
            let name = wanted.image.to_string();
            let failed = |kind| ArchiveError::new(0, &name, kind);
            let pin = pin.ok_or_else(|| failed(ArchiveErrorKind::NotPinned))?;
            let (identity, manifest) = self.identify(pin, wanted, &failed)?;
            let found = saved.iter().position(|image| {
                self.file(&image.config).is_ok_and(|file| Some(file.digest) == identity.config)
            });
            let index = found.ok_or_else(|| failed(ArchiveErrorKind::NotFound { pinned: pin }))?;
            if let Some(image) = saved.get(index) {
                claimed.push(index);
                images.push(self.image(image, identity, manifest.as_ref(), wanted)?);
            }
        }
        for (index, image) in saved.iter().enumerate() {
            if !claimed.contains(&index) {
                let config = self.file(&image.config)?;
                let kind = ArchiveErrorKind::Unwanted { config: config.digest };
                return Err(ArchiveError::new(config.at_bytes, &image.config, kind));
            }
        }
        Ok(Verified { digest, len: self.len, content_end: self.content_end, images })
    }

    /// Follows links to a file.
    fn file(&self, name: &str) -> Result<&File, ArchiveError> {
        let mut path = name;
        // More links in a row than members are a circle.
        for _ in 0..=self.members.len() {
            match self.members.get(path) {
                Some(Member::File(file)) => return Ok(file),
                Some(Member::Link(target)) => path = target,
                _ if path == name => return Err(ArchiveError::new(0, name, ArchiveErrorKind::Missing)),
                _ => break,
            }
        }
        Err(ArchiveError::new(0, name, ArchiveErrorKind::BadLink))
    }

    fn json(&self, name: &str) -> Result<(&File, &[u8]), ArchiveError> {
        let file = self.file(name)?;
        match &file.json {
            Some(json) => Ok((file, json)),
            None => {
                Err(ArchiveError::new(file.at_bytes, name, ArchiveErrorKind::LargeJson { bytes: file.size }))
            }
        }
    }

    /// Blobs must be what their names say, and links lead to files.
    fn check_blobs(&self) -> Result<(), ArchiveError> {
        for (name, member) in &self.members {
            match member {
                Member::File(file) => {
                    if let Some(digest) = blob_digest(name)
                        && digest != file.digest
                    {
                        let kind = ArchiveErrorKind::Content { actual: file.digest };
                        return Err(ArchiveError::new(file.at_bytes, name, kind));
                    }
                }
                Member::Link(_) if blob_digest(name).is_some() => {
                    return Err(ArchiveError::new(0, name, ArchiveErrorKind::BadLink));
                }
                Member::Link(_) => drop(self.file(name)?),
                Member::Directory => {}
            }
        }
        if self.members.contains_key("oci-layout") {
            let (file, json) = self.json("oci-layout")?;
            Layout::read(json).map_err(|error| oci(file, "oci-layout", error))?;
            let (file, json) = self.json("index.json")?;
            Index::read(json).map_err(|error| oci(file, "index.json", error))?;
        }
        Ok(())
    }

    fn saved_images(&self) -> Result<Vec<SavedImage>, ArchiveError> {
        let (file, json) = self.json("manifest.json")?;
        serde_json::from_slice(json)
            .map_err(|_| ArchiveError::new(file.at_bytes, "manifest.json", ArchiveErrorKind::NotImages))
    }

    /// The bytes that `digest` stands for, from the archive or from beside it.
    fn document<'d>(&'d self, digest: Sha256, beside: &'d [&'d [u8]]) -> Option<&'d [u8]> {
        let mut hex = [0; 64];
        let path = alloc::format!("blobs/sha256/{}", digest.write_hex(&mut hex));
        let inside = self.json(&path).ok().map(|(_, json)| json);
        inside.or_else(|| beside.iter().copied().find(|bytes| Sha256::of(bytes) == digest))
    }

    /// From the pinned digest to the manifest and the config. A digest pins an index or a manifest, never a
    /// config.
    fn identify(
        &self,
        pinned: Sha256,
        wanted: &Pinned<'_>,
        failed: &impl Fn(ArchiveErrorKind) -> ArchiveError,
    ) -> Result<(ImageIdentity, Option<Manifest>), ArchiveError> {
        let unproven = || failed(ArchiveErrorKind::Unproven { pinned });
        let wrong = |error| failed(ArchiveErrorKind::Oci(error));
        let document = self.document(pinned, wanted.manifests).ok_or_else(unproven)?;
        let (digest, document) = match Index::verify(document, pinned) {
            Ok(index) => {
                let entry = index.select(&wanted.platform).ok_or_else(unproven)?;
                let digest = entry.sha256().map_err(wrong)?;
                (digest, self.document(digest, wanted.manifests).ok_or_else(unproven)?)
            }
            Err(_) => (pinned, document),
        };
        let manifest = Manifest::verify(document, digest).map_err(wrong)?;
        let config = manifest.config.sha256().map_err(wrong)?;
        Ok((ImageIdentity { pinned, manifest: Some(digest), config: Some(config) }, Some(manifest)))
    }

    fn image(
        &self,
        saved: &SavedImage,
        identity: ImageIdentity,
        manifest: Option<&Manifest>,
        wanted: &Pinned<'_>,
    ) -> Result<Loadable, ArchiveError> {
        let (file, json) = self.json(&saved.config)?;
        let config = ImageConfig::read(json).map_err(|error| oci(file, &saved.config, error))?;
        let diff_ids = config.diff_ids().map_err(|error| oci(file, &saved.config, error))?;
        let layers: &[Descriptor] = manifest.map(|manifest| manifest.layers.as_slice()).unwrap_or_default();
        for actual in [saved.layers.len(), layers.len()] {
            if actual != diff_ids.len() {
                let kind = ArchiveErrorKind::LayerCount { expected: diff_ids.len(), actual };
                return Err(ArchiveError::new(file.at_bytes, &saved.config, kind));
            }
        }
        for ((path, &expected), layer) in saved.layers.iter().zip(&diff_ids).zip(layers) {
            let file = self.file(path)?;
            // A packed layer is what the manifest says; that it unpacks to the DiffID, the engine checks.
            let packed = layer.kind() != Some(MediaType::Layer(Compression::None));
            let as_packed = packed && layer.sha256().is_ok_and(|digest| digest == file.digest);
            if file.digest != expected && !as_packed {
                let kind = ArchiveErrorKind::Layer { expected };
                return Err(ArchiveError::new(file.at_bytes, path, kind));
            }
        }
        let tags = saved.repo_tags.clone().unwrap_or_default();
        let repository = wanted.image.repository().to_string();
        for tag in &tags {
            let ours = Normalized::parse(tag).is_ok_and(|tag| tag.repository().to_string() == repository);
            if !ours {
                return Err(ArchiveError::new(file.at_bytes, tag, ArchiveErrorKind::ForeignTag));
            }
        }
        let chain_id = chain_ids(&diff_ids).last().copied();
        Ok(Loadable { identity, tags, diff_ids, chain_id })
    }
}

fn oci(file: &File, name: &str, error: OciError) -> ArchiveError {
    ArchiveError::new(file.at_bytes, name, ArchiveErrorKind::Oci(error))
}
