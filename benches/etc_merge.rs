//! Hot paths of `etc-merge`: what runs between a shutdown and the next boot.
#![allow(missing_docs)] // `criterion_group!` makes an undocumented function.
#![allow(clippy::unwrap_used, clippy::std_instead_of_core)]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use etc_merge::{Driver, Kind, MemoryTree, Node, Policy, Totals, Workspace, driver, plan};

/// 40 directories of 50 files: 2,000 files, with what `edit` says of their contents.
fn tree(edit: impl Fn(u32) -> Option<String>) -> MemoryTree {
    let mut tree = MemoryTree::new();
    for directory in 0..40 {
        let path = format!("dir-{directory:02}.d");
        tree.insert(path.as_bytes(), Node::new(Kind::Directory, b"")).unwrap();
        for file in 0..50 {
            let Some(content) = edit(directory * 50 + file) else { continue };
            let path = format!("{path}/{file:02}-settings.conf");
            tree.insert(path.as_bytes(), Node::new(Kind::File, content.as_bytes())).unwrap();
        }
    }
    tree
}

fn default(number: u32) -> String {
    format!("# Settings of part {number}\nenabled = true\nlevel = {number}\n").repeat(8)
}

fn totals(old: &MemoryTree, new: &MemoryTree, local: &MemoryTree) -> Totals {
    let (mut workspace, policy) = (Workspace::new(), Policy::safe());
    let mut plan = plan(&mut workspace, old, new, local, &policy).unwrap();
    while plan.next_step().unwrap().is_some() {}
    plan.totals()
}

fn planning(criterion: &mut Criterion) {
    let old = tree(|number| Some(default(number)));
    // The image changes every 7th file, removes every 101st; the device changes every 11th.
    let new = tree(|number| match number {
        number if number % 101 == 100 => None,
        number if number.is_multiple_of(7) => Some(default(number) + "new = 1\n"),
        number => Some(default(number)),
    });
    let local =
        tree(|number| Some(default(number) + if number.is_multiple_of(11) { "local = 1\n" } else { "" }));
    let mut group = criterion.benchmark_group("etc-merge/plan over 2000 files");
    group.throughput(Throughput::Elements(2000));
    group.bench_function("nothing changed", |bencher| {
        bencher.iter(|| totals(black_box(&old), &old, &old));
    });
    group.bench_function("both sides changed some", |bencher| {
        let found = totals(&old, &new, &local);
        assert!(found.conflicts > 10 && found.kept > 100 && found.updated > 200, "{found:?}");
        bencher.iter(|| totals(black_box(&old), &new, &local));
    });
    group.finish();
}

/// 1,000 lines; every `edited`-th, from `first` on, has another end.
fn lines(first: usize, edited: usize, end: &str) -> String {
    let mut text = String::new();
    for number in 0..1000 {
        let end = if number % edited == first { end } else { "" };
        writeln!(text, "option_{number} value {}{end}", number * 31 % 97).unwrap();
    }
    text
}

/// `count` system users, and then those of `more`.
fn passwd(count: u32, more: &[&str]) -> String {
    let mut text = String::from("root:x:0:0:root:/root:/bin/sh\n");
    for number in 1..count {
        writeln!(text, "system{number}:x:{number}:{number}::/var/lib/{number}:/usr/sbin/nologin").unwrap();
    }
    for (uid, name) in (1000..).zip(more) {
        writeln!(text, "{name}:x:{uid}:{uid}:{name}:/home/{name}:/bin/sh").unwrap();
    }
    text
}

fn drivers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("etc-merge/drivers");
    let mut bench = |name: &str, kind: Driver, elements: u64, old: &str, new: &str, local: &str| {
        assert!(driver::merge(kind, old.as_bytes(), new.as_bytes(), local.as_bytes()).is_ok(), "{name}");
        group.throughput(Throughput::Elements(elements));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                driver::merge(kind, black_box(old.as_bytes()), new.as_bytes(), local.as_bytes())
                    .unwrap()
                    .len()
            });
        });
    };
    let old = lines(0, usize::MAX, "");
    bench("1000 lines", Driver::Lines, 1000, &old, &lines(10, 50, "0"), &lines(30, 50, "1"));
    let (old, new) = (passwd(200, &[]), passwd(220, &[]));
    bench("passwd of 200 users", Driver::Passwd, 200, &old, &new, &passwd(200, &["alice", "bob"]));
    group.finish();
}

criterion_group!(benches, planning, drivers);
criterion_main!(benches);
