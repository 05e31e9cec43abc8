//! Honest documents and their keys, made once.

use std::sync::OnceLock;

use uptane_core::repository::{
    FileEntry, RoleKeys, RootSpec, SigningKey, TargetSpec, Wire, meta_body, root_body, sign, targets_body,
    timestamp_body,
};
use uptane_core::{Ecu, Repository, Role, UtcTime};

pub(super) const NOW: UtcTime = UtcTime::from_unix(1_800_000_000);
pub(super) const ECUS: &[Ecu<'_>] = &[Ecu { serial: "e1", hardware_id: "h1" }];
/// The largest document that is taken.
pub(super) const LIMIT: usize = 64 * 1024;

/// Both repositories' files by name, and the Roots they start from.
pub(super) struct Honest {
    pub(super) files: Vec<(Repository, String, Vec<u8>)>,
}

impl Honest {
    pub(super) fn file(&self, repository: Repository, name: &str) -> Option<&[u8]> {
        let found = self.files.iter().find(|(owner, file, _)| (*owner, file.as_str()) == (repository, name));
        found.map(|(.., bytes)| bytes.as_slice())
    }
}

/// The key of `role` in the Image repository.
pub(super) fn key(role: Role) -> SigningKey {
    key_of(Repository::Image, role)
}

/// The key of `role`: with the same ones in both repositories, what one signed would be the other's as well.
fn key_of(repository: Repository, role: Role) -> SigningKey {
    let number = match role {
        Role::Root => 1,
        Role::Timestamp => 2,
        Role::Snapshot => 3,
        _ => 4,
    };
    SigningKey::from_seed([if repository == Repository::Director { number + 10 } else { number }; 32])
}

/// `body` signed by the Image repository's key of `role`, if it is JSON; else as it is.
pub(super) fn signed(role: Role, body: &[u8]) -> Vec<u8> {
    signed_by(&key(role), body)
}

fn signed_by(key: &SigningKey, body: &[u8]) -> Vec<u8> {
    let text = str::from_utf8(body).ok();
    let signed = text.and_then(|body| sign(body, std::slice::from_ref(key), Wire::Uptane).ok());
    signed.unwrap_or_else(|| body.to_vec())
}

pub(super) fn honest() -> &'static Honest {
    static HONEST: OnceLock<Honest> = OnceLock::new();
    HONEST.get_or_init(|| {
        let mut files = Vec::new();
        for repository in [Repository::Director, Repository::Image] {
            let custom = match repository {
                Repository::Director => TargetSpec::director_custom("e1", "h1"),
                Repository::Image => TargetSpec::image_custom("t", "1", "h1", "BINARY"),
            };
            let target = TargetSpec { name: "t-1".into(), length: 5, sha256: [7; 32], custom };
            let roles = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets];
            let key = |role| key_of(repository, role);
            let signed = |role, body: &[u8]| signed_by(&key(role), body);
            let roles = roles.into_iter().map(|role| (role, RoleKeys::single(key(role)))).collect();
            let mut root = RootSpec { version: 1, expires: NOW, roles };
            let mut put = |name: &str, bytes| files.push((repository, name.to_owned(), bytes));
            put("1.root.json", signed(Role::Root, root_body(&root, Wire::Uptane).as_bytes()));
            root.version = 2;
            put("2.root.json", signed(Role::Root, root_body(&root, Wire::Uptane).as_bytes()));
            let body = targets_body(Role::Targets, Wire::Uptane, 3, NOW, &[target], None);
            let targets = signed(Role::Targets, body.as_bytes());
            let entry = FileEntry::of(3, &targets, Wire::Uptane).expect("the document just made");
            let body = meta_body(Role::Snapshot, Wire::Uptane, 4, NOW, &[("targets.json", entry)]);
            let snapshot = signed(Role::Snapshot, body.as_bytes());
            let entry = FileEntry::of(4, &snapshot, Wire::Uptane).expect("the document just made");
            let body = timestamp_body(Wire::Uptane, 5, NOW, entry);
            put("timestamp.json", signed(Role::Timestamp, body.as_bytes()));
            put("snapshot.json", snapshot);
            put("targets.json", targets);
        }
        Honest { files }
    })
}
