//! The public interface, in pure Rust.
#![allow(missing_docs, clippy::unwrap_used)]

mod container;
mod golden;
mod oracles;
mod round_trip;
