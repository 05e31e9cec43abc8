//! Public keys and the check of one signature.

use crate::canonical::{self, Form, MemberIndex};
use crate::json::{JsonError, Value};

/// The value of a public key that this build can verify with. Two key objects with the same value are one key,
/// whatever their identifiers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PublicKey {
    /// Ed25519 (RFC 8032).
    Ed25519([u8; 32]),
}

impl PublicKey {
    /// Reads a key object of Root metadata or of a delegation; `None` for a key of a type or form that this
    /// build does not verify with, which then simply never counts.
    ///
    /// # Errors
    /// If the object lacks `keytype` or `keyval.public`.
    pub fn parse(key: Value<'_>) -> Result<Option<Self>, JsonError> {
        let kind = key.get("keytype")?.string()?;
        let public = key.get("keyval")?.get("public")?.string()?;
        let is_ed25519 = ["ed25519", "ED25519"].iter().any(|name| kind.eq_text(name));
        // A trailing line feed belongs to how some tools store keys, not to the key.
        let bytes = public.hex().or_else(|| {
            let mut buffer = [0; 65];
            let text = public.copy_to(&mut buffer)?.strip_suffix('\n')?;
            let mut bytes = [0; 32];
            (text.len() == 64 && base16ct::mixed::decode(text, &mut bytes).is_ok()).then_some(bytes)
        });
        Ok(bytes.filter(|bytes| is_ed25519 && !has_small_order(bytes)).map(Self::Ed25519))
    }

    /// Whether `signature` over the canonical form of `message` was made with this key.
    ///
    /// # Errors
    /// If the message has no canonical form, or `index` cannot hold it.
    pub fn verify<I: MemberIndex>(
        &self,
        signature: &[u8; 64],
        message: Value<'_>,
        form: Form,
        index: &mut I,
    ) -> Result<bool, JsonError> {
        let Self::Ed25519(bytes) = self;
        let key = ed25519_compact::PublicKey::new(*bytes);
        let signature = ed25519_compact::Signature::new(*signature);
        let Ok(mut state) = key.verify_incremental(&signature) else { return Ok(false) };
        canonical::write(message, form, index, &mut state)?;
        Ok(state.verify().is_ok())
    }

    /// Whether `signature` over these very bytes was made with this key.
    #[must_use]
    pub fn verify_bytes(&self, signature: &[u8; 64], message: &[u8]) -> bool {
        let Self::Ed25519(bytes) = self;
        let key = ed25519_compact::PublicKey::new(*bytes);
        !has_small_order(bytes) && key.verify(message, &ed25519_compact::Signature::new(*signature)).is_ok()
    }
}

/// The y coordinates of the points of small order on Curve25519, the non-canonical encodings included: such a
/// key accepts signatures that nobody made. The sign bit is not part of them.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    first(1),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    below_prime(0xec),
    below_prime(0xed),
    below_prime(0xee),
];

const fn first(byte: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = byte;
    bytes
}

/// 2^255 - 256 + `byte`, little-endian: the prime is 2^255 - 19, which ends in 0xed.
const fn below_prime(byte: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = byte;
    bytes[31] = 0x7f;
    bytes
}

fn has_small_order(key: &[u8; 32]) -> bool {
    let mut y = *key;
    y[31] &= 0x7f;
    SMALL_ORDER.contains(&y)
}

#[cfg(test)]
mod tests {
    extern crate alloc;
    use super::*;
    use crate::json::parse;
    use alloc::{format, string::String};

    fn key(text: &str) -> Option<PublicKey> {
        PublicKey::parse(parse(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_key_of_small_order_never_counts() {
        for bytes in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut bytes = bytes;
                bytes[31] |= sign;
                let key = PublicKey::Ed25519(bytes);
                // For the identity, R = S = 0 would verify any message.
                let mut forged = [0; 64];
                forged[0] = 1;
                assert!(has_small_order(&bytes));
                assert!(!key.verify_bytes(&forged, b"anything"));
            }
        }
    }

    #[test]
    fn both_spellings_of_the_type_and_either_case_of_the_value_are_one_key() {
        let value = "e0".repeat(32);
        let lower = key(&format_key("ed25519", &value));
        let upper = key(&format_key("ED25519", &value.to_uppercase()));
        assert_eq!(lower, Some(PublicKey::Ed25519([0xe0; 32])));
        assert_eq!(lower, upper);
        assert_eq!(key(&format_key("ed25519", &(value.clone() + "\\n"))), lower);
        assert_eq!(key(&format_key("rsa", "-----BEGIN PUBLIC KEY-----\\n")), None);
    }

    fn format_key(kind: &str, public: &str) -> String {
        format!(r#"{{"keytype":"{kind}","keyval":{{"public":"{public}"}}}}"#)
    }
}
