#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

// What is stored.
pub mod bootcount;
pub mod container;
pub mod emmc;
pub mod env;
pub mod fw_env_config;
pub mod layout;

// What is decided.
#[cfg(feature = "alloc")]
pub mod boot_entry;
#[cfg(feature = "alloc")]
pub mod boot_script;
pub mod bootloader;
pub mod slot;

mod checksum;
mod number;

pub(crate) use checksum::crc32;
