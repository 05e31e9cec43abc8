//! What pulling an image takes on the engine's disk.

use alloc::collections::BTreeSet;

use crate::digest::Sha256;
use crate::oci::{ImageConfig, Manifest, OciError, chain_ids};

/// How often a layer that is fetched is counted by its packed size: while it is unpacked, its packed form and its content
/// are on the disk together, and the content is at least as large. containerd's store keeps both for good; in the classic
/// store the content alone is mostly larger than twice its packed size.
pub const PULL_COPIES: u64 = 2;

/// Why there is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SizeError {
    /// What the config says of a layer, or a size, is none.
    #[error(transparent)]
    Oci(#[from] OciError),
    /// The manifest has other layers than the config.
    #[error("the manifest has {layers} layers, its config {diff_ids}")]
    Layers {
        /// In the manifest.
        layers: usize,
        /// In the config.
        diff_ids: usize,
    },
}

/// Bytes that pulling this image takes on the engine's disk at least: its config, and [`PULL_COPIES`] times the packed size
/// of each layer that is not there yet. Engines keep a layer once for the same layers below it: `there` holds the
/// [chain ids](chain_ids) of those they have, and this image's are added to it.
///
/// ```
/// use container_spec::oci::{ImageConfig, Manifest};
/// use container_spec::registry::pull_bytes;
///
/// let digest = "sha256:86e0e091d0da6bde2456dbb48306f3956bbeb2eae1b5b9a43045843f69fe4aaa";
/// let manifest = format!(r#"{{"schemaVersion":2,
///     "config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":70}},
///     "layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{digest}","size":1000}}]}}"#);
/// let config = format!(r#"{{"architecture":"arm64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{digest}"]}}}}"#);
/// let (manifest, config) = (Manifest::read(manifest.as_bytes()).unwrap(), ImageConfig::read(config.as_bytes()).unwrap());
/// let mut there = Default::default();
/// assert_eq!(pull_bytes(&manifest, &config, &mut there), Ok(2070));
/// assert_eq!(pull_bytes(&manifest, &config, &mut there), Ok(70), "the layer is there by then");
/// ```
///
/// # Errors
/// If manifest and config do not belong together.
pub fn pull_bytes(
    manifest: &Manifest,
    config: &ImageConfig,
    there: &mut BTreeSet<Sha256>,
) -> Result<u64, SizeError> {
    let (layers, diff_ids) = (&manifest.layers, config.diff_ids()?);
    if layers.len() != diff_ids.len() {
        return Err(SizeError::Layers { layers: layers.len(), diff_ids: diff_ids.len() });
    }
    let mut total = manifest.config.size_bytes()?;
    for (layer, chain) in layers.iter().zip(chain_ids(&diff_ids)) {
        if there.insert(chain) {
            total = total.saturating_add(layer.size_bytes()?.saturating_mul(PULL_COPIES));
        }
    }
    Ok(total)
}
