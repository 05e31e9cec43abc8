//! Against the real tools: `ostree` and `git`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::as_conversions,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc
)]

mod deploy;
mod escape;
mod merge_file;
#[path = "../common/random_trees.rs"]
mod random_trees;
mod sysroot;
