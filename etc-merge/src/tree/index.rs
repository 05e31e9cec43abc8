//! What is known of files that did not change since they were read.

use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

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
    /// By device and inode. If an index from elsewhere is in another order, less is found in it.
    files: Vec<(Stamp, Known)>,
}

impl Stamp {
    const fn key(&self) -> (u64, u64) {
        (self.device, self.inode)
    }
}

impl Index {
    /// How many files and directories it knows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether it knows none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.files.is_empty()
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

/// An index in use: what an earlier walk knew, and what this one adds to it.
#[derive(Debug)]
pub(crate) struct Recording {
    known: Index,
    /// The keys of these, close together: they are searched for every file.
    keys: Vec<(u64, u64)>,
    /// Which of these were met again.
    met: RefCell<Vec<bool>>,
    added: RefCell<Vec<(Stamp, Known)>>,
    /// When this walk began, in seconds since 1970.
    now: i64,
}

impl Recording {
    pub(crate) fn new(known: Index, now: i64) -> Self {
        let keys = known.files.iter().map(|(stamp, _)| stamp.key()).collect();
        Self { met: RefCell::new(vec![false; known.len()]), added: RefCell::default(), keys, known, now }
    }

    pub(crate) fn find(&self, stamp: &Stamp) -> Option<Known> {
        let at = self.keys.binary_search(&stamp.key()).ok()?;
        let (_, known) = self.known.files.get(at).filter(|(there, _)| there == stamp)?;
        if let Some(met) = self.met.borrow_mut().get_mut(at) {
            *met = true;
        }
        Some(*known)
    }

    pub(crate) fn add(&self, stamp: Stamp, known: Known) {
        let settled = self.now.checked_sub(RACY_SECONDS).is_some_and(|limit| stamp.changed.0 < limit);
        if settled {
            self.added.borrow_mut().push((stamp, known));
        }
    }

    /// What was met again, and what was added.
    pub(crate) fn into_index(self) -> Index {
        let met = self.met.into_inner();
        let mut files = self.added.into_inner();
        files.extend(self.known.files.into_iter().zip(met).filter(|(_, met)| *met).map(|(file, _)| file));
        files.sort_unstable_by_key(|(stamp, _)| stamp.key());
        // Names of one file, by hard links.
        files.dedup_by_key(|(stamp, _)| stamp.key());
        Index { files }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known = Known { content: Digest::from_bytes([7; 32]), xattrs: None };

    fn stamp(inode: u64, second: i64) -> Stamp {
        Stamp { device: 1, inode, size: 0, changed: (second, 5) }
    }

    #[test]
    fn a_file_that_changed_just_now_is_not_trusted() {
        let index = |changed| {
            let recording = Recording::new(Index::default(), 100);
            recording.add(stamp(2, changed), KNOWN);
            recording.into_index()
        };
        assert_eq!(index(100 - RACY_SECONDS).len(), 0);
        let recording = Recording::new(index(99 - RACY_SECONDS), 100);
        assert_eq!(recording.find(&stamp(2, 99 - RACY_SECONDS)), Some(KNOWN));
        assert_eq!(recording.find(&stamp(2, 50)), None);
    }

    #[test]
    fn what_is_not_met_again_is_forgotten_and_what_changed_replaced() {
        let recording = Recording::new(Index::default(), 100);
        for inode in [5, 3, 4, 3] {
            recording.add(stamp(inode, 10), KNOWN);
        }
        let index = recording.into_index();
        assert_eq!(index.len(), 3, "a hard link is one file");
        let recording = Recording::new(index, 200);
        assert_eq!(recording.find(&stamp(5, 10)), Some(KNOWN));
        recording.add(stamp(3, 20), KNOWN);
        let index = recording.into_index();
        let inodes: Vec<_> = index.files.iter().map(|(stamp, _)| (stamp.inode, stamp.changed.0)).collect();
        assert_eq!(inodes, [(3, 20), (5, 10)]);
    }
}
