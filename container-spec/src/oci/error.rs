//! What can be wrong with the JSON of an image.

use serde::Deserialize;

use super::MAX_JSON_BYTES;
use crate::digest::DigestErrorKind;

/// Something wrong in an index, manifest, config or layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {kind}")]
pub struct OciError {
    /// The property, or the kind of document.
    pub what: &'static str,
    /// What is wrong.
    pub kind: OciErrorKind,
}

/// The ways in which the JSON of an image is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OciErrorKind {
    /// More than [`MAX_JSON_BYTES`].
    #[error("{bytes} bytes, at most {MAX_JSON_BYTES} are allowed")]
    TooLarge {
        /// Its length in bytes.
        bytes: usize,
    },
    /// No JSON, or a property that is missing or of another type.
    #[error("line {line}, column {column}: invalid JSON, or not of the schema")]
    Json {
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1.
        column: usize,
    },
    /// Not the bytes that the digest stands for.
    #[error("the content is not what the digest stands for")]
    Content,
    /// A document that is an index to some readers and a manifest to others.
    #[error("both an index and a manifest")]
    Ambiguous,
    /// Not of the form `type/subtype`.
    #[error("not a media type")]
    MediaType,
    /// A media type that has no place here.
    #[error("of another media type")]
    OtherMediaType,
    /// Not a digest.
    #[error(transparent)]
    Digest(DigestErrorKind),
    /// A digest that is not sha256, so that it cannot be verified here.
    #[error("not a sha256 digest")]
    NotSha256,
    /// A negative number of bytes.
    #[error("{0} is no number of bytes")]
    Size(i64),
    /// Not base64 of the standard alphabet with padding.
    #[error("not base64")]
    Base64,
    /// Not an address with a scheme.
    #[error("not a URI")]
    Uri,
    /// Another value than the specification's only one.
    #[error("must be {0}")]
    Value(&'static str),
    /// A list that may not be empty.
    #[error("must not be empty")]
    Empty,
}

impl OciError {
    pub(crate) const fn new(what: &'static str, kind: OciErrorKind) -> Self {
        Self { what, kind }
    }
}

pub(crate) fn read<'b, T: Deserialize<'b>>(what: &'static str, bytes: &'b [u8]) -> Result<T, OciError> {
    if bytes.len() > MAX_JSON_BYTES {
        return Err(OciError::new(what, OciErrorKind::TooLarge { bytes: bytes.len() }));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        OciError::new(what, OciErrorKind::Json { line: error.line(), column: error.column() })
    })
}
