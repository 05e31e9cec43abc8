//! The objects, each as a view of borrowed bytes and, with `alloc`, as an owned value that encodes itself.

mod commit;
mod detached;
mod dirmeta;
mod dirtree;
mod file;
mod sizes;
mod tombstone;
mod xattrs;

pub use commit::{CommitRef, RelatedRef};
pub use detached::DetachedRef;
#[cfg(feature = "alloc")]
pub(crate) use detached::ED25519_KEY;
pub use dirmeta::DirMetaRef;
pub(crate) use dirmeta::Owner;
#[cfg(feature = "std")]
pub(crate) use dirmeta::write_owner;
pub use dirtree::{DirEntry, DirTreeRef, FileEntry};
#[cfg(feature = "std")]
pub(crate) use file::FRAME_BYTES;
pub use file::{FileHeaderRef, FilezHeaderRef};
#[cfg(feature = "std")]
pub(crate) use sizes::SIZES_KEY;
pub use sizes::{BeyondSizes, ObjectSize, SizesRef, SizesTotal};
pub use tombstone::TombstoneRef;
pub use xattrs::XattrsRef;

#[cfg(feature = "alloc")]
pub use commit::Commit;
#[cfg(feature = "alloc")]
pub use dirmeta::DirMeta;
#[cfg(feature = "alloc")]
pub use dirtree::{Clash, DirTree, DirTreeBuf};
#[cfg(feature = "alloc")]
pub use file::FileHeader;
#[cfg(feature = "alloc")]
pub use sizes::{Sizes, SizesError};
#[cfg(feature = "alloc")]
pub use xattrs::Xattrs;

use crate::gvariant::Span;
use crate::{Error, ErrorKind, Limits};

/// The type bits of a mode.
pub(crate) const S_IFMT: u32 = 0o170_000;
/// The mode of a directory.
pub(crate) const S_IFDIR: u32 = 0o040_000;
/// The mode of a regular file.
pub(crate) const S_IFREG: u32 = 0o100_000;
/// The mode of a symbolic link.
pub(crate) const S_IFLNK: u32 = 0o120_000;

/// The whole of a metadata object, if it is within the limits.
pub(crate) fn metadata_span<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Span<'a>, Error> {
    let span = Span::new(bytes);
    let limit = limits.metadata_bytes();
    if bytes.len() > limit {
        return Err(span.error(0, ErrorKind::TooLarge { limit, actual: bytes.len() }));
    }
    Ok(span)
}
