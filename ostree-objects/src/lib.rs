#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod checksum;
mod error;
mod gvariant;
mod hash;
mod name;
mod object;
mod object_type;
mod varint;

pub mod delta;
#[cfg(feature = "std")]
pub mod filez;
pub mod limits;
#[cfg(feature = "alloc")]
pub mod pull;
#[cfg(feature = "std")]
pub mod repo;
pub mod sign;
pub mod summary;
#[cfg(feature = "std")]
pub mod sysroot;

pub use checksum::{Checksum, ChecksumError, Hex, LoosePath};
pub use error::{Error, ErrorKind, StringRule};
pub use gvariant::{MetadataRef, VariantRef, VariantText};
pub use hash::{ContentHasher, Sha256Writer};
pub use limits::Limits;
pub use name::{Name, NameError};
pub use object::{
    BeyondSizes, CommitRef, DetachedRef, DirEntry, DirMetaRef, DirTreeRef, FileEntry, FileHeaderRef,
    FilezHeaderRef, ObjectSize, RelatedRef, SizesRef, SizesTotal, TombstoneRef, XattrsRef,
};
pub use object_type::{ObjectType, RepoMode};

#[cfg(feature = "alloc")]
pub use gvariant::{Variant, VariantError};
#[cfg(feature = "alloc")]
pub use name::NameBuf;
#[cfg(feature = "alloc")]
pub use object::{Clash, Commit, DirMeta, DirTree, DirTreeBuf, FileHeader, Sizes, SizesError, Xattrs};
