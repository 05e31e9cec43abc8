//! The factory's keys and what they sign. Keys come from fixed seeds, so that every run is the same.

use anyhow::Context;
use ostree_objects::Checksum;
use uptane_core::repository::{
    FileEntry, RoleKeys, RootSpec, SigningKey, TargetSpec, Wire, meta_body, root_body, sign, targets_body,
    timestamp_body,
};
use uptane_core::{Repository, Role, UtcTime};

use crate::seed::Seed;

/// The seed of a key of the demonstration.
pub(super) fn seed(name: &str) -> Seed {
    Checksum::of(format!("demonstration key {name}").as_bytes()).0
}

fn key(repository: Repository, role: Role) -> SigningKey {
    SigningKey::from_seed(seed(&format!("{} {}", repository.name(), role.name())))
}

/// The roles of a repository.
const fn roles(repository: Repository) -> &'static [Role] {
    match repository {
        Repository::Director => &[Role::Root, Role::Targets, Role::OfflineSnapshot, Role::OfflineUpdates],
        Repository::Image => &[Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets],
    }
}

/// Signed Root metadata, with one key a role.
pub(super) fn root(repository: Repository, version: u64, expires: UtcTime) -> anyhow::Result<Vec<u8>> {
    let roles = roles(repository).iter().map(|&role| (role, RoleKeys::single(key(repository, role))));
    sign_root(repository, &RootSpec { version, expires, roles: roles.collect() })
}

/// A Root of the Director that demands two signatures for Targets, and lists one key under two names for it.
pub(super) fn root_with_one_key_twice(version: u64, expires: UtcTime) -> anyhow::Result<Vec<u8>> {
    let roles = roles(Repository::Director).iter().map(|&role| {
        let key = key(Repository::Director, role);
        let twin = key.with_identifier(&"ab".repeat(32));
        let keys = match role {
            Role::Targets => RoleKeys { keys: vec![key, twin], threshold: 2 },
            _ => RoleKeys::single(key),
        };
        (role, keys)
    });
    sign_root(Repository::Director, &RootSpec { version, expires, roles: roles.collect() })
}

fn sign_root(repository: Repository, root: &RootSpec) -> anyhow::Result<Vec<u8>> {
    let keys = [key(repository, Role::Root)];
    sign(&root_body(root, Wire::Uptane), &keys, Wire::Uptane).context("signing Root metadata")
}

/// Signed Targets metadata of the Director, signed twice under both names if `twice`.
pub(super) fn director_targets(
    version: u64,
    expires: UtcTime,
    targets: &[TargetSpec],
    correlation_id: &str,
    twice: bool,
) -> anyhow::Result<Vec<u8>> {
    let body = targets_body(Role::Targets, Wire::Uptane, version, expires, targets, Some(correlation_id));
    let key = key(Repository::Director, Role::Targets);
    let twin = key.with_identifier(&"ab".repeat(32));
    let keys = if twice { vec![key, twin] } else { vec![key] };
    sign(&body, &keys, Wire::Uptane).context("signing Targets metadata")
}

/// The Image repository's metadata below Root.
#[derive(Clone, Debug)]
pub(super) struct ImageMetadata {
    pub(super) targets: Vec<u8>,
    pub(super) snapshot: Vec<u8>,
    pub(super) timestamp: Vec<u8>,
}

pub(super) fn image_metadata(
    version: u64,
    expires: UtcTime,
    targets: &[TargetSpec],
) -> anyhow::Result<ImageMetadata> {
    let sign_as = |role, body: &str| {
        let signed = sign(body, &[key(Repository::Image, role)], Wire::Uptane);
        signed.with_context(|| format!("signing {} metadata", role.name()))
    };
    let body = targets_body(Role::Targets, Wire::Uptane, version, expires, targets, None);
    let targets = sign_as(Role::Targets, &body)?;
    let entry = FileEntry::of(version, &targets, Wire::Uptane)?;
    let body = meta_body(Role::Snapshot, Wire::Uptane, version, expires, &[("targets.json", entry)]);
    let snapshot = sign_as(Role::Snapshot, &body)?;
    let entry = FileEntry::of(version, &snapshot, Wire::Uptane)?;
    let timestamp = sign_as(Role::Timestamp, &timestamp_body(Wire::Uptane, version, expires, entry))?;
    Ok(ImageMetadata { targets, snapshot, timestamp })
}

/// The Director's metadata of a Lockbox: what it holds, and the offline snapshot that lists it as `NAME.json`.
pub(super) struct LockboxMetadata {
    pub(super) updates: Vec<u8>,
    pub(super) snapshot: Vec<u8>,
}

pub(super) fn lockbox_metadata(
    name: &str,
    version: u64,
    expires: UtcTime,
    targets: &[TargetSpec],
) -> anyhow::Result<LockboxMetadata> {
    let sign_as = |role, body: &str| {
        let signed = sign(body, &[key(Repository::Director, role)], Wire::Uptane);
        signed.with_context(|| format!("signing {} metadata", role.name()))
    };
    let body = targets_body(Role::OfflineUpdates, Wire::Uptane, version, expires, targets, None);
    let updates = sign_as(Role::OfflineUpdates, &body)?;
    let file = format!("{name}.json");
    let entry = FileEntry::of(version, &updates, Wire::Uptane)?;
    let body = meta_body(Role::OfflineSnapshot, Wire::Uptane, version, expires, &[(&file, entry)]);
    let snapshot = sign_as(Role::OfflineSnapshot, &body)?;
    Ok(LockboxMetadata { updates, snapshot })
}
