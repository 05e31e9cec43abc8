//! How much memory 100,000 images take: none beyond the caller's if streamed, next to none if buffered.
#![allow(clippy::unwrap_used)]

use std::io::{Seek as _, Write as _};
use std::thread;

use embedded_io::{ErrorType, Read, Seek, SeekFrom};
use testkit::count_alloc::{CountingAllocator, allocations_during, peak_bytes_during};
use uptane_core::canonical::Slot;
use uptane_core::dialect::{Tuf, Uptane};
use uptane_core::metadata::root::Root;
use uptane_core::repository::{
    FileEntry, RoleKeys, RootSpec, SigningKey, TargetSpec, Wire, meta_body, root_body, sign, targets_body,
    timestamp_body,
};
use uptane_core::stream::{Room, verify_targets, verify_targets_seek};
use uptane_core::trusted::{Current, Listed};
use uptane_core::{Repository, Role, UtcTime, Verified};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const TARGETS: u32 = 100_000;
const NOW: UtcTime = UtcTime::from_unix(1_799_999_999);
const EXPIRES: UtcTime = UtcTime::from_unix(1_800_000_000);
/// The reader's buffer.
const WINDOW_BYTES: usize = 16 * 1024;
/// All that streaming may take beyond it: stack, found entry and index together, also without optimisation.
const STREAM_BYTES: usize = 64 * 1024;
/// All that buffering may take beyond the file itself.
const BUFFERED_BYTES: usize = 2 * 1024 * 1024;

/// One repository on disk: what a test reads, it reads from there.
struct Repo {
    root: Vec<u8>,
    timestamp: Vec<u8>,
    snapshot: Vec<u8>,
    targets: std::fs::File,
}

/// A file as the feature-free tier sees one.
struct File<'f>(&'f std::fs::File);

impl ErrorType for File<'_> {
    type Error = std::io::Error;
}

impl Read for File<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        std::io::Read::read(&mut self.0, buffer)
    }
}

impl Seek for File<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let SeekFrom::Start(at) = to else { panic!("{to:?}") };
        self.0.seek(std::io::SeekFrom::Start(at))
    }
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed([number; 32])
}

fn targets() -> Vec<TargetSpec> {
    let target = |number: u32| TargetSpec {
        name: format!("packages/component-{number:06}.raucb"),
        length: 1_048_576,
        sha256: [7; 32],
        custom: format!(
            r#"{{"createdAt":"2026-01-01T00:00:00Z","hardwareIds":["imx95-verdin"],"name":"component-{number:06}","targetFormat":"BINARY","updatedAt":"2026-01-01T00:00:00Z","uri":null,"version":"1.0"}}"#
        ),
    };
    (0..TARGETS).map(target).collect()
}

/// With `signed` in the order of ota-tuf if not in the canonical one.
fn repo(wire: Wire, canonical: bool) -> Repo {
    let roles = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets].into_iter().zip(1..);
    let roles = roles.map(|(role, number)| (role, RoleKeys::single(key(number)))).collect();
    let root = RootSpec { version: 1, expires: EXPIRES, roles };
    let mut body = targets_body(Role::Targets, wire, 1, EXPIRES, &targets(), None);
    if !canonical {
        let (start, end) = (body.find("\"targets\":").unwrap(), body.rfind(",\"version\"").unwrap());
        let map = body[start..end].to_owned();
        body.replace_range(start - 1..end, "");
        body.insert_str(1, &(map + ","));
    }
    let bytes = sign(&body, &[key(4)], wire).unwrap();
    assert!(bytes.len() > 30_000_000, "{} bytes", bytes.len());
    let entry = FileEntry::of(1, &bytes, wire).unwrap();
    let body = meta_body(Role::Snapshot, wire, 1, EXPIRES, &[("targets.json", entry)]);
    let snapshot = sign(&body, &[key(3)], wire).unwrap();
    let entry = FileEntry::of(1, &snapshot, wire).unwrap();
    let timestamp = sign(&timestamp_body(wire, 1, EXPIRES, entry), &[key(2)], wire).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    file.rewind().unwrap();
    Repo { root: sign(&root_body(&root, wire), &[key(1)], wire).unwrap(), timestamp, snapshot, targets: file }
}

type Index = heapless::Vec<Slot, 64>;

fn listed<'r, D: uptane_core::dialect::Dialect>(repo: &'r Repo, index: &mut Index) -> Listed<'r, D> {
    let root = Verified::<Root<'_>>::trusted::<D, _>(Repository::Image, &repo.root, index).unwrap();
    let current = Current::<D>::new(Repository::Image, root, NOW).unwrap();
    let timed = current.timestamp(&repo.timestamp, 1 << 16, None, index).unwrap();
    timed.snapshot(&repo.snapshot, 1 << 16, None, index).unwrap()
}

/// Everything on one small stack; returns the image's length and how often memory was allocated.
fn streamed<D: uptane_core::dialect::Dialect>(repo: &Repo, seek: bool) -> (u64, usize) {
    let mut window = vec![0; WINDOW_BYTES];
    let run = || {
        let (mut found, mut index) = ([0; 1024], Index::new());
        let expected =
            listed::<D>(repo, &mut index).expect_targets(Role::Targets, "targets.json", None).unwrap();
        let name = "packages/component-077777.raucb";
        let room = Room { window: &mut window, found: &mut found, index: &mut index };
        let mut file = File(&repo.targets);
        let verified = if seek {
            verify_targets_seek::<D, _, _>(&mut file, &expected, name, 1 << 26, room)
        } else {
            verify_targets::<D, _, _>(&mut file, &expected, name, 1 << 26, room)
        };
        verified.unwrap().target.unwrap().length
    };
    thread::scope(|scope| {
        let small = thread::Builder::new().stack_size(STREAM_BYTES);
        small.spawn_scoped(scope, || allocations_during(run)).unwrap().join().unwrap()
    })
}

#[test]
fn a_hundred_thousand_images_stream_in_64_kib_without_an_allocation() {
    assert_eq!(streamed::<Tuf>(&repo(Wire::Tuf, true), false), (1_048_576, 0));
    assert_eq!(streamed::<Uptane>(&repo(Wire::Uptane, false), true), (1_048_576, 0));
}

#[test]
fn a_hundred_thousand_images_buffered_take_2_mib_beyond_the_file() {
    for (canonical, wire) in [(true, Wire::Tuf), (false, Wire::Uptane)] {
        let repo = repo(wire, canonical);
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut &repo.targets, &mut bytes).unwrap();
        let run = || {
            let index = &mut Vec::<Slot>::new();
            let small = &mut Index::new();
            let version = match wire {
                Wire::Tuf => listed::<Tuf>(&repo, small)
                    .targets(Role::Targets, "targets.json", &bytes, 1 << 26, None, index)
                    .map(|targets| targets.version()),
                Wire::Uptane => listed::<Uptane>(&repo, small)
                    .targets(Role::Targets, "targets.json", &bytes, 1 << 26, None, index)
                    .map(|targets| targets.version()),
            };
            version.unwrap()
        };
        let (version, peak) = peak_bytes_during(run);
        assert_eq!(version, 1);
        assert!(peak <= BUFFERED_BYTES, "{peak} bytes");
    }
}
