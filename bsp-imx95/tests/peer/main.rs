//! Against the real tools: what they write we read, what we write they read.
#![allow(missing_docs, clippy::unwrap_used)]

mod fw_env;
mod mkenvimage;
mod ostree_uboot;
