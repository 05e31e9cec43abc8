//! A chain of Roots and an offline snapshot as Torizon's servers sign them: RSA-PSS, PEM with line feeds,
//! `signatures` first, the members of `signed` in no order.

use uptane_core::canonical::Slot;
use uptane_core::dialect::{Dialect, Tuf, Uptane};
use uptane_core::metadata::root::Root;
use uptane_core::trusted::Current;
use uptane_core::{Error, Repository, Role, UtcTime, Verified};

use crate::factory::NOW;
use crate::signers::*;

const LIMIT: usize = 64 * 1024;

fn root(version: u64, root: &Signer, offline: &Signer) -> String {
    let role =
        |name: &str, signer: &Signer| format!(r#""{name}":{{"keyids":["{}"],"threshold":1}}"#, signer.keyid);
    format!(
        r#"{{"keys":{{{},{}}},"roles":{{{},{},{}}},"version":{version},"expires":"2027-02-01T00:00:00Z","consistent_snapshot":false,"_type":"Root"}}"#,
        root.entry(),
        offline.entry(),
        role("targets", offline),
        role("offline-snapshot", offline),
        role("root", root),
    )
}

fn chain() -> [Vec<u8>; 4] {
    let (first, second, offline) = (rsa(0, 32), rsa(1, 32), ecdsa(7));
    let snapshot = r#"{"meta":{"spring.json":{"hashes":{"sha256":"00"},"length":3,"version":1}},"expires":"2027-01-20T00:00:00Z","version":2,"_type":"Offline-Snapshot"}"#;
    [
        sign_uptane(&root(1, &first, &offline), &[&first]),
        sign_uptane(&root(2, &second, &offline), &[&first, &second]),
        sign_uptane(&root(3, &second, &offline), &[&second]),
        sign_uptane(snapshot, &[&offline]),
    ]
}

fn verify<D: Dialect>(chain: &[Vec<u8>; 4], now: UtcTime) -> Result<(u64, u64), Error> {
    let [first, second, third, snapshot] = chain;
    let mut index: Vec<Slot> = Vec::new();
    let root = Verified::<Root<'_>>::trusted::<D, _>(Repository::Director, first, &mut index)?
        .next::<D, _>(second, LIMIT, &mut index)?
        .next::<D, _>(third, LIMIT, &mut index)?;
    let listed = Current::<D>::new(Repository::Director, root, now)?.snapshot_alone(
        Role::OfflineSnapshot,
        snapshot,
        LIMIT,
        None,
        &mut index,
    )?;
    Ok((root.version(), listed.metadata().version()))
}

#[test]
fn verifies_with_the_subset_until_it_expires() {
    assert_eq!(verify::<Uptane>(&chain(), NOW), Ok((3, 2)));
    let error = verify::<Uptane>(&chain(), NOW.saturating_add(7 * 86_400)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "director offline-snapshot: step S7: expired at 2027-01-20T00:00:00Z, now is 2027-01-22T08:00:00Z"
    );
}

/// Uptane's dialect in everything but the canonical form.
struct UptaneOverOlpc;

impl Dialect for UptaneOverOlpc {
    const FORMS: &'static [uptane_core::canonical::Form] = Tuf::FORMS;
    const HASHES_CANONICAL: bool = Uptane::HASHES_CANONICAL;
    const STAR_CROSSES_SLASH: bool = Uptane::STAR_CROSSES_SLASH;
    const VALID_WHEN_IT_EXPIRES: bool = Uptane::VALID_WHEN_IT_EXPIRES;
    const NAMES_SPECIFICATION: bool = Uptane::NAMES_SPECIFICATION;
    type Verifier = uptane_core::key::Software;

    fn type_name(role: Role) -> &'static str {
        Uptane::type_name(role)
    }

    fn signature(text: uptane_core::json::JsonStr<'_>) -> Option<uptane_core::key::Signature> {
        Uptane::signature(text)
    }
}

#[test]
fn is_refused_over_olpc_whose_line_feeds_are_other_bytes() {
    let error = verify::<UptaneOverOlpc>(&chain(), NOW).unwrap_err();
    assert_eq!(error.to_string(), "director root: step R2.3: 0 of 1 required keys signed it");
}

#[test]
fn a_chain_with_a_root_left_out_is_refused() {
    let [first, second, third, snapshot] = chain();
    let skipped = [first.clone(), third.clone(), third, snapshot.clone()];
    let error = verify::<Uptane>(&skipped, NOW).unwrap_err();
    assert_eq!(error.to_string(), "director root: step R2.3: 0 of 1 required keys signed it");
    let repeated = [first, second.clone(), second, snapshot];
    let error = verify::<Uptane>(&repeated, NOW).unwrap_err();
    assert_eq!(error.to_string(), "director root: step R2.4: version 2, required 3");
}
