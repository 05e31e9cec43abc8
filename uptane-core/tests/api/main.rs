//! The crate from outside: whole verifications of metadata that its own signing side made.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc
)]

mod attacks;
mod cycle;
mod defects;
mod delegations;
mod encrypted;
mod expectations;
mod factory;
mod keys;
mod lockbox;
mod roots;
mod rsa_chain;
mod secondary;
mod seeds;
mod signers;
mod state;
mod stream;
mod stream_agrees;
mod stream_verifier;
mod tuf;
mod tuf_repository;
