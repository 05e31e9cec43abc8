//! ECDSA on P-256 with SHA-256 and DER signatures: TUF's `ecdsa-sha2-nistp256`.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey;

/// A public key on P-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EcdsaKey {
    /// SEC 1 clause 2.3.3, compressed: one point has one value.
    point: [u8; 33],
}

impl EcdsaKey {
    /// Reads a DER `SubjectPublicKeyInfo` (RFC 5480); `None` if it is none of this curve.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        Self::new(&VerifyingKey::from_public_key_der(der).ok()?)
    }

    /// Reads a point as SEC 1 clause 2.3.4 writes it.
    #[must_use]
    pub fn from_sec1(bytes: &[u8]) -> Option<Self> {
        Self::new(&VerifyingKey::from_sec1_bytes(bytes).ok()?)
    }

    fn new(key: &VerifyingKey) -> Option<Self> {
        Some(Self { point: key.to_sec1_point(true).as_bytes().try_into().ok()? })
    }

    pub(super) fn point(&self) -> &[u8] {
        &self.point
    }

    /// Whether `signature`, in DER, is this key's over a message with this SHA-256.
    pub(super) fn verify(&self, sha256: &[u8; 32], signature: &[u8]) -> bool {
        let (Ok(key), Ok(signature)) =
            (VerifyingKey::from_sec1_bytes(&self.point), Signature::from_der(signature))
        else {
            return false;
        };
        key.verify_prehash(sha256, &signature).is_ok()
    }
}
