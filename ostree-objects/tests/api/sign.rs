//! Signatures: of a commit that ostree signed with libsodium (`tests/fixtures/record-ostree-tests.sh`), and ours.

use ostree_objects::sign::{PublicKey, SecretKey, SignError, add_signature, verify};
use ostree_objects::{CommitRef, DetachedRef};

use crate::deltas::fixture;

fn key() -> PublicKey {
    PublicKey::from_base64(&String::from_utf8(fixture("signed.pub")).unwrap()).unwrap()
}

#[test]
fn a_commit_that_ostree_signed_is_verified() {
    let (commit, beside) = (fixture("signed.commit"), fixture("signed.commitmeta"));
    CommitRef::parse(&commit).unwrap();
    let detached = DetachedRef::parse(&beside).unwrap();
    let other = SecretKey::from_seed([1; 32]).unwrap().public();
    assert_eq!(verify(&commit, &detached, &[other, key()]), Ok(key()));
    assert_eq!(verify(&commit, &detached, &[other]), Err(SignError::NoneFits { signatures: 1, keys: 1 }));
    assert_eq!(verify(&commit, &detached, &[]), Err(SignError::NoneFits { signatures: 1, keys: 0 }));
    for at in 0..commit.len() {
        let mut changed = commit.clone();
        changed[at] ^= 1;
        let none = Err(SignError::NoneFits { signatures: 1, keys: 1 });
        assert_eq!(verify(&changed, &detached, &[key()]), none, "byte {at}");
    }
}

#[test]
fn a_signature_is_added_to_what_is_there_and_once_only() {
    let commit = fixture("signed.commit");
    let ours = SecretKey::from_seed([7; 32]).unwrap();
    for beside in [fixture("signed.commitmeta"), fixture("two.commitmeta")] {
        let before = DetachedRef::parse(&beside).unwrap();
        let bytes = add_signature(Some(&before), &ours.sign(&commit));
        let after = DetachedRef::parse(&bytes).unwrap();
        assert_eq!(verify(&commit, &after, &[ours.public()]), Ok(ours.public()));
        assert_eq!(after.ed25519_signatures().count(), before.ed25519_signatures().count() + 1);
        for (key, value) in before.metadata().iter().filter(|(key, _)| *key != "ostree.sign.ed25519") {
            assert_eq!(after.metadata().get(key), Some(value));
        }
        assert_eq!(add_signature(Some(&after), &ours.sign(&commit)), bytes);
    }
    let alone = add_signature(None, &ours.sign(b"a summary"));
    let detached = DetachedRef::parse(&alone).unwrap();
    assert_eq!(verify(b"a summary", &detached, &[ours.public()]), Ok(ours.public()));
    let empty = DetachedRef::parse(b"").unwrap();
    assert_eq!(verify(b"a summary", &empty, &[ours.public()]), Err(SignError::Unsigned));
}

#[test]
fn keys_are_read_as_ostree_writes_them() {
    let key = SecretKey::from_seed([3; 32]).unwrap();
    assert_eq!(SecretKey::from_base64("AwMD").unwrap_err(), SignError::Key);
    let zeros = format!("{}==", "A".repeat(86));
    assert_eq!(SecretKey::from_base64(&zeros).unwrap_err(), SignError::Key);
    assert_eq!(SecretKey::from_seed([0; 32]).unwrap_err(), SignError::Key);
    // A seed, and zeros where its public key should be.
    let halves = format!("B{}", &zeros[1..]);
    assert_eq!(SecretKey::from_base64(&halves).unwrap_err(), SignError::Halves);
    assert_eq!(PublicKey::from_base64(&zeros), Err(SignError::Key));
    assert_eq!(PublicKey::from_base64("not base64!"), Err(SignError::Key));
    let debug = format!("{key:?}");
    assert!(debug.contains("public") && !debug.contains("3, 3, 3, 3, 3"), "{debug}");
}
