//! Against the real `ostree` (Debian 12: 2022.7), which must be installed.
#![allow(
    missing_docs,
    clippy::unwrap_in_result,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc
)]

mod checkout;
mod deltas;
mod links;
mod lock;
mod prune;
mod random;
mod reflinks;
mod repository;
mod retention;
mod sign;
#[cfg(feature = "zlib")]
mod sizes;
mod space;
mod staged;
mod sysroot;
mod tombstones;
mod tree;
