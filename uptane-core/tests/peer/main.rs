//! What other implementations do with the same bytes. A missing tool fails the test.
#![allow(clippy::unwrap_used)]

mod canonical;
mod documents;
