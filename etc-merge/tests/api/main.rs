//! The public interface, in pure Rust.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::as_conversions,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc
)]

mod cases;
mod crash;
mod directories;
mod drivers;
mod install;
mod oracles;
mod power;
#[path = "../common/random_trees.rs"]
mod random_trees;
mod recorded;
mod safe;
mod states;
