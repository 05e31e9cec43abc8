//! Against the real tools: `ostree` and `git`.
#![allow(missing_docs, clippy::unwrap_used, clippy::as_conversions)]

mod deploy;
mod merge_file;
#[path = "../common/random_trees.rs"]
mod random_trees;
mod sysroot;
