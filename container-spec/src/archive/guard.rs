//! The second pass: the bytes that go to the engine are those that were verified.

use alloc::vec::Vec;

use super::error::{ArchiveError, ArchiveErrorKind};
use super::{HELD_BYTES, Verified};
use crate::digest::Verifier;

/// Holds the end of an archive back until all of it was seen again.
///
/// What is held back begins before the last byte of the last file, so that what the engine gets of an archive
/// that changed meanwhile is a truncated one, whatever it is.
#[derive(Debug)]
pub struct Guard {
    verifier: Verifier,
    /// How many bytes may go before all of them are proven.
    free: u64,
    passed: u64,
    held: Vec<u8>,
}

impl Guard {
    /// For the archive that was verified.
    #[must_use]
    pub fn new(verified: &Verified) -> Self {
        let held = u64::try_from(HELD_BYTES).unwrap_or(u64::MAX);
        let free = verified.len.saturating_sub(held).min(verified.content_end.saturating_sub(1));
        Self {
            verifier: Verifier::new(verified.digest, Some(verified.len)),
            free,
            passed: 0,
            held: Vec::new(),
        }
    }

    /// Takes the next bytes and returns those of them that may go to the engine now.
    ///
    /// # Errors
    /// If the archive is longer than the verified one.
    pub fn feed<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], ArchiveError> {
        let at = self.verifier.len();
        self.verifier
            .update(bytes)
            .map_err(|_| ArchiveError::new(at, "archive", ArchiveErrorKind::Changed))?;
        let left = usize::try_from(self.free.saturating_sub(self.passed)).unwrap_or(usize::MAX);
        let (go, hold) = bytes.split_at(left.min(bytes.len()));
        self.passed = self.passed.saturating_add(u64::try_from(go.len()).unwrap_or(u64::MAX));
        self.held.extend_from_slice(hold);
        Ok(go)
    }

    /// The archive is at its end: returns what was held back, which completes it.
    ///
    /// # Errors
    /// If it was another archive than the verified one. The engine must not get anything more then.
    pub fn finish(self) -> Result<Vec<u8>, ArchiveError> {
        let at = self.verifier.len();
        self.verifier.finish().map_err(|_| ArchiveError::new(at, "archive", ArchiveErrorKind::Changed))?;
        Ok(self.held)
    }
}
