//! Archives in a directory, named as TorizonCore Builder names those of a Lockbox.

use std::path::{Path, PathBuf};

use anyhow::Context;
use container_spec::digest::Sha256;
use container_spec::oci::Index;
use container_spec::platform::Platform;

use super::archives::{Archive, Archives, MAX_MANIFEST_BYTES};
use crate::files;

/// Two directories: `HEX.tar`, the archive of the image whose manifest has this digest, and `HEX.json`, the
/// manifest or index of this digest.
///
/// Nothing in them is believed: that a file is what its name says is seen when the archive is verified.
#[derive(Clone, Debug)]
pub struct Lockbox {
    images: PathBuf,
    manifests: PathBuf,
    platform: String,
}

impl Lockbox {
    /// The archives in `images` and what leads to them in `manifests`, for a platform such as `linux/arm64`.
    #[must_use]
    pub fn new(images: &Path, manifests: &Path, platform: &str) -> Self {
        Self { images: images.into(), manifests: manifests.into(), platform: platform.into() }
    }

    fn manifest(&self, digest: Sha256) -> PathBuf {
        self.manifests.join(format!("{}.json", hex(digest)))
    }
}

fn hex(digest: Sha256) -> String {
    digest.write_hex(&mut [0; 64]).to_owned()
}

impl Archives for Lockbox {
    fn archive(&self, digest: Sha256) -> anyhow::Result<Option<Archive>> {
        let mut manifests = Vec::new();
        let mut of_platform = digest;
        if let Some(bytes) = files::read_if_there(&self.manifest(digest), MAX_MANIFEST_BYTES)? {
            manifests.push(self.manifest(digest));
            if let Ok(index) = Index::verify(&bytes, digest) {
                let platform = Platform::parse(&self.platform)?;
                let chosen = index.select(&platform);
                let chosen =
                    chosen.with_context(|| format!("{digest} has no image for {}", self.platform))?;
                of_platform = chosen.sha256()?;
                let path = self.manifest(of_platform);
                if path.try_exists()? {
                    manifests.push(path);
                }
            }
        }
        for digest in [of_platform, digest] {
            let file = self.images.join(format!("{}.tar", hex(digest)));
            if file.try_exists().with_context(|| format!("looking for {}", file.display()))? {
                return Ok(Some(Archive { file, manifests }));
            }
        }
        Ok(None)
    }
}
