#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod canonical;
#[cfg(feature = "alloc")]
pub mod delegation;
pub mod dialect;
mod error;
pub mod json;
pub mod key;
#[cfg(feature = "alloc")]
pub mod manifest;
pub mod metadata;
pub mod multirepo;
#[cfg(feature = "alloc")]
pub mod primary;
#[cfg(feature = "alloc")]
pub mod registration;
#[cfg(feature = "alloc")]
pub mod repository;
pub mod secondary;
pub mod state;
pub mod stream;
pub mod target;
pub mod time;
pub mod trusted;
#[cfg(feature = "alloc")]
pub mod tuf;
mod vehicle;
mod verify;

pub use error::{AktualizrName, Error, ErrorKind, MAX_ROLE_NAME_BYTES, Repository, Role, RoleName, Step};
pub use time::UtcTime;
pub use vehicle::{Ecu, MAX_ASSIGNMENTS, check_assignments};
#[cfg(feature = "alloc")]
pub use verify::Owned;
pub use verify::{MAX_SIGNATURES, MAX_THRESHOLD, Signed, Signers, Verified};
