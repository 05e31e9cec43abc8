//! What can go wrong while a result is written.

use alloc::vec::Vec;
use core::fmt;

use crate::errno::Errno;
use crate::error::{PlanError, Side, SourceError};
use crate::path::PathText;
use crate::step::Refusal;

/// What the storage was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Open a directory.
    Open,
    /// Make a directory.
    MakeDirectory,
    /// Create a file.
    Create,
    /// Write to a file.
    Write,
    /// Make a symlink.
    Symlink,
    /// Set the owner or group.
    SetOwner,
    /// Set the permission bits.
    SetMode,
    /// Set an extended attribute.
    SetXattr,
    /// Set the time of change.
    SetTime,
    /// Make a file or directory durable.
    Sync,
    /// Exchange or rename two entries.
    Rename,
    /// Remove a tree.
    Remove,
    /// Read a record.
    Load,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open the directory",
            Self::MakeDirectory => "make the directory",
            Self::Create => "create the file",
            Self::Write => "write",
            Self::Symlink => "make the symbolic link",
            Self::SetOwner => "set the owner",
            Self::SetMode => "set the permissions",
            Self::SetXattr => "set an extended attribute",
            Self::SetTime => "set the time of change",
            Self::Sync => "make it durable",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::Load => "read the record",
        })
    }
}

/// Why the storage did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot {operation}: {}", Errno(*code))]
pub struct StorageError {
    /// What it was asked to do.
    pub operation: Operation,
    /// The `errno` of the call.
    pub code: i32,
}

/// Where something could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At this path of the result.
    Result(Vec<u8>),
    /// At this path of what is saved.
    Saved(Vec<u8>),
    /// In the working directory beside the target.
    Work,
    /// At the target itself.
    Target,
}

/// Why a merge could not be applied. What was there before is untouched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A tree cannot be read or exceeds a limit.
    #[error("{}: {error}", PathText(path))]
    Plan {
        /// Where.
        path: Vec<u8>,
        /// Why.
        error: PlanError,
    },
    /// The policy refuses the merge.
    #[error("{}: {refusal}", PathText(path))]
    Refused {
        /// The first path at which it is refused.
        path: Vec<u8>,
        /// Why.
        refusal: Refusal,
    },
    /// The result cannot be written.
    #[error("{place}: {error}")]
    Storage {
        /// Where.
        place: Place,
        /// Why.
        error: StorageError,
    },
    /// The directory for the result holds something already, or its path does not end in a name.
    #[error("the directory for the result must not exist or be empty, and its path must end in a name")]
    NotFresh,
    /// Beside the target, something that no merge has made has a name that the merge needs for itself.
    #[error(
        "{} beside the result was not made by a merge: move it away, or choose another place",
        PathText(name)
    )]
    Foreign {
        /// Its name.
        name: Vec<u8>,
    },
    /// The result would be part of a tree that it is made from.
    #[error("the result cannot be inside of the {side} tree")]
    Inside {
        /// Which tree.
        side: Side,
    },
    /// The journal beside the target is damaged or of another format.
    #[error("the journal beside the target is damaged or of another version")]
    BadJournal,
    /// The journal would be longer than [`MAX_JOURNAL_BYTES`](crate::apply::MAX_JOURNAL_BYTES).
    #[error("the journal would need {bytes} bytes; {limit} are allowed")]
    JournalTooLong {
        /// How long it would be.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
}

impl ApplyError {
    pub(crate) const fn open(side: Side, error: SourceError) -> Self {
        Self::Plan { path: Vec::new(), error: PlanError::Source { side, error } }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Result(path) => PathText(path).fmt(f),
            Self::Saved(path) => write!(f, "{} in the conflict directory", PathText(path)),
            Self::Work => f.write_str("the working directory"),
            Self::Target => f.write_str("the target"),
        }
    }
}
