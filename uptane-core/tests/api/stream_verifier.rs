//! Who checks the signatures of Targets metadata that is streamed: the verifier that the dialect names, as buffered.

use std::cell::Cell;
use std::convert::Infallible;

use embedded_io::{ErrorType, Read, Seek, SeekFrom};
use uptane_core::canonical::{Sink, Slot};
use uptane_core::dialect::{Dialect, Tuf, Uptane, With};
use uptane_core::key::{Check, PublicKey, Software, Verifier};
use uptane_core::metadata::root::Root;
use uptane_core::repository::{TargetSpec, Wire, targets_body};
use uptane_core::stream::{Error, Room, verify_targets, verify_targets_seek};
use uptane_core::trusted::Current;
use uptane_core::{ErrorKind, Repository, Role, Step, UtcTime, Verified};

use crate::signers::*;

const NOW: UtcTime = UtcTime::from_unix(1_700_000_000);
const EXPIRES: UtcTime = UtcTime::from_unix(1_800_000_000);
const LIMIT: usize = 1 << 16;

struct File<'f>(&'f [u8], usize);

impl ErrorType for File<'_> {
    type Error = Infallible;
}

impl Read for File<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let rest = &self.0[self.1..];
        let length = rest.len().min(buffer.len()).min(100);
        buffer[..length].copy_from_slice(&rest[..length]);
        self.1 += length;
        Ok(length)
    }
}

impl Seek for File<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, Infallible> {
        let SeekFrom::Start(at) = to else { panic!("{to:?}") };
        self.1 = usize::try_from(at).unwrap();
        Ok(at)
    }
}

/// Root and Targets metadata whose keys are `signers`, which all must sign.
struct Documents {
    root: Vec<u8>,
    targets: Vec<u8>,
}

fn documents(wire: Wire, signers: &[&Signer], signatures_last: bool) -> Documents {
    let (kind, spec) = match wire {
        Wire::Tuf => ("root", r#","spec_version":"1.0.34""#),
        Wire::Uptane => ("Root", ""),
    };
    let own = ed25519(1);
    let entries: Vec<_> = signers.iter().map(|signer| signer.entry()).collect();
    let keyids: Vec<_> = signers.iter().map(|signer| format!("{:?}", signer.keyid)).collect();
    let root = format!(
        r#"{{"_type":"{kind}","expires":"{EXPIRES}","keys":{{{},{}}},"roles":{{"root":{{"keyids":["{}"],"threshold":1}},"targets":{{"keyids":[{}],"threshold":{}}}}}{spec},"version":1}}"#,
        own.entry(),
        entries.join(","),
        own.keyid,
        keyids.join(","),
        signers.len(),
    );
    let image =
        |name: &str| TargetSpec { name: name.into(), length: 5, sha256: [7; 32], custom: "{}".into() };
    let body = targets_body(Role::Targets, wire, 4, EXPIRES, &[image("a"), image("b")], None);
    let sign = |body: &str, signers: &[&Signer]| match wire {
        Wire::Tuf => sign_tuf(body, signers),
        Wire::Uptane => sign_uptane(body, signers),
    };
    let (root, mut targets) = (sign(&root, &[&own]), sign(&body, signers));
    if signatures_last {
        let text = String::from_utf8(targets).unwrap();
        let (signatures, signed) = text[1..text.len() - 1].split_once(",\"signed\":").unwrap();
        targets = format!("{{\"signed\":{signed},{signatures}}}").into_bytes();
    }
    Documents { root, targets }
}

type Verdict = Result<u64, uptane_core::Error>;

/// What is said of the metadata buffered, and streamed.
fn verdicts<D: Dialect>(documents: &Documents, two_passes: bool) -> [Verdict; 2] {
    let index = &mut Vec::<Slot>::new();
    let root = Verified::<Root<'_>>::trusted::<D, _>(Repository::Image, &documents.root, index).unwrap();
    let current = Current::<D>::new(Repository::Image, root, NOW).unwrap();
    let expected = current.expect_targets_alone(Role::Targets, None).unwrap();
    let buffered = current.targets_alone(Role::Targets, &documents.targets, LIMIT, None, index);
    let (mut window, mut found) = ([0; 8192], [0; 512]);
    let room = Room { window: &mut window, found: &mut found, index };
    let (mut file, limit) = (File(&documents.targets, 0), u64::try_from(LIMIT).unwrap());
    let streamed = if two_passes {
        verify_targets_seek::<D, _, _>(&mut file, &expected, "b", limit, room)
    } else {
        verify_targets::<D, _, _>(&mut file, &expected, "b", limit, room)
    };
    let streamed = match streamed {
        Ok(streamed) => {
            assert_eq!(streamed.target.unwrap().length, 5);
            Ok(streamed.version)
        }
        Err(Error::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("{other:?}"),
    };
    [buffered.map(|targets| targets.version()), streamed]
}

fn unmet(valid: u64, required: u64) -> Verdict {
    let kind = ErrorKind::UnmetThreshold { valid, required, offered: required };
    Err(uptane_core::Error { repository: Repository::Image, role: Role::Targets, step: Step::G3, kind })
}

#[test]
fn keys_of_every_kind_are_streamed_in_one_pass_or_two() {
    for last in [false, true] {
        let signers = [ed25519(5), rsa(0, 32), rsa(1, 20), ecdsa(3)];
        let signers = signers.each_ref();
        let [tuf, uptane] = [Wire::Tuf, Wire::Uptane].map(|wire| documents(wire, &signers, last));
        assert_eq!(verdicts::<Tuf>(&tuf, last), [Ok(4); 2]);
        assert_eq!(verdicts::<Uptane>(&uptane, last), [Ok(4); 2]);
        // One signature of another message.
        for wrong in signers {
            let other = sign_tuf("{}", &[wrong]);
            let (text, other) =
                (String::from_utf8(tuf.targets.clone()).unwrap(), String::from_utf8(other).unwrap());
            let signature = |text: &str| {
                let start = text.find(&format!("{{\"keyid\":\"{}", wrong.keyid)).unwrap();
                text[start..start + text[start..].find('}').unwrap()].to_owned()
            };
            let targets = text.replace(&signature(&text), &signature(&other)).into_bytes();
            let forged = Documents { root: tuf.root.clone(), targets };
            assert_eq!(verdicts::<Tuf>(&forged, last), [unmet(3, 4); 2], "{}", wrong.keyid);
        }
    }
}

thread_local! {
    static BEGUN: Cell<usize> = const { Cell::new(0) };
    static FINISHED: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

/// Software, but it counts.
struct Counting;

struct Counted<'k>(Check<'k>);

impl Sink for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) {
        BYTES.set(BYTES.get() + bytes.len());
        self.0.write(bytes);
    }
}

impl Verifier for Counting {
    type Check<'k> = Counted<'k>;

    fn begin<'k>(key: &'k PublicKey, signature: &'k [u8]) -> Option<Counted<'k>> {
        BEGUN.set(BEGUN.get() + 1);
        Software::begin(key, signature).map(Counted)
    }

    fn finish(check: &mut Counted<'_>) -> bool {
        FINISHED.set(FINISHED.get() + 1);
        Software::finish(&mut check.0)
    }
}

/// An HSM that was told of the Root's key only.
struct Refusing;

struct Vetoed<'k>(Check<'k>, bool);

impl Sink for Vetoed<'_> {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
}

impl Verifier for Refusing {
    type Check<'k> = Vetoed<'k>;

    fn begin<'k>(key: &'k PublicKey, signature: &'k [u8]) -> Option<Vetoed<'k>> {
        let known = *key == crate::factory::key(1).public();
        Software::begin(key, signature).map(|check| Vetoed(check, known))
    }

    fn finish(check: &mut Vetoed<'_>) -> bool {
        Software::finish(&mut check.0) && check.1
    }
}

#[test]
fn the_verifier_of_the_dialect_checks_what_is_streamed_and_has_the_last_word() {
    let signers = [ed25519(5), ecdsa(3)];
    let documents = |last| documents(Wire::Tuf, &signers.each_ref(), last);
    let one = documents(false);
    let message = uptane_core::json::parse(&one.targets).unwrap().get("signed").unwrap().raw().len();
    let root = uptane_core::json::parse(&one.root).unwrap().get("signed").unwrap();
    let mut canonical = Vec::new();
    uptane_core::canonical::write(root, uptane_core::canonical::Form::Olpc, &mut Vec::new(), &mut canonical)
        .unwrap();
    let counted = |two_passes, documents: &Documents| {
        for count in [&BEGUN, &FINISHED, &BYTES] {
            count.set(0);
        }
        assert_eq!(verdicts::<With<Tuf, Counting>>(documents, two_passes), [Ok(4); 2]);
        [BEGUN.get(), FINISHED.get(), BYTES.get() - canonical.len()]
    };
    // Root, and both signatures buffered and streamed.
    assert_eq!(counted(false, &one), [5, 5, 4 * message]);
    // With a second pass each is begun anew, and only the second sees the message.
    assert_eq!(counted(true, &documents(true)), [7, 5, 4 * message]);
    for last in [false, true] {
        assert_eq!(verdicts::<With<Tuf, Refusing>>(&documents(last), last), [unmet(0, 2); 2]);
    }
}
