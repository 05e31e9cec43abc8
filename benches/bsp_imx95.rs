//! Hot paths of `bsp-imx95`: what happens at each boot, and at each step of an update.
#![allow(missing_docs)] // `criterion_group!` makes an undocumented function.
#![allow(clippy::unwrap_used, clippy::std_instead_of_core)]

mod code_size;

use std::hint::black_box;

use bsp_imx95::env::{self, Change, Layout, Scheme};
use bsp_imx95::fw_env_config::FwEnvConfig;
use bsp_imx95::slot::{self, State};
use criterion::{Criterion, Throughput, criterion_group};

const COPY_BYTES: usize = 64 * 1024;
const LAYOUT: Layout = Layout::Redundant { scheme: Scheme::Counter };

/// Two copies with 120 variables, among them scripts of a few hundred bytes, and those of a running trial.
fn copies() -> [Vec<u8>; 2] {
    let variables: Vec<(String, String)> = (0..120)
        .map(|number| {
            let command = format!("load ${{devtype}} ${{devnum}}:1 ${{addr_{number}}} ${{file_{number}}}; ");
            (format!("variable_{number}"), command.repeat(1 + number % 5))
        })
        .collect();
    let mut changes: Vec<Change<'_>> =
        variables.iter().map(|(name, value)| (name.as_str(), Some(value.as_str()))).collect();
    changes.extend([("bootlimit", Some("3")), ("bootcount", Some("1")), ("upgrade_available", Some("1"))]);
    let mut first = vec![0; COPY_BYTES];
    env::create(LAYOUT, &changes, &mut first).unwrap();
    let mut second = first.clone();
    let write = env::write(LAYOUT, &[&first, &first], &[("bootcount", Some("2"))], &mut second).unwrap();
    assert_eq!(write.unwrap().copy, 1);
    [first, second]
}

fn environment(criterion: &mut Criterion) {
    let [first, second] = copies();
    let mut group = criterion.benchmark_group("bsp-imx95/environment of two 64 KiB copies");
    group.throughput(Throughput::Bytes((2 * COPY_BYTES).try_into().unwrap()));
    group.bench_function("load", |bencher| {
        bencher.iter(|| env::load(LAYOUT, &[black_box(&first), &second]).unwrap().0);
    });
    group.bench_function("load and read the update's state", |bencher| {
        bencher.iter(|| {
            let (_, environment) = env::load(LAYOUT, &[black_box(&first), &second]).unwrap();
            let state = State::read(&environment);
            assert_eq!(state, State::Trial { count: 2, limit: 3 });
        });
    });
    let mut out = vec![0; COPY_BYTES];
    for (name, changes) in
        [("write one variable", &[("bootcount", Some("3"))][..]), ("confirm: write three", slot::confirm())]
    {
        group.bench_function(name, |bencher| {
            bencher.iter(|| env::write(LAYOUT, &[black_box(&first), &second], changes, &mut out).unwrap());
        });
    }
    group.finish();
}

fn configuration(criterion: &mut Criterion) {
    let text = "# Verdin iMX95: both copies at the end of the eMMC's first boot partition.\n\
                # Device\t\tOffset\tSize\n\
                /dev/emmc-boot0\t-0x2200\t0x2000\n\
                /dev/emmc-boot0\t-0x4200\t0x2000\n";
    criterion.bench_function("bsp-imx95/fw_env.config, parse", |bencher| {
        bencher.iter(|| FwEnvConfig::parse(black_box(text)).unwrap().devices().len());
    });
}

criterion_group!(benches, environment, configuration);

fn main() {
    // Not when it is run as a test, which needs only Rust.
    if std::env::args().any(|argument| argument == "--bench") {
        code_size::print(&["decide", "change"]);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
