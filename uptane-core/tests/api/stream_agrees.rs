//! Each rule that the buffered path has, streaming has too: same verdict, same repository, role, step and values.

use std::io::Cursor;

use embedded_io::{ErrorType, Read, Seek, SeekFrom};
use uptane_core::canonical::Slot;
use uptane_core::dialect::{Dialect, Tuf, Uptane};
use uptane_core::json::{JsonError, JsonErrorKind};
use uptane_core::metadata::root::Root;
use uptane_core::repository::{
    FileEntry, RoleKeys, RootSpec, SigningKey, TargetSpec, Wire, meta_body, root_body, sign, targets_body,
    timestamp_body,
};
use uptane_core::stream::{Error, Room, verify_targets, verify_targets_seek};
use uptane_core::trusted::{Baseline, Current};
use uptane_core::{ErrorKind, Repository, Role, Step, UtcTime, Verified};

const EXPIRES: UtcTime = UtcTime::from_unix(1_800_000_000);
const LIMIT: usize = 1 << 16;
const VERSION: u64 = 4;

struct File(Cursor<Vec<u8>>);

impl ErrorType for File {
    type Error = std::io::Error;
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        std::io::Read::read(&mut self.0, buffer)
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let SeekFrom::Start(at) = to else { panic!("{to:?}") };
        std::io::Seek::seek(&mut self.0, std::io::SeekFrom::Start(at))
    }
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed([number; 32])
}

/// Targets metadata with one image, changed before it is signed and after.
fn targets(wire: Wire, body: impl Fn(String) -> String, document: impl Fn(String) -> String) -> Vec<u8> {
    let image = TargetSpec { name: "image".into(), length: 5, sha256: [7; 32], custom: "{}".into() };
    let unsigned = body(targets_body(Role::Targets, wire, VERSION, EXPIRES, &[image], None));
    let signed = sign(&unsigned, &[key(4)], wire).unwrap();
    document(String::from_utf8(signed).unwrap()).into_bytes()
}

type Verdict = Result<u64, uptane_core::Error>;

/// What the buffered path says of the metadata, and what streaming says in one pass and in as many as it takes.
fn verdicts<D: Dialect>(
    wire: Wire,
    targets: &[u8],
    now: UtcTime,
    trusted: Option<Baseline>,
    hashed: bool,
) -> [Verdict; 3] {
    let later = UtcTime::from_unix(1_900_000_000);
    let roles = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets].into_iter().zip(1..);
    let roles = roles.map(|(role, number)| (role, RoleKeys::single(key(number)))).collect();
    let root = RootSpec { version: 1, expires: later, roles };
    let root = sign(&root_body(&root, wire), &[key(1)], wire).unwrap();
    let entry = FileEntry::of(VERSION, targets, wire).unwrap();
    let mut body = meta_body(Role::Snapshot, wire, 1, later, &[("targets.json", entry)]);
    if !hashed {
        let start = body.find("\"hashes\":{").unwrap();
        let end = start + body[start..].find("},").unwrap() + "},".len();
        body.replace_range(start..end, "");
    }
    let snapshot = sign(&body, &[key(3)], wire).unwrap();
    let entry = FileEntry::of(1, &snapshot, wire).unwrap();
    let timestamp = sign(&timestamp_body(wire, 1, later, entry), &[key(2)], wire).unwrap();
    let index = &mut Vec::<Slot>::new();
    let root = Verified::<Root<'_>>::trusted::<D, _>(Repository::Image, &root, index).unwrap();
    let listed = || {
        let current = Current::<D>::new(Repository::Image, root, now).unwrap();
        let timed = current.timestamp(&timestamp, LIMIT, None, &mut Vec::<Slot>::new()).unwrap();
        timed.snapshot(&snapshot, LIMIT, None, &mut Vec::<Slot>::new()).unwrap()
    };
    let buffered = listed().targets(Role::Targets, "targets.json", targets, LIMIT, trusted, index);
    let expected = listed().expect_targets(Role::Targets, "targets.json", trusted).unwrap();
    let streamed = [false, true].map(|seek| {
        let (mut window, mut found) = ([0; 4096], [0; 512]);
        let mut index: heapless::Vec<Slot, 16> = heapless::Vec::new();
        let room = Room { window: &mut window, found: &mut found, index: &mut index };
        let mut file = File(Cursor::new(targets.to_vec()));
        let limit = u64::try_from(LIMIT).unwrap();
        let verified = if seek {
            verify_targets_seek::<D, _, _>(&mut file, &expected, "image", limit, room)
        } else {
            verify_targets::<D, _, _>(&mut file, &expected, "image", limit, room)
        };
        match verified {
            Ok(streamed) => {
                assert_eq!(streamed.target.unwrap().length, 5);
                Ok(streamed.version)
            }
            Err(Error::Refused(refused)) => Err(refused),
            Err(other) => panic!("{other:?}"),
        }
    });
    [buffered.map(|targets| targets.version()), streamed[0], streamed[1]]
}

fn same(value: String) -> String {
    value
}

fn refused(step: Step, kind: ErrorKind) -> Verdict {
    Err(uptane_core::Error { repository: Repository::Image, role: Role::Targets, step, kind })
}

/// In both dialects, without a trusted version, with hashes in the Snapshot.
fn all(
    body: impl Fn(String) -> String + Copy,
    document: impl Fn(String) -> String + Copy,
    now: u64,
) -> [[Verdict; 3]; 2] {
    let now = UtcTime::from_unix(now);
    let [tuf, uptane] = [Wire::Tuf, Wire::Uptane].map(|wire| targets(wire, body, document));
    [
        verdicts::<Tuf>(Wire::Tuf, &tuf, now, None, true),
        verdicts::<Uptane>(Wire::Uptane, &uptane, now, None, true),
    ]
}

#[test]
fn metadata_expires_for_both_in_the_same_second() {
    let expired = |now| {
        let now = UtcTime::from_unix(now);
        refused(Step::G5, ErrorKind::Expired { expires: EXPIRES, now })
    };
    let at = |now| all(same, same, now);
    assert_eq!(at(1_799_999_999), [[Ok(VERSION); 3]; 2]);
    // TUF 1.0.34 clause 5.6.5 wants it later than now; aktualizr takes the very second.
    assert_eq!(at(1_800_000_000), [[expired(1_800_000_000); 3], [Ok(VERSION); 3]]);
    assert_eq!(at(1_800_000_001), [[expired(1_800_000_001); 3]; 2]);
}

#[test]
fn another_major_version_of_tuf_is_refused_by_both() {
    let kind = ErrorKind::BadMember("spec_version is not 1");
    for version in ["2.0.0", "10", ""] {
        let with = |body: String| {
            let start = body.find("\"spec_version\":\"");
            start.map_or(body.clone(), |start| {
                let start = start + "\"spec_version\":\"".len();
                let end = start + body[start..].find('"').unwrap();
                format!("{}{version}{}", &body[..start], &body[end..])
            })
        };
        let [tuf, uptane] = all(with, same, 1_700_000_000);
        assert_eq!(tuf, [refused(Step::Parse, kind); 3]);
        assert_eq!(uptane, [Ok(VERSION); 3], "aktualizr's documents name none");
    }
    let without = |body: String| body.replace("\"spec_version\"", "\"spec_versioo\"");
    let [[buffered, one, two], _] = all(without, same, 1_700_000_000);
    for verdict in [buffered, one, two] {
        let error = verdict.unwrap_err();
        assert_eq!(
            (error.step, error.kind.to_string().contains("spec_version")),
            (Step::Parse, true),
            "{error}"
        );
    }
}

#[test]
fn a_signature_that_stands_twice_is_refused_by_both() {
    let twice = |document: String| {
        let (start, end) = (document.find('[').unwrap() + 1, document.find("}]").unwrap() + 1);
        document.replacen(&document[start..end], &format!("{0},{0}", &document[start..end]), 1)
    };
    assert_eq!(all(same, twice, 1_700_000_000), [[refused(Step::G3, ErrorKind::RepeatedSignature); 3]; 2]);
}

#[test]
fn both_count_the_signatures_that_were_offered() {
    let other = |document: String| {
        let start = document.find('[').unwrap() + 1;
        let end = start + document[start..].find("}]").unwrap() + 1;
        let signature = &document[start..end];
        let keyid = signature.find("\"keyid\":\"").unwrap() + "\"keyid\":\"".len();
        let unknown = |digit| format!("{}{digit}{}", &signature[..keyid], &signature[keyid + 1..]);
        // Neither is by a key of the role: its own key's name begins with another digit.
        let digits = ['x', 'y'].map(unknown).join(",");
        document.replacen(signature, &digits, 1)
    };
    let kind = ErrorKind::UnmetThreshold { valid: 0, required: 1, offered: 2 };
    assert_eq!(all(same, other, 1_700_000_000), [[refused(Step::G3, kind); 3]; 2]);
}

#[test]
fn content_under_one_version_is_compared_by_both_only_where_no_hash_names_it() {
    let now = UtcTime::from_unix(1_700_000_000);
    let of = |version, hashed| {
        let trusted = Some(Baseline { version, content: [1; 32] });
        let [tuf, uptane] = [Wire::Tuf, Wire::Uptane].map(|wire| targets(wire, same, same));
        [
            verdicts::<Tuf>(Wire::Tuf, &tuf, now, trusted, hashed),
            verdicts::<Uptane>(Wire::Uptane, &uptane, now, trusted, hashed),
        ]
    };
    let same_version = refused(Step::G4, ErrorKind::SameVersion { version: VERSION });
    let rollback = refused(Step::G4, ErrorKind::Rollback { trusted: VERSION + 1, offered: VERSION });
    assert_eq!(of(VERSION, true), [[Ok(VERSION); 3]; 2]);
    assert_eq!(of(VERSION, false), [[same_version; 3]; 2]);
    for hashed in [true, false] {
        assert_eq!(of(VERSION - 1, hashed), [[Ok(VERSION); 3]; 2]);
        assert_eq!(of(VERSION + 1, hashed), [[rollback; 3]; 2]);
    }
}

/// The body with another image's entry behind that of the image that is looked for.
fn beside(entry: &str) -> impl Fn(String) -> String + Copy {
    move |body: String| {
        let changed = body.replacen(r#"}},"version""#, &format!(r#"}},"other":{entry}}},"version""#), 1);
        assert_ne!(changed, body);
        changed
    }
}

#[test]
fn an_entry_that_is_no_images_is_refused_by_both_whoever_is_asked_for() {
    use JsonErrorKind::{Empty, Missing, Negative, WrongType};
    for (entry, kind, at) in [
        ("null", WrongType("an object"), 0),
        ("[]", WrongType("an object"), 0),
        ("\"image\"", WrongType("an object"), 0),
        ("7", WrongType("an object"), 0),
        ("{}", Missing("length"), 0),
        (r#"{"length":1}"#, Missing("hashes"), 0),
        (r#"{"hashes":{"sha256":"00"}}"#, Missing("length"), 0),
        (r#"{"hashes":{"sha256":"00"},"length":-1}"#, Negative, 35),
        (r#"{"hashes":{"sha256":"00"},"length":"1"}"#, WrongType("an integer"), 35),
        (r#"{"hashes":{"sha256":"00"},"length":null}"#, WrongType("an integer"), 35),
        (r#"{"hashes":{"sha256":"00"},"length":true}"#, WrongType("an integer"), 35),
        (r#"{"hashes":null,"length":1}"#, WrongType("an object"), 10),
        (r#"{"hashes":["00"],"length":1}"#, WrongType("an object"), 10),
        (r#"{"hashes":{},"length":1}"#, Empty, 10),
        (r#"{"hashes":{"sha256":null},"length":1}"#, WrongType("a string"), 20),
        (r#"{"hashes":{"sha256":"00","sha512":1},"length":1}"#, WrongType("a string"), 34),
    ] {
        let verdicts = all(beside(entry), same, 1_700_000_000);
        for (wire, verdicts) in [Wire::Tuf, Wire::Uptane].into_iter().zip(verdicts) {
            let document = String::from_utf8(targets(wire, beside(entry), same)).unwrap();
            let offset = document.find("\"other\":").unwrap() + "\"other\":".len() + at;
            let expected = refused(Step::Parse, JsonError { kind, offset }.into());
            assert_eq!(verdicts, [expected; 3], "{wire:?} {entry}");
        }
    }
}

#[test]
fn an_entry_that_another_client_may_make_something_of_is_accepted_by_both() {
    for entry in [
        r#"{"hashes":{"sha256":"00"},"length":0}"#,
        r#"{"custom":null,"hashes":{"blake2b-256":"00"},"length":18446744073709551615}"#,
        r#"{"a":[{"hashes":{}}],"hashes":{"md5":"","sha256":"zz"},"length":1,"z":{"length":-1}}"#,
    ] {
        assert_eq!(all(beside(entry), same, 1_700_000_000), [[Ok(VERSION); 3]; 2], "{entry}");
    }
}

#[test]
fn who_may_not_sign_is_refused_before_what_they_say_is_looked_at() {
    let unsigned = |document: String| document.replacen("\"keyid\":\"", "\"keyid\":\"x", 1);
    let kind = ErrorKind::UnmetThreshold { valid: 0, required: 1, offered: 1 };
    let verdicts = all(beside("null"), unsigned, 1_700_000_000);
    assert_eq!(verdicts, [[refused(Step::G3, kind); 3]; 2]);
    let expired =
        |now| refused(Step::G5, ErrorKind::Expired { expires: EXPIRES, now: UtcTime::from_unix(now) });
    assert_eq!(all(beside("null"), same, 1_800_000_001), [[expired(1_800_000_001); 3]; 2]);
}
