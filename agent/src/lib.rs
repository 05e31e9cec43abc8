//! The agent: everything of an update that does I/O, and the command line on top of it.
//!
//! The five libraries decide; this crate fetches, stores, asks the clock and tells the user. See
//! `ARCHITECTURE.md` for the data flow of one update.
#![forbid(unsafe_code)]
// The agent runs on Linux only: there is no core-only tier to keep honest.
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, clippy::alloc_instead_of_core)]

pub mod atomic;
pub mod boot_image;
pub mod bootenv;
pub mod cli;
pub mod clock;
pub mod config;
pub mod containers;
pub mod demo;
pub mod device;
mod dialect;
pub mod files;
pub mod http;
pub mod metadata;
pub mod ostree_tree;
mod output;
pub mod pull;
pub mod report;
pub mod repository;
pub mod seed;
mod storage;
pub mod tuf_client;
pub mod update;
