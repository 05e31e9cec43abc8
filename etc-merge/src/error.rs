//! What can go wrong while the three trees are read.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::errno::Errno;

/// One of the three trees that are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The defaults of the running system, `/usr/etc` of its deployment: the base of the merge.
    Old,
    /// The defaults of the system to be booted next.
    New,
    /// The running system's `/etc`, with the device's changes.
    Local,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Old => "old",
            Self::New => "new",
            Self::Local => "local",
        })
    }
}

/// Why a tree cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The operating system refused.
    #[error("{}", Errno(*code))]
    Os {
        /// The `errno` of the call.
        code: i32,
    },
    /// The entry vanished or became something else while it was read. The pass may be repeated.
    #[error("it changed while it was read; repeat the merge")]
    Changed,
    /// A directory's entries are not in strictly increasing byte order of their names.
    #[error("its entries are not in order")]
    NotSorted,
    /// A name is empty, `.`, `..`, too long, or holds `/` or NUL.
    #[error("its name is no file name")]
    BadName,
    /// A caller's own source failed.
    #[error("the source failed with its code {code}")]
    Other {
        /// A number that the source knows the meaning of.
        code: u32,
    },
}

/// Why a plan ends early. The place is [`Plan::path`](crate::Plan::path).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A tree cannot be read.
    #[error("the {side} tree cannot be read: {error}")]
    Source {
        /// Which tree.
        side: Side,
        /// Why.
        error: SourceError,
    },
    /// A directory lies deeper than [`MAX_DEPTH`](crate::MAX_DEPTH).
    #[error("a directory lies deeper than the {limit} levels that are walked")]
    TooDeep {
        /// The limit, in levels.
        limit: usize,
    },
    /// A path is longer than [`MAX_PATH_BYTES`](crate::MAX_PATH_BYTES).
    #[error("a path is longer than {limit} bytes")]
    PathTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
}

/// Names the side of a source's error.
pub(crate) fn at<T>(side: Side, result: Result<T, SourceError>) -> Result<T, PlanError> {
    result.map_err(|error| PlanError::Source { side, error })
}
