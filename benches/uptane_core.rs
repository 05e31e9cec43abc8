//! Hot paths of `uptane-core`: what each start of a device, and each ECU, pays before it trusts anything.
#![allow(missing_docs)] // `criterion_group!` makes an undocumented function.
#![allow(clippy::unwrap_used, clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use uptane_core::canonical::{self, Form, Slot};
use uptane_core::dialect::Uptane;
use uptane_core::metadata::root::Root;
use uptane_core::primary::{Action, Cycle, Outcome};
use uptane_core::repository::{
    FileEntry, RoleKeys, RootSpec, SigningKey, TargetSpec, Wire, meta_body, root_body, sign, targets_body,
    timestamp_body,
};
use uptane_core::secondary::{self, Trust};
use uptane_core::{Ecu, Repository, Role, UtcTime, Verified, json};

const NOW: UtcTime = UtcTime::from_unix(1_800_000_000);
const LATER: UtcTime = UtcTime::from_unix(1_800_086_400);
const ECU: Ecu<'_> = Ecu { serial: "primary-1", hardware_id: "imx95" };

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed([number; 32])
}

fn bytes(document: &[u8]) -> Throughput {
    Throughput::Bytes(document.len().try_into().unwrap())
}

/// `count` images of the Image repository; names of one width are in order as they are counted.
fn images(count: u32) -> Vec<TargetSpec> {
    let image = |number: u32| TargetSpec {
        name: format!("os-{number:05}"),
        length: 0,
        sha256: std::array::from_fn(|byte| number.to_le_bytes()[byte % 4]),
        custom: TargetSpec::image_custom("os", &number.to_string(), ECU.hardware_id, "OSTREE"),
    };
    (0..count).map(image).collect()
}

/// One repository's files, as a server has them.
struct Side {
    repository: Repository,
    first_key: u8,
    targets: Vec<TargetSpec>,
}

impl Side {
    fn root(&self) -> Vec<u8> {
        let roles = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets].into_iter();
        let roles = roles.zip(self.first_key..).map(|(role, number)| (role, RoleKeys::single(key(number))));
        let root = RootSpec { version: 1, expires: LATER, roles: roles.collect() };
        sign(&root_body(&root, Wire::Uptane), &[key(self.first_key)], Wire::Uptane).unwrap()
    }

    fn targets(&self) -> Vec<u8> {
        let body = targets_body(Role::Targets, Wire::Uptane, 1, LATER, &self.targets, None);
        sign(&body, &[key(self.first_key + 3)], Wire::Uptane).unwrap()
    }

    fn publish(&self, files: &mut Files) {
        let mut put = |name: &str, bytes| files.insert((self.repository, name.to_owned()), bytes);
        let targets = self.targets();
        let entry = FileEntry::of(1, &targets, Wire::Uptane).unwrap();
        let body = meta_body(Role::Snapshot, Wire::Uptane, 1, LATER, &[("targets.json", entry)]);
        let snapshot = sign(&body, &[key(self.first_key + 2)], Wire::Uptane).unwrap();
        let entry = FileEntry::of(1, &snapshot, Wire::Uptane).unwrap();
        let body = timestamp_body(Wire::Uptane, 1, LATER, entry);
        put("timestamp.json", sign(&body, &[key(self.first_key + 1)], Wire::Uptane).unwrap());
        put("snapshot.json", snapshot);
        put("targets.json", targets);
    }
}

type Files = BTreeMap<(Repository, String), Vec<u8>>;
type Store = BTreeMap<(Repository, Role), Vec<u8>>;

/// A Director that assigns the first of `count` images to the one ECU, the Image repository, and a device that
/// has the Roots of both.
fn factory(count: u32) -> (Files, Store) {
    let images = images(count);
    let custom = TargetSpec::director_custom(ECU.serial, ECU.hardware_id);
    let assigned = TargetSpec { custom, ..images[0].clone() };
    let director = Side { repository: Repository::Director, first_key: 10, targets: vec![assigned] };
    let image = Side { repository: Repository::Image, first_key: 20, targets: images };
    let mut files = Files::new();
    director.publish(&mut files);
    image.publish(&mut files);
    (files, [&director, &image].map(|side| ((side.repository, Role::Root), side.root())).into())
}

fn verify(files: &Files, store: &mut Store) -> Outcome {
    let ecus = [ECU];
    let mut cycle = Cycle::new(&ecus, NOW);
    loop {
        match cycle.poll() {
            Action::Load { repository, role } => {
                cycle.feed(store.get(&(repository, role)).map(Vec::as_slice))
            }
            Action::Fetch { repository, file, .. } => {
                let bytes = files.get(&(repository, file.to_owned()));
                cycle.feed(bytes.map(Vec::as_slice))
            }
            Action::Persist { repository, role, bytes, .. } => {
                store.insert((repository, role), bytes.to_vec());
                cycle.persisted()
            }
            Action::Forget { repository, role } => {
                store.remove(&(repository, role));
                cycle.persisted()
            }
            Action::Done => return cycle.into_outcome().unwrap(),
        }
        .unwrap();
    }
}

fn documents(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("uptane-core/1000 targets");
    let sorted = Side { repository: Repository::Image, first_key: 20, targets: images(1000) };
    let mut unsorted = Side { targets: sorted.targets.clone(), ..sorted };
    unsorted.targets.reverse();
    let (sorted, unsorted) = (sorted.targets(), unsorted.targets());
    group.throughput(bytes(&sorted));
    group.bench_function("scan", |bencher| bencher.iter(|| json::parse(black_box(&sorted)).unwrap()));
    // In order, members are written as they stand; otherwise through an index.
    for (name, document) in
        [("scan and canonicalise", &sorted), ("scan and canonicalise, unsorted", &unsorted)]
    {
        let (mut index, mut canonical) = (Vec::<Slot>::new(), Vec::with_capacity(document.len()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                canonical.clear();
                let value = json::parse(black_box(document)).unwrap();
                canonical::write(value, Form::JsonSubset, &mut index, &mut canonical).unwrap();
                canonical.len()
            });
        });
    }
    group.finish();
}

fn cycle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("uptane-core/full verification");
    for count in [1, 100, 1000] {
        let (files, store) = factory(count);
        group.bench_function(BenchmarkId::new("images", count), |bencher| {
            let fresh = || store.clone();
            bencher.iter_batched(fresh, |mut store| verify(&files, &mut store), BatchSize::SmallInput);
        });
        // What a device asks for most of the time: whether there is anything new.
        let mut current = store.clone();
        verify(&files, &mut current);
        group.bench_function(BenchmarkId::new("nothing new of images", count), |bencher| {
            bencher.iter(|| verify(&files, &mut current));
        });
    }
    group.finish();
}

/// Root metadata that all of `keys` must sign.
fn root(keys: u8) -> Vec<u8> {
    let keys: Vec<_> = (1..=keys).map(key).collect();
    let own = RoleKeys { threshold: keys.len().try_into().unwrap(), keys: keys.clone() };
    let root = RootSpec { version: 1, expires: LATER, roles: vec![(Role::Root, own)] };
    sign(&root_body(&root, Wire::Uptane), &keys, Wire::Uptane).unwrap()
}

fn threshold(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("uptane-core/Ed25519 threshold");
    for keys in [1, 3, 5] {
        let root = root(keys);
        group.throughput(Throughput::Elements(keys.into()));
        group.bench_function(BenchmarkId::new("signatures", keys), |bencher| {
            let mut index: heapless::Vec<Slot, 64> = heapless::Vec::new();
            bencher.iter(|| {
                let root = black_box(&root);
                let root = Verified::<Root<'_>>::trusted::<Uptane, _>(Repository::Director, root, &mut index);
                root.unwrap().version()
            });
        });
    }
    group.finish();
}

fn partial(criterion: &mut Criterion) {
    let custom = TargetSpec::director_custom(ECU.serial, ECU.hardware_id);
    let targets = vec![TargetSpec { custom, ..images(1).remove(0) }];
    let director = Side { repository: Repository::Director, first_key: 10, targets };
    let (root, targets) = (director.root(), director.targets());
    criterion.bench_function("uptane-core/partial verification of a Secondary", |bencher| {
        let mut index: heapless::Vec<Slot, 64> = heapless::Vec::new();
        bencher.iter(|| {
            let trust = Trust { root: black_box(&root), targets_version: Some(1) };
            let targets = black_box(&targets);
            let assignment = secondary::verify::<Uptane, _>(trust, &[], targets, ECU, NOW, &mut index);
            assert!(assignment.unwrap().target.is_some());
        });
    });
}

criterion_group!(benches, documents, cycle, threshold, partial);
criterion_main!(benches);
