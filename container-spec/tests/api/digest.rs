//! Digests: the cases of go-digest and of the OCI image specification, re-stated as data.

use container_spec::digest::{Algorithm, Digest, DigestError, DigestErrorKind, Mismatch, Sha256, Verifier};

const E3: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Digests, their algorithm, its name, and the value.
pub(crate) const GOOD: &[(&str, Algorithm, &str, &str)] = &[
    (
        "sha256+b64:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564",
        Algorithm::Other,
        "sha256+b64",
        "LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564",
    ),
    (
        "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8",
        Algorithm::Other,
        "multihash+base58",
        "QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8",
    ),
    ("foo+bar.x_y-z:q=", Algorithm::Other, "foo+bar.x_y-z", "q="),
    ("md5:d41d8cd98f00b204e9800998ecf8427e", Algorithm::Other, "md5", "d41d8cd98f00b204e9800998ecf8427e"),
];

#[test]
fn accepts_the_digests_of_the_image_specification() {
    let sha256 = format!("sha256:{E3}");
    let sha384 = format!("sha384:{}", "d3".repeat(48));
    let sha512 = format!("sha512:{}", "abcdef0123456789".repeat(8));
    let long = [
        (sha256.as_str(), Algorithm::Sha256, "sha256", E3),
        (&sha384, Algorithm::Sha384, "sha384", &sha384[7..]),
        (&sha512, Algorithm::Sha512, "sha512", &sha512[7..]),
    ];
    for (text, algorithm, name, encoded) in GOOD.iter().copied().chain(long) {
        let digest = Digest::parse(text).unwrap();
        assert_eq!(
            (digest.algorithm(), digest.algorithm_name(), digest.encoded()),
            (algorithm, name, encoded)
        );
        assert_eq!(digest.to_string(), text);
        assert_eq!(digest.sha256().is_some(), algorithm == Algorithm::Sha256);
    }
}

/// What is no digest: the byte, and why.
pub(crate) const BAD: &[(&str, usize, DigestErrorKind)] = &[
    ("", 0, DigestErrorKind::Empty),
    (":", 0, DigestErrorKind::BadAlgorithm),
    ("sha256", 6, DigestErrorKind::NoColon),
    ("sha256:", 7, DigestErrorKind::NoValue),
    ("sha256:abcdef0123456789", 7, DigestErrorKind::WrongLength { expected: 64, actual: 16 }),
    ("sha256:d41d8cd98f00b204e9800m98ecf8427e", 7, DigestErrorKind::WrongLength { expected: 64, actual: 32 }),
    ("Sha256:aa", 0, DigestErrorKind::BadAlgorithm),
    ("sha256+:aa", 6, DigestErrorKind::BadAlgorithm),
    ("+sha256:aa", 0, DigestErrorKind::BadAlgorithm),
    ("a++b:aa", 1, DigestErrorKind::BadAlgorithm),
    ("foo:a b", 5, DigestErrorKind::BadValue),
    ("foo:a+b", 5, DigestErrorKind::BadValue),
];

#[test]
fn refuses_bad_digests_at_the_right_byte() {
    let upper = format!("sha256:{}", E3.to_uppercase());
    let long = format!("sha256:{E3}0");
    let length = |actual| DigestErrorKind::WrongLength { expected: 64, actual };
    for (text, at, kind) in
        BAD.iter().copied().chain([(&*upper, 7, DigestErrorKind::BadValue), (&*long, 7, length(65))])
    {
        assert_eq!(Digest::parse(text), Err(DigestError { at, kind }), "{text}");
    }
    let other: Result<Sha256, _> = "md5:aa".parse();
    assert_eq!(other, Err(DigestError { at: 0, kind: DigestErrorKind::NotSha256 }));
}

#[test]
fn a_stream_is_compared_by_digest_and_length() {
    let hello = Sha256::of(b"hello");
    let check = |len, parts: &[&[u8]]| {
        let mut verifier = Verifier::new(hello, len);
        for part in parts {
            verifier.update(part)?;
        }
        verifier.finish()
    };
    assert_eq!(check(Some(5), &[b"he", b"llo"]), Ok(hello));
    assert_eq!(check(None, &[b"hello"]), Ok(hello));
    assert_eq!(check(Some(5), &[b"hello", b"!"]), Err(Mismatch::TooLong { expected: 5 }));
    assert_eq!(check(Some(5), &[b"hell"]), Err(Mismatch::TooShort { expected: 5, actual: 4 }));
    let actual = Sha256::of(b"jello");
    assert_eq!(check(Some(5), &[b"jello"]), Err(Mismatch::Digest { expected: hello, actual }));
}

#[test]
fn a_digest_is_serialised_as_text() {
    let digest: Sha256 = format!("sha256:{E3}").parse().unwrap();
    assert_eq!(digest, Sha256::of(b""));
    let json = serde_json::to_string(&digest).unwrap();
    assert_eq!(json, format!("\"sha256:{E3}\""));
    assert_eq!(serde_json::from_str::<Sha256>(&json).unwrap(), digest);
    assert!(
        serde_json::from_str::<Sha256>("\"sha256:00\"").unwrap_err().to_string().contains("2 characters")
    );
}
