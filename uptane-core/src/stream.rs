//! Targets metadata that is never in memory: hashed, verified and searched for one image while it passes.
//!
//! The memory is the caller's and does not depend on how many images are listed: a window that holds the largest
//! single entry, room for the entry that is looked for, an index for members out of order inside of one entry.
//! What was found is released only when the signatures hold.
//!
//! | the document | what serves |
//! |---|---|
//! | `signatures` first, members of `signed` and of `targets` in order | [`verify_targets`]: one pass |
//! | members of `signed` out of order, or `signatures` after it | [`verify_targets_seek`]: two passes |
//! | the map of images itself out of order | [`Unsuited::OutOfOrder`]: read it as a whole ([`crate::trusted`]) |
//!
//! An Ed25519 signature is part of what is hashed in front of the message (RFC 8032, 5.1.7), so a document that
//! has its signatures last can only be verified from its second pass on. White space, escapes and members out of
//! order inside of an entry that fits the window cost nothing but the time to re-write it.
//!
//! Signatures are checked by the verifier that the dialect names, all of them at once while the message passes.
//!
//! The second pass may be shown other bytes than the first, by a medium that was made for it. Each member that it
//! reads must therefore have the hash it had in the first; what is released comes from one pass alone.

mod digests;
mod facts;
mod passes;

use embedded_io::{Read, Seek};

use crate::canonical::{Form, MemberIndex, Sink};
use crate::dialect::Dialect;
use crate::error::{Error as Refusal, ErrorKind, Place, Step};
use crate::json::JsonError;
use crate::json::reader::{CanonicalTo, Reader};
use crate::metadata::MetaFile;
use crate::metadata::targets::Target;
use crate::time::UtcTime;
use crate::trusted::Baseline;
use crate::verify::{Signers, Verified};

/// Most signatures by the role's keys in a document that is streamed: each is one check in progress. A document
/// with more of them is left to the buffered path.
pub const MAX_STREAMED_SIGNATURES: usize = 8;

/// Most members that `signed` may have out of order: Targets metadata has seven.
pub const MAX_SIGNED_MEMBERS: usize = 16;

/// Longest key of such a member, in bytes.
pub const MAX_MEMBER_KEY_BYTES: usize = 32;

/// Why a document cannot be verified in this way. It may be perfectly valid: read it as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsuited {
    /// Members of a long object are out of order.
    #[error("members of a long object are out of order at byte {offset}")]
    OutOfOrder {
        /// Where, in bytes from the start of the document.
        offset: u64,
    },
    /// `signatures` stands after `signed`, and there is no second pass.
    #[error("the signatures stand after what they sign")]
    SignaturesLast,
    /// The document has members beside `signatures` and `signed`.
    #[error("the document has other members than signatures and signed")]
    Envelope,
    /// Something that must be held as a whole is longer than the room for it.
    #[error("something longer than its room of {limit} bytes")]
    TooLong {
        /// The room, in bytes.
        limit: usize,
    },
    /// A small object has more members out of order than the index holds.
    #[error("more members out of order than the index of {limit} holds")]
    IndexFull {
        /// What the index holds.
        limit: usize,
    },
    /// More than [`MAX_STREAMED_SIGNATURES`] signatures, or more than [`MAX_SIGNED_MEMBERS`] members of `signed`.
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The signatures do not hold over the first canonical form, and the text is one that has another.
    #[error("the canonical form in use may be another one")]
    OtherForm,
}

/// Why a document was not passed on to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure<E> {
    /// The reader failed.
    #[error("reading failed")]
    Io(E),
    /// It is not JSON that this crate reads.
    #[error("{0}")]
    Json(JsonError),
    /// It is longer than allowed.
    #[error("larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// It cannot be streamed.
    #[error("{0}")]
    Unsuited(Unsuited),
}

impl<E> From<Unsuited> for Failure<E> {
    fn from(unsuited: Unsuited) -> Self {
        Self::Unsuited(unsuited)
    }
}

/// Why no target was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error<E> {
    /// The reader failed.
    #[error("reading failed")]
    Io(E),
    /// The metadata is refused.
    #[error("{0}")]
    Refused(Refusal),
    /// It cannot be judged in this way: read it as a whole.
    #[error("not to be streamed: {0}")]
    Unsuited(Unsuited),
    /// The second pass was shown other bytes than the first.
    #[error("the document changed while it was read")]
    Changed,
}

impl<E> From<Refusal> for Error<E> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E> From<Unsuited> for Error<E> {
    fn from(unsuited: Unsuited) -> Self {
        Self::Unsuited(unsuited)
    }
}

impl<E> Error<E> {
    fn at(place: Place) -> impl Fn(Failure<E>) -> Self {
        move |failure| match failure {
            Failure::Io(error) => Self::Io(error),
            Failure::Json(error) => Self::Refused(place.refuse(Step::Parse, error)),
            Failure::TooLarge { limit } => {
                Self::Refused(place.refuse(Step::G1, ErrorKind::TooLarge { limit }))
            }
            Failure::Unsuited(unsuited) => Self::Unsuited(unsuited),
        }
    }
}

/// What Targets metadata must be, from what is trusted already: see [`crate::trusted::Listed::expect_targets`].
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    pub(crate) place: Place,
    pub(crate) signers: Signers<'a>,
    pub(crate) named: Option<MetaFile>,
    pub(crate) now: UtcTime,
    pub(crate) trusted: Option<Baseline>,
}

impl Expected<'_> {
    /// What the content is compared with if it has the same version. A Snapshot that gives hashes says which content
    /// is current; only without it, content must not change under one version.
    fn compared(&self) -> Option<Baseline> {
        self.trusted.filter(|_| self.named.is_none_or(|named| named.hashes.is_empty()))
    }
}

/// The caller's memory.
#[derive(Debug)]
pub struct Room<'w, 'b, I> {
    /// Must hold the largest entry of `targets`, and `signatures`; more makes for longer pieces.
    pub window: &'w mut [u8],
    /// Must hold the entry that is looked for, its name included.
    pub found: &'b mut [u8],
    /// For members out of order inside of what fits the window.
    pub index: &'w mut I,
}

/// What was established.
#[derive(Clone, Copy, Debug)]
pub struct Streamed<'b> {
    /// The version of the metadata.
    pub version: u64,
    /// When it expires.
    pub expires: UtcTime,
    /// The image that was looked for, if it is listed.
    pub target: Option<Target<'b>>,
    /// Whether the metadata delegates: an image that is not listed may be listed elsewhere.
    pub delegates: bool,
}

/// Verifies Targets metadata of at most `limit` bytes in one pass and looks `name` up in it (Check Targets 1 to 5).
///
/// # Errors
/// If the metadata is refused, or cannot be judged in one pass.
pub fn verify_targets<'b, D: Dialect, R: Read, I: MemberIndex>(
    source: &mut R,
    expected: &Expected<'_>,
    name: &str,
    limit: u64,
    room: Room<'_, 'b, I>,
) -> Result<Verified<Streamed<'b>>, Error<R::Error>> {
    let signatures = digests::Signatures::new();
    let mut search = passes::Search::<D, I>::new(expected, name, limit, room, &signatures);
    search.only(source)?;
    search.conclude()
}

/// As [`verify_targets`], with a second pass if the first finds members of `signed` out of order, or the
/// signatures behind it. `source` starts with the document.
///
/// # Errors
/// If the metadata is refused, or cannot be judged in two passes.
pub fn verify_targets_seek<'b, D: Dialect, R: Read + Seek, I: MemberIndex>(
    source: &mut R,
    expected: &Expected<'_>,
    name: &str,
    limit: u64,
    room: Room<'_, 'b, I>,
) -> Result<Verified<Streamed<'b>>, Error<R::Error>> {
    let signatures = digests::Signatures::new();
    let mut search = passes::Search::<D, I>::new(expected, name, limit, room, &signatures);
    search.first_and_second(source)?;
    search.conclude()
}

/// Writes the canonical form of the document that `source` reads into `sink`: [`crate::canonical::write`] for
/// what is longer than memory. Objects that do not fit `window` must have their members in order.
///
/// # Errors
/// If the document is not JSON, is longer than `limit` bytes, or cannot be streamed.
pub fn canonicalise<R: Read, I: MemberIndex, S: Sink>(
    source: &mut R,
    form: Form,
    limit: u64,
    (window, index): (&mut [u8], &mut I),
    sink: &mut S,
) -> Result<(), Failure<R::Error>> {
    let mut reader = Reader::new(source, CanonicalTo(sink), (window, index), form, (0, limit))?;
    reader.copy()?;
    reader.finish()
}
