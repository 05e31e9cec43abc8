//! The public interface, in pure Rust.
#![allow(missing_docs, clippy::unwrap_used, clippy::as_conversions)]

mod cases;
mod directories;
mod drivers;
#[path = "../common/random_trees.rs"]
mod random_trees;
mod recorded;
mod safe;
mod states;
