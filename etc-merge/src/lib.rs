#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "std")]
pub mod apply;
mod digest;
#[cfg(feature = "alloc")]
pub mod driver;
mod errno;
mod error;
mod limits;
#[cfg(feature = "alloc")]
mod merged;
mod path;
mod plan;
mod policy;
#[cfg(feature = "alloc")]
mod report;
#[cfg(feature = "alloc")]
mod resolve;
mod step;
mod totals;
mod tree;

#[cfg(feature = "std")]
pub use apply::{ApplyError, merge_directories};
pub use digest::Digest;
pub use error::{PlanError, Side, SourceError};
pub use limits::{MAX_DEPTH, MAX_NAME_BYTES, MAX_PATH_BYTES};
#[cfg(feature = "alloc")]
pub use merged::{MergeError, merge_in_memory};
pub use path::PathText;
pub use plan::{Plan, Workspace, plan};
pub use policy::{Driver, Policy, Rule, Treatment, glob_matches};
#[cfg(feature = "alloc")]
pub use report::{OwnedStep, Report};
pub use step::{
    Action, Class, Conflict, ConflictKind, Content, Lost, Place, Refusal, Resolution, Row, Step, Xattrs,
};
pub use totals::Totals;
#[cfg(feature = "std")]
pub use tree::directory::DirectoryTree;
#[cfg(feature = "std")]
pub use tree::index::{Index, RACY_SECONDS};
pub use tree::list::{ListEntry, ListError, ListErrorKind, ListTree};
#[cfg(feature = "alloc")]
pub use tree::memory::{MemoryError, MemoryTree, Node};
pub use tree::overlay::{OverlayCursor, OverlayTree};
pub use tree::{Cursor, Kind, Meta, Tree, content_digest, xattrs_digest};
