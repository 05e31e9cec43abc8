//! A second thread that walks a directory tree a little ahead of the planner: what is in a directory, and what the
//! kernel says of each entry, is there when the planner comes.

use alloc::sync::Arc;
use alloc::vec::Vec;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rustix::fs::{self, AtFlags, FileType, Mode, Statx};

use super::listing::Listing;
use super::{DIRECTORY, device, stat};
use crate::limits::MAX_DEPTH;

/// How many directories the thread may be ahead; each is held open.
pub(super) const MAX_AHEAD: usize = 8;

/// A directory with more entries is only listed ahead: what the kernel says of an entry takes ten times its name.
pub(super) const MAX_ENTRIES_AHEAD: usize = 4096;

/// A directory that was looked through.
#[derive(Debug)]
pub(super) struct Seen {
    identity: [u64; 2],
    pub(super) directory: Arc<OwnedFd>,
    pub(super) listing: Listing,
    /// Of each entry of the listing, or of none; `None` where the kernel said nothing.
    pub(super) stats: Vec<Option<Statx>>,
}

/// The directories that are looked through ahead, in the order of the planner.
#[derive(Debug)]
pub(super) struct Ahead(Receiver<Seen>);

impl Ahead {
    /// Begins with the directory `root`. The thread ends with the walk, or when nobody listens any more.
    pub(super) fn start(root: OwnedFd) -> Option<Self> {
        let (sender, receiver) = sync_channel(MAX_AHEAD);
        let walk = move || {
            walk(root, &sender);
        };
        thread::Builder::new().name("etc-merge".into()).spawn(walk).ok()?;
        Some(Self(receiver))
    }

    /// What was seen of the directory with this identity, if it comes next. Directories that the planner passed over
    /// are passed over.
    pub(super) fn take(&self, identity: [u64; 2]) -> Option<Seen> {
        self.0.iter().find(|seen| seen.identity == identity)
    }
}

/// One directory on the way down.
struct Frame {
    directory: Arc<OwnedFd>,
    /// Those of its entries that are directories, the last one first.
    below: Vec<Vec<u8>>,
}

fn walk(root: OwnedFd, sender: &SyncSender<Seen>) {
    let mut stack = Vec::from_iter(look(root, sender));
    while let Some(frame) = stack.last_mut() {
        let Some(name) = frame.below.pop() else {
            stack.pop();
            continue;
        };
        // What cannot be opened or listed is left to the planner, which says why.
        let opened = fs::openat(&frame.directory, name.as_slice(), DIRECTORY, Mode::empty());
        if stack.len() <= MAX_DEPTH
            && let Ok(directory) = opened
        {
            match look(directory, sender) {
                Some(frame) => stack.push(frame),
                None => return,
            }
        }
    }
}

/// Looks through a directory; `None` if nobody listens any more, or nothing can be said of it.
fn look(directory: OwnedFd, sender: &SyncSender<Seen>) -> Option<Frame> {
    let directory = Arc::new(directory);
    let own = stat(directory.as_fd(), b"", AtFlags::EMPTY_PATH).ok()?;
    let listing = Listing::read(directory.as_fd()).ok()?;
    let looked_at = if listing.len() <= MAX_ENTRIES_AHEAD { listing.len() } else { 0 };
    let stats: Vec<Option<Statx>> = (0..looked_at)
        .map(|entry| stat(directory.as_fd(), listing.name(entry), AtFlags::empty()).ok())
        .collect();
    let is_directory = |stat: &Statx| FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Directory;
    let below = (0..looked_at)
        .rev()
        .filter(|&entry| stats.get(entry).copied().flatten().as_ref().is_some_and(is_directory))
        .map(|entry| listing.name(entry).to_vec())
        .collect();
    let identity = [device(&own), own.stx_ino];
    let frame = Frame { directory: Arc::clone(&directory), below };
    sender.send(Seen { identity, directory, listing, stats }).ok()?;
    Some(frame)
}
