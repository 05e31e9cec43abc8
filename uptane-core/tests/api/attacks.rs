//! Each attack is refused at its own step, with both values.

use crate::factory::*;
use uptane_core::primary::{Cycle, MAX_METADATA_BYTES};
use uptane_core::repository::{RoleKeys, Wire, sign};
use uptane_core::{Error, Repository, Role};

fn refused(factory: &Factory, files: &Files) -> String {
    Store::provisioned(factory).verify(files).unwrap_err().to_string()
}

fn after(first: &Factory, second: &Files) -> Error {
    let mut store = Store::provisioned(first);
    store.verify(&first.files()).unwrap();
    store.verify(second).unwrap_err()
}

#[test]
fn rollback_names_both_versions() {
    let mut factory = Factory::new();
    factory.director.version = 7;
    factory.image.version = 7;
    let mut old = Factory::new();
    old.director.version = 5;
    assert_eq!(
        after(&factory, &old.files()).to_string(),
        "director targets: step G4: rollback: trusted version 7, offered 5"
    );
    let mut old = Factory::new();
    old.director.version = 7;
    assert_eq!(
        after(&factory, &old.files()).to_string(),
        "image timestamp: step T3: rollback: trusted version 7, offered 1"
    );
}

#[test]
fn freeze_names_both_times() {
    let mut factory = Factory::new();
    factory.director.expires = NOW.saturating_sub(1);
    assert_eq!(
        refused(&factory, &factory.files()),
        "director targets: step G5: expired at 2027-01-15T07:59:59Z, now is 2027-01-15T08:00:00Z"
    );
    factory.director.expires = NOW;
    Store::provisioned(&factory).verify(&factory.files()).unwrap();
}

#[test]
fn targets_of_another_snapshot_are_a_mix_and_match() {
    let factory = Factory::new();
    let mut files = factory.files();
    let mut other = factory.image.clone();
    other.targets.push(image_target("evil", [9; 32], "imx95"));
    files.insert((Repository::Image, "targets.json".into()), other.targets_bytes());
    assert_eq!(refused(&factory, &files), "image targets: step G2: the sha256 hash does not match");
}

#[test]
fn images_on_which_the_repositories_disagree_are_refused() {
    let mut factory = Factory::new();
    factory.director.targets[0].sha256 = [2; 32];
    assert_eq!(
        refused(&factory, &factory.files()),
        "image targets: step F10: the repositories disagree on a hash"
    );
    factory.director.targets[0].sha256 = [1; 32];
    factory.director.targets[0].length = 6;
    assert_eq!(
        refused(&factory, &factory.files()),
        "image targets: step F10: the repositories disagree on the length"
    );
    factory.director.targets[0].length = 5;
    factory.image.targets[0] = image_target("os-1", [1; 32], "imx8");
    assert_eq!(
        refused(&factory, &factory.files()),
        "image targets: step F10: the repositories disagree on the hardware"
    );
    factory.image.targets.clear();
    assert_eq!(
        refused(&factory, &factory.files()),
        "image targets: step F10: the image is not in the Image repository"
    );
}

#[test]
fn an_ecu_that_is_unknown_twice_listed_or_of_other_hardware_is_refused() {
    let mut factory = Factory::new();
    factory.director.targets[0] = director_target("os-1", [1; 32], "somebody-else", "imx95");
    assert_eq!(
        refused(&factory, &factory.files()),
        "director targets: step G8: a listed ECU is not in this vehicle"
    );
    factory.director.targets[0] = director_target("os-1", [1; 32], "primary-1", "imx8");
    assert_eq!(
        refused(&factory, &factory.files()),
        "director targets: step G8: the image is for other hardware"
    );
    factory.director.targets[0] = director_target("os-1", [1; 32], "primary-1", "imx95");
    factory.director.targets.push(director_target("os-2", [1; 32], "primary-1", "imx95"));
    assert_eq!(refused(&factory, &factory.files()), "director targets: step G7: an ECU is listed twice");
}

#[test]
fn one_key_under_two_identifiers_counts_once() {
    let mut factory = Factory::new();
    let twin = key(13).with_identifier(&"ab".repeat(32));
    factory.director.root.roles[3].1 = RoleKeys { keys: vec![key(13), twin], threshold: 2 };
    assert_eq!(
        refused(&factory, &factory.files()),
        "director targets: step G3: 1 of 2 required keys signed it"
    );
}

#[test]
fn metadata_is_accepted_up_to_the_limit_and_not_one_byte_beyond() {
    let factory = Factory::new();
    let mut bytes = factory.director.targets_bytes();
    bytes.resize(MAX_METADATA_BYTES, b' ');
    let mut files = factory.files();
    let name = (Repository::Director, "targets.json".to_owned());
    files.insert(name.clone(), bytes.clone());
    Store::provisioned(&factory).verify(&files).unwrap();
    bytes.push(b' ');
    files.insert(name, bytes);
    assert_eq!(refused(&factory, &files), "director targets: step G1: larger than the limit of 65536 bytes");
}

#[test]
fn a_director_that_delegates_is_refused() {
    let factory = Factory::new();
    let body = r#"{"_type":"Targets","delegations":{"keys":{},"roles":[{"name":"x"}]},"expires":"2099-01-01T00:00:00Z","targets":{},"version":1}"#;
    let mut files = factory.files();
    let bytes = sign(body, factory.director.root.keys(Role::Targets), Wire::Uptane).unwrap();
    files.insert((Repository::Director, "targets.json".into()), bytes);
    assert_eq!(refused(&factory, &files), "director targets: step G6: unexpected delegation");
}

#[test]
fn a_threshold_of_zero_or_beyond_the_limit_is_refused() {
    for (threshold, legal) in [(0, false), (1, true), (1000, true), (1001, false)] {
        let mut factory = Factory::new();
        factory.director.root.roles[3].1.threshold = threshold;
        let error = refused_or_not(&factory);
        let expected = format!("director targets: step parse: threshold {threshold} is not within 1 to 1000");
        assert_eq!(error.as_deref() == Some(&*expected), !legal, "{threshold}: {error:?}");
    }
}

fn refused_or_not(factory: &Factory) -> Option<String> {
    Store::provisioned(factory).verify(&factory.files()).err().map(|error| error.to_string())
}

#[test]
fn the_trusted_version_with_other_content_is_refused() {
    let factory = Factory::new();
    let mut other = Factory::new();
    other.director.targets.clear();
    let error = after(&factory, &other.files());
    assert_eq!(
        error.to_string(),
        "director targets: step G4: version 1 is trusted already, with other content"
    );
}

#[test]
fn a_targets_file_that_gets_older_or_disappears_from_the_snapshot_is_refused() {
    use uptane_core::repository::{FileEntry, meta_body, timestamp_body};
    let factory = Factory::new();
    let side = &factory.image;
    let publish = |version: u64, names: &[(&str, u64)]| {
        let targets = side.targets_bytes();
        let entries: Vec<_> = names
            .iter()
            .map(|&(name, version)| {
                (name, FileEntry { version, ..FileEntry::of(1, &targets, Wire::Uptane).unwrap() })
            })
            .collect();
        let snapshot = meta_body(Role::Snapshot, Wire::Uptane, version, later(), &entries);
        let snapshot = side.signed(Role::Snapshot, &snapshot);
        let entry = FileEntry::of(version, &snapshot, Wire::Uptane).unwrap();
        let timestamp = side.signed(Role::Timestamp, &timestamp_body(Wire::Uptane, version, later(), entry));
        let mut files = factory.files();
        files.insert((Repository::Image, "snapshot.json".into()), snapshot);
        files.insert((Repository::Image, "timestamp.json".into()), timestamp);
        files
    };
    let mut store = Store::provisioned(&factory);
    store.verify(&publish(1, &[("other.json", 4), ("targets.json", 1)])).unwrap();
    let error = store.clone().verify(&publish(2, &[("other.json", 3), ("targets.json", 1)])).unwrap_err();
    assert_eq!(error.to_string(), "image snapshot: step S5: rollback: trusted version 4, offered 3");
    let error = store.verify(&publish(2, &[("targets.json", 1)])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "image snapshot: step S6: a file that the trusted snapshot lists is missing"
    );
}

#[test]
fn a_repeated_key_in_a_signed_document_is_refused_though_its_signature_holds() {
    let factory = Factory::new();
    let body = r#"{"_type":"Targets","expires":"2099-01-01T00:00:00Z","targets":{},"version":1}"#;
    let bytes = sign(body, factory.director.root.keys(Role::Targets), Wire::Uptane).unwrap();
    let text = String::from_utf8(bytes).unwrap().replace(r#""version":1"#, r#""version":1,"version":1"#);
    let mut files = factory.files();
    files.insert((Repository::Director, "targets.json".into()), text.into_bytes());
    assert!(refused(&factory, &files).ends_with("a key that is already in this object"));
}

#[test]
fn there_is_no_trust_on_first_use() {
    let factory = Factory::new();
    let error = Store::default().run(Cycle::new(ECUS, NOW), &factory.files()).unwrap_err();
    assert_eq!(error.to_string(), "director root: step R1: the file is not there");
}
