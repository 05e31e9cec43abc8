//! Ed25519 signatures of commits, summaries and static deltas (`ostree-sign-ed25519.c`).
//!
//! A signature is over the very bytes of the object. It lies beside it: of a commit in its `.commitmeta`, of a summary
//! in `summary.sig`, of a static delta around its superblock.

#[cfg(feature = "alloc")]
use alloc::string::String;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use base64ct::{Base64, Encoding};

use crate::DetachedRef;
#[cfg(feature = "alloc")]
use crate::gvariant::{Variant, Writer, write_metadata};
#[cfg(feature = "alloc")]
use crate::object::ED25519_KEY;

/// A key that signatures are verified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(pub [u8; 32]);

/// A key that signs. Its bytes are not shown.
#[derive(Clone)]
pub struct SecretKey(ed25519_compact::KeyPair);

/// Why a text is no key, or bytes are not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// Not the base64 of a key.
    #[error("not the base64 of an Ed25519 key")]
    Key,
    /// The secret key's second half is not the public key of its first.
    #[error("the halves of the secret key do not belong together")]
    Halves,
    /// There is no Ed25519 signature.
    #[error("there is no Ed25519 signature")]
    Unsigned,
    /// None of the signatures is of one of the keys.
    #[error("none of {signatures} signatures is of one of {keys} keys")]
    NoneFits {
        /// How many signatures there are.
        signatures: usize,
        /// How many keys were tried.
        keys: usize,
    },
}

impl PublicKey {
    /// Reads the base64 of 32 bytes, as in `/etc/ostree/trusted.ed25519`.
    ///
    /// # Errors
    /// If it is not that.
    pub fn from_base64(text: &str) -> Result<Self, SignError> {
        let mut bytes = [0; 32];
        match Base64::decode(text.trim_ascii(), &mut bytes) {
            Ok(decoded) if decoded.len() == 32 => Ok(Self(bytes)),
            _ => Err(SignError::Key),
        }
    }

    /// Whether `signature` is this key's over `bytes`.
    #[must_use]
    pub fn signed(&self, bytes: &[u8], signature: &[u8; 64]) -> bool {
        let key = ed25519_compact::PublicKey::new(self.0);
        key.verify(bytes, &ed25519_compact::Signature::new(*signature)).is_ok()
    }
}

impl SecretKey {
    /// The key of a seed.
    ///
    /// # Errors
    /// If the seed is all zeros, which is not one that was drawn.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self, SignError> {
        let pair = ed25519_compact::KeyPair::try_from_seed(ed25519_compact::Seed::new(seed));
        pair.map(Self).map_err(|_| SignError::Key)
    }

    /// Reads the base64 of 64 bytes, seed and public key, as `ostree --sign` takes it.
    ///
    /// # Errors
    /// If it is not that.
    pub fn from_base64(text: &str) -> Result<Self, SignError> {
        let mut bytes = [0; 64];
        let decoded = Base64::decode(text.trim_ascii(), &mut bytes).map_err(|_| SignError::Key)?;
        let (seed, rest) = decoded.split_first_chunk().ok_or(SignError::Key)?;
        let public: [u8; 32] = rest.try_into().map_err(|_| SignError::Key)?;
        let key = Self::from_seed(*seed)?;
        if key.public().0 == public { Ok(key) } else { Err(SignError::Halves) }
    }

    /// The key that its signatures are verified with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.pk)
    }

    /// Signs `bytes`: a commit, a summary or a superblock. The same bytes get the same signature.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        *self.0.sk.sign(bytes, None)
    }
}

impl core::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SecretKey").field("public", &self.public()).finish_non_exhaustive()
    }
}

/// The first of `trusted` that signed `bytes`. One is enough, as for libostree; keys that were revoked are for the
/// caller to leave out.
///
/// # Errors
/// If no signature is there, or none fits.
pub fn verify(
    bytes: &[u8],
    detached: &DetachedRef<'_>,
    trusted: &[PublicKey],
) -> Result<PublicKey, SignError> {
    let mut signatures = 0_usize;
    for signature in detached.ed25519_signatures() {
        signatures = signatures.saturating_add(1);
        if let Some(key) = trusted.iter().find(|key| key.signed(bytes, signature)) {
            return Ok(*key);
        }
    }
    match signatures {
        0 => Err(SignError::Unsigned),
        signatures => Err(SignError::NoneFits { signatures, keys: trusted.len() }),
    }
}

/// Detached metadata with one signature more; what was there stays.
#[cfg(feature = "alloc")]
#[must_use]
pub fn add_signature(detached: Option<&DetachedRef<'_>>, signature: &[u8; 64]) -> Vec<u8> {
    let mut entries: Vec<(String, Variant)> = Vec::new();
    let mut signatures: Vec<&[u8]> = Vec::new();
    for (key, value) in detached.iter().flat_map(|detached| detached.metadata().iter()) {
        match value.as_byte_strings() {
            Some(values) if key == ED25519_KEY => signatures.extend(values),
            _ => entries.push((key.into(), value.into())),
        }
    }
    if !signatures.contains(&&signature[..]) {
        signatures.push(signature);
    }
    entries.push((ED25519_KEY.into(), Variant::byte_strings(signatures)));
    let mut bytes = Vec::new();
    let Ok(()) = write_metadata(&mut Writer::new(&mut bytes), &entries);
    bytes
}
