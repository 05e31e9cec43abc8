//! Hot paths of `container-spec`: what an update of the applications costs before the engine is asked.
#![allow(missing_docs)] // `criterion_group!` makes an undocumented function.
#![allow(clippy::unwrap_used, clippy::std_instead_of_core)]

use std::hint::black_box;

use container_spec::compose::{self, Environment, Project};
use container_spec::digest::Sha256;
use container_spec::plan::{Container, Current, Image, Options, plan};
use container_spec::reference::Normalized;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const COMPOSE: &str = include_str!("data/compose.yml");

fn files(criterion: &mut Criterion) {
    let environment = Environment::new();
    let canonical = compose::canonical(COMPOSE).unwrap();
    let mut group = criterion.benchmark_group("container-spec/Compose file");
    group.throughput(Throughput::Bytes(COMPOSE.len().try_into().unwrap()));
    group.bench_function("load", |bencher| {
        bencher.iter(|| compose::load(black_box(COMPOSE), &environment).unwrap().services.len());
    });
    group.bench_function("canonical form", |bencher| {
        bencher.iter(|| compose::canonical(black_box(COMPOSE)).unwrap().len());
    });
    let digest = Sha256::from_bytes([9; 32]);
    group.bench_function("lock", |bencher| {
        bencher.iter(|| compose::lock(black_box(COMPOSE), |_| Some(digest)).unwrap().len());
    });
    group.throughput(Throughput::Bytes(canonical.len().try_into().unwrap()));
    group.bench_function("check a canonical one", |bencher| {
        bencher.iter(|| compose::check_locked(black_box(&canonical)).is_ok());
    });
    group.finish();
}

fn references(criterion: &mut Criterion) {
    let digest = Sha256::from_bytes([9; 32]);
    let texts = [
        "redis".to_owned(),
        "torizon/weston-imx95:3".to_owned(),
        "registry.example:5000/gateway/uplink:1.2.3-rc1".to_owned(),
        format!("ghcr.io/organisation/some/deeply/nested/image@{digest}"),
        format!("[2001:db8::1]:5000/image:tag@{digest}"),
    ];
    let mut group = criterion.benchmark_group("container-spec/image references");
    group.throughput(Throughput::Elements(texts.len().try_into().unwrap()));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| {
            let pinned = |text: &String| Normalized::parse(black_box(text)).unwrap().pinned().is_some();
            texts.iter().filter(|text| pinned(text)).count()
        });
    });
    group.finish();
}

/// What an engine has when `project` runs.
fn running(name: &str, project: &Project) -> Current {
    let mut current = Current::default();
    for (service, model) in &project.services {
        let digest = model.image.as_ref().unwrap().normalized().unwrap().pinned().unwrap();
        current.images.push(Image { id: digest.to_string(), digests: vec![digest] });
        current.containers.push(Container {
            id: service.clone(),
            name: format!("{name}-{service}-1"),
            service: service.clone(),
            number: 1,
            config_hash: Some(model.config_hash()),
            image_id: digest.to_string(),
            running: true,
            restart: "unless-stopped".into(),
        });
    }
    current
}

fn planning(criterion: &mut Criterion) {
    let load = |text: &str| compose::load(text, &Environment::new()).unwrap();
    let (old, new) = (load(COMPOSE), load(&COMPOSE.replace("sha256:4444", "sha256:abcd")));
    let options = Options::default();
    let (nothing, running) = (Current::default(), running("gateway", &old));
    let mut group = criterion.benchmark_group("container-spec/plan for 8 services");
    for (name, project, current) in [
        ("first start", &new, &nothing),
        ("one image is new", &new, &running),
        ("nothing to do", &old, &running),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| plan("gateway", black_box(project), current, &options).unwrap().steps.len());
        });
    }
    group.finish();
}

criterion_group!(benches, files, references, planning);
criterion_main!(benches);
