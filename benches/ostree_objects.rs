//! Hot paths of `ostree-objects`: what a pull and a deployment do for each object.
#![allow(missing_docs)] // `criterion_group!` makes an undocumented function.
#![allow(clippy::unwrap_used, clippy::std_instead_of_core)]

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, copy, sink};
use std::path::PathBuf;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ostree_objects::filez::{self, DEFAULT_LEVEL, Inflate};
use ostree_objects::repo::{CheckoutOptions, CommitOptions, Links, Repo};
use ostree_objects::{
    Checksum, Commit, CommitRef, ContentHasher, DirTree, DirTreeRef, FileHeaderRef, Name, RepoMode, Variant,
    XattrsRef,
};
use tempfile::TempDir;

const MIB: usize = 1024 * 1024;

/// `len` bytes that deflate can halve or so, as programs are: words of a small alphabet, chosen pseudo-randomly.
fn content(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = core::iter::from_fn(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        Some((state & 0x0f0f_0fff_0f3f_0f0f).to_le_bytes())
    });
    words.flatten().take(len).collect()
}

fn checksum(number: usize) -> Checksum {
    Checksum::of(&number.to_le_bytes())
}

fn metadata(criterion: &mut Criterion) {
    let mut tree = DirTree::new();
    for number in 0..1000 {
        let name = format!("lib{number:04}.so.1");
        tree.insert_file(Name::new(&name).unwrap(), checksum(number)).unwrap();
    }
    let tree = tree.encode();
    let mut group = criterion.benchmark_group("ostree-objects/dirtree of 1000 entries");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("parse", |bencher| bencher.iter(|| DirTreeRef::parse(black_box(&tree)).unwrap()));
    group.bench_function("parse and visit", |bencher| {
        bencher.iter(|| {
            let tree = DirTreeRef::parse(black_box(&tree)).unwrap();
            tree.files().map(|file| file.name.as_str().len() + usize::from(file.checksum.0[0])).sum::<usize>()
        });
    });
    group.finish();

    let text = |key: &str, value: &str| (key.to_owned(), Variant::string(value).unwrap());
    let commit = Commit {
        metadata: vec![
            text("version", "7.1.0+build.12"),
            text("oe.machine", "verdin-imx95"),
            ("ostree.ref-binding".into(), Variant::strings(["torizon/verdin-imx95"]).unwrap()),
            ("ostree.sizes".into(), Variant::bytes(&[7; 256])),
        ],
        parent: Some(checksum(1)),
        subject: "7.1.0".into(),
        body: "Built by the benches".into(),
        timestamp: 1_767_225_600,
        tree: checksum(2),
        meta: checksum(3),
    };
    let commit = commit.encode();
    criterion.bench_function("ostree-objects/commit, parse", |bencher| {
        bencher.iter(|| CommitRef::parse(black_box(&commit)).unwrap().timestamp());
    });
}

fn files(criterion: &mut Criterion) {
    let content = content(MIB);
    let header = FileHeaderRef::regular(0, 0, 0o100_755, XattrsRef::EMPTY).unwrap();
    let mut group = criterion.benchmark_group("ostree-objects/file of 1 MiB");
    group.throughput(Throughput::Bytes(MIB.try_into().unwrap()));
    group.bench_function("hash", |bencher| {
        bencher.iter(|| {
            let mut hasher = ContentHasher::new(&header);
            hasher.update(black_box(&content));
            hasher.finish()
        });
    });
    let mut packed = Vec::new();
    let Ok(()) = header.encode_filez(MIB.try_into().unwrap(), &mut packed);
    filez::deflate(&content[..], &mut packed, DEFAULT_LEVEL).unwrap();
    group.bench_function("inflate a filez", |bencher| {
        bencher.iter(|| {
            let mut reader = black_box(&packed[..]);
            let (size, _) = filez::read_header(&mut reader).unwrap();
            copy(&mut Inflate::new(reader, size), &mut sink()).unwrap()
        });
    });
    group.bench_function("inflate and hash a filez", |bencher| {
        let mut buffer = vec![0; 64 * 1024];
        bencher.iter(|| {
            let mut reader = black_box(&packed[..]);
            let (size, header) = filez::read_header(&mut reader).unwrap();
            let (mut hasher, mut content) =
                (ContentHasher::new(&header.as_ref()), Inflate::new(reader, size));
            loop {
                match content.read(&mut buffer).unwrap() {
                    0 => break hasher.finish(),
                    count => hasher.update(&buffer[..count]),
                }
            }
        });
    });
    group.finish();
}

/// A checkout that is removed when it is dropped, which criterion does not measure.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// 200 files of 1 to 40 KiB in 10 directories.
fn tree(root: &std::path::Path) {
    for number in 0..200 {
        let directory = root.join(format!("usr/lib/part-{}", number % 10));
        fs::create_dir_all(&directory).unwrap();
        let mut content = content(1024 * (1 + number / 5));
        content[..8].copy_from_slice(&number.to_le_bytes());
        fs::write(directory.join(format!("file-{number}")), content).unwrap();
    }
}

fn checkout(criterion: &mut Criterion) {
    // In the target directory: the system's temporary one may lack user attributes, which bare-user needs.
    let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let at = File::open(directory.path()).unwrap();
    let source = directory.path().join("tree");
    tree(&source);
    let mut group = criterion.benchmark_group("ostree-objects/checkout of 200 files");
    group.throughput(Throughput::Elements(200)).sample_size(20);
    for (name, mode, links) in [
        ("links, bare-user", RepoMode::BareUser, Links::Required),
        ("copies, bare-user", RepoMode::BareUser, Links::Never),
        ("inflates, archive", RepoMode::Archive, Links::Allowed),
    ] {
        let repo = Repo::init(&directory.path().join(name), mode).unwrap();
        let commit = repo.commit(&source, &CommitOptions::default()).unwrap();
        let mut number = 0;
        group.bench_function(name, |bencher| {
            let fresh = || {
                number += 1;
                format!("out-{number}")
            };
            let checkout = |name: String| {
                repo.checkout(&commit, &at, &name, CheckoutOptions { links, ..CheckoutOptions::default() })
                    .unwrap();
                Removed(directory.path().join(name))
            };
            bencher.iter_batched(fresh, checkout, BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, metadata, files, checkout);
criterion_main!(benches);
