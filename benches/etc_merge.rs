//! Hot paths of `etc-merge`.
#![allow(missing_docs)] // `criterion_group!` makes an undocumented function.

use criterion::{Criterion, criterion_group, criterion_main};

fn hot_paths(_criterion: &mut Criterion) {}

criterion_group!(benches, hot_paths);
criterion_main!(benches);
