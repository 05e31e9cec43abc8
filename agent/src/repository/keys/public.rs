//! Public keys, as the signer remembers them: Ed25519 as 64 hex digits, the others as PEM text, which is also how
//! metadata lists them.

use std::fmt;

use anyhow::{Context, bail, ensure};
use rsa::pkcs8::{DecodePublicKey, Document, EncodePublicKey, LineEnding, ObjectIdentifier};
use rsa::pkcs8::{SubjectPublicKeyInfoRef, spki};
use rsa::traits::PublicKeyParts;
use uptane_core::key::RsaKey;
use uptane_core::repository::{KeyType, ListedKey, Wire};

/// What a key is made as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum KeyKind {
    /// Ed25519.
    Ed25519,
    /// RSASSA-PSS with SHA-256, a modulus of 2048 bits.
    Rsa2048,
    /// RSASSA-PSS with SHA-256, a modulus of 3072 bits.
    Rsa3072,
    /// RSASSA-PSS with SHA-256, a modulus of 4096 bits.
    Rsa4096,
    /// ECDSA on P-256 with SHA-256; aktualizr has none and refuses a Root that lists one.
    EcdsaP256,
}

impl KeyKind {
    /// RSA of that many bits, if it is one of the sizes that aktualizr takes.
    fn rsa(bits: u32) -> anyhow::Result<Self> {
        Ok(match bits {
            2048 => Self::Rsa2048,
            3072 => Self::Rsa3072,
            4096 => Self::Rsa4096,
            _ => bail!("an RSA key of {bits} bits, not of 2048, 3072 or 4096"),
        })
    }

    /// Of RSA, the bits of the modulus.
    pub(super) const fn modulus_bits(self) -> Option<usize> {
        match self {
            Self::Rsa2048 => Some(2048),
            Self::Rsa3072 => Some(3072),
            Self::Rsa4096 => Some(4096),
            Self::Ed25519 | Self::EcdsaP256 => None,
        }
    }

    const fn key_type(self) -> KeyType {
        match self {
            Self::Ed25519 => KeyType::Ed25519,
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => KeyType::Rsa,
            Self::EcdsaP256 => KeyType::EcdsaP256,
        }
    }

    /// As on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
            Self::EcdsaP256 => "ecdsa-p256",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Ed25519 in keys of other programs (RFC 8410).
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// RSA (RFC 8017, appendix A.1).
pub(super) const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// Elliptic curves (RFC 5480).
pub(super) const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// A key that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::repository) struct Public {
    pub(in crate::repository) kind: KeyKind,
    /// As it is remembered and listed.
    pub(in crate::repository) text: String,
}

impl Public {
    /// Reads what [`Self::text`] was, or another program's PEM.
    pub(in crate::repository) fn parse(text: &str) -> anyhow::Result<Self> {
        if !text.contains("-----") {
            let bytes = super::hash(text.trim_end()).with_context(|| format!("{text:?} is no key"))?;
            return Ok(Self::ed25519(&bytes));
        }
        let (label, der) = Document::from_pem(text).map_err(|error| anyhow::anyhow!("no PEM: {error}"))?;
        ensure!(label == "PUBLIC KEY", "PEM of {label:?}, not of a public key");
        Self::from_der(der.as_bytes())
    }

    /// Reads a `SubjectPublicKeyInfo`.
    fn from_der(der: &[u8]) -> anyhow::Result<Self> {
        let info = SubjectPublicKeyInfoRef::try_from(der).context("no public key")?;
        match info.algorithm.oid {
            ED25519 => {
                let bytes = info.subject_public_key.as_bytes().and_then(|bytes| bytes.try_into().ok());
                Ok(Self::ed25519(&bytes.context("an Ed25519 key has 32 bytes")?))
            }
            RSA => Self::rsa(&rsa::PublicKey::from_public_key_der(der).map_err(refused)?),
            ELLIPTIC => Self::p256(&p256::PublicKey::from_public_key_der(der).map_err(refused)?),
            other => bail!("a key of another kind, {other}"),
        }
    }

    pub(super) fn ed25519(bytes: &[u8; 32]) -> Self {
        Self { kind: KeyKind::Ed25519, text: ostree_objects::Checksum(*bytes).to_string() }
    }

    pub(super) fn rsa(key: &rsa::PublicKey) -> anyhow::Result<Self> {
        let kind = KeyKind::rsa(key.n().bit_width())?;
        let der = key.to_public_key_der().map_err(refused)?;
        ensure!(RsaKey::from_der(der.as_bytes()).is_some(), "an RSA key that no verification counts");
        Ok(Self { kind, text: key.to_public_key_pem(LineEnding::LF).map_err(refused)? })
    }

    pub(super) fn p256(key: &p256::PublicKey) -> anyhow::Result<Self> {
        Ok(Self { kind: KeyKind::EcdsaP256, text: key.to_public_key_pem(LineEnding::LF).map_err(refused)? })
    }

    /// As metadata lists it.
    pub(in crate::repository) fn listed(&self, wire: Wire) -> ListedKey {
        ListedKey::of_text(self.kind.key_type(), &self.text, wire)
    }
}

/// The libraries' errors say little, and are no standard errors in each configuration.
fn refused(error: spki::Error) -> anyhow::Error {
    anyhow::anyhow!("no public key that is known here: {error}")
}
