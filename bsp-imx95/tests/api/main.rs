//! The public interface, in pure Rust.
// Tests run on a host.
#![allow(missing_docs, clippy::unwrap_used, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]

mod bootcount;
mod golden;
mod oracles;
mod power_cut;
mod round_trip;
