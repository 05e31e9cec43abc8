//! Programs that merge the content of one kind of file.
//!
//! A driver merges what can be merged and otherwise says why not; it never writes conflict markers. A file that does
//! not parse is not merged at all.

mod accounts;
mod conflict;
mod lines;
mod order;
mod settings;

use alloc::vec::Vec;
use core::ops::Range;

use crate::error::Side;
use crate::policy::Driver;

pub use conflict::{DriverConflict, MAX_SHORT_BYTES, Short};
pub use lines::MAX_EDIT_COST;

/// The longest file that a driver merges, in bytes. A longer one is taken whole from the device.
pub const MAX_DRIVER_BYTES: usize = 1024 * 1024;

/// Merges three versions of a file's content.
///
/// ```
/// use etc_merge::{Driver, driver};
/// let old = b"root:x:0:0::/root:/bin/sh\n";
/// let new = b"root:x:0:0::/root:/bin/sh\nmosquitto:x:990:990::/:/sbin/nologin\n";
/// let local = b"root:x:0:0::/root:/bin/sh\nalice:x:1001:1001::/home/alice:/bin/sh\n";
/// let merged = driver::merge(Driver::Passwd, old, new, local)?;
/// assert_eq!(merged.split(|&byte| byte == b'\n').count(), 4);
/// # Ok::<(), etc_merge::driver::DriverConflict>(())
/// ```
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
    if [old, new, local].iter().any(|version| version.len() > MAX_DRIVER_BYTES) {
        return Err(DriverConflict::TooLong { limit: MAX_DRIVER_BYTES });
    }
    match driver {
        Driver::Passwd => accounts::merge(accounts::PASSWD, old, new, local),
        Driver::Group => accounts::merge(accounts::GROUP, old, new, local),
        Driver::Shadow => accounts::merge(accounts::SHADOW, old, new, local),
        Driver::Gshadow => accounts::merge(accounts::GSHADOW, old, new, local),
        Driver::KeyValue => settings::merge(false, old, new, local),
        Driver::Ini => settings::merge(true, old, new, local),
        Driver::Lines => {
            for (version, text) in [(Side::Old, old), (Side::New, new), (Side::Local, local)] {
                // What holds NUL is no text: merging parts of it would damage it.
                if let Some(at) = text.iter().position(|&byte| byte == 0) {
                    let before = text.get(..at).unwrap_or(&[]);
                    let line = before.iter().filter(|&&byte| byte == b'\n').count().saturating_add(1);
                    return Err(DriverConflict::NotParsed { version, line });
                }
            }
            lines::merge(old, new, local)
        }
    }
}

/// The lines that differ between two texts, as ranges of lines (from 0) of the first and of the second, in order;
/// `None` if the texts have too little in common.
#[must_use]
pub fn line_changes(before: &[u8], after: &[u8]) -> Option<Vec<(Range<usize>, Range<usize>)>> {
    lines::changes(before, after)
}
