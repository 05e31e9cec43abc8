//! RSASSA-PSS with SHA-256 and MGF1-SHA-256 (RFC 8017 clause 8.1), the scheme of Torizon's servers and TUF's
//! `rsassa-pss-sha256`. PKCS#1 v1.5 signatures are not verified at all.

use rsa::pkcs8::DecodePublicKey;
use rsa::pss::{Signature, VerifyingKey};
use rsa::signature::hazmat::PrehashVerifier;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, PublicKey};

/// Smallest modulus that counts, in bits, as for aktualizr.
pub const MIN_RSA_BITS: u32 = 2048;

/// Largest modulus that counts, in bits, as for aktualizr.
pub const MAX_RSA_BITS: u32 = 4096;

/// Bytes of the largest modulus.
const MAX_BYTES: usize = 512;

/// An RSA public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RsaKey {
    /// Big-endian, with zeros in front: one key has one value.
    modulus: [u8; MAX_BYTES],
    exponent: u64,
}

impl RsaKey {
    /// Reads a DER `SubjectPublicKeyInfo` (RFC 5280); `None` if it is none, or of a size that does not count.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let key = PublicKey::from_public_key_der(der).ok()?;
        if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&key.n().bit_width()) {
            return None;
        }
        let mut modulus = [0; MAX_BYTES];
        copy_to_end(&key.n().to_be_bytes(), &mut modulus)?;
        let mut exponent = [0; 8];
        copy_to_end(&key.e().to_be_bytes(), &mut exponent)?;
        Some(Self { modulus, exponent: u64::from_be_bytes(exponent) })
    }

    pub(super) fn parts(&self) -> (&[u8], [u8; 8]) {
        (&self.modulus, self.exponent.to_be_bytes())
    }

    /// Whether `signature` is this key's over a message with this SHA-256. The salt may be of any length, as for
    /// aktualizr: servers use 32 bytes, but RFC 8017 leaves it to the signer.
    pub(super) fn verify(&self, sha256: &[u8; 32], signature: &[u8]) -> bool {
        let used = self.modulus.iter().skip_while(|byte| **byte == 0).count();
        let bytes = self.modulus.get(MAX_BYTES - used..).unwrap_or_default();
        let key = u32::try_from(used * 8)
            .ok()
            .and_then(|bits| BoxedUint::from_be_slice(bytes, bits).ok())
            .and_then(|modulus| PublicKey::new(modulus, BoxedUint::from(self.exponent)).ok());
        let (Some(key), Ok(signature)) = (key, Signature::try_from(signature)) else { return false };
        VerifyingKey::<sha2::Sha256>::new_with_auto_salt_len(key).verify_prehash(sha256, &signature).is_ok()
    }
}

/// Copies a big-endian number, without its leading zeros, to the end of `out`; `None` if it does not fit.
fn copy_to_end(number: &[u8], out: &mut [u8]) -> Option<()> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros..)?;
    let start = out.len().checked_sub(digits.len())?;
    out.get_mut(start..)?.copy_from_slice(digits);
    Some(())
}
