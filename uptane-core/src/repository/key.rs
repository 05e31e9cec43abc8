//! Ed25519 keys that sign.

use alloc::{format, string::String};

use sha2::Digest;

/// An Ed25519 key pair.
#[derive(Clone, Debug)]
pub struct SigningKey {
    pair: ed25519_compact::KeyPair,
    identifier: String,
}

impl SigningKey {
    /// The key pair of `seed`, identified as aktualizr identifies Ed25519 keys: SHA-256 of the public value as
    /// a JSON string.
    ///
    /// # Panics
    /// If the seed is all zero, which is no secret.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let pair = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new(seed));
        let public = format!("\"{}\"", hex(pair.pk.as_slice()));
        let identifier = hex(&sha2::Sha256::digest(public.as_bytes()));
        Self { pair, identifier }
    }

    /// The same key under another identifier: what an attacker does to have one key count twice.
    #[must_use]
    pub fn with_identifier(&self, identifier: &str) -> Self {
        Self { pair: self.pair.clone(), identifier: identifier.into() }
    }

    /// The key's identifier, as metadata names it.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The public value in lower-case hex.
    #[must_use]
    pub fn public_hex(&self) -> String {
        hex(self.pair.pk.as_slice())
    }

    /// The public value.
    #[must_use]
    pub fn public(&self) -> crate::key::PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.pair.pk.as_slice());
        crate::key::PublicKey::Ed25519(bytes)
    }

    /// Signs `message`, deterministically.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        *self.pair.sk.sign(message, None)
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}
