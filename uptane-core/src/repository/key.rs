//! Keys as metadata lists them, and the Ed25519 keys that sign here.

use alloc::{format, string::String, vec::Vec};

use sha2::Digest;

use super::sign::Wire;
use crate::canonical;
use crate::json;

/// What a key signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyType {
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// RSASSA-PSS with SHA-256 (RFC 8017).
    Rsa,
    /// ECDSA on P-256 with SHA-256, signatures in DER. aktualizr refuses metadata that lists such a key.
    EcdsaP256,
}

impl KeyType {
    /// The members `keytype` and `scheme`, the latter of TUF alone: as ota-tuf and as TUF 1.0.34, clause 4.2, write
    /// them.
    const fn names(self, wire: Wire) -> (&'static str, Option<&'static str>) {
        match (self, wire) {
            (Self::Ed25519, Wire::Uptane) => ("ED25519", None),
            (Self::Rsa, Wire::Uptane) => ("RSA", None),
            // Not ota-tuf's ECPRIME256V1, which would be with SHA-512.
            (Self::EcdsaP256, Wire::Uptane) => ("ecdsa", None),
            (Self::Ed25519, Wire::Tuf) => ("ed25519", Some(self.scheme())),
            (Self::Rsa, Wire::Tuf) => ("rsa", Some(self.scheme())),
            (Self::EcdsaP256, Wire::Tuf) => ("ecdsa", Some(self.scheme())),
        }
    }

    /// The scheme's name in TUF, which is what Uptane's servers name as a signature's `method`.
    pub(super) const fn scheme(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Rsa => "rsassa-pss-sha256",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
        }
    }
}

/// A key as metadata lists it: what verifies, without what signs. A key that is kept elsewhere is listed so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    key_type: KeyType,
    identifier: String,
    public: String,
}

impl ListedKey {
    /// The Ed25519 key of value `public`, identified as [`Self::of_text`] does.
    #[must_use]
    pub fn new(public: &[u8; 32], wire: Wire) -> Self {
        Self::of_text(KeyType::Ed25519, &hex(public), wire)
    }

    /// The key of this type whose value metadata writes as `public`: 64 hex digits of Ed25519, and of the others
    /// the PEM text of a `SubjectPublicKeyInfo` with its line feeds, which is not looked into.
    ///
    /// It is identified as the dialect's tools do: for Uptane by SHA-256 of the value as a JSON string, without line
    /// feeds at its end (aktualizr's `PublicKey::KeyId`), for TUF by SHA-256 of the key's canonical form (TUF 1.0.34,
    /// clause 4.2).
    #[must_use]
    pub fn of_text(key_type: KeyType, public: &str, wire: Wire) -> Self {
        let identified = match wire {
            Wire::Uptane => super::quote(public.trim_end_matches('\n')),
            Wire::Tuf => object(key_type, public, wire),
        };
        let mut message = Vec::new();
        let written = json::parse(identified.as_bytes())
            .and_then(|value| canonical::write(value, wire.form(), &mut Vec::new(), &mut message));
        // It was written right here: a quoted text, or an object of three members, is JSON.
        let message = if written.is_ok() { message } else { identified.into_bytes() };
        let identifier = hex(&sha2::Sha256::digest(&message));
        Self { key_type, identifier, public: public.into() }
    }

    /// The key's identifier.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// What it signs with.
    #[must_use]
    pub const fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The entry of `keys`, a member.
    pub(super) fn entry(&self, wire: Wire) -> String {
        format!("{}:{}", super::quote(&self.identifier), object(self.key_type, &self.public, wire))
    }
}

/// A key's object, as `keys` has it.
fn object(key_type: KeyType, public: &str, wire: Wire) -> String {
    let (kind, scheme) = key_type.names(wire);
    let scheme = scheme.map_or(String::new(), |scheme| format!(r#","scheme":"{scheme}""#));
    format!(r#"{{"keytype":"{kind}","keyval":{{"public":{}}}{scheme}}}"#, super::quote(public))
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
        let (identifier, public) = (self.identifier.clone(), self.public_hex());
        ListedKey { key_type: KeyType::Ed25519, identifier, public }
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
