//! Why metadata is refused: who is to blame, at which step, with both values.

mod aktualizr;

use core::fmt;

pub use aktualizr::AktualizrName;

use crate::json::JsonError;
use crate::time::UtcTime;

/// Which of Uptane's two repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Repository {
    /// The Director: what this vehicle is to install. A plain TUF repository is checked as the other one.
    Director,
    /// The Image repository: what exists at all.
    Image,
}

/// A role that signs metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Root: which keys sign for whom.
    Root,
    /// Timestamp: which snapshot is current.
    Timestamp,
    /// Snapshot: which versions belong together.
    Snapshot,
    /// Targets: which images there are.
    Targets,
    /// Snapshot of the Director's offline updates (PURE-2).
    OfflineSnapshot,
    /// One offline update, the targets of a Lockbox (PURE-2).
    OfflineUpdates,
    /// Targets to which others delegated, by the name of the delegated role.
    Delegated(RoleName),
}

/// Longest part of a delegated role's name that an error holds, in bytes.
pub const MAX_ROLE_NAME_BYTES: usize = 31;

/// The name of a delegated role, or its beginning: errors are small and own what they say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName {
    length: u8,
    bytes: [u8; MAX_ROLE_NAME_BYTES],
}

impl RoleName {
    /// The first [`MAX_ROLE_NAME_BYTES`] of `name`, whole characters only.
    #[must_use]
    pub fn new(name: &dyn fmt::Display) -> Self {
        struct Prefix(RoleName);
        impl fmt::Write for Prefix {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                for character in text.chars() {
                    let start = usize::from(self.0.length);
                    let end = start + character.len_utf8();
                    character.encode_utf8(self.0.bytes.get_mut(start..end).ok_or(fmt::Error)?);
                    self.0.length = u8::try_from(end).map_err(|_| fmt::Error)?;
                }
                Ok(())
            }
        }
        let mut prefix = Prefix(Self { length: 0, bytes: [0; MAX_ROLE_NAME_BYTES] });
        // What does not fit is left out.
        let _ = fmt::write(&mut prefix, format_args!("{name}"));
        prefix.0
    }

    /// The name, or its beginning.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Debug for RoleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

impl Role {
    /// The role's name, as Root metadata and file names write it; of a delegated role, what it is.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Timestamp => "timestamp",
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
            Self::OfflineSnapshot => "offline-snapshot",
            Self::OfflineUpdates => "offline-updates",
            Self::Delegated(_) => "delegated targets",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        match self {
            // Somebody else chose the name: what it holds must not look like anything else.
            Self::Delegated(name) => write!(formatter, " {name:?}"),
            _ => Ok(()),
        }
    }
}

/// A step of the Uptane Standard 2.1.0, by its section and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// The document is read: JSON, type, members that its role needs.
    Parse,
    /// Check Root 1: a Root metadata file is there to start from.
    R1,
    /// Check Root 2.2: the next file, of limited size.
    R2Size,
    /// Check Root 2.3: signed by a threshold of the old and of the new keys.
    R2Threshold,
    /// Check Root 2.4: the next version exactly.
    R2Version,
    /// Check Root 3: not expired.
    R3,
    /// Check Timestamp 1: of limited size.
    T1,
    /// Check Timestamp 2: signed by a threshold of keys.
    T2,
    /// Check Timestamp 3: no older version.
    T3,
    /// Check Timestamp 4: not expired.
    T4,
    /// Check Snapshot 1: of the size that Timestamp gives.
    S1,
    /// Check Snapshot 2: of the hashes and the version that Timestamp gives.
    S2,
    /// Check Snapshot 3: signed by a threshold of keys.
    S3,
    /// Check Snapshot 4: no older version.
    S4,
    /// Check Snapshot 5: no older version of any Targets metadata.
    S5,
    /// Check Snapshot 6: no Targets metadata disappears.
    S6,
    /// Check Snapshot 7: not expired.
    S7,
    /// Check Targets 1: of limited size.
    G1,
    /// Check Targets 2: of the version (and hashes) that Snapshot gives.
    G2,
    /// Check Targets 3: signed by a threshold of keys.
    G3,
    /// Check Targets 4: no older version.
    G4,
    /// Check Targets 5: not expired.
    G5,
    /// Check Targets 6: the Director delegates to nobody.
    G6,
    /// Check Targets 7: no ECU is listed twice.
    G7,
    /// Check Targets 8: every listed ECU exists, with its hardware identifier.
    G8,
    /// Full verification 6: whether the Director assigns anything, to this vehicle.
    F6,
    /// Resolve delegations 4: the delegations of Targets metadata, in their order.
    D4,
    /// Full verification 10: the Image repository has the very same image.
    F10,
    /// Verify image 6: an encrypted image can be decrypted.
    I6,
    /// Verify image 7: all hashes and the exact length of the image itself.
    I7,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Parse => "parse",
            Self::R1 => "R1",
            Self::R2Size => "R2.2",
            Self::R2Threshold => "R2.3",
            Self::R2Version => "R2.4",
            Self::R3 => "R3",
            Self::T1 => "T1",
            Self::T2 => "T2",
            Self::T3 => "T3",
            Self::T4 => "T4",
            Self::S1 => "S1",
            Self::S2 => "S2",
            Self::S3 => "S3",
            Self::S4 => "S4",
            Self::S5 => "S5",
            Self::S6 => "S6",
            Self::S7 => "S7",
            Self::G1 => "G1",
            Self::G2 => "G2",
            Self::G3 => "G3",
            Self::G4 => "G4",
            Self::G5 => "G5",
            Self::G6 => "G6",
            Self::G7 => "G7",
            Self::G8 => "G8",
            Self::F6 => "F6",
            Self::D4 => "D4",
            Self::F10 => "F10",
            Self::I6 => "I6",
            Self::I7 => "I7",
        })
    }
}

/// Metadata or an image is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {role}: step {step}: {kind}", .repository.name())]
pub struct Error {
    /// Whose metadata.
    pub repository: Repository,
    /// Which role's.
    pub role: Role,
    /// At which step of the Standard.
    pub step: Step,
    /// What does not hold.
    pub kind: ErrorKind,
}

impl Error {
    /// What aktualizr calls this error.
    #[must_use]
    pub const fn aktualizr_name(&self) -> AktualizrName<'_> {
        AktualizrName(self)
    }
}

impl Repository {
    /// The repository's name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Director => "director",
            Self::Image => "image",
        }
    }
}

/// What does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The document is not what its role writes.
    #[error("{0}")]
    Json(JsonError),
    /// The repository does not have the file.
    #[error("the file is not there")]
    Absent,
    /// The `_type` is another role's.
    #[error("the metadata is of another type")]
    OtherType,
    /// A member holds something it may not.
    #[error("{0}")]
    BadMember(&'static str),
    /// The file is larger than allowed.
    #[error("larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The threshold that Root gives is not one that can be met safely.
    #[error("threshold {threshold} is not within 1 to {max}", max = crate::verify::MAX_THRESHOLD)]
    IllegalThreshold {
        /// The threshold given.
        threshold: u64,
    },
    /// Fewer distinct keys than required signed the document.
    #[error("{valid} of {required} required keys signed it")]
    UnmetThreshold {
        /// Distinct key values with a valid signature.
        valid: u64,
        /// The threshold.
        required: u64,
        /// Signatures in the document, whoever made them.
        offered: u64,
    },
    /// Two signatures name the same key identifier.
    #[error("two signatures by one key identifier")]
    RepeatedSignature,
    /// An older version than the one already trusted.
    #[error("rollback: trusted version {trusted}, offered {offered}")]
    Rollback {
        /// The version trusted so far.
        trusted: u64,
        /// The version offered.
        offered: u64,
    },
    /// Another version than required.
    #[error("version {offered}, required {required}")]
    Version {
        /// The version required.
        required: u64,
        /// The version offered.
        offered: u64,
    },
    /// The trusted version again, with other content.
    #[error("version {version} is trusted already, with other content")]
    SameVersion {
        /// The version.
        version: u64,
    },
    /// The metadata has expired.
    #[error("expired at {expires}, now is {now}")]
    Expired {
        /// When it expired.
        expires: UtcTime,
        /// The time of the check.
        now: UtcTime,
    },
    /// Another length than required.
    #[error("length {offered}, required {required}")]
    Length {
        /// The length required, in bytes.
        required: u64,
        /// The length offered, in bytes.
        offered: u64,
    },
    /// A hash does not match.
    #[error("the {0} hash does not match")]
    Hash(&'static str),
    /// No hash of a known algorithm is given.
    #[error("no hash of a known algorithm")]
    NoHash,
    /// Snapshot metadata no longer lists a file that it listed before.
    #[error("a file that the trusted snapshot lists is missing")]
    Disappeared,
    /// The Director's targets delegate.
    #[error("unexpected delegation")]
    Delegation,
    /// An ECU is listed twice.
    #[error("an ECU is listed twice")]
    RepeatedEcu,
    /// A listed ECU does not exist in this vehicle.
    #[error("a listed ECU is not in this vehicle")]
    UnknownEcu,
    /// The image is for other hardware than the ECU is.
    #[error("the image is for other hardware")]
    OtherHardware,
    /// The assignment is not for this vehicle, or does not say that it is.
    #[error("the assignment does not name this vehicle")]
    OtherVehicle,
    /// The Image repository does not list the image.
    #[error("the image is not in the Image repository")]
    NotInImageRepository,
    /// Both repositories list the image, but differently.
    #[error("the repositories disagree on {0}")]
    Mismatch(&'static str),
    /// The image was encrypted with another key, or was damaged.
    #[error("the image cannot be decrypted")]
    Undecryptable,
    /// More of something than a bounded place holds.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl From<JsonError> for ErrorKind {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

/// Where a check stands: an [`Error`] without what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) repository: Repository,
    pub(crate) role: Role,
}

impl Place {
    /// Refuses at `step`.
    pub(crate) fn refuse(self, step: Step, kind: impl Into<ErrorKind>) -> Error {
        Error { repository: self.repository, role: self.role, step, kind: kind.into() }
    }
}
