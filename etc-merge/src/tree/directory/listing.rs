//! The names in a directory, in order.

use alloc::vec::Vec;
use std::os::fd::BorrowedFd;

use rustix::fs::RawDir;
use rustix::io::Errno;

/// What is asked of the kernel at once, in bytes.
const BUFFER_BYTES: usize = 32 * 1024;

#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The names, each ended by NUL; empty for the cursor whose only entry is the root.
    names: Vec<u8>,
    /// Where each name starts, in order, and the inode that the directory lists for it.
    starts: Vec<(usize, u64)>,
}

impl Listing {
    /// The listing of a directory that is listed nowhere: one entry without a name.
    pub(super) fn of_root() -> Self {
        Self { names: Vec::new(), starts: Vec::from([(0, 0)]) }
    }

    pub(super) fn read(directory: BorrowedFd<'_>) -> Result<Self, Errno> {
        let mut listing = Self::default();
        let mut buffer = Vec::<u8>::with_capacity(BUFFER_BYTES);
        let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes_with_nul();
            if name != b".\0" && name != b"..\0" {
                listing.starts.push((listing.names.len(), entry.ino()));
                listing.names.extend_from_slice(name);
            }
        }
        let names = &listing.names;
        listing.starts.sort_unstable_by_key(|&(start, _)| name_at(names, start));
        Ok(listing)
    }

    pub(super) const fn len(&self) -> usize {
        self.starts.len()
    }

    /// The name of an entry; empty if there is no such entry.
    pub(super) fn name(&self, entry: usize) -> &[u8] {
        self.starts.get(entry).map_or(b"", |&(start, _)| name_at(&self.names, start))
    }

    pub(super) fn inode(&self, entry: usize) -> Option<u64> {
        self.starts.get(entry).map(|&(_, inode)| inode)
    }
}

fn name_at(names: &[u8], start: usize) -> &[u8] {
    names.get(start..).and_then(|rest| rest.split(|&byte| byte == 0).next()).unwrap_or(b"")
}
