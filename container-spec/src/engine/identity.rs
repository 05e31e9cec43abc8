//! Whether an image of the engine is the one that was pinned, in both kinds of store.

use super::ImageDetails;
use crate::digest::Sha256;

/// How the engine keeps images, and so what an image's id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// The id is the digest of the config. All engines before Docker 29, unless set up otherwise.
    Classic,
    /// The id is the digest of the manifest or index.
    Containerd,
}

/// What is known of a pinned image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageIdentity {
    /// The digest that pins it: of an index or a manifest.
    pub pinned: Sha256,
    /// Digest of the manifest for this platform, if the index or the archive was verified.
    pub manifest: Option<Sha256>,
    /// Digest of its config, if the manifest or the archive was verified.
    pub config: Option<Sha256>,
}

/// The engine's image is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine's image is not {pinned}")]
pub struct Mismatch {
    /// The digest that was pinned.
    pub pinned: Sha256,
}

impl ImageIdentity {
    /// An image of which only the pinned digest is known.
    #[must_use]
    pub const fn pinned(pinned: Sha256) -> Self {
        Self { pinned, manifest: None, config: None }
    }

    /// Checks that the engine's image is this one, and says which store it is in. In the classic store the id
    /// must be the config's digest if that is known; else the engine must have pulled it by the pinned
    /// digest, which it verifies. In containerd's store the id is the pinned digest or that of the manifest.
    ///
    /// # Errors
    /// If nothing ties the image to the pinned digest, or its id contradicts.
    pub fn check(&self, image: &ImageDetails) -> Result<Store, Mismatch> {
        let mismatch = Mismatch { pinned: self.pinned };
        let sha256 = |text: &str| text.strip_prefix("sha256:").and_then(Sha256::from_hex);
        let id = sha256(&image.id).ok_or(mismatch)?;
        if id == self.pinned || self.manifest == Some(id) {
            // A classic store whose id is the pinned digest would pin a config, which nothing can pull.
            let described = image.descriptor.as_ref().and_then(|it| sha256(&it.digest));
            return if described.is_none_or(|it| it == id) { Ok(Store::Containerd) } else { Err(mismatch) };
        }
        let by_digest =
            image.repo_digests.iter().filter_map(|name| name.rsplit_once('@')).any(|(_, digest)| {
                let digest = sha256(digest);
                digest == Some(self.pinned) || (digest.is_some() && digest == self.manifest)
            });
        match self.config {
            Some(config) if config == id => Ok(Store::Classic),
            Some(_) => Err(mismatch),
            None if by_digest => Ok(Store::Classic),
            None => Err(mismatch),
        }
    }
}
