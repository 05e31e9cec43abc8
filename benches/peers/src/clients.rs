//! What each client does with the repository.

use std::fs::File;
use std::path::Path;

use sha2::Digest;
use uptane_core::canonical::Slot;
use uptane_core::dialect::{self, With};
use uptane_core::key::Accelerated;
use uptane_core::metadata::root::Root;
use uptane_core::stream::{Room, verify_targets};
use uptane_core::trusted::{Current, Listed};
use uptane_core::{Repository, Role, UtcTime, Verified};

/// As `ota-agent` verifies.
type Tuf = With<dialect::Tuf, Accelerated>;

const NOW: UtcTime = UtcTime::from_unix(1_800_000_000);
const LIMIT: usize = 64 << 20;
const NAME: &str = "packages/component-007777.raucb";

pub fn run(client: &str, directory: &Path) {
    match client {
        "floor" => floor(directory),
        "uptane-core" => buffered(directory),
        "uptane-core-stream" => streamed(directory),
        "tuf" => tuf(directory),
        _ => tough(directory),
    }
}

fn read(directory: &Path, name: &str) -> Vec<u8> {
    std::fs::read(directory.join(name)).expect(name)
}

/// One scan, one SHA-256, and the SHA-512 of one Ed25519 signature: what no client can do without.
fn floor(directory: &Path) {
    let bytes = read(directory, "targets.json");
    uptane_core::json::parse(&bytes).expect("JSON");
    let hash = sha2::Sha256::digest(&bytes);
    let pair = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([4; 32]));
    let signature = ed25519_compact::Signature::new([1; 64]);
    let mut state = pair.pk.verify_incremental(&signature).expect("a signature");
    state.absorb(&bytes);
    assert!(state.verify().is_err() && hash.len() == 32);
}

/// Calls `check` with what Root, Timestamp and Snapshot establish.
fn listed(directory: &Path, check: impl FnOnce(Listed<'_, Tuf>)) {
    let index = &mut Vec::<Slot>::new();
    let [root, timestamp, snapshot] =
        ["root.json", "timestamp.json", "snapshot.json"].map(|name| read(directory, name));
    let root = Verified::<Root<'_>>::trusted::<Tuf, _>(Repository::Image, &root, index).expect("root");
    let current = Current::<Tuf>::new(Repository::Image, root, NOW).expect("root");
    let timed = current.timestamp(&timestamp, LIMIT, None, index).expect("timestamp");
    check(timed.snapshot(&snapshot, LIMIT, None, index).expect("snapshot"));
}

fn buffered(directory: &Path) {
    let bytes = read(directory, "targets.json");
    let index = &mut Vec::<Slot>::new();
    listed(directory, |listed| {
        let targets = listed.targets(Role::Targets, "targets.json", &bytes, LIMIT, None, index);
        assert_eq!(targets.expect("targets").version(), 1);
    });
}

struct Reader(File);

impl embedded_io::ErrorType for Reader {
    type Error = std::io::Error;
}

impl embedded_io::Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        std::io::Read::read(&mut self.0, buffer)
    }
}

fn streamed(directory: &Path) {
    let mut source = Reader(File::open(directory.join("targets.json")).expect("targets.json"));
    listed(directory, |listed| {
        let expected = listed.expect_targets(Role::Targets, "targets.json", None).expect("targets");
        let (mut window, mut found) = (vec![0; 64 * 1024], [0; 1024]);
        let room = Room { window: &mut window, found: &mut found, index: &mut Vec::<Slot>::new() };
        let limit = u64::try_from(LIMIT).expect("a limit");
        let streamed =
            verify_targets::<Tuf, _, _>(&mut source, &expected, NAME, limit, room).expect("targets");
        assert_eq!(streamed.target.expect("the image").length, 1_048_576);
    });
}

fn tuf(directory: &Path) {
    use tuf::metadata::{Metadata as _, RawSignedMetadata, RawSignedMetadataSetBuilder};
    let set = RawSignedMetadataSetBuilder::<tuf::pouf::Pouf1>::new()
        .root(RawSignedMetadata::new(read(directory, "root.json")))
        .timestamp(RawSignedMetadata::new(read(directory, "timestamp.json")))
        .snapshot(RawSignedMetadata::new(read(directory, "snapshot.json")))
        .targets(RawSignedMetadata::new(read(directory, "targets.json")))
        .build();
    let database = tuf::Database::from_trusted_metadata(&set).expect("a repository");
    assert_eq!(database.trusted_targets().expect("targets").version(), 1);
}

fn tough(directory: &Path) {
    let root = read(directory, "root.json");
    let base = url::Url::from_directory_path(directory).expect("an absolute directory");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let limits = tough::Limits { max_targets_size: 64 << 20, ..tough::Limits::default() };
    let load = tough::RepositoryLoader::new(&root, base.clone(), base).limits(limits).load();
    assert_eq!(runtime.block_on(load).expect("a repository").targets().signed.version.get(), 1);
}

/// Prints how long each part of the floor takes for `file`, and another SHA-512 beside the one in use.
pub fn parts(file: &Path) {
    let bytes = std::fs::read(file).expect("a file");
    let timed = |name: &str, part: &dyn Fn()| {
        let least = (0..9).map(|_| {
            let start = std::time::Instant::now();
            part();
            start.elapsed()
        });
        println!("  {name:<28} {:>8.1} ms", least.min().unwrap_or_default().as_secs_f64() * 1000.0);
    };
    timed("scan", &|| {
        std::hint::black_box(uptane_core::json::parse(&bytes)).expect("JSON");
    });
    timed("SHA-256 (sha2)", &|| {
        std::hint::black_box(sha2::Sha256::digest(&bytes));
    });
    timed("SHA-512 (ed25519-compact)", &|| {
        let pair = ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([4; 32]));
        let signature = ed25519_compact::Signature::new([1; 64]);
        let mut state = pair.pk.verify_incremental(&signature).expect("a signature");
        state.absorb(&bytes);
        assert!(state.verify().is_err());
    });
    timed("SHA-512 (sha2)", &|| {
        std::hint::black_box(sha2::Sha512::digest(&bytes));
    });
}
