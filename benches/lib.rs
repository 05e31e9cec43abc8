//! Criterion benches, one file a crate: `cargo bench -p ota-benches`.
