//! Offline updates: a Lockbox is verified with the trust that the device has, and a stale one is refused.

use crate::factory::*;
use uptane_core::primary::Cycle;
use uptane_core::repository::{FileEntry, RoleKeys, TargetSpec, Wire, meta_body, targets_body};
use uptane_core::{Repository, Role};

fn factory() -> Factory {
    let mut factory = Factory::new();
    factory.director.root.roles.push((Role::OfflineSnapshot, RoleKeys::single(key(40))));
    factory.director.root.roles.push((Role::OfflineUpdates, RoleKeys::single(key(41))));
    factory
}

/// A Lockbox called `spring` whose snapshot has `version`.
fn lockbox(factory: &Factory, version: u64, expires: uptane_core::UtcTime) -> Files {
    let target = TargetSpec {
        name: "os-1".into(),
        length: 5,
        sha256: [1; 32],
        custom: r#"{"hardwareIds":["imx95"]}"#.into(),
    };
    let body = targets_body(Role::OfflineUpdates, Wire::Uptane, 3, expires, &[target], None);
    let updates = factory.director.signed(Role::OfflineUpdates, &body);
    let entry = FileEntry::of(3, &updates, Wire::Uptane).unwrap();
    let other = FileEntry { version: 1, ..entry };
    let names = [("autumn.json", other), ("spring.json", entry)];
    let body = meta_body(Role::OfflineSnapshot, Wire::Uptane, version, later(), &names);
    let mut files = factory.files();
    files.retain(|(repository, name), _| *repository == Repository::Image && name != "timestamp.json");
    let mut put = |name: &str, bytes| files.insert((Repository::Director, name.to_owned()), bytes);
    put("offline-snapshot.json", factory.director.signed(Role::OfflineSnapshot, &body));
    put("spring.json", updates);
    files
}

#[test]
fn a_lockbox_assigns_its_images_by_hardware() {
    let factory = factory();
    let mut store = Store::provisioned(&factory);
    let outcome = store.run(Cycle::lockbox(ECUS, NOW), &lockbox(&factory, 1, later())).unwrap();
    assert_eq!(outcome.correlation_id.as_deref(), Some("urn:tdx-ota:lockbox:spring:3"));
    let [assigned] = &outcome.assigned[..] else { panic!("{:?}", outcome.assigned) };
    assert_eq!((&*assigned.name, &*assigned.ecu_serial), ("os-1", "primary-1"));
}

#[test]
fn an_older_offline_snapshot_than_one_seen_is_refused() {
    let factory = factory();
    let mut store = Store::provisioned(&factory);
    store.run(Cycle::lockbox(ECUS, NOW), &lockbox(&factory, 2, later())).unwrap();
    let error = store.run(Cycle::lockbox(ECUS, NOW), &lockbox(&factory, 1, later())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "director offline-snapshot: step S4: rollback: trusted version 2, offered 1"
    );
}

#[test]
fn an_expired_or_tampered_lockbox_is_refused() {
    let factory = factory();
    let mut store = Store::provisioned(&factory);
    let expired = lockbox(&factory, 1, NOW.saturating_sub(1));
    let error = store.clone().run(Cycle::lockbox(ECUS, NOW), &expired).unwrap_err();
    assert!(error.to_string().starts_with("director offline-updates: step G5: expired at"), "{error}");

    let mut tampered = lockbox(&factory, 1, later());
    let updates = tampered.get_mut(&(Repository::Director, "spring.json".into())).unwrap();
    let at = updates.windows(4).position(|window| window == b"0101").unwrap();
    updates[at] = b'f';
    let error = store.run(Cycle::lockbox(ECUS, NOW), &tampered).unwrap_err();
    assert_eq!(error.to_string(), "director offline-updates: step G2: the sha256 hash does not match");
}
