//! The public interface, in pure Rust.
#![allow(missing_docs, clippy::unwrap_used, clippy::as_conversions)]

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
