//! Directories of images: image-spec, `image-layout.md`.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::{OciError, OciErrorKind, read};
use crate::digest::Sha256;

/// The only version of the layout.
pub const LAYOUT_VERSION: &str = "1.0.0";

/// The file `oci-layout`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Layout {
    /// Version of the layout.
    pub image_layout_version: String,
}

impl Layout {
    /// Reads the file.
    ///
    /// # Errors
    /// If it is not of the schema, or of another version.
    pub fn read(bytes: &[u8]) -> Result<Self, OciError> {
        let this: Self = read("oci-layout", bytes)?;
        if this.image_layout_version != LAYOUT_VERSION {
            return Err(OciError::new("imageLayoutVersion", OciErrorKind::Value(LAYOUT_VERSION)));
        }
        Ok(this)
    }
}

/// The digest that the path of a blob names: `blobs/sha256/HEX`.
#[must_use]
pub fn blob_digest(path: &str) -> Option<Sha256> {
    path.strip_prefix("blobs/sha256/").and_then(Sha256::from_hex)
}
