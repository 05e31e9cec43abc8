//! The public interface, in pure Rust.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::as_conversions,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc
)]

mod ahead;
mod cases;
mod changing;
mod crash;
mod directories;
mod drivers;
mod fresh;
mod install;
mod limits;
mod oracles;
mod overlay;
mod power;
#[path = "../common/random_trees.rs"]
mod random_trees;
mod recorded;
mod rows;
mod safe;
mod serial;
mod states;
