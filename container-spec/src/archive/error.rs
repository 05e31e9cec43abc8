//! What can be wrong with an archive.

use super::{MAX_JSON_BYTES, MAX_JSON_MEMBER_BYTES, MAX_MEMBERS, MAX_PATH_BYTES};
use crate::compose::Word;
use crate::digest::Sha256;
use crate::oci::OciError;

/// Something wrong in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at_bytes}: {name}: {kind}")]
pub struct ArchiveError {
    /// Where the member starts in the archive, or where reading stopped.
    pub at_bytes: u64,
    /// The member, or what is missing.
    pub name: Word,
    /// What is wrong.
    pub kind: ArchiveErrorKind,
}

/// The ways in which an archive is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveErrorKind {
    /// It ended within a member, or without the blocks that end an archive.
    #[error("the archive is cut off")]
    CutOff,
    /// A header whose checksum is wrong.
    #[error("the header's checksum is wrong")]
    Checksum,
    /// A header with a field that is no number, or an extended header of another form.
    #[error("the header is damaged")]
    Header,
    /// Bytes after the end that are not zero.
    #[error("there is something after the end")]
    Trailing,
    /// More behind the content of the last file than is held in memory until all is proven.
    #[error("more than {limit} bytes behind the last file")]
    LongTail {
        /// [`super::MAX_TAIL_BYTES`].
        limit: u64,
    },
    /// A path that is absolute, leaves the archive, or is no text.
    #[error("the path is not safe")]
    UnsafePath,
    /// A path of more than [`MAX_PATH_BYTES`].
    #[error("the path has more than {MAX_PATH_BYTES} bytes")]
    LongPath,
    /// A link that leads out of the archive, to nothing, or in a circle.
    #[error("the link leads nowhere within the archive")]
    BadLink,
    /// Neither a file, a directory nor a link.
    #[error("members of type {0} have no place in an archive of images")]
    MemberType(u8),
    /// The same path twice.
    #[error("the path occurs twice")]
    Duplicate,
    /// More than [`MAX_MEMBERS`].
    #[error("more than {MAX_MEMBERS} members")]
    TooManyMembers,
    /// A JSON member of more than [`MAX_JSON_MEMBER_BYTES`].
    #[error("{bytes} bytes of JSON, at most {MAX_JSON_MEMBER_BYTES} are allowed")]
    LargeJson {
        /// Its length in bytes.
        bytes: u64,
    },
    /// All JSON members together have more than [`MAX_JSON_BYTES`].
    #[error("the JSON of the archive has more than {MAX_JSON_BYTES} bytes")]
    TooMuchJson,
    /// A member that must be there is missing.
    #[error("the member is missing")]
    Missing,
    /// `manifest.json` is no list of images.
    #[error("not a list of images")]
    NotImages,
    /// A blob whose content is not what its name says.
    #[error("the content is {actual}")]
    Content {
        /// What it is.
        actual: Sha256,
    },
    /// An index, manifest or config that is not what it should be.
    #[error(transparent)]
    Oci(OciError),
    /// A layer that is not the one of the config.
    #[error("not the layer {expected} of the config")]
    Layer {
        /// What the config says.
        expected: Sha256,
    },
    /// Config or manifest name another number of layers.
    #[error("{actual} layers, the config has {expected}")]
    LayerCount {
        /// In the config.
        expected: usize,
        /// In the archive.
        actual: usize,
    },
    /// An image that nobody asked for.
    #[error("the image {config} is not one of those that are pinned")]
    Unwanted {
        /// The digest of its config.
        config: Sha256,
    },
    /// A pinned image that is not in the archive.
    #[error("the archive does not hold {pinned}")]
    NotFound {
        /// Its digest.
        pinned: Sha256,
    },
    /// An image that is wanted without a sha256 digest.
    #[error("the image is not pinned by a sha256 digest")]
    NotPinned,
    /// Nothing tells which config the pinned digest leads to.
    #[error("nothing in the archive or beside it leads from {pinned} to an image for this platform")]
    Unproven {
        /// Its digest.
        pinned: Sha256,
    },
    /// A name that the archive would give to an image, and that belongs to another one.
    #[error("the archive would name an image so, but it is another one's name")]
    ForeignTag,
    /// A second pass over other bytes than the first.
    #[error("the archive changed since it was verified")]
    Changed,
}

impl ArchiveError {
    pub(super) fn new(at_bytes: u64, name: &str, kind: ArchiveErrorKind) -> Self {
        Self { at_bytes, name: Word::new(name), kind }
    }
}
