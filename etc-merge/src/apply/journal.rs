//! The journal beside the target: what a restart continues from.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::apply::error::ApplyError;
use crate::digest::Digest;
use crate::report::Report;

/// The largest journal, in bytes: room for a report of about 40,000 steps.
pub const MAX_JOURNAL_BYTES: usize = 16 * 1024 * 1024;

/// The version of the journal's format; another one is refused, never guessed at.
const FORMAT: u8 = 1;

/// Where a merge stands. Each phase is durable before the next step starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// The result is being built; what there is of it is worth nothing. The last finished merge, if any, is kept.
    Building(Option<Finished>),
    /// The result is whole and durable; it is being exchanged with the target.
    Built(Finished),
    /// The target is the result; what was there before is kept for undo.
    Done(Finished),
    /// The target is being exchanged back.
    Undoing(Finished),
}

/// A result that is whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finished {
    /// What tells the result's directory from all others.
    pub(crate) identity: u64,
    /// Whether there was a target before.
    pub(crate) replaces: bool,
    /// What the result consists of beyond the new defaults.
    pub(crate) fingerprint: Digest,
    /// What was done and why.
    pub(crate) report: Report,
}

/// The record as bytes: format, value, and a SHA-256 over both.
pub(crate) fn encode(phase: &Phase) -> Result<Vec<u8>, ApplyError> {
    // Serialising to memory fails only for types that postcard cannot hold; these it can.
    let mut bytes = postcard::to_allocvec(&(FORMAT, phase)).map_err(|_| ApplyError::BadJournal)?;
    let check = Sha256::digest(&bytes);
    bytes.extend_from_slice(&check);
    if bytes.len() > MAX_JOURNAL_BYTES {
        return Err(ApplyError::JournalTooLong { bytes: bytes.len(), limit: MAX_JOURNAL_BYTES });
    }
    Ok(bytes)
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Phase, ApplyError> {
    let body = bytes.len().checked_sub(32).and_then(|end| bytes.split_at_checked(end));
    let (body, check) = body.ok_or(ApplyError::BadJournal)?;
    if Sha256::digest(body).as_slice() != check {
        return Err(ApplyError::BadJournal);
    }
    match postcard::from_bytes(body) {
        Ok((FORMAT, phase)) => Ok(phase),
        _ => Err(ApplyError::BadJournal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_or_another_format_is_refused() {
        let phase = Phase::Building(None);
        let bytes = encode(&phase).unwrap();
        assert_eq!(decode(&bytes), Ok(phase));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(decode(&damaged), Err(ApplyError::BadJournal));
        }
        assert_eq!(decode(&bytes[..31]), Err(ApplyError::BadJournal));
        let mut other = postcard::to_allocvec(&(FORMAT + 1, Phase::Building(None))).unwrap();
        let check = Sha256::digest(&other);
        other.extend_from_slice(&check);
        assert_eq!(decode(&other), Err(ApplyError::BadJournal));
    }
    #[test]
    fn a_journal_of_the_limit_is_written_and_one_byte_more_is_not() {
        let phase = |note: usize| {
            let step = crate::step::Step {
                path: b"p",
                action: crate::step::Action::Absent,
                row: crate::step::Row::LocalRemoval,
                class: crate::step::Class::Kept,
                lost: crate::step::Lost::NOTHING,
                conflict: None,
            };
            let mut step = crate::report::OwnedStep::from(step);
            step.note = Some("n".repeat(note));
            let report = Report { steps: alloc::vec![step], ..Report::default() };
            let fingerprint = Digest::of(b"");
            Phase::Done(Finished { identity: 1, replaces: true, fingerprint, report })
        };
        // A note that long has the same length of its length as one of the limit.
        let around = encode(&phase(MAX_JOURNAL_BYTES / 2)).unwrap().len() - MAX_JOURNAL_BYTES / 2;
        let fits = MAX_JOURNAL_BYTES - around;
        assert_eq!(encode(&phase(fits)).unwrap().len(), MAX_JOURNAL_BYTES);
        let refused = ApplyError::JournalTooLong { bytes: MAX_JOURNAL_BYTES + 1, limit: MAX_JOURNAL_BYTES };
        assert_eq!(encode(&phase(fits + 1)), Err(refused));
    }
}
