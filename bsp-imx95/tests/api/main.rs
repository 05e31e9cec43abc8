//! The public interface, in pure Rust.
#![allow(missing_docs, clippy::unwrap_used)]

mod golden;
mod oracles;
mod round_trip;
