//! The agent from outside: its commands, run as processes.
#![allow(clippy::unwrap_used, clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod boot_image;
mod boot_image_update;
mod bootenv;
mod compose;
mod demo;
mod device;
mod etc_merge;
mod ostree_tree;
mod output;
mod repositories;
mod resume;
#[path = "../common/server.rs"]
mod server;
mod tuf_client;
mod uptane;
mod uptane_repo;
