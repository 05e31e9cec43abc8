//! Which entries of Targets metadata are none of an image: python-tuf says, and we refuse the same, whoever is asked for.

use std::path::Path;
use std::process::Command;

use testkit::tools;
use uptane_core::repository::{
    FileEntry, RoleKeys, RootSpec, SigningKey, TargetSpec, Wire, meta_body, root_body, sign, targets_body,
    timestamp_body,
};
use uptane_core::{Role, UtcTime};

use crate::tuf::python;

const EXPIRES: UtcTime = UtcTime::from_unix(4_007_836_800);

/// Entries beside that of the image that is asked for.
const ENTRIES: [&str; 25] = [
    r#"{"hashes":{"sha256":"00"},"length":0}"#,
    r#"{"custom":null,"hashes":{"blake2b-256":"00"},"length":1}"#,
    r#"{"hashes":{"md5":"","sha256":"zz"},"length":1,"more":{"length":-1}}"#,
    "null",
    "[]",
    "{}",
    "7",
    "\"image\"",
    "true",
    r#"{"length":1}"#,
    r#"{"hashes":{"sha256":"00"}}"#,
    r#"{"hashes":{"sha256":"00"},"length":-1}"#,
    r#"{"hashes":{"sha256":"00"},"length":-0}"#,
    r#"{"hashes":{"sha256":"00"},"length":"1"}"#,
    r#"{"hashes":{"sha256":"00"},"length":null}"#,
    r#"{"hashes":{"sha256":"00"},"length":[]}"#,
    r#"{"hashes":{"sha256":"00"},"length":{}}"#,
    r#"{"hashes":{"sha256":"00"},"length":true}"#,
    r#"{"hashes":{},"length":1}"#,
    r#"{"hashes":null,"length":1}"#,
    r#"{"hashes":["00"],"length":1}"#,
    r#"{"hashes":"00","length":1}"#,
    r#"{"hashes":{"sha256":null},"length":1}"#,
    r#"{"hashes":{"sha256":1},"length":1}"#,
    r#"{"hashes":{"sha256":"00","sha512":{}},"length":1}"#,
];

/// What python-tuf takes and we do not: for Python a truth value is a number, and so is a 0 with a minus.
const DIFFERENCES: [&str; 2] =
    [r#"{"hashes":{"sha256":"00"},"length":-0}"#, r#"{"hashes":{"sha256":"00"},"length":true}"#];

/// Writes a repository whose Targets metadata has `entry` beside the image `image`.
fn write(directory: &Path, entry: &str) {
    let key = SigningKey::for_wire([7; 32], Wire::Tuf);
    let keys = [key.clone()];
    let signed = |name: &str, body: &str| {
        let bytes = sign(body, &keys, Wire::Tuf).unwrap();
        std::fs::write(directory.join(name), &bytes).unwrap();
        FileEntry::of(1, &bytes, Wire::Tuf).unwrap()
    };
    let roles = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets];
    let roles = roles.map(|role| (role, RoleKeys::single(key.clone()))).into();
    signed("root.json", &root_body(&RootSpec { version: 1, expires: EXPIRES, roles }, Wire::Tuf));
    let image = TargetSpec { name: "image".into(), length: 5, sha256: [7; 32], custom: String::new() };
    let body = targets_body(Role::Targets, Wire::Tuf, 1, EXPIRES, &[image], None);
    let body = body.replacen(r#"}},"version""#, &format!(r#"}},"other":{entry}}},"version""#), 1);
    let targets = signed("targets.json", &body);
    let body = meta_body(Role::Snapshot, Wire::Tuf, 1, EXPIRES, &[("targets.json", targets)]);
    let snapshot = signed("snapshot.json", &body);
    signed("timestamp.json", &timestamp_body(Wire::Tuf, 1, EXPIRES, snapshot));
}

#[test]
fn an_entry_that_python_tuf_refuses_is_refused_buffered_and_streamed() {
    let directory = tempfile::tempdir().unwrap();
    let (mut judge, mut ours) = (python("judge.py"), Vec::new());
    for (number, entry) in ENTRIES.into_iter().enumerate() {
        let place = directory.path().join(number.to_string());
        std::fs::create_dir(&place).unwrap();
        write(&place, entry);
        judge.arg(place.join("targets.json"));
        let verdicts = [&[][..], &["--stream"]].map(|more: &[&str]| {
            let mut verify = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
            verify.args(["uptane", "verify", "--tuf", "--now", "2030-01-01T00:00:00Z", "--target", "image"]);
            let output = verify.arg(&place).args(more).output().unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        });
        assert_eq!(verdicts[0], verdicts[1], "{entry}");
        let [(code, said), _] = verdicts;
        assert!(code == Some(0) || said.contains("image targets: ") && said.contains(" at byte "), "{said}");
        ours.push(code == Some(0));
    }
    let said = String::from_utf8(tools::success(&mut judge)).unwrap();
    let theirs: Vec<_> = said.lines().map(|line| line == "accepted").collect();
    assert_eq!(theirs.len(), ENTRIES.len());
    let verdicts = ours.iter().zip(&theirs);
    let differences: Vec<_> =
        ENTRIES.into_iter().zip(verdicts).filter(|(_, (ours, theirs))| ours != theirs).collect();
    assert_eq!(differences.iter().map(|(entry, _)| *entry).collect::<Vec<_>>(), DIFFERENCES);
    assert!(differences.iter().all(|(_, (ours, _))| !**ours), "we are the stricter one: {differences:?}");
}
