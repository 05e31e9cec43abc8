//! A tree as the planner sees it: ordered cursors, one a directory, that need no memory of their own.

#[cfg(feature = "std")]
pub(crate) mod directory;
#[cfg(feature = "std")]
pub(crate) mod index;
pub(crate) mod list;
#[cfg(feature = "alloc")]
pub(crate) mod memory;
pub(crate) mod overlay;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::digest::Digest;
use crate::error::SourceError;
use crate::limits::MAX_NAME_BYTES;

/// What kind of file an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link. It is never followed.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A Unix socket.
    Socket,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
}

impl Kind {
    /// Whether it is neither file, symlink nor directory. OSTree cannot hold such a file, and no merge
    /// carries one over.
    #[must_use]
    pub const fn is_special(self) -> bool {
        matches!(self, Self::Fifo | Self::Socket | Self::CharacterDevice | Self::BlockDevice)
    }

    /// Whether it is a file or a symlink: something with content to carry over.
    #[must_use]
    pub const fn is_leaf(self) -> bool {
        matches!(self, Self::File | Self::Symlink)
    }
}

/// An entry's metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky (`0o7777`). Always `0o777` for a symlink.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The content's length in bytes: of a file, or of a symlink's target; otherwise 0.
    pub size: u64,
    /// When the content changed, in seconds since 1970. It is carried over, never compared.
    pub mtime: i64,
    /// The nanoseconds of [`mtime`](Self::mtime).
    pub mtime_nanoseconds: u32,
}

impl Meta {
    /// Metadata of a `kind` owned by root, with the mode that such a file usually has, empty, of 1970.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        let mode = match kind {
            Kind::Directory => 0o755,
            Kind::Symlink => 0o777,
            _ => 0o644,
        };
        Self { kind, mode, uid: 0, gid: 0, size: 0, mtime: 0, mtime_nanoseconds: 0 }
    }
}

/// A tree of files that can be walked in order. See [`Cursor`].
pub trait Tree {
    /// The tree's cursor.
    type Cursor<'t>: Cursor
    where
        Self: 't;

    /// A cursor before the tree's root: its only entry is the root directory, with an empty name.
    ///
    /// # Errors
    /// If the root cannot be read.
    fn root(&self) -> Result<Self::Cursor<'_>, SourceError>;
}

/// A position in one directory. It starts before the first entry.
///
/// Entries come in strictly increasing byte order of their names. All methods but [`advance`](Self::advance)
/// speak of the current entry and are called only after `advance` returned true.
pub trait Cursor: Sized {
    /// Moves to the next entry; false if there is none.
    ///
    /// # Errors
    /// If the directory or the entry cannot be read.
    fn advance(&mut self) -> Result<bool, SourceError>;

    /// The entry's name; empty for the root.
    fn name(&self) -> &[u8];

    /// The entry's metadata.
    fn meta(&self) -> Meta;

    /// A cursor before the first entry of the current directory.
    ///
    /// # Errors
    /// If it is no directory or cannot be opened.
    fn descend(&self) -> Result<Self, SourceError>;

    /// Reads content (of a file) or the target (of a symlink) from byte `offset` on into `buffer` and
    /// returns how many bytes it wrote there; 0 only at the end, or for an empty buffer.
    ///
    /// # Errors
    /// If it cannot be read.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError>;

    /// Calls `visit` with each extended attribute's name and value, in byte order of the names.
    ///
    /// # Errors
    /// If they cannot be read.
    fn xattrs(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), SourceError>;

    /// The digest of the content, if it is known without reading the content.
    fn known_digest(&self) -> Option<Digest> {
        None
    }

    /// Makes sure, after the content was read, that the entry is still what [`meta`](Self::meta) said: what is copied
    /// must be one version of a file, its content with its own mode.
    ///
    /// # Errors
    /// [`SourceError::Changed`] if it is not.
    fn check_unchanged(&self) -> Result<(), SourceError> {
        Ok(())
    }

    /// What tells the entry from all others, such as device and inode: two cursors that return the same
    /// value stand on the same file, with the same content and metadata.
    fn identity(&self) -> Option<[u64; 2]> {
        None
    }

    /// A value that is equal for directories with equal content all the way down (names, content and
    /// metadata), such as an OSTree dirtree checksum. Equal subtrees are then not read.
    fn subtree(&self) -> Option<Digest> {
        None
    }

    /// The digest of the content (of a file) or of the target (of a symlink).
    ///
    /// # Errors
    /// If it cannot be read.
    fn digest(&self) -> Result<Digest, SourceError> {
        match self.known_digest() {
            Some(digest) => Ok(digest),
            None => content_digest(self),
        }
    }

    /// The digest of all extended attributes; `None` if there are none.
    ///
    /// # Errors
    /// If they cannot be read.
    fn xattrs_digest(&self) -> Result<Option<Digest>, SourceError> {
        xattrs_digest(self)
    }
}

/// The digest of the content (of a file) or of the target (of a symlink), by reading all of it; for cursors that
/// remember digests.
///
/// # Errors
/// If it cannot be read.
pub fn content_digest<C: Cursor>(cursor: &C) -> Result<Digest, SourceError> {
    let mut hash = Sha256::new();
    let mut buffer = [0; 2048];
    let mut offset = 0_u64;
    loop {
        let length = cursor.read(offset, &mut buffer)?;
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return Ok(Digest::finish(hash));
        };
        hash.update(bytes);
        offset =
            u64::try_from(length).ok().and_then(|n| offset.checked_add(n)).ok_or(SourceError::Changed)?;
    }
}

/// The digest of all extended attributes, by reading them; `None` if there are none. For cursors that remember it.
///
/// # Errors
/// If they cannot be read.
pub fn xattrs_digest<C: Cursor>(cursor: &C) -> Result<Option<Digest>, SourceError> {
    let mut hash = None;
    cursor.xattrs(&mut |name, value| {
        let hash = hash.get_or_insert_with(Sha256::new);
        for part in [name, value] {
            // Lengths first: no two lists give the same stream.
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(part);
        }
    })?;
    Ok(hash.map(Digest::finish))
}

/// Whether `name` can be one component of a path.
pub(crate) fn is_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name != b"."
        && name != b".."
        && !name.iter().any(|&byte| byte == b'/' || byte == 0)
}
