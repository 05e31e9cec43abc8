//! The crate from outside.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc
)]

mod apply;
mod crash;
mod deltas;
mod hostile;
mod hostile_repo;
mod limits;
mod oracles;
mod pull;
mod sign;
mod variant_text;
