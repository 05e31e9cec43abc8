//! Root rotation, and the dialects on a root chain.

use crate::factory::*;
use uptane_core::canonical::Slot;
use uptane_core::dialect::{Tuf, Uptane};
use uptane_core::metadata::root::Root;
use uptane_core::repository::{RoleKeys, Wire, root_body, sign};
use uptane_core::{Repository, Role, Verified};

fn rotated(factory: &Factory, version: u64, new_root_key: u8) -> (Factory, Vec<u8>) {
    let mut next = Factory::new();
    next.director.root = factory.director.root.clone();
    next.director.root.version = version;
    next.director.root.roles[0].1 = RoleKeys::single(key(new_root_key));
    let body = root_body(&next.director.root, Wire::Uptane);
    let mut keys = factory.director.root.keys(Role::Root).to_vec();
    keys.extend_from_slice(next.director.root.keys(Role::Root));
    (next, sign(&body, &keys, Wire::Uptane).unwrap())
}

#[test]
fn follows_a_chain_of_roots_signed_by_old_and_new_keys() {
    let first = Factory::new();
    let (second, root2) = rotated(&first, 2, 60);
    let (_, root3) = rotated(&second, 3, 61);
    let mut files = first.files();
    files.insert((Repository::Director, "2.root.json".into()), root2);
    files.insert((Repository::Director, "3.root.json".into()), root3.clone());
    let mut store = Store::provisioned(&first);
    store.verify(&files).unwrap();
    assert_eq!(store.0[&(Repository::Director, Role::Root)], root3);
}

#[test]
fn refuses_root_signed_only_by_new_keys_or_only_by_old_ones() {
    let first = Factory::new();
    let (second, _) = rotated(&first, 2, 60);
    for signers in [first.director.root.keys(Role::Root), second.director.root.keys(Role::Root)] {
        let bytes = sign(&root_body(&second.director.root, Wire::Uptane), signers, Wire::Uptane).unwrap();
        let mut files = first.files();
        files.insert((Repository::Director, "2.root.json".into()), bytes);
        let error = Store::provisioned(&first).verify(&files).unwrap_err();
        assert_eq!(error.to_string(), "director root: step R2.3: 0 of 1 required keys signed it");
    }
}

#[test]
fn refuses_a_root_that_skips_a_version() {
    let first = Factory::new();
    let (_, skipped) = rotated(&first, 3, 60);
    let mut files = first.files();
    files.insert((Repository::Director, "2.root.json".into()), skipped);
    let error = Store::provisioned(&first).verify(&files).unwrap_err();
    assert_eq!(error.to_string(), "director root: step R2.4: version 3, required 2");
}

#[test]
fn only_the_last_root_may_not_have_expired() {
    let mut first = Factory::new();
    first.director.root.expires = NOW.saturating_sub(10);
    let error = Store::provisioned(&first).verify(&first.files()).unwrap_err();
    assert!(error.to_string().starts_with("director root: step R3: expired at"), "{error}");
    let mut second = Factory::new();
    second.director.root.version = 2;
    let mut files = first.files();
    files.insert((Repository::Director, "2.root.json".into()), second.director.root_bytes());
    Store::provisioned(&first).verify(&files).unwrap();
}

#[test]
fn new_keys_for_timestamp_or_snapshot_forgive_versions_that_ran_ahead() {
    let mut ahead = Factory::new();
    ahead.image.version = 9_000;
    let mut store = Store::provisioned(&ahead);
    store.verify(&ahead.files()).unwrap();
    let mut back = Factory::new();
    back.image.root.version = 2;
    // Fast-forward recovery: all three roles that ran ahead get new keys.
    for (at, number) in [(1, 70), (2, 71), (3, 72)] {
        back.image.root.roles[at].1 = RoleKeys::single(key(number));
    }
    let error = store.clone().verify(&Factory::new().files()).unwrap_err();
    assert_eq!(error.to_string(), "image timestamp: step T3: rollback: trusted version 9000, offered 1");
    store.verify(&back.files()).unwrap();
}

/// Torizon's Root metadata holds RSA keys as PEM, whose line feeds are written differently by the two forms.
#[test]
fn a_line_feed_in_a_key_verifies_in_the_subset_and_not_in_olpc() {
    let key = key(1);
    let body = format!(
        r#"{{"_type":"Root","consistent_snapshot":false,"expires":"2099-01-01T00:00:00Z","keys":{{"{id}":{{"keytype":"ED25519","keyval":{{"public":"{public}\n"}}}}}},"roles":{{"root":{{"keyids":["{id}"],"threshold":1}}}},"version":1}}"#,
        id = key.identifier(),
        public = key.public_hex()
    );
    let bytes = sign(&body, &[key], Wire::Uptane).unwrap();
    let mut index: Vec<Slot> = Vec::new();
    let root = Verified::<Root<'_>>::trusted::<Uptane, _>(Repository::Director, &bytes, &mut index).unwrap();
    assert_eq!(root.version(), 1);

    // The same document and signature, in TUF's spelling: refused, as its canonical form holds a raw line feed.
    let text = String::from_utf8(bytes).unwrap();
    let base64 = text.split("\"sig\":\"").nth(1).unwrap().split('"').next().unwrap();
    let signature = decode_base64(base64);
    let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    let tuf = text.replace(base64, &hex).replace(r#""_type":"Root""#, r#""_type":"root""#);
    let error =
        Verified::<Root<'_>>::trusted::<Tuf, _>(Repository::Image, tuf.as_bytes(), &mut index).unwrap_err();
    assert_eq!(error.to_string(), "image root: step R2.3: 0 of 1 required keys signed it");
}

fn decode_base64(text: &str) -> Vec<u8> {
    let value = |byte| {
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|b| *b == byte)
    };
    let bits: Vec<usize> = text.bytes().filter_map(value).collect();
    bits.chunks(4)
        .flat_map(|chunk| {
            let word = chunk.iter().fold(0, |word, bits| word << 6 | bits) << (6 * (4 - chunk.len()));
            [word >> 16 & 255, word >> 8 & 255, word & 255].into_iter().take(chunk.len() - 1)
        })
        .map(|byte| u8::try_from(byte).unwrap())
        .collect()
}
