//! What only the tests of this workspace need: wrappers of the real tools, a real engine, a counting allocator,
//! and one oracle a fuzz target.
// Tests run on a host: nothing here is ever `no_std`.
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

pub mod count_alloc;
pub mod dockerd;
pub mod files;
pub mod oracle;
pub mod power;
pub mod stack;
pub mod tools;

/// The examples of the workspace's README, which `cargo test --doc` compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug, Clone, Copy)]
pub struct Readme;
