//! Claims about other programs, tested against those programs.
#![cfg(feature = "alloc")]
#![allow(missing_docs, clippy::unwrap_used, clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod canonical;
