//! Public keys and the check of one signature.
//!
//! | key | scheme | feature |
//! |---|---|---|
//! | Ed25519 | RFC 8032; small-order keys, a second encoding of a key and S beyond the order are refused | |
//! | RSA, 2048 to 4096 bits | RSASSA-PSS, SHA-256, a salt of any length; PKCS#1 v1.5 never | `rsa` |
//! | ECDSA on P-256 | SHA-256, DER | `ecdsa-p256` |
//!
//! Key identifiers are opaque names: nothing is derived from them, and two of them may name one key.

#[cfg(feature = "curve25519-dalek")]
mod accelerated;
#[cfg(feature = "ecdsa-p256")]
mod ecdsa;
mod ed25519;
#[cfg(feature = "rsa")]
mod rsa;
mod signature;
mod verifier;

#[cfg(feature = "curve25519-dalek")]
pub use accelerated::{Accelerated, AcceleratedCheck};
#[cfg(feature = "ecdsa-p256")]
pub use ecdsa::EcdsaKey;
#[cfg(feature = "rsa")]
pub use rsa::{MAX_RSA_BITS, MIN_RSA_BITS, RsaKey};
pub use signature::{MAX_SIGNATURE_BYTES, Signature};
pub use verifier::{Check, Software, Verifier};

use sha2::Digest;

use crate::canonical::{self, Form, MemberIndex, Sink};
use crate::json::{JsonError, JsonStr, Value};

/// The value of a public key that this build can verify with. Two key objects with the same value are one key,
/// whatever their identifiers say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
// Not `Copy` in one build and boxed in another: a feature only adds.
pub enum PublicKey {
    /// Ed25519 (RFC 8032).
    Ed25519([u8; 32]),
    /// RSASSA-PSS with SHA-256 (RFC 8017).
    #[cfg(feature = "rsa")]
    Rsa(alloc::boxed::Box<RsaKey>),
    /// ECDSA on P-256 with SHA-256 (FIPS 186).
    #[cfg(feature = "ecdsa-p256")]
    EcdsaP256(EcdsaKey),
}

/// Which key value it is: what thresholds count. A part of a SHA-256 is enough, as two keys that were made to collide
/// only count once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 8]);

impl PublicKey {
    /// Reads a key object of Root metadata or of a delegation; `None` for a key of a type, scheme or form that
    /// this build does not verify with, which then simply never counts.
    ///
    /// # Errors
    /// If the object lacks `keytype`, or `keyval.public` although it is of a known type.
    pub fn parse(key: Value<'_>) -> Result<Option<Self>, JsonError> {
        let kind = key.get("keytype")?.string()?;
        let scheme = key.find("scheme")?.map(Value::string).transpose()?;
        // Uptane writes no scheme; where TUF writes one it has to be the one that is verified here.
        let is = |kinds: &[&str], known: &str| {
            kinds.iter().any(|name| kind.eq_text(name)) && scheme.is_none_or(|scheme| scheme.eq_text(known))
        };
        let read: fn(JsonStr<'_>) -> Option<Self> = if is(&["ed25519", "ED25519"], "ed25519") {
            read_ed25519
        } else if is(&["rsa", "RSA"], "rsassa-pss-sha256") {
            read_rsa
        } else if is(&["ecdsa", "ecdsa-sha2-nistp256"], "ecdsa-sha2-nistp256") {
            // Not ota-tuf's ECPRIME256V1, which signs with SHA-512 and which nobody verifies.
            read_ecdsa
        } else {
            return Ok(None);
        };
        Ok(read(key.get("keyval")?.get("public")?.string()?))
    }

    /// Whether `signature` over the canonical form of `message` was made with this key.
    ///
    /// # Errors
    /// If the message has no canonical form, or `index` cannot hold it.
    pub fn verify<I: MemberIndex>(
        &self,
        signature: &[u8],
        message: Value<'_>,
        form: Form,
        index: &mut I,
    ) -> Result<bool, JsonError> {
        self.verify_with::<Software, I>(signature, message, form, index)
    }

    /// As [`Self::verify`], by another verifier.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_with<V: Verifier, I: MemberIndex>(
        &self,
        signature: &[u8],
        message: Value<'_>,
        form: Form,
        index: &mut I,
    ) -> Result<bool, JsonError> {
        // By reference: without optimisation each move costs the small stack of an ECU another copy.
        let mut check = V::begin(self, signature);
        let Some(check) = &mut check else { return Ok(false) };
        canonical::write(message, form, index, check)?;
        Ok(V::finish(check))
    }

    /// Whether `signature` over these very bytes was made with this key.
    #[must_use]
    pub fn verify_bytes(&self, signature: &[u8], message: &[u8]) -> bool {
        let mut check = Software::begin(self, signature);
        let Some(check) = &mut check else { return false };
        check.write(message);
        Software::finish(check)
    }

    fn verify_prehash(&self, sha256: &[u8; 32], signature: &[u8]) -> bool {
        // Unused where no feature brings a key that signs a hash.
        let _ = (sha256, signature);
        match self {
            // Its two hashes are over more than the message.
            Self::Ed25519(_) => false,
            #[cfg(feature = "rsa")]
            Self::Rsa(key) => key.verify(sha256, signature),
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256(key) => key.verify(sha256, signature),
        }
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut hash = sha2::Sha256::new();
        match self {
            Self::Ed25519(bytes) => {
                hash.update(b"ed25519 ");
                hash.update(bytes);
            }
            #[cfg(feature = "rsa")]
            Self::Rsa(key) => {
                let (modulus, exponent) = key.parts();
                hash.update(b"rsa ");
                hash.update(modulus);
                hash.update(exponent);
            }
            #[cfg(feature = "ecdsa-p256")]
            Self::EcdsaP256(key) => {
                hash.update(b"ecdsa-p256 ");
                hash.update(key.point());
            }
        }
        let digest: [u8; 32] = hash.finalize().into();
        Fingerprint(*digest.first_chunk().unwrap_or(&[0; 8]))
    }
}

fn read_ed25519(public: JsonStr<'_>) -> Option<PublicKey> {
    // A trailing line feed belongs to how some tools store keys, not to the key.
    let bytes = public.hex().or_else(|| {
        let mut buffer = [0; 65];
        let text = public.copy_to(&mut buffer)?.strip_suffix('\n')?;
        let mut bytes = [0; 32];
        (text.len() == 64 && base16ct::mixed::decode(text, &mut bytes).is_ok()).then_some(bytes)
    })?;
    (ed25519::is_canonical(&bytes) && !ed25519::has_small_order(&bytes)).then_some(PublicKey::Ed25519(bytes))
}

#[cfg(feature = "rsa")]
fn read_rsa(public: JsonStr<'_>) -> Option<PublicKey> {
    with_pem(public, RsaKey::from_der).map(|key| PublicKey::Rsa(key.into()))
}

#[cfg(not(feature = "rsa"))]
fn read_rsa(_: JsonStr<'_>) -> Option<PublicKey> {
    None
}

/// PEM as TUF says, or the point in hex, as early repositories wrote it (securesystemslib's legacy form).
#[cfg(feature = "ecdsa-p256")]
fn read_ecdsa(public: JsonStr<'_>) -> Option<PublicKey> {
    let point = || EcdsaKey::from_sec1(&public.hex::<65>()?);
    with_pem(public, EcdsaKey::from_der).or_else(point).map(PublicKey::EcdsaP256)
}

#[cfg(not(feature = "ecdsa-p256"))]
fn read_ecdsa(_: JsonStr<'_>) -> Option<PublicKey> {
    None
}

/// Longest PEM text of a key that is read, in bytes; one of RSA with 4096 bits has 800.
#[cfg(any(feature = "rsa", feature = "ecdsa-p256"))]
pub const MAX_PEM_BYTES: usize = 1024;

/// Decodes `-----BEGIN PUBLIC KEY-----` (RFC 7468 clause 13), with white space after it or not.
#[cfg(any(feature = "rsa", feature = "ecdsa-p256"))]
fn with_pem<T>(public: JsonStr<'_>, read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    let (mut text, mut der) = ([0; MAX_PEM_BYTES], [0; MAX_PEM_BYTES]);
    let text = public.copy_to(&mut text)?.trim_end();
    let (label, der) = pem_rfc7468::decode(text.as_bytes(), &mut der).ok()?;
    (label == "PUBLIC KEY").then(|| read(der)).flatten()
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
    fn both_spellings_of_the_type_and_either_case_of_the_value_are_one_key() {
        let value = "e0".repeat(32);
        let lower = key(&format_key("ed25519", &value));
        let upper = key(&format_key("ED25519", &value.to_uppercase()));
        assert_eq!(lower, Some(PublicKey::Ed25519([0xe0; 32])));
        assert_eq!(lower, upper);
        assert_eq!(key(&format_key("ed25519", &(value.clone() + "\\n"))), lower);
        assert_eq!(key(&format_key("rsa", "-----BEGIN PUBLIC KEY-----\\n")), None);
    }

    #[test]
    fn a_key_of_another_type_or_scheme_never_counts_and_is_no_error() {
        let value = "e0".repeat(32);
        assert_eq!(key(&format_key("ECPRIME256V1", &value)), None);
        assert_eq!(key(r#"{"keytype":"sigstore-oidc","keyval":{"identity":"x","issuer":"y"}}"#), None);
        let scheme = |scheme: &str| {
            key(&format!(r#"{{"keytype":"ed25519","keyval":{{"public":"{value}"}},"scheme":"{scheme}"}}"#))
        };
        assert!(scheme("ed25519").is_some());
        assert_eq!(scheme("ed25519ph"), None);
        assert_eq!(scheme("rsassa-pss-sha256"), None);
    }

    fn format_key(kind: &str, public: &str) -> String {
        format!(r#"{{"keytype":"{kind}","keyval":{{"public":"{public}"}}}}"#)
    }
}
