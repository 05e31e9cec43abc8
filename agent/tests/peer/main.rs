//! What the agent writes and prints, beside the real tools.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc
)]

mod bootenv;
mod containers;
mod deltas;
mod demo;
mod flash;
mod ostree;
mod pulls;

#[path = "../common/server.rs"]
mod server;
mod tls;
mod tuf;
mod tuf_entries;
mod tuf_keys;
