//! A large object whose fetching goes on where an earlier process was cut off.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use ostree_objects::repo::{Repo, RepoError};
use ostree_objects::{Checksum, ObjectSize};

use crate::http::{Client, GetError, Resuming};

/// The smallest object, in compressed bytes, of which a part is kept: less is sooner fetched again.
pub const MIN_PART_BYTES: u64 = 1024 * 1024;

/// Fetches a `.filez` from `url` into `repo`, from where an earlier process was cut off if it left a part; `may_go_on`
/// says whether to look for one, and `listed` what the commit says of its size. The bytes are counted as they come.
pub(super) fn fetch(
    client: &Client,
    url: &str,
    repo: &Repo,
    checksum: &Checksum,
    listed: Option<&ObjectSize>,
    may_go_on: bool,
    received: &AtomicU64,
) -> anyhow::Result<()> {
    let mut part = if may_go_on { repo.open_part(checksum)? } else { None };
    loop {
        let kept = part.as_ref().map_or(Ok(0), |part| part.metadata().map(|found| found.len()))?;
        let body = client.open_resuming_from(url, kept)?;
        let body = body.ok_or_else(|| GetError::Status { url: url.into(), status: 404 })?;
        // 0 if the server sends everything again.
        let kept = body.position();
        if part.is_none() && body.length().is_some_and(|length| length >= MIN_PART_BYTES) {
            part = repo.make_part(checksum)?;
        }
        if let Some(part) = &part {
            part.set_len(kept)?;
        }
        let mut recorded = Recorded { body, kept, position: 0, part: part.as_ref(), received };
        let written = repo.write_filez_within(checksum, listed, &mut recorded);
        match written {
            Ok(_) => {
                if part.is_some() {
                    repo.remove_part(checksum)?;
                }
                return Ok(());
            }
            Err(error) if is_of_content(&error) => {
                if part.take().is_some() {
                    repo.remove_part(checksum)?;
                }
                // What was kept may have been lost or be of another object; what the server sent is what it has.
                if kept == 0 {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the bytes are wrong, rather than the way they came or where they go.
fn is_of_content(error: &RepoError) -> bool {
    match error {
        RepoError::Corrupt { .. } | RepoError::Malformed { .. } | RepoError::BeyondSizes(_) => true,
        RepoError::Io { error, .. } => error.kind() == io::ErrorKind::InvalidData,
        _ => false,
    }
}

/// First what is kept, then what comes, which is kept too.
struct Recorded<'a> {
    body: Resuming,
    /// Bytes of the part that the body goes on from.
    kept: u64,
    position: u64,
    part: Option<&'a File>,
    received: &'a AtomicU64,
}

impl Read for Recorded<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(part) = self.part
            && self.position < self.kept
        {
            let left = usize::try_from(self.kept - self.position).unwrap_or(usize::MAX).min(out.len());
            let count = part.read_at(out.get_mut(..left).unwrap_or_default(), self.position)?;
            if count == 0 && left > 0 {
                return Err(io::Error::from(io::ErrorKind::InvalidData));
            }
            self.position += u64::try_from(count).unwrap_or(0);
            return Ok(count);
        }
        let count = self.body.read(out)?;
        let bytes = out.get(..count).unwrap_or_default();
        if let Some(part) = self.part {
            part.write_all_at(bytes, self.position)?;
        }
        let count_bytes = u64::try_from(count).unwrap_or(0);
        self.position += count_bytes;
        self.received.fetch_add(count_bytes, Ordering::Relaxed);
        Ok(count)
    }
}
