//! Claims about other programs, tested against those programs.
#![cfg(feature = "alloc")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc
)]

mod canonical;
mod compose_config;
