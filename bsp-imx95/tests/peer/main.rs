//! Against the real tools: what they write we read, what we write they read.
// Tests run on a host.
#![allow(missing_docs, clippy::unwrap_used, clippy::unwrap_in_result)]
#![allow(clippy::std_instead_of_alloc, clippy::std_instead_of_core)]

mod alternate;
mod boot_container;
mod fw_env;
mod mkenvimage;
mod ostree_uboot;
mod power_cut;
mod rauc;
mod raw_rules;
mod uboot;
