//! Every bound that is put on input, by name.
//!
//! libostree has none for depth, names' length or content, and 128 MiB for metadata (10 MiB before 2023).

/// Largest commit, dirtree or dirmeta that is read unless [`Limits`] says otherwise, in bytes.
///
/// libostree's `OSTREE_MAX_METADATA_SIZE` until 2023; it is 128 MiB since ([`MAX_METADATA_BYTES_CEILING`]).
pub const MAX_METADATA_BYTES: usize = 10 * 1024 * 1024;

/// Largest value that [`Limits::metadata_bytes`] may be set to, in bytes: libostree's own limit since 2023.
pub const MAX_METADATA_BYTES_CEILING: usize = 128 * 1024 * 1024;

/// Largest superblock of a static delta, with the parts that are in it, in bytes: what libostree fetches at most.
pub const MAX_SUPERBLOCK_BYTES: usize = MAX_METADATA_BYTES_CEILING;

/// Largest summary, or index of static deltas, in bytes: what libostree fetches at most.
pub const MAX_SUMMARY_BYTES: usize = MAX_METADATA_BYTES_CEILING;

/// Largest part of a static delta after inflating, in bytes. It is held in memory as a whole.
///
/// `ostree static-delta generate` ends a part at 32 MB of objects unless told otherwise, and leaves files of more than
/// 4 MB out.
pub const MAX_PART_UNPACKED_BYTES: usize = 128 * 1024 * 1024;

/// Most memory that inflating an `.xz` stream may take, in KiB: libostree's own limit. What it writes takes 33 MiB.
pub const XZ_MEMORY_KIB: u32 = 100 * 1024;

/// Most directories inside each other that are entered, the root of a commit included.
///
/// 256 levels of the shortest names already are an eighth of Linux' `PATH_MAX` of 4096.
pub const MAX_DEPTH: usize = 256;

/// Longest name of a file or directory, in bytes: Linux' `NAME_MAX`.
pub const MAX_NAME_BYTES: usize = 255;

/// Longest target of a symbolic link, in bytes: Linux' `PATH_MAX` less its NUL.
pub const MAX_SYMLINK_BYTES: usize = 4095;

/// Longest name of an extended attribute, in bytes without the NUL: Linux' `XATTR_NAME_MAX`.
pub const MAX_XATTR_NAME_BYTES: usize = 255;

/// Largest value of an extended attribute, in bytes: Linux' `XATTR_SIZE_MAX`.
pub const MAX_XATTR_VALUE_BYTES: usize = 65_536;

/// Largest header of a file object, in bytes: room for what Linux lets a file's extended attributes hold
/// (64 KiB of names, and as much again of values on the file systems in use), twice over.
pub const MAX_FILE_HEADER_BYTES: usize = 256 * 1024;

/// Deepest nesting of containers inside a value of the commit's metadata, and in a GVariant type string.
pub const MAX_VARIANT_DEPTH: usize = 64;

/// Longest GVariant type string, in bytes: the limit that D-Bus puts on signatures.
pub const MAX_TYPE_STRING_BYTES: usize = 255;

/// Longest number in a static delta's operations and in `ostree.sizes`, in bytes: ten times seven bits hold 64
/// (`ostree-varint.c`).
pub const MAX_VARINT_BYTES: usize = 10;

/// Longest entry of `ostree.sizes`, in bytes: a checksum, two numbers, and the type's number.
pub const MAX_SIZES_ENTRY_BYTES: usize = 32 + 2 * MAX_VARINT_BYTES + 1;

/// Most bytes of content that a file object may declare to be stored, before compression.
pub const MAX_CONTENT_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Most objects that one pull or walk of a commit may reach, unless [`Limits`] says otherwise.
///
/// An operating system has some ten thousands; each costs about 100 bytes of memory while pulling.
pub const MAX_OBJECTS: usize = 4 * 1024 * 1024;

/// Most files, links and directories that a checkout makes, or a walk visits, unless told otherwise.
///
/// A commit may name one directory in many places: with a depth of 256 and two names in each, a few kilobytes stand
/// for more entries than there are atoms.
pub const MAX_CHECKOUT_ENTRIES: u64 = 4 * 1024 * 1024;

/// Most bytes of content that a checkout copies unless told otherwise.
pub const MAX_CHECKOUT_BYTES: u64 = 64 * 1024 * 1024 * 1024;

/// Largest record of a staged deployment that is read, in bytes.
///
/// It names two deployments and the kernel's arguments, of which Linux takes 4096 bytes at most (`COMMAND_LINE_SIZE`).
pub const MAX_STAGED_BYTES: usize = 16 * 1024;

/// Most symbolic links of a commit that are followed to a file, as Linux has it (path_resolution(7)).
pub const MAX_LINKS: usize = 40;

/// The limits that a caller may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Largest metadata object, in bytes. Values above [`MAX_METADATA_BYTES_CEILING`] act as that.
    pub metadata_bytes: usize,
    /// Most directories inside each other, the root of a commit included. Values above [`MAX_DEPTH`] act as
    /// that.
    pub depth: usize,
    /// Most objects of one commit.
    pub objects: usize,
}

impl Limits {
    /// The defaults: [`MAX_METADATA_BYTES`], [`MAX_DEPTH`], [`MAX_OBJECTS`].
    pub const DEFAULT: Self =
        Self { metadata_bytes: MAX_METADATA_BYTES, depth: MAX_DEPTH, objects: MAX_OBJECTS };

    /// The largest metadata object these limits allow, in bytes.
    #[must_use]
    pub fn metadata_bytes(&self) -> usize {
        self.metadata_bytes.min(MAX_METADATA_BYTES_CEILING)
    }

    /// The deepest directory these limits allow.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth.min(MAX_DEPTH)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
