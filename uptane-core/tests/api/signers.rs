//! Keys of every type that sign documents of any shape, as servers do.

use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::EncodePublicKey as _;
use rsa::pkcs8::{DecodePrivateKey, LineEnding};
use rsa::signature::RandomizedSigner;
use rsa::traits::PublicKeyParts;
use uptane_core::canonical::{self, Form};
use uptane_core::json;

use crate::factory::key;

/// Signs a message.
type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

/// A key that signs, with the key object that Root metadata has for it.
pub struct Signer {
    pub keyid: String,
    pub object: String,
    sign: Sign,
}

/// The salt has to come from somewhere; tests want the same bytes each time.
struct Fixed;

impl rsa::rand_core::TryRng for Fixed {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0x5a5a_5a5a)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0x5a5a_5a5a_5a5a_5a5a)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(0x5a);
        Ok(())
    }
}

impl rsa::rand_core::TryCryptoRng for Fixed {}

/// Made with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`, for these tests only.
const RSA: [&str; 2] =
    [include_str!("../fixtures/keys/rsa-1.pem"), include_str!("../fixtures/keys/rsa-2.pem")];

/// One of two RSA keys with 2048 bits, signing with a salt of `salt` bytes.
pub fn rsa(number: usize, salt: usize) -> Signer {
    let private = rsa::PrivateKey::from_pkcs8_pem(RSA[number]).unwrap();
    let public = rsa::PublicKey::from(&private).to_public_key_pem(LineEnding::LF).unwrap();
    let signing = rsa::pss::SigningKey::<sha2::Sha256>::new_with_salt_len(private, salt);
    Signer {
        keyid: format!("{number:064x}"),
        object: object("RSA", "", &public),
        sign: Box::new(move |message| Box::<[u8]>::from(signing.sign_with_rng(&mut Fixed, message)).into()),
    }
}

/// The PEM text of an RSA key with a modulus of `bits`, which need not be a product of two primes.
pub fn rsa_public(bits: u32) -> String {
    let bytes = usize::try_from(bits.div_ceil(8)).unwrap();
    let mut modulus = vec![0x77; bytes];
    modulus[0] = 0xff >> (8 * u32::try_from(bytes).unwrap() - bits);
    let modulus = rsa::BoxedUint::from_be_slice(&modulus, bits.next_multiple_of(64)).unwrap();
    let key =
        rsa::PublicKey::new_with_size_limits(modulus, rsa::BoxedUint::from(65537_u64), 1024..=8192).unwrap();
    assert_eq!(key.n().bit_width(), bits);
    key.to_public_key_pem(LineEnding::LF).unwrap()
}

/// An ECDSA key on P-256.
pub fn ecdsa(number: u8) -> Signer {
    let signing = p256::ecdsa::SigningKey::from_slice(&[number; 32]).unwrap();
    let public = signing.verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    Signer {
        keyid: format!("ec{number:062x}"),
        object: object("ecdsa", r#","scheme":"ecdsa-sha2-nistp256""#, &public),
        sign: Box::new(move |message| {
            let signature: p256::ecdsa::Signature = signing.sign(message);
            signature.to_der().as_bytes().into()
        }),
    }
}

/// An Ed25519 key.
pub fn ed25519(number: u8) -> Signer {
    let key = key(number);
    Signer {
        keyid: key.identifier().into(),
        object: object("ed25519", "", &key.public_hex()),
        sign: Box::new(move |message| key.sign(message).into()),
    }
}

pub fn object(kind: &str, scheme: &str, public: &str) -> String {
    let public = public.replace('\n', "\\n");
    format!(r#"{{"keyval":{{"public":"{public}"}},"keytype":"{kind}"{scheme}}}"#)
}

impl Signer {
    /// This key under another identifier.
    pub fn named(self, keyid: &str) -> Self {
        Self { keyid: keyid.into(), ..self }
    }

    /// `"keyid": {key object}`.
    pub fn entry(&self) -> String {
        format!(r#""{}":{}"#, self.keyid, self.object)
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        (self.sign)(message)
    }
}

fn message(body: &str, form: Form) -> Vec<u8> {
    let mut message = Vec::new();
    canonical::write(json::parse(body.as_bytes()).unwrap(), form, &mut Vec::new(), &mut message).unwrap();
    message
}

/// Signs as Torizon's servers: `signatures` first, the members of `signed` as they come.
pub fn sign_uptane(body: &str, signers: &[&Signer]) -> Vec<u8> {
    use base64ct::Encoding;
    let message = message(body, Form::JsonSubset);
    let signatures: Vec<_> = signers
        .iter()
        .map(|signer| {
            let signature = base64ct::Base64::encode_string(&signer.signature(&message));
            format!(r#"{{"keyid":"{}","method":"rsassa-pss-sha256","sig":"{signature}"}}"#, signer.keyid)
        })
        .collect();
    format!(r#"{{"signatures":[{}],"signed":{body}}}"#, signatures.join(",")).into_bytes()
}

/// Signs as TUF repositories do.
pub fn sign_tuf(body: &str, signers: &[&Signer]) -> Vec<u8> {
    let message = message(body, Form::Olpc);
    let signatures: Vec<_> = signers
        .iter()
        .map(|signer| {
            let hex: String = signer.signature(&message).iter().map(|byte| format!("{byte:02x}")).collect();
            format!(r#"{{"keyid":"{}","sig":"{hex}"}}"#, signer.keyid)
        })
        .collect();
    format!(r#"{{"signatures":[{}],"signed":{body}}}"#, signatures.join(",")).into_bytes()
}
