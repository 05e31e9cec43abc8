//! The tier without features allocates nothing and fits a small stack: what a Cortex-M7 Secondary counts on.
#![allow(clippy::unwrap_used)]

use std::thread;

use testkit::count_alloc::{CountingAllocator, allocations_during};
use uptane_core::canonical::Slot;
use uptane_core::dialect::Uptane;
use uptane_core::metadata::root::Root;
use uptane_core::repository::{
    FileEntry, RoleKeys, RootSpec, SigningKey, TargetSpec, Wire, meta_body, root_body, sign, targets_body,
    timestamp_body,
};
use uptane_core::secondary::{self, Trust};
use uptane_core::target::ImageVerifier;
use uptane_core::trusted::Current;
use uptane_core::{Ecu, Error, Repository, Role, UtcTime, Verified};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// All the RAM a verification may take: stack, and the index of members out of order on it.
const STACK_BYTES: usize = 32 * 1024;

/// Members out of order that the index holds, 16 bytes each.
const INDEX: usize = 128;

const NOW: UtcTime = UtcTime::from_unix(1_800_000_000);
const LATER: UtcTime = UtcTime::from_unix(1_800_000_001);
const IMAGE: &[u8] = b"firmware";
const ECU: Ecu<'_> = Ecu { serial: "motor-1", hardware_id: "imx95-m7" };

/// One repository's documents, as a server has them.
struct Documents {
    roots: [Vec<u8>; 2],
    timestamp: Vec<u8>,
    snapshot: Vec<u8>,
    targets: Vec<u8>,
}

fn documents(first_key: u8, custom: &str) -> Documents {
    use sha2::Digest;
    let key = |number: u8| SigningKey::from_seed([first_key + number; 32]);
    let root = |version: u64| {
        let roles = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets].into_iter().zip(0..);
        let mut roles: Vec<_> = roles.map(|(role, number)| (role, RoleKeys::single(key(number)))).collect();
        // The second Root has another key of its own, and two keys must sign Targets.
        let own = if version == 1 { key(0) } else { key(5) };
        roles[0].1 = RoleKeys::single(own);
        roles[3].1 = RoleKeys { keys: vec![key(3), key(4)], threshold: 2 };
        RootSpec { version, expires: LATER, roles }
    };
    let signed = |body: &str, keys: &[SigningKey]| sign(body, keys, Wire::Uptane).unwrap();
    let target = TargetSpec {
        name: "motor-control".into(),
        length: u64::try_from(IMAGE.len()).unwrap(),
        sha256: sha2::Sha256::digest(IMAGE).into(),
        custom: custom.into(),
    };
    let body = targets_body(Role::Targets, Wire::Uptane, 7, LATER, &[target], None);
    let targets = signed(&body, &[key(3), key(4)]);
    let entry = FileEntry::of(7, &targets, Wire::Uptane).unwrap();
    let body = meta_body(Role::Snapshot, Wire::Uptane, 7, LATER, &[("targets.json", entry)]);
    let snapshot = signed(&body, &[key(2)]);
    let entry = FileEntry::of(7, &snapshot, Wire::Uptane).unwrap();
    let timestamp = signed(&timestamp_body(Wire::Uptane, 7, LATER, entry), &[key(1)]);
    let roots = [
        signed(&root_body(&root(1), Wire::Uptane), &[key(0)]),
        signed(&root_body(&root(2), Wire::Uptane), &[key(0), key(5)]),
    ];
    Documents { roots, timestamp, snapshot, targets }
}

fn director() -> Documents {
    documents(10, &TargetSpec::director_custom(ECU.serial, ECU.hardware_id))
}

fn image() -> Documents {
    documents(20, &TargetSpec::image_custom("motor-control", "1", ECU.hardware_id, "BINARY"))
}

/// Runs `check` on a stack of [`STACK_BYTES`]; one that is too small ends the process.
fn on_small_stack<T: Send>(check: impl FnOnce() -> T + Send) -> (T, usize) {
    thread::scope(|scope| {
        let small = thread::Builder::new().stack_size(STACK_BYTES);
        small.spawn_scoped(scope, || allocations_during(check)).unwrap().join().unwrap()
    })
}

fn partial(director: &Documents) -> Result<(), Error> {
    let [first, second] = &director.roots;
    let trust = Trust { root: first, targets_version: Some(6) };
    let mut index: heapless::Vec<Slot, INDEX> = heapless::Vec::new();
    let assignment =
        secondary::verify::<Uptane, _>(trust, &[second], &director.targets, ECU, NOW, &mut index)?;
    assert_eq!((assignment.root_version, assignment.targets_version), (2, 7));
    let target = assignment.target.unwrap();
    let mut verifier = ImageVerifier::new(target.length, target.hashes);
    for piece in IMAGE.chunks(3) {
        verifier.update(piece)?;
    }
    verifier.finish()
}

fn full(repository: Repository, documents: &Documents) -> Result<u64, Error> {
    const LIMIT: usize = 64 * 1024;
    let mut index: heapless::Vec<Slot, INDEX> = heapless::Vec::new();
    let [first, second] = &documents.roots;
    let root = Verified::<Root<'_>>::trusted::<Uptane, _>(repository, first, &mut index)?;
    let root = root.next::<Uptane, _>(second, LIMIT, &mut index)?;
    let targets = Current::<Uptane>::new(repository, root, NOW)?
        .timestamp(&documents.timestamp, LIMIT, None, &mut index)?
        .snapshot(&documents.snapshot, LIMIT, None, &mut index)?
        .targets(Role::Targets, "targets.json", &documents.targets, LIMIT, None, &mut index)?;
    Ok(targets.version())
}

#[test]
fn partial_verification_and_image_check_allocate_nothing_in_32_kib_of_stack() {
    let director = director();
    assert_eq!(on_small_stack(|| partial(&director)), (Ok(()), 0));
}

#[test]
fn full_verification_of_both_repositories_allocates_nothing_in_32_kib_of_stack() {
    let (director, image) = (director(), image());
    let both = || Ok((full(Repository::Director, &director)?, full(Repository::Image, &image)?));
    assert_eq!(on_small_stack(both), (Ok::<_, Error>((7, 7)), 0));
}

#[test]
fn refusing_allocates_nothing_either() {
    let mut director = director();
    let at = director.targets.windows(7).position(|window| window == b"motor-1").unwrap();
    director.targets[at] ^= 1;
    let (refused, allocations) = on_small_stack(|| partial(&director));
    assert_eq!(allocations, 0);
    assert_eq!(refused.unwrap_err().to_string(), "director targets: step G3: 0 of 2 required keys signed it");
}
