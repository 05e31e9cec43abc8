//! Static deltas: what a commit needs beyond another one, in a few files.
//!
//! A *superblock* names both commits and lists *parts*; a part holds objects, or how to make them from objects
//! that are there (`ostree-repo-static-delta-*.c`). Nothing of a superblock is covered by the checksum of the commit
//! that was asked for: it is as trustworthy as the server. What is made from it is compared with its name, object
//! by object, and only a walk of the commit shows that nothing is missing.

mod index;
mod name;
mod part;
mod superblock;

pub use index::{DeltaIndexRef, DeltasRef};
pub use name::{DeltaName, DeltaPath};
pub use part::{Compression, FileMode, PartRef};
pub use superblock::{ByteOrder, Fallback, PartHeaderRef, PartObject, SignedSuperblockRef, SuperblockRef};
