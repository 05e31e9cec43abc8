//! The trusted metadata that a device keeps between verifications, so that a power cut loses none of it.
//!
//! What was verified last is the baseline of the next verification. A store that lost it, or fell back to an older
//! one, would let an attacker roll the vehicle back. A [`Record`] therefore carries a format number and a CRC: one
//! that is damaged is never mistaken for one that was never written.
//!
//! [`FlashStore`] keeps records in NOR flash without a file system, [`FileStore`] (feature `std`) in files.

#[cfg(feature = "std")]
mod file;
mod flash;

#[cfg(feature = "std")]
pub use file::FileStore;
pub use flash::{FlashStore, RECORDS, SLOTS};

use crc::{CRC_32_ISO_HDLC, Crc};
use serde::{Deserialize, Serialize};

use crate::error::{Repository, Role};

/// The format of records that this version writes. Records of another one are refused, not guessed at.
pub const FORMAT: u8 = 1;

/// What a record needs beside the metadata in it, in bytes, at most.
pub const MAX_OVERHEAD_BYTES: usize = 40;

const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// One piece of trusted metadata, as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Of which repository.
    pub repository: Repository,
    /// Of which role.
    pub role: Role,
    /// The metadata's version.
    pub version: u64,
    /// The metadata as it was served; `None` if it was forgotten because its keys were revoked.
    pub bytes: Option<&'a [u8]>,
}

/// Why a record was not read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError<E> {
    /// The medium failed.
    #[error("the medium failed")]
    Medium(E),
    /// A record is there, but its CRC or its content is wrong.
    #[error("the stored record is damaged")]
    Damaged,
    /// A record is there, of another format.
    #[error("the stored record has format {found}, this version reads {FORMAT}")]
    Format {
        /// Its format number.
        found: u8,
    },
    /// The record is longer than there is room for.
    #[error("a record of more than {limit} bytes")]
    TooLong {
        /// The room, in bytes.
        limit: usize,
    },
    /// A delegated role. It is no baseline of anything: Snapshot names its version, and the role itself is verified
    /// anew with the keys of whoever delegates to it now.
    #[error("delegated roles are not kept")]
    Delegated,
}

/// Keeps one [`Record`] for each repository and role.
///
/// # Atomicity
/// What [`Store::persist`] was called with is all there when it returns, and survives a power cut from then on. If
/// the power fails meanwhile, [`Store::load`] finds either the record before or the new one: never none, never a
/// mixture. A store of which two calls could overlap must serialise them.
pub trait Store {
    /// How the medium fails.
    type Medium;

    /// The record that was persisted last, with its bytes in `buffer`; `None` if there never was one.
    ///
    /// # Errors
    /// If the medium fails, or what it holds is no record of this format.
    fn load<'b>(
        &mut self,
        repository: Repository,
        role: Role,
        buffer: &'b mut [u8],
    ) -> Result<Option<Record<'b>>, StateError<Self::Medium>>;

    /// Makes `record` the one of its repository and role, durably.
    ///
    /// # Errors
    /// If the medium fails or the record is too long; the record before is then still there.
    fn persist(&mut self, record: &Record<'_>) -> Result<(), StateError<Self::Medium>>;
}

/// The form on the medium; postcard encodes it. Only ever extended under another [`FORMAT`].
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    format: u8,
    /// Larger in a newer record.
    sequence: u64,
    repository: u8,
    role: u8,
    version: u64,
    #[serde(borrow)]
    bytes: Option<&'a [u8]>,
}

const fn repository_number(repository: Repository) -> u8 {
    match repository {
        Repository::Director => 0,
        Repository::Image => 1,
    }
}

/// The number of a role on the medium. Never re-used for another one.
const fn role_number<E>(role: Role) -> Result<u8, StateError<E>> {
    Ok(match role {
        Role::Root => 0,
        Role::Timestamp => 1,
        Role::Snapshot => 2,
        Role::Targets => 3,
        Role::OfflineSnapshot => 4,
        Role::OfflineUpdates => 5,
        Role::Delegated(_) => return Err(StateError::Delegated),
    })
}

impl Record<'_> {
    /// Writes the record and its CRC into `out`; how long they are.
    fn encode<E>(&self, sequence: u64, out: &mut [u8]) -> Result<usize, StateError<E>> {
        let limit = out.len();
        let stored = Stored {
            format: FORMAT,
            sequence,
            repository: repository_number(self.repository),
            role: role_number(self.role)?,
            version: self.version,
            bytes: self.bytes,
        };
        let too_long = StateError::TooLong { limit };
        let used = postcard::to_slice(&stored, out).map_err(|_| StateError::TooLong { limit })?.len();
        let crc = CRC.checksum(out.get(..used).unwrap_or_default()).to_le_bytes();
        let end = used + crc.len();
        out.get_mut(used..end).ok_or(too_long)?.copy_from_slice(&crc);
        Ok(end)
    }
}

/// Reads a record of this place from the start of `bytes`, with its sequence number.
fn decode<E>(bytes: &[u8], repository: Repository, role: Role) -> Result<(u64, Record<'_>), StateError<E>> {
    let (stored, rest) = postcard::take_from_bytes::<Stored<'_>>(bytes).map_err(|_| StateError::Damaged)?;
    let crc = rest.first_chunk().copied().map(u32::from_le_bytes);
    let content = bytes.get(..bytes.len() - rest.len()).unwrap_or_default();
    if crc != Some(CRC.checksum(content)) {
        return Err(StateError::Damaged);
    }
    if stored.format != FORMAT {
        return Err(StateError::Format { found: stored.format });
    }
    if (stored.repository, stored.role) != (repository_number(repository), role_number(role)?) {
        return Err(StateError::Damaged);
    }
    Ok((stored.sequence, Record { repository, role, version: stored.version, bytes: stored.bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: Record<'_> = Record {
        repository: Repository::Image,
        role: Role::Snapshot,
        version: 300,
        bytes: Some(b"metadata"),
    };

    fn encoded(buffer: &mut [u8]) -> &[u8] {
        let length = RECORD.encode::<()>(7, buffer).unwrap();
        &buffer[..length]
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_needs_no_more_room_than_stated() {
        let mut buffer = [0xa5; 64];
        let bytes = encoded(&mut buffer);
        assert!(bytes.len() <= MAX_OVERHEAD_BYTES + 8);
        assert_eq!(decode::<()>(bytes, Repository::Image, Role::Snapshot), Ok((7, RECORD)));
        let length = bytes.len();
        let too_long = RECORD.encode::<()>(7, &mut [0; 64][..length - 1]);
        assert_eq!(too_long, Err(StateError::TooLong { limit: length - 1 }));
        let most = Record { version: u64::MAX, bytes: Some(&[0; 20_000]), ..RECORD };
        let mut buffer = [0; 20_000 + MAX_OVERHEAD_BYTES];
        assert!(most.encode::<()>(u64::MAX, &mut buffer).is_ok());
    }

    #[test]
    fn a_delegated_role_is_refused() {
        let role = Role::Delegated(crate::error::RoleName::new(&"maps"));
        let delegated = Record { role, ..RECORD };
        assert_eq!(delegated.encode::<()>(7, &mut [0; 64]), Err(StateError::Delegated));
        let mut buffer = [0; 64];
        assert_eq!(decode::<()>(encoded(&mut buffer), Repository::Image, role), Err(StateError::Delegated));
    }

    #[test]
    fn every_changed_bit_and_every_missing_byte_is_noticed() {
        let mut buffer = [0; 64];
        let bytes = encoded(&mut buffer);
        for length in 0..bytes.len() {
            let cut = decode::<()>(&bytes[..length], Repository::Image, Role::Snapshot);
            assert_eq!(cut, Err(StateError::Damaged), "{length}");
            for bit in 0..8 {
                let mut changed = [0; 64];
                changed[..bytes.len()].copy_from_slice(bytes);
                changed[length] ^= 1 << bit;
                let changed = decode::<()>(&changed[..bytes.len()], Repository::Image, Role::Snapshot);
                assert_eq!(changed, Err(StateError::Damaged), "bit {bit} of byte {length}");
            }
        }
        assert_eq!(decode::<()>(bytes, Repository::Director, Role::Snapshot), Err(StateError::Damaged));
    }
}
