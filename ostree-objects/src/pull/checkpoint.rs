//! What of a pull is durable, so that it goes on after the process ended or the power failed.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::{Checksum, Limits};

/// Which form the bytes have. Version 1: this byte, the commit, how many files as a little-endian `u64`, their
/// checksums in strictly rising order, and the SHA-256 of all before it.
const VERSION: u8 = 1;

/// Bytes before the checksums of files, and after them.
const HEAD_BYTES: usize = 1 + 32 + 8;
const TAIL_BYTES: usize = 32;

/// The file objects of a commit that are durable: a process that goes on with the pull need not hash them again.
///
/// Metadata is not in it, as whoever reads it compares it with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    commit: Checksum,
    files: BTreeSet<Checksum>,
}

/// Why bytes are no checkpoint of a commit. All files are then to be hashed, and nothing is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Written by another version, or something else.
    #[error("a checkpoint of version {found}, not {VERSION}")]
    Version {
        /// The version.
        found: u8,
    },
    /// The bytes are not as many as the number of files says.
    #[error("a checkpoint of {actual} bytes, not {expected}")]
    Length {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        actual: usize,
    },
    /// More files than a commit may have.
    #[error("a checkpoint with {actual} files, more than {limit}")]
    Files {
        /// The limit.
        limit: usize,
        /// How many it has.
        actual: u64,
    },
    /// The bytes changed since they were written.
    #[error("a damaged checkpoint")]
    Damaged,
    /// It is of another commit.
    #[error("a checkpoint of commit {actual}, not {expected}")]
    OtherCommit {
        /// The commit that is pulled.
        expected: Checksum,
        /// The commit it is of.
        actual: Checksum,
    },
    /// A checksum is not larger than the one before it.
    #[error("file {place} of a checkpoint is out of order")]
    Order {
        /// Which one, counted from 0.
        place: usize,
    },
}

impl Checkpoint {
    pub(super) const fn new(commit: Checksum, files: BTreeSet<Checksum>) -> Self {
        Self { commit, files }
    }

    /// The most bytes that a checkpoint has under `limits`.
    #[must_use]
    pub fn max_bytes(limits: &Limits) -> usize {
        limits.objects.saturating_mul(32).saturating_add(HEAD_BYTES + TAIL_BYTES)
    }

    /// Whether the file was durable.
    #[must_use]
    pub fn contains(&self, file: &Checksum) -> bool {
        self.files.contains(file)
    }

    /// How many files it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Its bytes. They may be stored only once the objects are durable.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.files.len().saturating_mul(32) + HEAD_BYTES + TAIL_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.commit.0);
        bytes.extend_from_slice(&u64::try_from(self.files.len()).unwrap_or(u64::MAX).to_le_bytes());
        for file in &self.files {
            bytes.extend_from_slice(&file.0);
        }
        let check = Checksum::of(&bytes);
        bytes.extend_from_slice(&check.0);
        bytes
    }

    /// Reads what [`encode`](Self::encode) gave.
    ///
    /// # Errors
    /// If the bytes are damaged, of another version or commit, or have more files than `limits` allow.
    pub fn decode(bytes: &[u8], commit: &Checksum, limits: &Limits) -> Result<Self, CheckpointError> {
        let actual = bytes.len();
        let length = |expected| CheckpointError::Length { expected, actual };
        let (&found, rest) = bytes.split_first().ok_or(length(HEAD_BYTES + TAIL_BYTES))?;
        if found != VERSION {
            return Err(CheckpointError::Version { found });
        }
        let (of, rest) = rest.split_first_chunk().ok_or(length(HEAD_BYTES + TAIL_BYTES))?;
        let (count, rest) = rest.split_first_chunk().ok_or(length(HEAD_BYTES + TAIL_BYTES))?;
        let count = u64::from_le_bytes(*count);
        let files = usize::try_from(count).ok().filter(|files| *files <= limits.objects);
        let files = files.ok_or(CheckpointError::Files { limit: limits.objects, actual: count })?;
        let expected = files.saturating_mul(32).saturating_add(HEAD_BYTES + TAIL_BYTES);
        let (files, check) = rest.split_last_chunk().ok_or(length(expected))?;
        if actual != expected {
            return Err(length(expected));
        }
        let signed = bytes.get(..actual - TAIL_BYTES).unwrap_or_default();
        if Checksum::of(signed) != Checksum(*check) {
            return Err(CheckpointError::Damaged);
        }
        if Checksum(*of) != *commit {
            return Err(CheckpointError::OtherCommit { expected: *commit, actual: Checksum(*of) });
        }
        let mut last = None;
        let mut set = BTreeSet::new();
        let (files, _) = files.as_chunks::<32>();
        for (place, file) in files.iter().map(|bytes| Checksum(*bytes)).enumerate() {
            if last.is_some_and(|last| last >= file) {
                return Err(CheckpointError::Order { place });
            }
            last = Some(file);
            set.insert(file);
        }
        Ok(Self { commit: *commit, files: set })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: Checksum = Checksum([7; 32]);

    fn limits(objects: usize) -> Limits {
        Limits { objects, ..Limits::DEFAULT }
    }

    fn checkpoint(files: u8) -> Checkpoint {
        Checkpoint::new(COMMIT, (0..files).map(|number| Checksum([number; 32])).collect())
    }

    /// The bytes with a fitting check after whatever was done to them.
    fn checked(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.truncate(bytes.len() - TAIL_BYTES);
        let check = Checksum::of(&bytes);
        bytes.extend_from_slice(&check.0);
        bytes
    }

    #[test]
    fn comes_back_as_it_was_up_to_the_limit() {
        for files in [0, 1, 5] {
            let bytes = checkpoint(files).encode();
            assert_eq!(Checkpoint::decode(&bytes, &COMMIT, &limits(5)), Ok(checkpoint(files)));
            assert!(bytes.len() <= Checkpoint::max_bytes(&limits(5)));
        }
        assert_eq!(checkpoint(5).encode().len(), Checkpoint::max_bytes(&limits(5)));
        let beyond = CheckpointError::Files { limit: 5, actual: 6 };
        assert_eq!(Checkpoint::decode(&checkpoint(6).encode(), &COMMIT, &limits(5)), Err(beyond));
    }

    #[test]
    fn no_changed_byte_and_no_other_length_is_taken() {
        let good = checkpoint(2).encode();
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                assert!(Checkpoint::decode(&bytes, &COMMIT, &Limits::DEFAULT).is_err(), "{at} {bit}");
            }
            let short = Checkpoint::decode(&good[..at], &COMMIT, &Limits::DEFAULT).unwrap_err();
            assert!(matches!(short, CheckpointError::Length { actual, .. } if actual == at), "{short}");
        }
        let long = [&good[..], &[0]].concat();
        let error = CheckpointError::Length { expected: good.len(), actual: good.len() + 1 };
        assert_eq!(Checkpoint::decode(&long, &COMMIT, &Limits::DEFAULT), Err(error));
    }

    #[test]
    fn says_what_is_not_this_pulls() {
        let decode = |bytes: &[u8]| Checkpoint::decode(bytes, &COMMIT, &Limits::DEFAULT);
        let mut bytes = checkpoint(2).encode();
        bytes[0] = 2;
        assert_eq!(decode(&checked(bytes)), Err(CheckpointError::Version { found: 2 }));
        let mut bytes = checkpoint(2).encode();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_eq!(decode(&bytes), Err(CheckpointError::Damaged));
        let other = Checkpoint::new(Checksum([8; 32]), BTreeSet::new()).encode();
        let error = CheckpointError::OtherCommit { expected: COMMIT, actual: Checksum([8; 32]) };
        assert_eq!(decode(&other), Err(error));
        let mut bytes = checkpoint(2).encode();
        bytes[HEAD_BYTES..HEAD_BYTES + 32].fill(1);
        assert_eq!(decode(&checked(bytes)), Err(CheckpointError::Order { place: 1 }));
    }
}
