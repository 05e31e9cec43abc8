#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(feature = "alloc")]
pub mod archive;
#[cfg(feature = "alloc")]
pub mod compose;
pub mod device;
pub mod digest;
pub mod duration;
#[cfg(feature = "alloc")]
pub mod engine;
pub mod oci;
#[cfg(feature = "alloc")]
pub mod plan;
pub mod platform;
pub mod port;
pub mod reference;
#[cfg(feature = "alloc")]
pub mod registry;
pub mod size;
pub mod volume;
