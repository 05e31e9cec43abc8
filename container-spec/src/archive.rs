//! Archives of images, as `docker save` writes them: verified member by member against pinned digests.
//!
//! Both forms are read: that of Docker up to 24 (`HEX.json`, `LAYER/layer.tar`) and that of 25 and later, an
//! OCI layout with a `manifest.json`. The bytes come in as a stream and are read once; layers are hashed, never
//! kept. An engine answers 200 to a truncated archive too, so what is loaded must be verified before.
//!
//! Two passes. [`Reader`] reads all of it and [`Reader::finish`] tells what it holds; nothing in it may lie
//! outside of what was pinned. [`Guard`] then stands between the file and the engine: it holds the end of the
//! archive back until the whole of it proves to be the same bytes, so that what was verified is what is loaded.

mod check;
mod error;
mod guard;
mod reader;
mod tar;

pub use check::{Loadable, Pinned, Verified};
pub use error::{ArchiveError, ArchiveErrorKind};
pub use guard::Guard;
pub use reader::Reader;

/// Most bytes of one JSON member.
pub const MAX_JSON_MEMBER_BYTES: u64 = 1 << 20;

/// Most bytes of all JSON members together.
pub const MAX_JSON_BYTES: u64 = 8 << 20;

/// Most members of an archive: an image of Docker has 127 layers at most, and an archive may hold several.
pub const MAX_MEMBERS: usize = 4096;

/// Longest path of a member, in bytes.
pub const MAX_PATH_BYTES: usize = 512;

/// Most bytes behind the content of the last file: members without content, and the zeros that fill the last record
/// of the tape. The guard holds them.
pub const MAX_TAIL_BYTES: u64 = 1 << 20;

/// Bytes at the end of an archive that are held back until all of it is proven.
pub const HELD_BYTES: usize = 256 << 10;
