use super::metadata_span;
use crate::gvariant::MetadataRef;
use crate::{Checksum, Error, ErrorKind, Limits};

/// The mark of a commit that was deleted on purpose (`.tombstone-commit`): `a{sv}` with the commit's name, 64 digits and
/// a NUL, of type `ay` (`ostree-repo.c`, `ostree_repo_delete_object`).
///
/// It lies where the commit's own checksum says, so that nothing proves that whoever served it did not make it up.
#[derive(Clone, Copy, Debug)]
pub struct TombstoneRef<'a> {
    metadata: MetadataRef<'a>,
    commit: Checksum,
}

/// The key of the commit's name.
const COMMIT_KEY: &str = "commit";

/// Where the name begins: after the key and its NUL, aligned to 8.
const NAME_OFFSET: usize = 8;

/// How many bytes a tombstone has that says nothing more.
const BYTES: usize = 78;

impl<'a> TombstoneRef<'a> {
    /// Reads a tombstone.
    ///
    /// # Errors
    /// If it is not in the normal form, larger than the default limit, or names no commit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::parse_with(bytes, &Limits::DEFAULT)
    }

    /// Like [`parse`](Self::parse) with other limits.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with(bytes: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        let span = metadata_span(bytes, limits)?;
        let metadata = MetadataRef::read(span)?;
        let Some((kind, name)) = metadata.find(COMMIT_KEY) else {
            return Err(span.error(0, ErrorKind::TombstoneCommit));
        };
        if kind != b"ay" {
            return Err(name.error(0, ErrorKind::ValueType));
        }
        let digits = name.bytes.strip_suffix(&[0]).unwrap_or_default();
        let commit = Checksum::from_hex(digits).map_err(|_| name.error(0, ErrorKind::TombstoneCommit))?;
        Ok(Self { metadata, commit })
    }

    /// The commit that was deleted.
    #[must_use]
    pub const fn commit(&self) -> Checksum {
        self.commit
    }

    /// All entries; libostree writes no other than the commit's name.
    #[must_use]
    pub const fn metadata(&self) -> MetadataRef<'a> {
        self.metadata
    }

    /// The bytes of the tombstone of `commit`.
    #[must_use]
    pub fn encode(commit: &Checksum) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let digits = commit.to_hex();
        let parts: [(usize, &[u8]); 3] = [
            (0, COMMIT_KEY.as_bytes()),
            (NAME_OFFSET, digits.as_str().as_bytes()),
            // After the name's NUL and the one before the type: the type, where the key ends, where the entry ends.
            (BYTES - 4, &[b'a', b'y', 7, 77]),
        ];
        for (at, part) in parts {
            if let Some(place) = bytes.get_mut(at..at.saturating_add(part.len())) {
                place.copy_from_slice(part);
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the commit 24a1… of the real tool, which deleted it (`ostree prune --delete-commit`).
    const BYTES_OF_THE_TOOL: &[u8; BYTES] =
        b"commit\0\x0024a1a11d1afe2bc66279c2cba116ac838b031fa6c69394a16bc70a8c0a8afe96\0\0ay\x07M";

    #[test]
    fn reads_and_writes_the_tools() {
        let tombstone = TombstoneRef::parse(BYTES_OF_THE_TOOL).unwrap();
        let digits = "24a1a11d1afe2bc66279c2cba116ac838b031fa6c69394a16bc70a8c0a8afe96";
        assert_eq!(tombstone.commit().to_hex().as_str(), digits);
        assert_eq!(tombstone.metadata().iter().count(), 1);
        assert_eq!(TombstoneRef::encode(&tombstone.commit()), *BYTES_OF_THE_TOOL);
    }

    #[test]
    fn refuses_what_names_no_commit() {
        let with = |at: usize, byte: u8| {
            let mut bytes = *BYTES_OF_THE_TOOL;
            bytes[at] = byte;
            TombstoneRef::parse(&bytes).map(drop).unwrap_err()
        };
        let nameless = |offset| Error { kind: ErrorKind::TombstoneCommit, offset };
        assert_eq!(with(0, b'k'), nameless(0));
        assert_eq!(with(8, b'A'), nameless(8));
        assert_eq!(with(72, b'0'), nameless(8));
        assert_eq!(with(75, b'b').kind, ErrorKind::Boolean { value: b'2' });
        assert_eq!(TombstoneRef::parse(b"").map(drop), Err(nameless(0)));
        let mut limits = Limits::DEFAULT;
        limits.metadata_bytes = BYTES;
        assert!(TombstoneRef::parse_with(BYTES_OF_THE_TOOL, &limits).is_ok());
        limits.metadata_bytes = BYTES - 1;
        let kind = ErrorKind::TooLarge { limit: BYTES - 1, actual: BYTES };
        let error = TombstoneRef::parse_with(BYTES_OF_THE_TOOL, &limits).map(drop);
        assert_eq!(error, Err(Error { kind, offset: 0 }));
    }
}
