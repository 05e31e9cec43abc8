//! The public interface, in pure Rust.
// Tests run on a host.
#![allow(missing_docs, clippy::unwrap_used, clippy::unwrap_in_result)]
#![allow(clippy::std_instead_of_alloc, clippy::std_instead_of_core)]

mod boot_image_update;
mod bootcount;
mod container;
mod golden;
mod model;
mod oracles;
mod power_cut;
mod round_trip;
mod slot_records;
mod transaction;
