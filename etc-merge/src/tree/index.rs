//! What is known of files that did not change since they were read.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// How long before the index was begun a file must have been changed last to be in it, in seconds. A later change
/// could fall into the same tick of the file system's clock and not be seen.
pub const RACY_SECONDS: i64 = 2;

/// What a file is recognised by. The kernel sets the time of the status change; no program can set it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) changed: (i64, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) content: Digest,
    pub(crate) xattrs: Option<Digest>,
}

/// The digests of the files of one directory tree, for as long as they do not change.
///
/// It makes a repeated merge cheap: only files whose status changed are opened. Serialise it to keep it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    files: BTreeMap<(u64, u64), (Stamp, Known)>,
}

impl Index {
    /// How many files it knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether it knows none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(crate) fn get(&self, stamp: &Stamp) -> Option<&Known> {
        let (known, value) = self.files.get(&(stamp.device, stamp.inode))?;
        (known == stamp).then_some(value)
    }

    pub(crate) fn insert(&mut self, stamp: Stamp, known: Known, now: i64) {
        let settled = now.checked_sub(RACY_SECONDS).is_some_and(|limit| stamp.changed.0 < limit);
        if settled {
            self.files.insert((stamp.device, stamp.inode), (stamp, known));
        }
    }

    /// The indexes of the three trees of a merge (old, new, local) as bytes, to be kept until the next one.
    ///
    /// # Errors
    /// Never for an index made by this crate.
    pub fn encode(indexes: &[Self; 3]) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_allocvec(indexes)
    }

    /// What [`encode`](Self::encode) made; `None` for anything else. An index only saves time: without one every file
    /// is read. It must come from where nobody else writes, for what it says of a file is believed.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<[Self; 3]> {
        postcard::from_bytes(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_just_now_is_not_trusted() {
        let known = Known { content: Digest::of(b""), xattrs: None };
        let stamp = |second| Stamp { device: 1, inode: 2, size: 0, changed: (second, 5) };
        let mut index = Index::default();
        index.insert(stamp(100 - RACY_SECONDS), known, 100);
        assert_eq!(index.len(), 0);
        index.insert(stamp(99 - RACY_SECONDS), known, 100);
        assert_eq!(index.get(&stamp(99 - RACY_SECONDS)), Some(&known));
        assert_eq!(index.get(&stamp(50)), None);
    }
}
