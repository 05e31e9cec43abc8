//! Metadata of each role: the input is the `signed` object, which a real key then signs, so that the checks
//! behind the signatures are reached.

use uptane_core::canonical::Slot;
use uptane_core::dialect::{Tuf, Uptane};
use uptane_core::metadata::root::Root;
use uptane_core::secondary::{self, Trust};
use uptane_core::trusted::Current;
use uptane_core::{ErrorKind, Repository, Role, Step, Verified};

use super::documents::{ECUS, LIMIT, NOW, honest, signed};

type Index = Vec<Slot>;

/// A Root that its own keys signed is never its own successor, and is never one in the other dialect.
///
/// # Panics
/// When that does not hold.
pub fn root(data: &[u8]) {
    let bytes = signed(Role::Root, data);
    let index = &mut Index::new();
    let Ok(root) = Verified::<Root<'_>>::trusted::<Uptane, _>(Repository::Director, &bytes, index) else {
        return;
    };
    assert!(Verified::<Root<'_>>::trusted::<Tuf, _>(Repository::Director, &bytes, index).is_err());
    for role in [Role::Timestamp, Role::Snapshot, Role::Targets, Role::OfflineSnapshot] {
        if let Err(error) = root.signers(role) {
            assert_eq!((error.repository, error.step), (Repository::Director, Step::Parse));
        }
    }
    match root.next::<Uptane, _>(&bytes, LIMIT, index) {
        Ok(next) => panic!("version {} follows itself", next.version()),
        Err(error) if root.version() < u64::MAX && bytes.len() <= LIMIT => {
            let kind = ErrorKind::Version { required: root.version() + 1, offered: root.version() };
            assert_eq!((error.step, error.kind), (Step::R2Version, kind));
        }
        Err(_) => {}
    }
}

/// A Timestamp is accepted again after itself, and its Snapshot's version never goes back.
///
/// # Panics
/// When that does not hold.
pub fn timestamp(data: &[u8]) {
    let bytes = signed(Role::Timestamp, data);
    with_root(|current, index| {
        let Ok(timed) = current.timestamp(&bytes, LIMIT, None, index) else { return };
        let metadata = *timed.metadata();
        let again = current.timestamp(&bytes, LIMIT, Some(&metadata), index);
        assert_eq!(again.map(|timed| timed.metadata().version), Ok(metadata.version));
        // The honest Snapshot passes only with the honest version.
        let honest = honest().file(Repository::Image, "snapshot.json").unwrap_or_default();
        if let Ok(listed) = timed.snapshot(honest, LIMIT, None, index) {
            assert_eq!(listed.metadata().version(), metadata.snapshot.version);
        }
    });
}

/// A Snapshot succeeds itself, and what it lists can be looked up.
///
/// # Panics
/// When that does not hold.
pub fn snapshot(data: &[u8]) {
    let bytes = signed(Role::Snapshot, data);
    with_root(|current, index| {
        let Ok(listed) = current.snapshot_alone(Role::Snapshot, &bytes, LIMIT, None, index) else { return };
        let metadata = *listed.metadata();
        for name in metadata.names().expect("checked when it was taken") {
            if let Ok(file) = metadata.file(&name.to_text()) {
                assert!(file.is_some(), "{name:?} is listed and not found");
            }
        }
        match current.snapshot_alone(Role::Snapshot, &bytes, LIMIT, Some(&metadata), index) {
            Ok(again) => assert_eq!(again.metadata().version(), metadata.version()),
            // A malformed entry is noticed when it is read.
            Err(error) => assert_eq!(error.step, Step::Parse),
        }
    });
}

/// Targets are found by their names, and partial verification gives an ECU only what lists that ECU.
///
/// # Panics
/// When that does not hold.
pub fn targets(data: &[u8]) {
    let bytes = signed(Role::Targets, data);
    with_root(|current, index| {
        let Ok(targets) = current.targets_alone(Role::Targets, &bytes, LIMIT, None, index) else { return };
        for target in targets.iter().flatten() {
            assert!(!target.hashes.is_empty());
            let found = targets.find(target.name).expect("read just before").expect("listed");
            assert_eq!((found.length, found.hashes), (target.length, target.hashes));
            let _ = (target.uri(), target.is_ostree(), target.hardware_ids().count());
        }
    });
    let root = honest().file(Repository::Image, "1.root.json").unwrap_or_default();
    let trust = Trust { root, targets_version: None };
    let [ecu, ..] = ECUS else { return };
    let Ok(assignment) = secondary::verify::<Uptane, _>(trust, &[], &bytes, *ecu, NOW, &mut Index::new())
    else {
        return;
    };
    if let Some(target) = assignment.target {
        let own: Vec<_> = target.ecus().filter(|(serial, _)| serial.eq_text(ecu.serial)).collect();
        let [(_, Some(hardware_id))] = own.as_slice() else { panic!("{} entries for the ECU", own.len()) };
        assert!(hardware_id.eq_text(ecu.hardware_id));
    }
}

fn with_root(check: impl FnOnce(&Current<'_, Uptane>, &mut Index)) {
    let mut index = Index::new();
    let bytes = honest().file(Repository::Image, "1.root.json").unwrap_or_default();
    let root = Verified::<Root<'_>>::trusted::<Uptane, _>(Repository::Image, bytes, &mut index);
    let current = root.and_then(|root| Current::new(Repository::Image, root, NOW));
    check(&current.expect("the honest root"), &mut index);
}
