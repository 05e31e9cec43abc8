//! Small repositories in directories, in both dialects.

use std::path::Path;

use uptane_core::repository::{
    FileEntry, RoleKeys, RootSpec, SigningKey, TargetSpec, Wire, meta_body, root_body, sign, targets_body,
    timestamp_body,
};
use uptane_core::{Role, UtcTime};

/// Until when everything is valid: 2097-01-01T00:00:00Z.
pub(crate) const EXPIRES: UtcTime = UtcTime::from_unix(4_007_836_800);

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_seed([number; 32])
}

/// One repository: the numbers of its keys begin at `first_key`.
#[derive(Clone)]
pub(crate) struct Repository {
    pub(crate) wire: Wire,
    pub(crate) first_key: u8,
    pub(crate) version: u64,
    pub(crate) targets: Vec<TargetSpec>,
    pub(crate) with_timestamp: bool,
}

impl Repository {
    pub(crate) fn new(wire: Wire, first_key: u8, targets: Vec<TargetSpec>) -> Self {
        Self { wire, first_key, version: 1, targets, with_timestamp: true }
    }

    fn signed(&self, role: Role, body: &str) -> Vec<u8> {
        let roles = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets];
        let number = roles.iter().zip(self.first_key..).find(|(other, _)| **other == role).unwrap().1;
        sign(body, &[key(number)], self.wire).unwrap()
    }

    /// Writes `N.root.json` for all versions, and the newest of everything else.
    pub(crate) fn write(&self, directory: &Path) {
        std::fs::create_dir_all(directory).unwrap();
        let put = |name: &str, bytes: &[u8]| std::fs::write(directory.join(name), bytes).unwrap();
        let Self { wire, version, .. } = *self;
        let roles = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets].into_iter();
        let roles = roles.zip(self.first_key..).map(|(role, number)| (role, RoleKeys::single(key(number))));
        let mut root = RootSpec { version: 1, expires: EXPIRES, roles: roles.collect() };
        for version in 1..=version {
            root.version = version;
            put(&format!("{version}.root.json"), &self.signed(Role::Root, &root_body(&root, wire)));
        }
        let targets = self
            .signed(Role::Targets, &targets_body(Role::Targets, wire, version, EXPIRES, &self.targets, None));
        put("targets.json", &targets);
        if self.with_timestamp {
            let entry = FileEntry::of(version, &targets, wire).unwrap();
            let body = meta_body(Role::Snapshot, wire, version, EXPIRES, &[("targets.json", entry)]);
            let snapshot = self.signed(Role::Snapshot, &body);
            let entry = FileEntry::of(version, &snapshot, wire).unwrap();
            put("snapshot.json", &snapshot);
            let body = timestamp_body(wire, version, EXPIRES, entry);
            put("timestamp.json", &self.signed(Role::Timestamp, &body));
        }
    }
}

pub(crate) fn target(name: &str, content: &[u8], custom: &str) -> TargetSpec {
    let sha256 = ostree_objects::Checksum::of(content).0;
    TargetSpec {
        name: name.into(),
        length: u64::try_from(content.len()).unwrap(),
        sha256,
        custom: custom.into(),
    }
}
