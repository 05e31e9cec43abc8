//! Tests of the public API that need nothing but Rust.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc
)]

#[cfg(feature = "alloc")]
mod archive;
#[cfg(feature = "alloc")]
mod compose;
mod digest;
#[cfg(feature = "alloc")]
mod engine;
mod forms;
#[cfg(feature = "alloc")]
mod interpolation;
#[cfg(feature = "alloc")]
mod loader;
#[cfg(feature = "alloc")]
mod merge;
#[cfg(feature = "alloc")]
mod oci;
#[cfg(feature = "alloc")]
mod plan;
mod reference;
#[cfg(feature = "alloc")]
mod registry;
#[cfg(feature = "alloc")]
mod schema;
#[cfg(feature = "alloc")]
mod seeds;
#[cfg(feature = "alloc")]
mod yaml;
