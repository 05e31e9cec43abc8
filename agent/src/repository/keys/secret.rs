//! Private keys: made, read in the forms that tools leave them in, and stored as PKCS#8 in PEM (RFC 5208, 8410, 5915).

use std::fmt;

use anyhow::{Context, bail, ensure};
use getrandom::SysRng;
use p256::ecdsa::signature::Signer as _;
use p256::elliptic_curve::Generate as _;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::der::asn1::OctetStringRef;
use rsa::pkcs8::der::zeroize::Zeroizing;
use rsa::pkcs8::spki::AlgorithmIdentifierRef;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding, PrivateKeyInfoRef, SecretDocument};
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use uptane_core::repository::SigningKey;

use super::public::{ED25519, ELLIPTIC, KeyKind, Public, RSA};
use crate::seed::{self, Seed};

/// A key that signs.
pub(in crate::repository) enum Secret {
    Ed25519(Seed),
    Rsa(Box<rsa::PrivateKey>),
    EcdsaP256(p256::SecretKey),
}

/// Secrets are not printed.
impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Secret").finish_non_exhaustive()
    }
}

/// What a file of a key holds.
#[derive(Debug)]
pub(super) enum Content {
    Secret(Secret),
    /// Only what verifies: what signs is kept elsewhere.
    Public(Public),
}

impl Content {
    /// Reads PEM (PKCS#8, PKCS#1, SEC 1, or a public key), a seed's 32 bytes, or the hex digits of Ed25519 in
    /// aktualizr's files: of the private key and the public one, or of the latter alone.
    pub(super) fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        if let Ok(seed) = Seed::try_from(bytes) {
            return Ok(Self::Secret(Secret::Ed25519(seed::checked(seed)?)));
        }
        let text = core::str::from_utf8(bytes).context("neither text nor a seed of 32 bytes")?;
        if !text.contains("-----") {
            return match text.trim_end().split_at_checked(64) {
                Some((public, "")) => Ok(Self::Public(Public::parse(public)?)),
                Some((seed, public)) => {
                    let secret = Secret::Ed25519(seed::checked(super::hash(seed)?)?);
                    let same = secret.public()?.text.eq_ignore_ascii_case(public);
                    ensure!(same, "the private key's digits are followed by those of another public key");
                    Ok(Self::Secret(secret))
                }
                None => bail!("neither PEM nor 64 or 128 hex digits"),
            };
        }
        let (label, der) =
            SecretDocument::from_pem(text).map_err(|error| anyhow::anyhow!("no PEM: {error}"))?;
        let der = der.as_bytes();
        Ok(Self::Secret(match label {
            "PUBLIC KEY" => return Ok(Self::Public(Public::parse(text)?)),
            "PRIVATE KEY" => Secret::from_pkcs8(der)?,
            "RSA PRIVATE KEY" => {
                Secret::Rsa(Box::new(rsa::PrivateKey::from_pkcs1_der(der).map_err(refused)?))
            }
            "EC PRIVATE KEY" => Secret::EcdsaP256(p256::SecretKey::from_sec1_der(der).map_err(refused)?),
            "ENCRYPTED PRIVATE KEY" => bail!("it is encrypted: `openssl pkey` decrypts it"),
            other => bail!("PEM of {other:?}, not of a key"),
        }))
    }
}

impl Secret {
    /// A new key from the kernel's random numbers.
    pub(super) fn generate(kind: KeyKind) -> anyhow::Result<Self> {
        Ok(match (kind, kind.modulus_bits()) {
            (_, Some(bits)) => Self::Rsa(Box::new(rsa::PrivateKey::new(&mut SysRng, bits).map_err(refused)?)),
            (KeyKind::EcdsaP256, None) => {
                Self::EcdsaP256(p256::SecretKey::try_generate_from_rng(&mut SysRng)?)
            }
            (_, None) => Self::Ed25519(seed::random()?),
        })
    }

    fn from_pkcs8(der: &[u8]) -> anyhow::Result<Self> {
        let info = PrivateKeyInfoRef::try_from(der).map_err(refused)?;
        Ok(match info.algorithm.oid {
            ED25519 => {
                // RFC 8410, clause 7: an octet string inside of the octet string.
                let seed = info.private_key.as_bytes().strip_prefix(&[4, 32]);
                let seed = seed.and_then(|seed| Seed::try_from(seed).ok());
                Self::Ed25519(seed::checked(seed.context("an Ed25519 key has 32 bytes")?)?)
            }
            RSA => Self::Rsa(Box::new(rsa::PrivateKey::from_pkcs8_der(der).map_err(refused)?)),
            ELLIPTIC => Self::EcdsaP256(p256::SecretKey::from_pkcs8_der(der).map_err(refused)?),
            other => bail!("a key of another kind, {other}"),
        })
    }

    /// The text of the file that it is stored in.
    pub(super) fn to_pem(&self) -> anyhow::Result<Zeroizing<String>> {
        match self {
            Self::Ed25519(seed) => {
                let mut key = Zeroizing::new([0; 34]);
                let (head, body) = key.split_at_mut(2);
                head.copy_from_slice(&[4, 32]);
                body.copy_from_slice(seed);
                let key = OctetStringRef::new(key.as_slice()).map_err(refused)?;
                let algorithm = AlgorithmIdentifierRef { oid: ED25519, parameters: None };
                PrivateKeyInfoRef::new(algorithm, key).to_pkcs8_pem(LineEnding::LF)
            }
            Self::Rsa(key) => key.to_pkcs8_pem(LineEnding::LF),
            Self::EcdsaP256(key) => key.to_pkcs8_pem(LineEnding::LF),
        }
        .map_err(refused)
    }

    pub(super) fn public(&self) -> anyhow::Result<Public> {
        match self {
            Self::Ed25519(seed) => Ok(Public::ed25519(&SigningKey::from_seed(*seed).public_bytes())),
            Self::Rsa(key) => Public::rsa(key.as_ref().as_ref()),
            Self::EcdsaP256(key) => Public::p256(&key.public_key()),
        }
    }

    /// Signs `message` as the key's type has it (`uptane_core::key`): RSA with a salt as long as the hash, as Torizon's
    /// servers.
    pub(super) fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        Ok(match self {
            Self::Ed25519(seed) => SigningKey::from_seed(*seed).sign(message).to_vec(),
            Self::Rsa(key) => {
                let key = rsa::pss::SigningKey::<sha2::Sha256>::new(key.as_ref().clone());
                key.try_sign_with_rng(&mut SysRng, message).map_err(refused)?.to_vec()
            }
            Self::EcdsaP256(key) => {
                let signature: p256::ecdsa::DerSignature =
                    p256::ecdsa::SigningKey::from(key).try_sign(message).map_err(refused)?;
                signature.as_bytes().to_vec()
            }
        })
    }
}

/// The libraries' errors are not standard errors in each configuration.
fn refused(error: impl fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("{error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`, for tests only.
    const RSA: &str = include_str!("../../../../uptane-core/tests/fixtures/keys/rsa-1.pem");

    fn read(bytes: &[u8]) -> Result<(bool, Public), String> {
        let read = Content::parse(bytes).and_then(|content| {
            Ok(match content {
                Content::Secret(secret) => (true, secret.public()?),
                Content::Public(public) => (false, public),
            })
        });
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_is_read_in_each_form_that_tools_leave_it_in() {
        let ed25519 = Secret::Ed25519([7; 32]);
        let public = ed25519.public().unwrap();
        let hex = ostree_objects::Checksum([7; 32]).to_string();
        for secret in [
            vec![7; 32],
            ed25519.to_pem().unwrap().as_bytes().to_vec(),
            // aktualizr's private key of Ed25519, in its own case and with a line feed of an editor.
            format!("{hex}{}\n", public.text).into_bytes(),
            format!("{hex}{}", public.text.to_uppercase()).into_bytes(),
        ] {
            assert_eq!(read(&secret), Ok((true, public.clone())));
        }
        assert_eq!(read(public.text.as_bytes()), Ok((false, public.clone())));
        for secret in [Secret::from_pkcs8_pem(RSA), Secret::generate(KeyKind::EcdsaP256).unwrap()] {
            let public = secret.public().unwrap();
            let again = secret.to_pem().unwrap();
            assert_eq!(read(again.as_bytes()), Ok((true, public.clone())));
            assert_eq!(read(public.text.as_bytes()), Ok((false, public.clone())));
            assert_eq!(Public::parse(&public.text).unwrap(), public);
        }
    }

    impl Secret {
        fn from_pkcs8_pem(pem: &str) -> Self {
            let Ok(Content::Secret(secret)) = Content::parse(pem.as_bytes()) else { panic!("no key") };
            secret
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_what_it_is() {
        let pem = |label: &str| format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
        let other = Secret::Ed25519([8; 32]).public().unwrap().text;
        let hex = ostree_objects::Checksum([7; 32]).to_string();
        for (content, said) in [
            (vec![0; 32], "a seed of zeros is no secret"),
            (vec![0xff; 31], "neither text nor a seed of 32 bytes"),
            (b"no key".to_vec(), "neither PEM nor 64 or 128 hex digits"),
            (
                format!("{hex}{other}").into_bytes(),
                "the private key's digits are followed by those of another public key",
            ),
            (pem("ENCRYPTED PRIVATE KEY").into_bytes(), "it is encrypted: `openssl pkey` decrypts it"),
            (pem("CERTIFICATE").into_bytes(), "PEM of \"CERTIFICATE\", not of a key"),
        ] {
            assert_eq!(read(&content), Err(said.into()));
        }
        for broken in [RSA.replacen("MII", "MIJ", 1), pem("PRIVATE KEY"), pem("PUBLIC KEY")] {
            read(broken.as_bytes()).unwrap_err();
        }
    }

    #[test]
    fn rsa_has_2048_3072_or_4096_bits_as_for_aktualizr() {
        let small = rsa::PrivateKey::new(&mut SysRng, 1024).unwrap();
        let refused = Secret::Rsa(Box::new(small)).public().unwrap_err().to_string();
        assert_eq!(refused, "an RSA key of 1024 bits, not of 2048, 3072 or 4096");
        assert_eq!(Secret::from_pkcs8_pem(RSA).public().unwrap().kind, KeyKind::Rsa2048);
    }
}
