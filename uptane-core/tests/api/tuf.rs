//! The client workflow of plain TUF: what is asked for, kept, discarded and refused.

use crate::factory::NOW;
use crate::signers::{ed25519, sign_tuf};
use crate::tuf_repository::*;
use uptane_core::tuf::MAX_ROTATIONS;

fn kept(device: &Device) -> Vec<&str> {
    device.kept.keys().map(String::as_str).collect()
}

#[test]
fn a_first_update_asks_for_each_role_once_and_keeps_the_very_bytes() {
    let repository = Repository::new();
    let mut device = Device::new(&repository);
    device.refresh(&repository).unwrap();
    assert_eq!(device.asked, ["2.root", "timestamp", "1.snapshot", "1.targets"]);
    for (role, version) in
        [("root", Some(1)), ("timestamp", None), ("snapshot", Some(1)), ("targets", Some(1))]
    {
        assert_eq!(device.kept[role], repository.files[&(role.to_owned(), version)], "{role}");
    }
}

#[test]
fn a_second_update_asks_only_whether_there_is_something_new() {
    let mut repository = Repository::new();
    let mut device = Device::new(&repository);
    device.refresh(&repository).unwrap();
    device.refresh(&repository).unwrap();
    assert_eq!(device.asked, ["2.root", "timestamp"]);
    repository.next();
    device.refresh(&repository).unwrap();
    assert_eq!(device.asked, ["2.root", "timestamp", "2.snapshot", "2.targets"]);
}

#[test]
fn without_consistent_snapshots_the_names_have_no_version() {
    let mut repository = Repository::new();
    repository.consistent = false;
    repository.publish_root(&[1]);
    repository.publish();
    let mut device = Device::new(&repository);
    device.refresh(&repository).unwrap();
    assert_eq!(device.asked, ["2.root", "timestamp", "snapshot", "targets"]);
}

#[test]
fn a_timestamp_of_the_same_version_is_discarded_whatever_it_says() {
    let mut repository = Repository::new();
    let mut device = Device::new(&repository);
    device.refresh(&repository).unwrap();
    let before = device.kept.clone();
    repository.snapshot = 100;
    repository.publish();
    device.refresh(&repository).unwrap();
    assert_eq!(device.kept, before);
}

#[test]
fn an_older_timestamp_snapshot_or_targets_is_refused_with_both_versions() {
    let mut repository = Repository::new();
    repository.next();
    let mut device = Device::new(&repository);
    device.refresh(&repository).unwrap();
    let attack = |change: &dyn Fn(&mut Repository)| {
        let mut attacker = repository.clone();
        attacker.timestamp += 1;
        change(&mut attacker);
        attacker.publish();
        let mut device = device.clone();
        let error = device.refresh(&attacker).unwrap_err();
        (error, device.kept["snapshot"] == repository.files[&("snapshot".to_owned(), Some(2))])
    };
    let rollback = "rollback: trusted version 2, offered 1";
    assert_eq!(
        attack(&|attacker| attacker.timestamp = 1),
        (format!("image timestamp: step T3: {rollback}"), true)
    );
    assert_eq!(
        attack(&|attacker| attacker.snapshot = 1),
        (format!("image timestamp: step T3: {rollback}"), true)
    );
    let older_targets = attack(&|attacker| (attacker.snapshot, attacker.targets) = (3, 1));
    assert_eq!(older_targets, (format!("image snapshot: step S5: {rollback}"), true));
}

#[test]
fn a_role_that_disappears_from_the_snapshot_is_refused() {
    let mut repository = Repository::new();
    repository.roles.insert("a".into(), Delegated::new(30, &[]));
    repository.publish();
    let mut device = Device::new(&repository);
    device.refresh(&repository).unwrap();
    repository.roles.clear();
    repository.next();
    assert_eq!(
        device.refresh(&repository).unwrap_err(),
        "image snapshot: step S6: a file that the trusted snapshot lists is missing"
    );
}

#[test]
fn new_keys_forgive_versions_that_ran_ahead() {
    for (at, role) in [(1, "timestamp"), (2, "snapshot")] {
        let mut repository = Repository::new();
        (repository.timestamp, repository.snapshot, repository.targets) = (90, 90, 90);
        repository.publish();
        let mut device = Device::new(&repository);
        device.refresh(&repository).unwrap();
        repository.keys[at] = 9;
        repository.root = 2;
        repository.publish_root(&[1]);
        // With a new Snapshot key only, Timestamp goes on with its own versions.
        (repository.timestamp, repository.snapshot, repository.targets) = (1, 1, 1);
        if at == 2 {
            repository.timestamp = 91;
        }
        repository.publish();
        assert_eq!(device.refresh(&repository), Ok(()), "{role}");
    }
}

#[test]
fn a_chain_of_roots_is_followed_and_each_is_kept_before_the_next() {
    let mut repository = Repository::new();
    for (version, key, signers) in [(2, 7, [1, 7]), (3, 8, [7, 8])] {
        repository.root = version;
        repository.keys[0] = key;
        repository.publish_root(&signers);
    }
    let mut device = Device::new(&repository);
    device.refresh(&repository).unwrap();
    assert_eq!(device.asked[..3], ["2.root", "3.root", "4.root"]);
    assert_eq!(device.kept["root"], repository.files[&("root".to_owned(), Some(3))]);
    repository.root = 4;
    repository.keys[0] = 9;
    repository.publish_root(&[9]);
    assert_eq!(
        device.refresh(&repository).unwrap_err(),
        "image root: step R2.3: 0 of 1 required keys signed it"
    );
    assert_eq!(device.kept["root"], repository.files[&("root".to_owned(), Some(3))]);
}

#[test]
fn a_last_root_that_has_expired_is_kept_and_ends_the_update() {
    let mut repository = Repository::new();
    repository.root = 2;
    repository.expires[0] = NOW.saturating_sub(1);
    repository.publish_root(&[1]);
    let mut device = Device::new(&repository);
    assert!(device.refresh(&repository).unwrap_err().starts_with("image root: step R3: expired at"));
    assert_eq!(kept(&device), ["root"]);
    assert_eq!(device.kept["root"], repository.files[&("root".to_owned(), Some(2))]);
    assert_eq!(device.asked, ["2.root", "3.root"]);
}

#[test]
fn what_expires_in_this_very_second_has_expired() {
    for (at, step) in
        [(0, "root: step R3"), (1, "timestamp: step T4"), (2, "snapshot: step S7"), (3, "targets: step G5")]
    {
        let mut repository = Repository::new();
        repository.expires[at] = NOW;
        repository.publish_root(&[1]);
        repository.publish();
        let error = Device::new(&repository).refresh(&repository).unwrap_err();
        assert!(error.starts_with(&format!("image {step}: expired at")), "{error}");
        repository.expires[at] = NOW.saturating_add(1);
        repository.publish_root(&[1]);
        repository.publish();
        Device::new(&repository).refresh(&repository).unwrap();
    }
}

#[test]
fn kept_metadata_that_has_expired_is_still_what_new_metadata_is_compared_with() {
    let mut repository = Repository::new();
    repository.next();
    let mut device = Device::new(&repository);
    device.refresh(&repository).unwrap();
    let then = later().saturating_add(10);
    for expires in &mut repository.expires {
        *expires = then.saturating_add(10);
    }
    repository.root = 2;
    repository.publish_root(&[1]);
    let mut attacker = repository.clone();
    (attacker.timestamp, attacker.snapshot) = (3, 1);
    attacker.publish();
    assert_eq!(
        device.clone().find_at(then, &attacker, &[]).unwrap_err(),
        "image timestamp: step T3: rollback: trusted version 2, offered 1"
    );
    repository.next();
    device.find_at(then, &repository, &[]).unwrap();
}

#[test]
fn a_broken_or_unsigned_kept_root_ends_the_update_before_anything_is_asked() {
    let repository = Repository::new();
    let root = String::from_utf8(repository.files[&("root".to_owned(), Some(1))].clone()).unwrap();
    for broken in [root.replace(r#","version":1"#, ""), root.replace(r#""expires":"2"#, r#""expires":"3"#)] {
        let mut device = Device::new(&repository);
        device.kept.insert("root".into(), broken.into_bytes());
        assert!(device.refresh(&repository).is_err_and(|error| error.starts_with("image root: step ")));
        assert!(device.asked.is_empty());
    }
}

#[test]
fn another_major_version_of_the_specification_is_refused() {
    let repository = Repository::new();
    let root = String::from_utf8(repository.files[&("root".to_owned(), Some(1))].clone()).unwrap();
    let mut device = Device::new(&repository);
    let body =
        root.split_once(r#""signed":"#).unwrap().1.strip_suffix('}').unwrap().replace("1.0.34", "2.0.0");
    device.kept.insert("root".into(), sign_tuf(&body, &[&ed25519(1)]));
    assert_eq!(device.refresh(&repository).unwrap_err(), "image root: step parse: spec_version is not 1");
}

#[test]
fn clause_5_3_11_new_keys_of_timestamp_or_snapshot_delete_what_the_old_ones_signed() {
    for (place, key) in [(1, 50), (2, 51)] {
        let mut repository = Repository::new();
        let mut device = Device::new(&repository);
        device.refresh(&repository).unwrap();
        repository.root = 2;
        repository.keys[place] = key;
        repository.publish_root(&[1]);
        repository.files.remove(&("timestamp".to_owned(), None));
        let error = device.refresh(&repository).unwrap_err();
        assert_eq!(error, "image timestamp: step T1: the file is not there");
        assert_eq!(kept(&device), ["root", "targets"]);
        // Nothing is deleted where other keys changed.
        repository.publish();
        device.refresh(&repository).unwrap();
        assert_eq!(kept(&device), ["root", "snapshot", "targets", "timestamp"]);
        repository.root = 3;
        repository.keys[3] = 52;
        repository.publish_root(&[1]);
        repository.files.remove(&("timestamp".to_owned(), None));
        device.refresh(&repository).unwrap_err();
        assert_eq!(kept(&device), ["root", "snapshot", "targets", "timestamp"]);
    }
}

#[test]
fn clause_5_3_3_an_update_follows_so_many_roots_and_the_next_one_the_others() {
    let mut repository = Repository::new();
    for version in 2..=MAX_ROTATIONS + 2 {
        repository.root = version;
        repository.publish_root(&[1]);
    }
    let mut device = Device::new(&repository);
    device.refresh(&repository).unwrap();
    let last = device.asked.iter().position(|asked| asked == "timestamp").unwrap();
    assert_eq!(u64::try_from(last).unwrap(), MAX_ROTATIONS);
    let newest = |device: &Device, version| {
        device.kept["root"] == repository.files[&("root".to_owned(), Some(version))]
    };
    assert!(newest(&device, MAX_ROTATIONS + 1));
    assert_eq!(kept(&device), ["root", "snapshot", "targets", "timestamp"]);
    device.refresh(&repository).unwrap();
    assert_eq!(device.asked, ["1002.root", "1003.root", "timestamp"]);
    assert!(newest(&device, MAX_ROTATIONS + 2));
}

#[test]
fn clause_4_3_a_root_that_names_no_signers_of_a_role_is_not_kept() {
    for role in ["timestamp", "snapshot", "targets"] {
        let mut repository = Repository::new();
        let mut device = Device::new(&repository);
        let before = device.kept.clone();
        repository.root = 2;
        repository.publish_root(&[1]);
        let root = String::from_utf8(repository.files[&("root".to_owned(), Some(2))].clone()).unwrap();
        let body = root.split_once(r#""signed":"#).unwrap().1.strip_suffix('}').unwrap();
        let (start, end) = body.split_once(&format!(r#""{role}":"#)).unwrap();
        let mut refused = |body: &str| {
            repository.files.insert(("root".into(), Some(2)), sign_tuf(body, &[&ed25519(1)]));
            let error = device.refresh(&repository).unwrap_err();
            assert_eq!(device.kept, before, "{role}");
            error
        };
        let end = end.replacen(r#""threshold":1"#, r#""threshold":0"#, 1);
        assert_eq!(
            refused(&format!(r#"{start}"{role}":{end}"#)),
            format!("image {role}: step parse: threshold 0 is not within 1 to 1000")
        );
        let error = refused(&format!(r#"{start}"other-{role}":{end}"#));
        assert!(error.starts_with(&format!("image {role}: step parse: at byte ")), "{error}");
        assert!(error.ends_with(&format!(r#": no member "{role}""#)), "{error}");
    }
}

#[test]
fn clause_5_3_11_a_key_more_forgives_nothing() {
    let mut repository = Repository::new();
    repository.next();
    let mut device = Device::new(&repository);
    device.refresh(&repository).unwrap();
    repository.root = 2;
    repository.publish_root(&[1]);
    let root = String::from_utf8(repository.files[&("root".to_owned(), Some(2))].clone()).unwrap();
    let body = root.split_once(r#""signed":"#).unwrap().1.strip_suffix('}').unwrap();
    let [other, own] = [0, 1].map(|at| ed25519(repository.keys[at]).keyid);
    let body = body.replace(
        &format!(r#""timestamp":{{"keyids":["{own}"]"#),
        &format!(r#""timestamp":{{"keyids":["{other}","{own}"]"#),
    );
    assert!(body.contains(&format!(r#"["{other}","{own}"]"#)));
    repository.files.insert(("root".into(), Some(2)), sign_tuf(&body, &[&ed25519(1)]));
    repository.timestamp = 1;
    repository.publish();
    assert_eq!(
        device.refresh(&repository).unwrap_err(),
        "image timestamp: step T3: rollback: trusted version 2, offered 1"
    );
    assert_eq!(kept(&device), ["root", "snapshot", "targets", "timestamp"]);
}
