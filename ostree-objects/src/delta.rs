//! Static deltas: what a commit needs beyond another one, in a few files.
//!
//! A *superblock* names both commits and lists *parts*; a part holds objects, or how to make them from objects
//! that are there (`ostree-repo-static-delta-*.c`). Nothing of a superblock is covered by the checksum of the commit
//! that was asked for: it is as trustworthy as the server. What is made from it is compared with its name, object
//! by object, and only a walk of the commit shows that nothing is missing.

#[cfg(feature = "alloc")]
mod apply;
#[cfg(feature = "alloc")]
mod bspatch;
#[cfg(feature = "alloc")]
mod build;
#[cfg(feature = "alloc")]
mod content;
#[cfg(feature = "alloc")]
mod diff;
#[cfg(feature = "alloc")]
mod error;
mod index;
mod name;
#[cfg(feature = "alloc")]
mod ops;
mod part;
mod superblock;
#[cfg(feature = "alloc")]
mod unpack;

pub use index::{DeltaIndexRef, DeltasRef};
pub use name::{DeltaName, DeltaPath};
pub use part::{Compression, FileMode, PartRef};
pub use superblock::{ByteOrder, Fallback, PartHeaderRef, PartObject, SignedSuperblockRef, SuperblockRef};

#[cfg(feature = "alloc")]
pub use apply::{Budget, Objects, ReadContent, apply_part, apply_unpacked};
#[cfg(feature = "alloc")]
pub use build::{BuiltPart, PartBuilder, SuperblockBuilder};
#[cfg(feature = "alloc")]
pub use error::{ApplyError, DeltaError, OperationRule};
#[cfg(feature = "alloc")]
pub use ops::{Operation, Operations, Range};
#[cfg(feature = "alloc")]
pub use unpack::unpack;
