//! Which keys and signatures count, and how many are tried.

use uptane_core::canonical::{Sink, Slot};
use uptane_core::dialect::{Dialect, Tuf, Uptane, With};
use uptane_core::json::parse;
use uptane_core::key::{Check, MAX_RSA_BITS, MIN_RSA_BITS, PublicKey, Software, Verifier};
use uptane_core::metadata::root::Root;
use uptane_core::{MAX_SIGNATURES, Repository, Verified};

use crate::signers::*;

fn root_body(kind: &str, signers: &[&Signer], threshold: u64) -> String {
    let keys: Vec<_> = signers.iter().map(|signer| signer.entry()).collect();
    let keyids: Vec<_> = signers.iter().map(|signer| format!("\"{}\"", signer.keyid)).collect();
    format!(
        r#"{{"_type":"{kind}","spec_version":"1.0.34","expires":"2099-01-01T00:00:00Z","keys":{{{}}},"roles":{{"root":{{"keyids":[{}],"threshold":{threshold}}}}},"version":1}}"#,
        keys.join(","),
        keyids.join(",")
    )
}

fn verify<D: Dialect>(bytes: &[u8]) -> Result<u64, String> {
    let mut index: Vec<Slot> = Vec::new();
    Verified::<Root<'_>>::trusted::<D, _>(Repository::Image, bytes, &mut index)
        .map(|root| root.version())
        .map_err(|error| error.to_string())
}

/// A Root that all of `signers` must sign, in both dialects.
fn verify_all(signers: &[&Signer]) -> [Result<u64, String>; 2] {
    let threshold = u64::try_from(signers.len()).unwrap();
    [
        verify::<Uptane>(&sign_uptane(&root_body("Root", signers, threshold), signers)),
        verify::<Tuf>(&sign_tuf(&root_body("root", signers, threshold), signers)),
    ]
}

#[test]
fn every_type_of_key_signs_in_both_dialects() {
    let (ed25519, rsa, ecdsa) = (ed25519(1), rsa(0, 32), ecdsa(3));
    assert_eq!(verify_all(&[&ed25519, &rsa, &ecdsa]), [Ok(1), Ok(1)]);
}

#[test]
fn a_salt_of_any_length_is_accepted() {
    // 222 is the most that 2048 bits leave beside a SHA-256.
    for salt in [0, 1, 20, 32, 222] {
        assert_eq!(verify_all(&[&rsa(0, salt)]), [Ok(1), Ok(1)], "{salt}");
    }
}

#[test]
fn a_changed_signature_of_any_type_does_not_count() {
    for signer in [ed25519(1), rsa(0, 32), ecdsa(3)] {
        let bytes = sign_tuf(&root_body("root", &[&signer], 1), &[&signer]);
        let mut text = String::from_utf8(bytes).unwrap();
        let at = text.find("\"sig\":\"").unwrap() + 40;
        let digit = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
        text.replace_range(at..=at, digit);
        let refused = "image root: step R2.3: 0 of 1 required keys signed it";
        assert_eq!(verify::<Tuf>(text.as_bytes()), Err(refused.into()));
    }
}

#[test]
fn pkcs1_v15_is_never_verified() {
    use rsa::pkcs8::DecodePrivateKey;
    let private = rsa::PrivateKey::from_pkcs8_pem(include_str!("../fixtures/keys/rsa-1.pem")).unwrap();
    let padding = rsa::Pkcs1v15Sign::new::<sha2::Sha256>();
    let digest = <sha2::Sha256 as sha2::Digest>::digest(b"message");
    let signature = private.sign(padding, &digest).unwrap();
    let key = PublicKey::parse(parse(rsa(0, 32).object.as_bytes()).unwrap()).unwrap().unwrap();
    assert!(!key.verify_bytes(&signature, b"message"));
    let scheme = object("rsa", r#","scheme":"rsa-pkcs1v15-sha256""#, &rsa_public(2048));
    assert_eq!(PublicKey::parse(parse(scheme.as_bytes()).unwrap()), Ok(None));
}

#[test]
fn rsa_keys_count_from_2048_to_4096_bits() {
    for (bits, counts) in [
        (MIN_RSA_BITS - 1, false),
        (MIN_RSA_BITS, true),
        (3072, true),
        (MAX_RSA_BITS, true),
        (MAX_RSA_BITS + 1, false),
    ] {
        let object = object("rsa", "", &rsa_public(bits));
        let key = PublicKey::parse(parse(object.as_bytes()).unwrap()).unwrap();
        assert_eq!(key.is_some(), counts, "{bits}");
    }
}

#[test]
fn one_pem_key_with_other_white_space_is_one_key() {
    let parse_key = |public: &str| {
        PublicKey::parse(parse(object("RSA", "", public).as_bytes()).unwrap()).unwrap().unwrap()
    };
    let public = rsa_public(2048);
    assert_eq!(parse_key(&public), parse_key(public.trim_end()));
    assert_eq!(parse_key(&public), parse_key(&(public.clone() + "\n")));
    let twice = [rsa(0, 32), rsa(0, 20).named("other")];
    let both = [&twice[0], &twice[1]];
    let refused = |kind: &str| Err(format!("image root: step R2.3: {kind}"));
    assert_eq!(
        verify::<Uptane>(&sign_uptane(&root_body("Root", &both, 2), &both)),
        refused("1 of 2 required keys signed it")
    );
}

#[test]
fn an_ecdsa_key_may_be_written_as_a_point() {
    let signer = ecdsa(3);
    let signing = p256::ecdsa::SigningKey::from_slice(&[3; 32]).unwrap();
    let point = signing.verifying_key().to_sec1_point(false);
    let hex: String = point.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let object = object("ecdsa-sha2-nistp256", "", &hex);
    let (point, pem) = (parse(object.as_bytes()).unwrap(), parse(signer.object.as_bytes()).unwrap());
    assert_eq!(PublicKey::parse(point), PublicKey::parse(pem));
}

#[test]
fn two_signatures_by_one_identifier_are_refused_even_if_one_would_do() {
    let signer = ed25519(1);
    let refused = "image root: step R2.3: two signatures by one key identifier";
    let body = root_body("root", &[&signer], 1);
    assert_eq!(verify::<Tuf>(&sign_tuf(&body, &[&signer, &signer])), Err(refused.into()));
    let body = root_body("Root", &[&signer], 1);
    assert_eq!(verify::<Uptane>(&sign_uptane(&body, &[&signer, &signer])), Err(refused.into()));
}

#[test]
fn the_last_signature_that_is_tried_counts_and_the_next_does_not() {
    let signer = ed25519(1);
    let strangers: Vec<_> =
        (0..MAX_SIGNATURES).map(|at| ed25519(2).named(&format!("stranger {at}"))).collect();
    let body = root_body("root", &[&signer], 1);
    let signed_after = |count: usize| {
        let signers: Vec<_> = strangers.iter().take(count).chain([&signer]).collect();
        verify::<Tuf>(&sign_tuf(&body, &signers))
    };
    assert_eq!(signed_after(MAX_SIGNATURES - 1), Ok(1));
    assert_eq!(
        signed_after(MAX_SIGNATURES),
        Err("image root: step R2.3: 0 of 1 required keys signed it".into())
    );
}

#[test]
fn what_cannot_be_a_signature_beside_a_valid_one_does_no_harm() {
    let (good, other) = (ed25519(1), ecdsa(3));
    let body = root_body("root", &[&good, &other], 1);
    let text = String::from_utf8(sign_tuf(&body, &[&good])).unwrap();
    let long = "0".repeat(2000);
    for sig in ["", "zz", "0", "00", &long] {
        let more = format!(r#""signatures":[{{"keyid":"{}","sig":"{sig}"}},"#, other.keyid);
        assert_eq!(verify::<Tuf>(text.replacen(r#""signatures":["#, &more, 1).as_bytes()), Ok(1));
    }
}

/// A verifier as an HSM's driver would be one: it sees the key, the signature and the message in pieces.
struct Hsm;

struct Session<'k>(Option<Check<'k>>, usize);

impl Sink for Session<'_> {
    fn write(&mut self, bytes: &[u8]) {
        self.1 += bytes.len();
        self.0.as_mut().unwrap().write(bytes);
    }
}

impl Verifier for Hsm {
    type Check<'k> = Session<'k>;

    fn begin<'k>(key: &'k PublicKey, signature: &'k [u8]) -> Option<Session<'k>> {
        // This one has no ECDSA.
        let known = !matches!(key, PublicKey::EcdsaP256(_));
        known.then(|| Session(Software::begin(key, signature), 0))
    }

    fn finish(check: &mut Session<'_>) -> bool {
        check.1 > 0 && check.0.as_mut().is_some_and(Software::finish)
    }
}

#[test]
fn an_hsm_takes_over_the_check_of_signatures() {
    let (ed25519, ecdsa) = (ed25519(1), ecdsa(3));
    let one = sign_tuf(&root_body("root", &[&ed25519], 1), &[&ed25519]);
    assert_eq!(verify::<With<Tuf, Hsm>>(&one), Ok(1));
    let two = sign_tuf(&root_body("root", &[&ecdsa], 1), &[&ecdsa]);
    assert_eq!(verify::<Tuf>(&two), Ok(1));
    assert_eq!(
        verify::<With<Tuf, Hsm>>(&two),
        Err("image root: step R2.3: 0 of 1 required keys signed it".into())
    );
}
