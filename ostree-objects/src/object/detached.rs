use super::metadata_span;
use crate::gvariant::{MetadataRef, Span};
use crate::{Error, Limits};

/// What lies beside a commit (`.commitmeta`) or a summary (`summary.sig`): `a{sv}` with signatures of its bytes.
///
/// No checksum covers it, and whoever serves it can change it: only a signature that verifies says something.
#[derive(Clone, Copy, Debug)]
pub struct DetachedRef<'a> {
    metadata: MetadataRef<'a>,
}

/// The key of Ed25519 signatures, `aay`, each of 64 bytes (`ostree-sign-ed25519.c`).
pub(crate) const ED25519_KEY: &str = "ostree.sign.ed25519";

impl<'a> DetachedRef<'a> {
    /// Reads detached metadata.
    ///
    /// # Errors
    /// If it is not in the normal form, or larger than the default limit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::parse_with(bytes, &Limits::DEFAULT)
    }

    /// Like [`parse`](Self::parse) with other limits.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(bytes: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        Self::read(metadata_span(bytes, limits)?)
    }

    pub(crate) fn read(span: Span<'a>) -> Result<Self, Error> {
        Ok(Self { metadata: MetadataRef::read(span)? })
    }

    /// All entries.
    #[must_use]
    pub const fn metadata(&self) -> MetadataRef<'a> {
        self.metadata
    }

    /// The Ed25519 signatures that are there (`ostree.sign.ed25519`), unverified; those of a wrong length are left
    /// out.
    pub fn ed25519_signatures(&self) -> impl Iterator<Item = &'a [u8; 64]> + use<'a> {
        let values = self.metadata.get(ED25519_KEY).and_then(|value| value.as_byte_strings());
        values.into_iter().flatten().filter_map(|bytes| bytes.try_into().ok())
    }
}
