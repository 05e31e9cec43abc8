//! A repository that all of the clients read: plain TUF, canonical, with key identifiers as `tough` computes them.

use std::path::Path;

use sha2::{Digest, Sha256};
use uptane_core::repository::{
    FileEntry, RoleKeys, RootSpec, SigningKey, TargetSpec, Wire, meta_body, root_body, sign, targets_body,
    timestamp_body,
};
use uptane_core::{Role, UtcTime};

/// In the year 2096: `tough` and `tuf` ask the clock.
const EXPIRES: UtcTime = UtcTime::from_unix(4_000_000_000);

fn key(number: u8) -> SigningKey {
    let key = SigningKey::from_seed([number; 32]);
    let object =
        format!(r#"{{"keytype":"ed25519","keyval":{{"public":"{}"}},"scheme":"ed25519"}}"#, key.public_hex());
    let identifier: String = Sha256::digest(object).iter().map(|byte| format!("{byte:02x}")).collect();
    key.with_identifier(&identifier)
}

/// Writes the repository into `directory`; returns the length of its Targets metadata.
pub fn write(directory: &Path, count: usize) -> usize {
    let put = |name: &str, bytes: &[u8]| std::fs::write(directory.join(name), bytes).expect("a file");
    // `tuf` reads no other specification version than 1.0.
    let signed = |body: String, number| {
        let body = body.replace("\"spec_version\":\"1.0.34\"", "\"spec_version\":\"1.0\"");
        sign(&body, &[key(number)], Wire::Tuf).expect("a body")
    };
    let roles = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets].into_iter().zip(1..);
    let roles = roles.map(|(role, number)| (role, RoleKeys::single(key(number)))).collect();
    let root = RootSpec { version: 1, expires: EXPIRES, roles };
    put("root.json", &signed(root_body(&root, Wire::Tuf), 1));
    let target = |number: usize| TargetSpec {
        name: format!("packages/component-{number:06}.raucb"),
        length: 1_048_576,
        sha256: Sha256::digest(number.to_le_bytes()).into(),
        custom: format!(
            r#"{{"createdAt":"2026-01-01T00:00:00Z","hardwareIds":["imx95-verdin"],"name":"component-{number:06}","targetFormat":"BINARY","updatedAt":"2026-01-01T00:00:00Z","uri":null,"version":"1.0"}}"#
        ),
    };
    let targets: Vec<_> = (0..count).map(target).collect();
    let targets = signed(targets_body(Role::Targets, Wire::Tuf, 1, EXPIRES, &targets, None), 4);
    let entry = FileEntry::of(1, &targets, Wire::Tuf).expect("a document");
    let snapshot = signed(meta_body(Role::Snapshot, Wire::Tuf, 1, EXPIRES, &[("targets.json", entry)]), 3);
    let entry = FileEntry::of(1, &snapshot, Wire::Tuf).expect("a document");
    put("timestamp.json", &signed(timestamp_body(Wire::Tuf, 1, EXPIRES, entry), 2));
    put("snapshot.json", &snapshot);
    put("targets.json", &targets);
    targets.len()
}
