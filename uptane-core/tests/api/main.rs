//! The crate from outside: whole verifications of metadata that its own signing side made.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc
)]

mod attacks;
mod cycle;
mod factory;
mod lockbox;
mod roots;
mod secondary;
mod seeds;
mod state;
mod stream;
