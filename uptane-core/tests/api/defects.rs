//! Defects that other clients have, or had: each is not one of this crate. The numbers of aktualizr's are those of
//! the list that its source was read for.

use uptane_core::canonical::Slot;
use uptane_core::delegation::{Next, Search};
use uptane_core::dialect::Uptane;
use uptane_core::json::JsonErrorKind;
use uptane_core::metadata::root::Root;
use uptane_core::primary::Cycle;
use uptane_core::repository::{FileEntry, Wire, meta_body, sign, timestamp_body};
use uptane_core::target::ImageVerifier;
use uptane_core::trusted::Current;
use uptane_core::{Error, ErrorKind, Repository, Role, Step, Verified};

use crate::factory::*;

/// An Image repository whose Targets body is `targets`, with a delegated role `role` of body `delegated`.
fn with_delegation(factory: &Factory, targets: &str, role: &str, delegated: &str) -> Files {
    let mut files = factory.files();
    let side = &factory.image;
    let targets = side.signed(Role::Targets, targets);
    let delegated = sign(delegated, &[key(50)], Wire::Uptane).unwrap();
    let name = format!("{role}.json");
    let entries = [
        (&*name, FileEntry::of(1, &delegated, Wire::Uptane).unwrap()),
        ("targets.json", FileEntry::of(1, &targets, Wire::Uptane).unwrap()),
    ];
    let snapshot =
        side.signed(Role::Snapshot, &meta_body(Role::Snapshot, Wire::Uptane, 1, later(), &entries));
    let entry = FileEntry::of(1, &snapshot, Wire::Uptane).unwrap();
    let timestamp = side.signed(Role::Timestamp, &timestamp_body(Wire::Uptane, 1, later(), entry));
    let mut put = |name: String, bytes| files.insert((Repository::Image, name), bytes);
    put("targets.json".into(), targets);
    put("snapshot.json".into(), snapshot);
    put("timestamp.json".into(), timestamp);
    put(format!("delegations/{name}"), delegated);
    files
}

fn delegating(roles: &str) -> String {
    let key = key(50);
    format!(
        r#"{{"_type":"Targets","delegations":{{"keys":{{"{id}":{{"keytype":"ED25519","keyval":{{"public":"{public}"}}}}}},"roles":[{roles}]}},"expires":"2099-01-01T00:00:00Z","targets":{{}},"version":1}}"#,
        id = key.identifier(),
        public = key.public_hex()
    )
}

fn role(name: &str, more: &str) -> String {
    format!(r#"{{"keyids":["{}"],"name":"{name}","paths":["*"]{more},"threshold":1}}"#, key(50).identifier())
}

fn listing(expires: &str) -> String {
    format!(
        r#"{{"_type":"Targets","expires":"{expires}","targets":{{"os-1":{{"custom":{{"hardwareIds":["imx95"]}},"hashes":{{"sha256":"{}"}},"length":5}}}},"version":1}}"#,
        "01".repeat(32)
    )
}

fn verify(factory: &Factory, files: &Files) -> Result<Vec<String>, String> {
    let outcome = Store::provisioned(factory).verify(files).map_err(|error| error.to_string())?;
    Ok(outcome.assigned.iter().map(|assigned| assigned.name.clone()).collect())
}

#[test]
fn an_image_is_found_through_a_delegation() {
    let factory = Factory::new();
    let files = with_delegation(&factory, &delegating(&role("a", "")), "a", &listing("2099-01-01T00:00:00Z"));
    assert_eq!(verify(&factory, &files), Ok(vec!["os-1".to_owned()]));
}

/// aktualizr 1: `checkImageMetaOffline` logs the exception and goes on.
#[test]
fn expired_image_targets_are_refused_offline_as_well() {
    let mut factory = Factory::new();
    factory
        .director
        .root
        .roles
        .push((Role::OfflineSnapshot, uptane_core::repository::RoleKeys::single(key(40))));
    factory.image.expires = NOW.saturating_sub(1);
    let mut files = factory.files();
    files.retain(|(_, name), _| name != "timestamp.json");
    let root = factory.image.root_bytes();
    let mut index: Vec<Slot> = Vec::new();
    let root = Verified::<Root<'_>>::trusted::<Uptane, _>(Repository::Image, &root, &mut index).unwrap();
    let listed = Current::<Uptane>::new(Repository::Image, root, NOW)
        .unwrap()
        .snapshot_of_any_age(
            Role::Snapshot,
            &files[&(Repository::Image, "snapshot.json".into())],
            usize::MAX,
            None,
            &mut index,
        )
        .unwrap();
    let bytes = &files[&(Repository::Image, "targets.json".into())];
    let error =
        listed.targets(Role::Targets, "targets.json", bytes, usize::MAX, None, &mut index).unwrap_err();
    assert_eq!((error.step, error.role), (Step::G5, Role::Targets));
}

/// aktualizr 2: a threshold counts identifiers, not keys.
#[test]
fn one_key_under_two_identifiers_is_one_key() {
    let mut factory = Factory::new();
    let twin = key(23).with_identifier(&"ab".repeat(32));
    factory.image.root.roles[3].1 =
        uptane_core::repository::RoleKeys { keys: vec![key(23), twin], threshold: 2 };
    assert_eq!(
        verify(&factory, &factory.files()),
        Err("image targets: step G3: 1 of 2 required keys signed it".into())
    );
}

/// aktualizr 3: empty Director targets are not stored, so their version is not remembered.
#[test]
fn the_version_of_empty_director_targets_is_remembered() {
    let mut factory = Factory::new();
    factory.director.targets.clear();
    factory.director.version = 9;
    let mut store = Store::provisioned(&factory);
    store.verify(&factory.files()).unwrap();
    let error = store.verify(&Factory::new().files()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rollback { trusted: 9, offered: 1 });
}

/// aktualizr 3: the same version with other content is accepted in memory.
#[test]
fn director_targets_do_not_change_under_one_version() {
    let factory = Factory::new();
    let mut store = Store::provisioned(&factory);
    store.verify(&factory.files()).unwrap();
    let mut other = Factory::new();
    other.director.targets[0].length = 6;
    other.image.targets[0].length = 6;
    let error = store.verify(&other.files()).unwrap_err();
    assert_eq!((error.step, error.kind), (Step::G4, ErrorKind::SameVersion { version: 1 }));
}

/// aktualizr 4: a terminating delegation does not end the search.
#[test]
fn a_terminating_delegation_that_lists_nothing_hides_those_after_it() {
    let factory = Factory::new();
    let roles = [role("empty", r#","terminating":true"#), role("a", "")].join(",");
    let empty = r#"{"_type":"Targets","expires":"2099-01-01T00:00:00Z","targets":{},"version":1}"#;
    let files = with_delegation(&factory, &delegating(&roles), "empty", empty);
    assert_eq!(
        verify(&factory, &files),
        Err("image targets: step F10: the image is not in the Image repository".into())
    );
}

/// aktualizr 4: a delegation is not restricted to hardware.
#[test]
fn a_delegation_for_other_hardware_does_not_list_this_image() {
    let factory = Factory::new();
    let listing = listing("2099-01-01T00:00:00Z");
    let other = delegating(&role("a", r#","hardwareIds":["imx8"]"#));
    assert_eq!(
        verify(&factory, &with_delegation(&factory, &other, "a", &listing)),
        Err("image targets: step F10: the image is not in the Image repository".into())
    );
    let same = delegating(&role("a", r#","hardwareIds":["imx95"]"#));
    assert_eq!(verify(&factory, &with_delegation(&factory, &same, "a", &listing)), Ok(vec!["os-1".into()]));
}

/// tough CVE-2026-6967: delegated metadata is neither checked for expiry nor against the Snapshot.
#[test]
fn delegated_metadata_is_checked_for_expiry_hash_and_keys() {
    let factory = Factory::new();
    let targets = delegating(&role("a", ""));
    let expired = with_delegation(&factory, &targets, "a", &listing("2020-01-01T00:00:00Z"));
    assert!(verify(&factory, &expired).is_err_and(|error| error.contains("\"a\": step G5: expired at")));
    let mut changed = with_delegation(&factory, &targets, "a", &listing("2099-01-01T00:00:00Z"));
    let other = sign(&listing("2098-01-01T00:00:00Z"), &[key(50)], Wire::Uptane).unwrap();
    changed.insert((Repository::Image, "delegations/a.json".into()), other);
    assert_eq!(
        verify(&factory, &changed),
        Err("image delegated targets \"a\": step G2: the sha256 hash does not match".into())
    );
}

/// aktualizr 5: the length in a Snapshot is ignored.
#[test]
fn the_length_that_a_snapshot_gives_is_checked() {
    let factory = Factory::new();
    let side = &factory.image;
    let targets = side.targets_bytes();
    let right = FileEntry::of(1, &targets, Wire::Uptane).unwrap();
    let wrong = FileEntry { length: right.length + 1, ..right };
    let publish = |entry| {
        let body = meta_body(Role::Snapshot, Wire::Uptane, 1, later(), &[("targets.json", entry)]);
        let snapshot = side.signed(Role::Snapshot, &body);
        let entry = FileEntry::of(1, &snapshot, Wire::Uptane).unwrap();
        let timestamp = side.signed(Role::Timestamp, &timestamp_body(Wire::Uptane, 1, later(), entry));
        let mut files = factory.files();
        files.insert((Repository::Image, "snapshot.json".into()), snapshot);
        files.insert((Repository::Image, "timestamp.json".into()), timestamp);
        Store::provisioned(&factory).verify(&files).map(drop)
    };
    assert_eq!(publish(right), Ok(()));
    let error = publish(wrong).unwrap_err();
    let kind = ErrorKind::Length { required: right.length + 1, offered: right.length };
    assert_eq!((error.step, error.kind), (Step::G1, kind));
}

/// aktualizr 5: only the first hash of an image is checked.
#[test]
fn every_hash_of_an_image_is_checked() {
    use uptane_core::metadata::Hashes;
    let sha256 = <sha2::Sha256 as sha2::Digest>::digest(b"image");
    let hashes = Hashes { sha256: Some(sha256.into()), sha512: Some([0; 64]) };
    let mut verifier = ImageVerifier::new(5, hashes);
    verifier.update(b"image").unwrap();
    assert_eq!(verifier.finish().unwrap_err().kind, ErrorKind::Hash("sha512"));
}

fn director_targets(change: impl Fn(String) -> String) -> Result<(), Error> {
    let factory = Factory::new();
    let text = String::from_utf8_lossy(&factory.director.targets_bytes()).into_owned();
    let mut files = factory.files();
    files.insert((Repository::Director, "targets.json".into()), change(text).into_bytes());
    Store::provisioned(&factory).verify(&files).map(drop)
}

fn json_error(error: Error) -> JsonErrorKind {
    match error.kind {
        ErrorKind::Json(error) => error.kind,
        other => panic!("{other}"),
    }
}

/// aktualizr 6: jsoncpp takes trailing garbage, comments and repeated keys.
#[test]
fn trailing_bytes_comments_and_repeated_keys_are_refused() {
    assert_eq!(director_targets(|text| text + " "), Ok(()));
    let trailing = director_targets(|text| text + "x").unwrap_err();
    assert_eq!(json_error(trailing), JsonErrorKind::TrailingBytes);
    let comment = director_targets(|text| format!("/* */{text}")).unwrap_err();
    assert_eq!(json_error(comment), JsonErrorKind::UnexpectedByte(b'/'));
    let repeated = director_targets(|text| text.replacen('{', r#"{"signed":{},"#, 1)).unwrap_err();
    assert_eq!(json_error(repeated), JsonErrorKind::DuplicateKey);
}

/// aktualizr 6: versions are 32-bit numbers, and what is no number is an exception of another kind.
#[test]
fn a_version_beyond_32_bits_counts_and_one_that_is_no_number_is_refused() {
    let mut factory = Factory::new();
    factory.director.version = u64::MAX;
    let mut store = Store::provisioned(&factory);
    store.verify(&factory.files()).unwrap();
    factory.director.version = u64::MAX - 1;
    let error = store.verify(&factory.files()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Rollback { trusted: u64::MAX, offered: u64::MAX - 1 });
    for wrong in ["\"1\"", "-1", "null", "18446744073709551616", "1.0"] {
        let error = director_targets(|text| text.replace(r#""version":1"#, &format!(r#""version":{wrong}"#)));
        assert_eq!(error.unwrap_err().step, Step::Parse, "{wrong}");
    }
}

/// aktualizr 8: one serial number twice in one target is one member of a map.
#[test]
fn one_ecu_twice_in_one_target_is_refused() {
    let mut factory = Factory::new();
    factory.director.targets[0].custom =
        r#"{"ecuIdentifiers":{"primary-1":{"hardwareId":"imx95"},"primary-1":{"hardwareId":"imx95"}}}"#
            .into();
    // Signing writes the canonical form, which no such document has.
    let body = uptane_core::repository::targets_body(
        Role::Targets,
        Wire::Uptane,
        1,
        later(),
        &factory.director.targets,
        None,
    );
    let error = sign(&body, factory.director.root.keys(Role::Targets), Wire::Uptane).unwrap_err();
    assert_eq!(error.kind, JsonErrorKind::DuplicateKey);
    let error = director_targets(|text| {
        text.replace(r#""ecuIdentifiers":{"#, r#""ecuIdentifiers":{"primary-1":{"hardwareId":"imx95"},"#)
    });
    assert_eq!(json_error(error.unwrap_err()), JsonErrorKind::DuplicateKey);
}

/// python-tuf CVE-2020-6173: thousands of signatures take minutes.
#[test]
fn thousands_of_signatures_are_not_all_tried() {
    let factory = Factory::new();
    let body = String::from_utf8(factory.director.targets_bytes()).unwrap();
    let body = body.split_once(r#""signed":"#).unwrap().1.strip_suffix('}').unwrap();
    let own = key(13);
    let keys: Vec<_> =
        (0..300).map(|at| own.with_identifier(&format!("{at}"))).chain([own.clone()]).collect();
    let mut files = factory.files();
    files.insert((Repository::Director, "targets.json".into()), sign(body, &keys, Wire::Uptane).unwrap());
    let error = Store::provisioned(&factory).verify(&files).unwrap_err();
    assert_eq!(error.kind, ErrorKind::UnmetThreshold { valid: 0, required: 1, offered: 301 });
}

/// tough GHSA: each check asks the clock again. Here a verification has one time from its beginning to its end.
#[test]
fn a_cycle_has_one_time() {
    let mut factory = Factory::new();
    factory.image.expires = NOW;
    let mut store = Store::provisioned(&factory);
    store.run(Cycle::new(ECUS, NOW), &factory.files()).unwrap();
    let error = store.run(Cycle::new(ECUS, NOW.saturating_add(1)), &factory.files()).unwrap_err();
    assert_eq!((error.role, error.step), (Role::Timestamp, Step::T4));
}

#[test]
fn a_search_of_no_delegations_ends_at_once() {
    let factory = Factory::new();
    let root = factory.image.root_bytes();
    let mut index: Vec<Slot> = Vec::new();
    let root = Verified::<Root<'_>>::trusted::<Uptane, _>(Repository::Image, &root, &mut index).unwrap();
    let bytes = factory.image.targets_bytes();
    let targets = Current::<Uptane>::new(Repository::Image, root, NOW)
        .unwrap()
        .targets_alone(Role::Targets, &bytes, usize::MAX, None, &mut index)
        .unwrap();
    assert_eq!(Search::new::<Uptane>(&targets, "os-1", None).unwrap().next(), Next::Found);
    assert_eq!(Search::new::<Uptane>(&targets, "os-2", None).unwrap().next(), Next::NotFound);
}
