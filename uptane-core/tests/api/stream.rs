//! Targets metadata verified while it passes: the three ways a document can stand, and what each costs.

use std::io::Cursor;

use embedded_io::{ErrorType, Read, Seek, SeekFrom};
use uptane_core::canonical::{Form, Slot};
use uptane_core::dialect::Uptane;
use uptane_core::json::{JsonErrorKind, MIN_WINDOW_BYTES};
use uptane_core::metadata::root::Root;
use uptane_core::repository::{FileEntry, TargetSpec, Wire, meta_body, timestamp_body};
use uptane_core::stream::{
    Error, Expected, Failure, MAX_SIGNED_MEMBERS, MAX_STREAMED_SIGNATURES, Room, Unsuited, canonicalise,
    verify_targets, verify_targets_seek,
};
use uptane_core::trusted::{Baseline, Current};
use uptane_core::{ErrorKind, Repository, Role, Step, Verified};

use crate::factory::*;

/// A file as a driver for it might be: few bytes at a time, and others from the second pass on if wanted.
#[derive(Clone)]
struct File {
    bytes: Vec<u8>,
    second: Option<Vec<u8>>,
    at: usize,
}

impl File {
    fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), second: None, at: 0 }
    }
}

impl ErrorType for File {
    type Error = std::convert::Infallible;
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        let length = buffer.len().min(7).min(self.bytes.len() - self.at);
        buffer[..length].copy_from_slice(&self.bytes[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, Self::Error> {
        let SeekFrom::Start(at) = to else { panic!("{to:?}") };
        self.at = usize::try_from(at).unwrap();
        self.bytes = self.second.take().unwrap_or(std::mem::take(&mut self.bytes));
        Ok(at)
    }
}

fn side(count: usize) -> Side {
    let target = |number| image_target(&format!("image-{number:04}"), [7; 32], "imx95");
    Side::new(Repository::Image, 20, (0..count).map(target).collect())
}

fn body(side: &Side) -> String {
    let bytes = side.targets_bytes();
    let document = uptane_core::json::parse(&bytes).unwrap();
    String::from_utf8(document.get("signed").unwrap().raw().to_vec()).unwrap()
}

/// The document in another order of its two members.
fn signatures_last(bytes: &[u8]) -> Vec<u8> {
    let document = uptane_core::json::parse(bytes).unwrap();
    let raw = |name| String::from_utf8(document.get(name).unwrap().raw().to_vec()).unwrap();
    format!("{{\"signed\":{},\n \"signatures\":{}}}", raw("signed"), raw("signatures")).into_bytes()
}

/// As ota-tuf writes it: `signed` begins with its longest member.
fn unsorted(side: &Side, sort_targets: bool) -> Vec<u8> {
    let entry = |TargetSpec { name, length, custom, .. }: &TargetSpec| {
        let hash = "07".repeat(32);
        format!(r#""{name}": {{"length":{length},"hashes":{{"sha256":"{hash}"}},"custom":{custom}}}"#)
    };
    let mut entries: Vec<_> = side.targets.iter().map(entry).collect();
    if !sort_targets {
        entries.reverse();
    }
    let body = format!(
        r#"{{"targets":{{{}}},"expires":"{}","version":{},"_type":"Targets"}}"#,
        entries.join(", "),
        side.expires,
        side.version
    );
    side.signed(Role::Targets, &body)
}

/// What the rest of the repository says of `targets`, hashed as ota-tuf hashes it or over its bytes.
fn with_expected<T>(
    side: &Side,
    targets: &[u8],
    check: impl FnOnce(Expected<'_>, Current<'_, Uptane>) -> T,
) -> T {
    let entry = FileEntry::of(side.version, targets, Wire::Uptane).unwrap();
    let body =
        meta_body(Role::Snapshot, Wire::Uptane, side.version, side.expires, &[("targets.json", entry)]);
    let snapshot = side.signed(Role::Snapshot, &body);
    let entry = FileEntry::of(side.version, &snapshot, Wire::Uptane).unwrap();
    let timestamp =
        side.signed(Role::Timestamp, &timestamp_body(Wire::Uptane, side.version, side.expires, entry));
    let root = side.root_bytes();
    let index = &mut Vec::<Slot>::new();
    let root = Verified::<Root<'_>>::trusted::<Uptane, _>(side.repository, &root, index).unwrap();
    let current = Current::<Uptane>::new(side.repository, root, NOW).unwrap();
    let timed = current.timestamp(&timestamp, LIMIT, None, index).unwrap();
    let listed = timed.snapshot(&snapshot, LIMIT, None, index).unwrap();
    check(listed.expect_targets(Role::Targets, "targets.json", None).unwrap(), current)
}

const LIMIT: usize = 1 << 20;
type Failed = Error<std::convert::Infallible>;

/// Version and the length of the image called `name`, by one pass and by as many as it takes.
fn stream(side: &Side, targets: &[u8], name: &str, window: usize) -> [Result<(u64, Option<u64>), Failed>; 2] {
    with_expected(side, targets, |expected, _| both(&expected, File::new(targets), name, window))
}

fn both(
    expected: &Expected<'_>,
    file: File,
    name: &str,
    window: usize,
) -> [Result<(u64, Option<u64>), Failed>; 2] {
    [false, true].map(|seek| {
        let (mut window, mut found) = (vec![0; window], vec![0; 512]);
        let mut index: heapless::Vec<Slot, 16> = heapless::Vec::new();
        let room = Room { window: &mut window, found: &mut found, index: &mut index };
        let mut file = file.clone();
        let limit = u64::try_from(LIMIT).unwrap();
        let verified = if seek {
            verify_targets_seek::<Uptane, _, _>(&mut file, expected, name, limit, room)
        } else {
            verify_targets::<Uptane, _, _>(&mut file, expected, name, limit, room)
        };
        verified.map(|streamed| (streamed.version, streamed.target.map(|target| target.length)))
    })
}

fn refusal(step: Step, kind: ErrorKind) -> Failed {
    Error::Refused(uptane_core::Error { repository: Repository::Image, role: Role::Targets, step, kind })
}

#[test]
fn canonical_bytes_take_one_pass_whatever_the_window() {
    let side = side(40);
    for window in [400, 401, 1000, 100_000] {
        for (name, length) in [("image-0000", Some(5)), ("image-0039", Some(5)), ("image-004", None)] {
            assert_eq!(stream(&side, &side.targets_bytes(), name, window), [Ok((1, length)); 2], "{window}");
        }
    }
}

#[test]
fn signatures_behind_what_they_sign_take_two_passes() {
    let side = side(40);
    let targets = signatures_last(&side.targets_bytes());
    let [one, two] = stream(&side, &targets, "image-0007", 512);
    assert_eq!(one, Err(Error::Unsuited(Unsuited::SignaturesLast)));
    assert_eq!(two, Ok((1, Some(5))));
}

#[test]
fn a_document_as_torizons_server_writes_it_takes_two_passes() {
    let side = side(40);
    let targets = unsorted(&side, true);
    let [one, two] = stream(&side, &targets, "image-0007", 512);
    assert!(matches!(one, Err(Error::Unsuited(Unsuited::OutOfOrder { offset })) if offset > 4000), "{one:?}");
    assert_eq!(two, Ok((1, Some(5))));
    let [_, two] = stream(&side, &signatures_last(&targets), "image-0007", 512);
    assert_eq!(two, Ok((1, Some(5))));
}

#[test]
fn images_out_of_order_are_left_to_the_buffered_path_which_accepts_them() {
    let side = side(40);
    let targets = unsorted(&side, false);
    for result in stream(&side, &targets, "image-0007", 512) {
        assert!(matches!(result, Err(Error::Unsuited(Unsuited::OutOfOrder { .. }))), "{result:?}");
    }
    with_expected(&side, &targets, |_, current| {
        let index = &mut Vec::<Slot>::new();
        let verified = current.targets_alone(Role::Targets, &targets, LIMIT, None, index);
        assert_eq!(verified.unwrap().iter().count(), 40);
    });
}

#[test]
fn a_medium_that_shows_other_bytes_the_second_time_is_noticed() {
    let side = side(40);
    let targets = unsorted(&side, true);
    let mut other = side.clone();
    other.targets[7].length = 6;
    let second = unsorted(&other, true);
    assert_eq!(second.len(), targets.len());
    with_expected(&side, &targets, |expected, _| {
        let file = File { second: Some(second), ..File::new(&targets) };
        let [_, two] = both(&expected, file, "image-0007", 512);
        assert_eq!(two, Err(Error::Changed));
    });
}

#[test]
fn one_changed_byte_is_refused_on_either_path() {
    let side = side(40);
    for targets in [side.targets_bytes(), unsorted(&side, true)] {
        let mut changed = targets.clone();
        // The last image's name: the order stays as it is.
        let at = changed.windows(12).position(|window| window == b"\"image-0039\"").unwrap();
        changed[at + 10] = b'x';
        // Named by the snapshot: the hash is wrong. Not named: the signature is.
        with_expected(&side, &targets, |expected, current| {
            let [_, named] = both(&expected, File::new(&changed), "image-0007", 512);
            assert_eq!(named, Err(refusal(Step::G2, ErrorKind::Hash("sha256"))));
            let alone = current.expect_targets_alone(Role::Targets, None).unwrap();
            let [_, alone] = both(&alone, File::new(&changed), "image-0007", 512);
            let kind = ErrorKind::UnmetThreshold { valid: 0, required: 1, offered: 1 };
            assert_eq!(alone, Err(refusal(Step::G3, kind)));
        });
    }
}

#[test]
fn refuses_what_the_buffered_path_refuses_with_the_same_error() {
    let good = side(3);
    let bytes = good.targets_bytes();
    let changed = |change: fn(&mut Side)| {
        let mut side = good.clone();
        change(&mut side);
        side.targets_bytes()
    };
    let text = String::from_utf8(bytes.clone()).unwrap();
    let documents = [
        changed(|side| side.version = 2),
        changed(|side| side.expires = NOW.saturating_add(0)),
        good.signed(Role::Targets, &body(&good).replace("\"Targets\"", "\"Root\"")),
        good.signed(Role::Targets, &body(&good).replace("\"version\":1", "\"version\":\"1\"")),
        good.signed(Role::Targets, &body(&good).replace(",\"version\":1", "")),
        good.signed(Role::Snapshot, &body(&good)),
        text.replace("\"signed\"", "\"signedd\"").into_bytes(),
        text.replace("image-0001", "image-0000").into_bytes(),
        (text.clone() + "x").into_bytes(),
        text[..text.len() - 1].to_owned().into_bytes(),
        text.replace("\"length\":5", "\"length\":5.5").into_bytes(),
    ];
    let content = Baseline { version: 1, content: [1; 32] };
    for trusted in [None, Some(content), Some(Baseline { version: 3, ..content })] {
        for document in &documents {
            with_expected(&good, &bytes, |_, current| {
                let index = &mut Vec::<Slot>::new();
                let theirs = current.targets_alone(Role::Targets, document, LIMIT, trusted, index);
                let expected = current.expect_targets_alone(Role::Targets, trusted).unwrap();
                for ours in both(&expected, File::new(document), "image-0001", 100_000) {
                    match (&theirs, ours) {
                        (Ok(targets), Ok((version, _))) => assert_eq!(targets.version(), version),
                        (Err(theirs), Err(Error::Refused(ours))) if is_duplicate(theirs.kind) => {
                            // Buffered, it is seen while the signature is checked.
                            assert_eq!((ours.step, is_duplicate(ours.kind)), (Step::Parse, true));
                        }
                        (Err(theirs), Err(Error::Refused(ours))) => {
                            assert_eq!((theirs.step, theirs.role), (ours.step, ours.role));
                        }
                        (Err(_), Err(Error::Unsuited(Unsuited::Envelope))) => {}
                        (theirs, ours) => panic!("{theirs:?} buffered, {ours:?} streamed"),
                    }
                }
            });
        }
    }
}

fn is_duplicate(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Json(error) if error.kind == JsonErrorKind::DuplicateKey)
}

#[test]
fn the_same_version_with_the_same_content_is_accepted_again() {
    let side = side(40);
    for targets in [side.targets_bytes(), unsorted(&side, true)] {
        with_expected(&side, &targets, |_, current| {
            let index = &mut Vec::<Slot>::new();
            let trusted = current.stored_targets(Role::Targets, &targets, index).unwrap();
            let expected = current.expect_targets_alone(Role::Targets, Some(trusted)).unwrap();
            let [_, two] = both(&expected, File::new(&targets), "image-0001", 512);
            assert_eq!(two, Ok((1, Some(5))));
            let expected =
                current.expect_targets_alone(Role::Targets, Some(Baseline { content: [0; 32], ..trusted }));
            let [_, two] = both(&expected.unwrap(), File::new(&targets), "image-0001", 512);
            assert_eq!(two, Err(refusal(Step::G4, ErrorKind::SameVersion { version: 1 })));
        });
    }
}

#[test]
fn every_limit_holds_at_its_value_and_not_one_further() {
    let side = side(3);
    let targets = side.targets_bytes();
    let length = u64::try_from(targets.len()).unwrap();
    with_expected(&side, &targets, |expected, current| {
        let alone = current.expect_targets_alone(Role::Targets, None).unwrap();
        let run = |bytes: &[u8], limit: u64, window: usize, found: usize| {
            let (mut window, mut found) = (vec![0; window], vec![0; found]);
            let room = Room { window: &mut window, found: &mut found, index: &mut Vec::<Slot>::new() };
            let source = &mut Cursor::new(bytes.to_vec());
            let source = &mut Std(source);
            verify_targets_seek::<Uptane, _, _>(source, &alone, "image-0001", limit, room)
                .map(|streamed| streamed.version)
                .map_err(|error| match error {
                    Error::Unsuited(unsuited) => Ok(unsuited),
                    Error::Refused(refused) => Err(refused.kind),
                    Error::Io(_) | Error::Changed => panic!("{error:?}"),
                })
        };
        // The document.
        assert_eq!(run(&targets, length, 4096, 512), Ok(1));
        assert_eq!(run(&targets, length - 1, 4096, 512), Err(Err(ErrorKind::TooLarge { limit: length - 1 })));
        // The entry that is looked for.
        let entry = r#"{"image-0001":{"custom":{"hardwareIds":["imx95"],"name":"image-0001","targetFormat":"BINARY","version":"1"},"hashes":{"sha256":"#.len()
            + 66 + r#"},"length":5}}"#.len();
        assert_eq!(run(&targets, length, 4096, entry), Ok(1));
        assert_eq!(run(&targets, length, 4096, entry - 1), Err(Ok(Unsuited::TooLong { limit: entry - 1 })));
        // The window.
        let small = side.signed(Role::Targets, "{}");
        let too_long = |limit| Err(Ok(Unsuited::TooLong { limit }));
        assert_eq!(run(&small, length, MIN_WINDOW_BYTES - 1, 512), too_long(MIN_WINDOW_BYTES - 1));
        assert_ne!(run(&small, length, 4096, 512), too_long(4096));
        // The members of `signed`: four are needed, `targets` among them.
        let many = |count: usize| {
            let more: String = (4..count).map(|number| format!("\"m{number}\":1,")).collect();
            side.signed(Role::Targets, &body(&side).replacen('{', &format!("{{{more}"), 1))
        };
        assert_eq!(run(&many(MAX_SIGNED_MEMBERS), 1 << 20, 4096, 512), Ok(1));
        let error = run(&many(MAX_SIGNED_MEMBERS + 1), 1 << 20, 4096, 512).unwrap_err();
        assert!(matches!(error, Ok(Unsuited::TooMany { limit: MAX_SIGNED_MEMBERS, .. })), "{error:?}");
        let _ = expected;
    });
}

#[test]
fn as_many_keys_may_sign_as_there_is_room_for_and_not_one_more() {
    let signed_by = |count: usize| {
        let mut side = side(3);
        for (_, keys) in side.root.roles.iter_mut().filter(|(role, _)| *role == Role::Targets) {
            keys.keys = (100..).take(count).map(key).collect();
            keys.threshold = u64::try_from(count).unwrap();
        }
        let [one, two] = stream(&side, &side.targets_bytes(), "image-0001", 8192);
        assert_eq!(one, two);
        one
    };
    assert_eq!(signed_by(MAX_STREAMED_SIGNATURES), Ok((1, Some(5))));
    let error = signed_by(MAX_STREAMED_SIGNATURES + 1).unwrap_err();
    let limit = MAX_STREAMED_SIGNATURES;
    assert_eq!(error, Error::Unsuited(Unsuited::TooMany { what: "signatures to try", limit }));
}

/// Found by a fuzzer: the digits in the window were called too many, although a fraction followed behind it.
#[test]
fn a_number_that_the_window_cuts_is_not_judged_by_half_of_it() {
    for (digits, open) in [(MIN_WINDOW_BYTES, ""), (2 * MIN_WINDOW_BYTES, ""), (MIN_WINDOW_BYTES, "[[")] {
        let document = format!("{open}{}.5", "7".repeat(digits));
        let (mut window, mut index) = ([0; MIN_WINDOW_BYTES], Vec::<Slot>::new());
        let room = (&mut window[..], &mut index);
        let written =
            canonicalise(&mut File::new(document.as_bytes()), Form::Olpc, 1 << 20, room, &mut Vec::new());
        let limit = MIN_WINDOW_BYTES;
        assert_eq!(written, Err(Failure::Unsuited(Unsuited::TooLong { limit })), "{document}");
    }
}

/// A file of the standard library.
struct Std<'f>(&'f mut Cursor<Vec<u8>>);

impl ErrorType for Std<'_> {
    type Error = std::io::Error;
}

impl Read for Std<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        std::io::Read::read(self.0, buffer)
    }
}

impl Seek for Std<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let SeekFrom::Start(at) = to else { panic!("{to:?}") };
        std::io::Seek::seek(self.0, std::io::SeekFrom::Start(at))
    }
}
