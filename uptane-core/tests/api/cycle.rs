//! What a full verification accepts, and what it keeps.

use crate::factory::*;
use uptane_core::repository::RoleKeys;
use uptane_core::{ErrorKind, Repository, Role, Step};

#[test]
fn an_image_that_both_repositories_list_is_released_for_its_ecu() {
    let factory = Factory::new();
    let mut store = Store::provisioned(&factory);
    let outcome = store.verify(&factory.files()).unwrap();
    assert_eq!(outcome.correlation_id.as_deref(), Some("urn:assignment:1"));
    let [assigned] = &outcome.assigned[..] else { panic!("{:?}", outcome.assigned) };
    assert_eq!((&*assigned.name, &*assigned.ecu_serial, assigned.length), ("os-1", "primary-1", 5));
    assert_eq!(assigned.hashes.sha256, Some([1; 32]));
    let mut kept: Vec<_> =
        store.0.keys().map(|(repository, role)| (repository.name(), role.name())).collect();
    kept.sort();
    assert_eq!(
        kept,
        [
            ("director", "root"),
            ("director", "targets"),
            ("image", "root"),
            ("image", "snapshot"),
            ("image", "targets"),
            ("image", "timestamp"),
        ]
    );
}

#[test]
fn the_same_metadata_is_accepted_again() {
    let factory = Factory::new();
    let mut store = Store::provisioned(&factory);
    store.verify(&factory.files()).unwrap();
    let before = store.clone();
    store.verify(&factory.files()).unwrap();
    assert_eq!(before.0, store.0);
}

#[test]
fn a_director_that_assigns_nothing_ends_the_verification_and_is_remembered() {
    let mut factory = Factory::new();
    factory.director.targets.clear();
    factory.director.version = 4;
    let mut store = Store::provisioned(&factory);
    assert_eq!(store.verify(&factory.files()).unwrap().assigned.len(), 0);
    // aktualizr forgets the version of empty targets and can then be rolled back.
    factory.director.version = 3;
    let error = store.verify(&factory.files()).unwrap_err();
    assert_eq!((error.step, error.kind), (Step::G4, ErrorKind::Rollback { trusted: 4, offered: 3 }));
}

#[test]
fn a_director_may_serve_timestamp_and_snapshot_and_must_go_on_once_it_did() {
    let factory = Factory::new();
    let mut files = factory.files();
    factory.director.publish(&mut files, &factory.director.targets_bytes(), true);
    let mut store = Store::provisioned(&factory);
    store.verify(&files).unwrap();
    assert!(store.0.contains_key(&(Repository::Director, Role::Snapshot)));
    let error = store.verify(&factory.files()).unwrap_err();
    assert_eq!(error.to_string(), "director timestamp: step T1: the file is not there");
}

#[test]
fn two_keys_are_needed_where_the_threshold_says_two() {
    let mut factory = Factory::new();
    factory.director.root.roles[3].1 = RoleKeys { keys: vec![key(50), key(51)], threshold: 2 };
    Store::provisioned(&factory).verify(&factory.files()).unwrap();
    let mut files = factory.files();
    let mut alone = factory.director.clone();
    alone.root.roles[3].1 = RoleKeys::single(key(50));
    files.insert((Repository::Director, "targets.json".into()), alone.targets_bytes());
    let error = Store::provisioned(&factory).verify(&files).unwrap_err();
    assert_eq!(error.to_string(), "director targets: step G3: 1 of 2 required keys signed it");
}

#[test]
fn a_signature_by_an_unknown_key_beside_the_right_one_does_no_harm() {
    let factory = Factory::new();
    let mut more = factory.director.clone();
    more.root.roles[3].1.keys.insert(0, key(99));
    let mut files = factory.files();
    files.insert((Repository::Director, "targets.json".into()), more.targets_bytes());
    Store::provisioned(&factory).verify(&files).unwrap();
}

/// F8, and F4 for a Director that serves a Snapshot: what is stored and named by hash is current.
#[test]
fn full_verification_8_what_the_timestamp_names_already_is_not_fetched_again() {
    let mut factory = Factory::new();
    let mut files = factory.files();
    factory.director.publish(&mut files, &factory.director.targets_bytes(), true);
    let mut store = Store::provisioned(&factory);
    let first = store.verify(&files).unwrap();
    for repository in [Repository::Director, Repository::Image] {
        for name in ["snapshot.json", "targets.json"] {
            files.remove(&(repository, name.to_owned())).unwrap();
        }
    }
    let before = store.clone();
    assert_eq!(store.verify(&files).unwrap(), first);
    assert_eq!(before.0, store.0);
    // Stored bytes are believed as far as they have the hash that is named, and no further.
    let spoilt = store.0.get_mut(&(Repository::Image, Role::Targets)).unwrap();
    spoilt.push(b' ');
    assert_eq!(store.clone().verify(&files).unwrap(), first, "white space is not content in this dialect");
    store.0.get_mut(&(Repository::Image, Role::Targets)).unwrap().push(b'x');
    let error = store.verify(&files).unwrap_err();
    assert_eq!((error.repository, error.step, error.kind), (Repository::Image, Step::G1, ErrorKind::Absent));
    // A newer Timestamp names a Snapshot that has to be fetched.
    factory.image.version = 2;
    let mut newer = factory.files();
    newer.remove(&(Repository::Image, "snapshot.json".to_owned()));
    let error = before.clone().verify(&newer).unwrap_err();
    assert_eq!(
        (error.repository, error.step, error.kind),
        (Repository::Director, Step::T1, ErrorKind::Absent)
    );
    factory.director.publish(&mut newer, &factory.director.targets_bytes(), true);
    let error = before.clone().verify(&newer).unwrap_err();
    assert_eq!((error.repository, error.step, error.kind), (Repository::Image, Step::S1, ErrorKind::Absent));
}
