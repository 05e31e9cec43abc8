//! What other implementations do with the same bytes. A missing tool fails the test.
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc, clippy::std_instead_of_core)]

mod canonical;
mod documents;
