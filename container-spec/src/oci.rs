//! OCI images: media types, descriptors, indexes, manifests, configs, layouts, and the ids of layer chains.
//!
//! Source: opencontainers/image-spec 1.1. A value that was read here is valid by the schema of its kind; that
//! it is the *right* one, only a digest says, so readers take the digest that leads to the bytes.

#[cfg(feature = "alloc")]
mod chain;
#[cfg(feature = "alloc")]
mod config;
#[cfg(feature = "alloc")]
mod descriptor;
#[cfg(feature = "alloc")]
mod error;
#[cfg(feature = "alloc")]
mod layout;
#[cfg(feature = "alloc")]
mod manifest;
mod media_type;

#[cfg(feature = "alloc")]
pub use chain::{chain_id, chain_ids};
#[cfg(feature = "alloc")]
pub use config::{Config, History, ImageConfig, RootFs};
#[cfg(feature = "alloc")]
pub use descriptor::{Descriptor, DescriptorPlatform};
#[cfg(feature = "alloc")]
pub use error::{OciError, OciErrorKind};
#[cfg(feature = "alloc")]
pub use layout::{LAYOUT_VERSION, Layout, blob_digest};
#[cfg(feature = "alloc")]
pub use manifest::{Index, Manifest};
pub use media_type::{Compression, MediaType, is_media_type};

/// Largest index, manifest or config, in bytes: what registries accept.
pub const MAX_JSON_BYTES: usize = 4 << 20;

#[cfg(feature = "alloc")]
pub(crate) use error::read;
