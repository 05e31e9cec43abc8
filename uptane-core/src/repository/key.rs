//! Ed25519 keys that sign.

use alloc::{format, string::String};

use sha2::Digest;

use super::sign::Wire;

/// A key as metadata lists it: what verifies, without what signs. A key that is kept elsewhere is listed so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    identifier: String,
    public_hex: String,
}

impl ListedKey {
    /// The Ed25519 key of value `public`, identified as the dialect's servers do: for Uptane SHA-256 of the value
    /// as a JSON string (aktualizr), for TUF SHA-256 of the key's canonical form (TUF 1.0.34, clause 4.2).
    #[must_use]
    pub fn new(public: &[u8; 32], wire: Wire) -> Self {
        let public_hex = hex(public);
        let identified = match wire {
            Wire::Uptane => format!("\"{public_hex}\""),
            Wire::Tuf => {
                format!(r#"{{"keytype":"ed25519","keyval":{{"public":"{public_hex}"}},"scheme":"ed25519"}}"#)
            }
        };
        Self { identifier: hex(&sha2::Sha256::digest(identified.as_bytes())), public_hex }
    }

    /// The key's identifier.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The entry of `keys`, a member.
    pub(super) fn entry(&self, wire: Wire) -> String {
        let (kind, scheme) = match wire {
            Wire::Uptane => ("ED25519", ""),
            Wire::Tuf => ("ed25519", r#","scheme":"ed25519""#),
        };
        format!(
            r#"{}:{{"keytype":"{kind}","keyval":{{"public":"{}"}}{scheme}}}"#,
            super::quote(&self.identifier),
            self.public_hex
        )
    }
}

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
        let mut key = Self { pair, identifier: String::new() };
        key.identifier = ListedKey::new(&key.public_bytes(), Wire::Uptane).identifier;
        key
    }

    /// The key pair of `seed`, identified as [`ListedKey::new`] does for the dialect.
    ///
    /// # Panics
    /// If the seed is all zero, which is no secret.
    #[must_use]
    pub fn for_wire(seed: [u8; 32], wire: Wire) -> Self {
        let key = Self::from_seed(seed);
        let identifier = ListedKey::new(&key.public_bytes(), wire).identifier;
        Self { identifier, ..key }
    }

    /// The key as metadata lists it, under this identifier.
    #[must_use]
    pub fn listed(&self) -> ListedKey {
        ListedKey { identifier: self.identifier.clone(), public_hex: self.public_hex() }
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
        crate::key::PublicKey::Ed25519(self.public_bytes())
    }

    /// The public value's bytes.
    #[must_use]
    pub fn public_bytes(&self) -> [u8; 32] {
        *self.pair.pk
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
