//! A directory on disk, read through directory descriptors: no symlink below it is ever followed.

mod ahead;
mod listing;

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Mutex;

use rustix::fs::{self, AtFlags, CWD, FileType, Mode, OFlags, Statx, StatxFlags};
use rustix::io::Errno;

use ahead::Ahead;
use listing::Listing;

use crate::digest::Digest;
use crate::error::SourceError;
use crate::tree::index::{Index, Known, Recording, Stamp};
use crate::tree::{Cursor, Kind, Meta, Tree, content_digest, is_name, xattrs_digest};

/// The flags that open a directory for listing, and nothing else than a directory.
pub(crate) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The flags that open a file for its content; `NONBLOCK` in case that it just became a fifo.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// The longest list of extended attribute names and the longest value, in bytes: `XATTR_LIST_MAX` and
/// `XATTR_SIZE_MAX` of Linux.
const MAX_XATTR_BYTES: usize = 65_536;

/// A directory on disk as a [`Tree`].
///
/// Only the path given to [`open`](Self::open) may hold symlinks; below it none is followed. Entries that
/// vanish between being listed and being looked at count as absent. Extended attributes are read through
/// `/proc/self/fd`, so `/proc` must be mounted.
#[derive(Debug)]
pub struct DirectoryTree {
    root: OwnedFd,
    files_read: Cell<usize>,
    recording: Option<Recording>,
    /// What the walk looked at last, for a tree that has the same file.
    looked_at: LookedAt,
    /// The same of the tree that this one shares files with.
    linked: Option<LookedAt>,
    ahead: Option<Ahead>,
}

type LookedAt = Arc<Mutex<Option<Statx>>>;

impl DirectoryTree {
    /// Opens the directory at `path`.
    ///
    /// # Errors
    /// If it is no directory or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            root: fs::openat(CWD, path, flags, Mode::empty()).map_err(os)?,
            files_read: Cell::new(0),
            recording: None,
            looked_at: LookedAt::default(),
            linked: None,
            ahead: None,
        })
    }

    /// The same for one walk, with a thread of its own that looks through the directories a little ahead of it. What
    /// changes meanwhile may be seen as it was up to eight directories before. Where no thread can be started, the
    /// walk does without.
    #[must_use]
    pub fn looked_through_ahead(self) -> Self {
        let ahead = self.root.try_clone().ok().and_then(Ahead::start);
        Self { ahead, ..self }
    }

    /// The same with an index: files that are in `known` and did not change since are not opened, and the others
    /// are added, as read at `now`, in seconds since 1970 by the clock of this file system.
    #[must_use]
    pub fn with_index(self, known: Index, now: i64) -> Self {
        Self { recording: Some(Recording::new(known, now)), ..self }
    }

    /// The same for a tree that shares files with `other` by hard links, as the defaults of two deployments do: a file
    /// that a walk of `other` has just looked at is not looked at again. The planner walks both side by side.
    #[must_use]
    pub fn with_links_of(self, other: &Self) -> Self {
        Self { linked: Some(Arc::clone(&other.looked_at)), ..self }
    }

    /// The index of all files whose content was asked for, if there is one.
    #[must_use]
    pub fn into_index(self) -> Option<Index> {
        self.recording.map(Recording::into_index)
    }

    /// The content of the file at `path`, relative to the root; `None` if there is no file of at most `limit` bytes.
    /// No symlink on the way is followed.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn content(&self, path: &[u8], limit: usize) -> Result<Option<Vec<u8>>, SourceError> {
        let mut directory = self.root.try_clone().map_err(|_| os(Errno::MFILE))?;
        let mut names = path.split(|&byte| byte == b'/').peekable();
        while let Some(name) = names.next() {
            if !is_name(name) {
                return Err(SourceError::BadName);
            }
            let flags = if names.peek().is_some() { DIRECTORY } else { FILE };
            directory = match fs::openat(&directory, name, flags, Mode::empty()) {
                Ok(next) => next,
                Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::NXIO) => return Ok(None),
                Err(error) => return Err(os(error)),
            };
        }
        let stat = stat(directory.as_fd(), b"", AtFlags::EMPTY_PATH).map_err(os)?;
        if FileType::from_raw_mode(stat.stx_mode.into()) != FileType::RegularFile {
            return Ok(None);
        }
        let mut bytes =
            vec![0; usize::try_from(stat.stx_size).map_or(limit, |size| size.min(limit)).saturating_add(1)];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match rustix::io::read(&directory, rest).map_err(os)? {
                0 => break,
                length => filled = filled.saturating_add(length),
            }
        }
        bytes.truncate(filled);
        Ok(Some(bytes).filter(|bytes| bytes.len() <= limit))
    }

    /// How many files were opened for their content so far.
    #[must_use]
    pub fn files_read(&self) -> usize {
        self.files_read.get()
    }
}

/// The cursor of a [`DirectoryTree`]. It holds its directory open.
#[derive(Debug)]
pub struct DirectoryCursor<'t>(Box<Position<'t>>);

#[derive(Debug)]
struct Position<'t> {
    tree: &'t DirectoryTree,
    directory: Arc<OwnedFd>,
    /// The device of the directory, which is that of its files.
    device: Option<u64>,
    listing: Listing,
    /// What was seen ahead of the entries; empty if nothing was.
    stats: Vec<Option<Statx>>,
    next: usize,
    /// Only for the cursor whose only entry is the root.
    at_root: bool,
    stat: Option<Statx>,
    /// The current file, once its content was asked for.
    open: RefCell<Option<OwnedFd>>,
    /// The digest of the current entry's extended attributes, once it was asked for.
    xattrs: Cell<Option<Option<Digest>>>,
    /// What the index knows of the current entry, once it was asked for.
    known: Cell<Option<Known>>,
}

impl Tree for DirectoryTree {
    type Cursor<'t> = DirectoryCursor<'t>;

    fn root(&self) -> Result<DirectoryCursor<'_>, SourceError> {
        let directory = fs::openat(&self.root, c".", DIRECTORY, Mode::empty()).map_err(os)?;
        let mut position = Position::new(self, Arc::new(directory), Listing::of_root());
        position.at_root = true;
        Ok(DirectoryCursor(Box::new(position)))
    }
}

impl<'t> Position<'t> {
    fn new(tree: &'t DirectoryTree, directory: Arc<OwnedFd>, listing: Listing) -> Self {
        let (open, xattrs, known) = (RefCell::new(None), Cell::new(None), Cell::new(None));
        let (device, stats, at_root, stat) = (None, Vec::new(), false, None);
        Self { tree, directory, device, listing, stats, next: 0, at_root, stat, open, xattrs, known }
    }

    fn name(&self) -> &[u8] {
        self.next.checked_sub(1).map_or(b"", |current| self.listing.name(current))
    }

    /// What the current entry is, from the kernel or from the tree that shares the file.
    fn look(&self) -> Result<Statx, Errno> {
        let current = self.next.checked_sub(1);
        if let Some(stat) = current.and_then(|current| *self.stats.get(current)?) {
            return Ok(stat);
        }
        let inode = current.and_then(|current| self.listing.inode(current));
        let same = |stat: &Statx| {
            FileType::from_raw_mode(stat.stx_mode.into()) == FileType::RegularFile
                && inode == Some(stat.stx_ino)
                && self.device == Some(device(stat))
        };
        let linked = self.tree.linked.as_ref().and_then(|linked| *linked.lock().ok()?);
        if let Some(stat) = linked.filter(same) {
            return Ok(stat);
        }
        let stat = stat(self.directory.as_fd(), self.target(), AtFlags::empty())?;
        if let Ok(mut looked_at) = self.tree.looked_at.lock() {
            *looked_at = Some(stat);
        }
        Ok(stat)
    }

    /// The name to hand to the kernel: the root is its own directory.
    fn target(&self) -> &[u8] {
        if self.at_root { b"." } else { self.name() }
    }

    /// The content of the current file, opened once.
    fn with_file<T>(
        &self,
        use_it: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno>,
    ) -> Result<T, SourceError> {
        let mut open = self.open.borrow_mut();
        let file = match &mut *open {
            Some(file) => file,
            empty => {
                let file = fs::openat(&self.directory, self.target(), FILE, Mode::empty()).map_err(os)?;
                self.tree.files_read.set(self.tree.files_read.get().saturating_add(1));
                empty.insert(file)
            }
        };
        use_it(file.as_fd()).map_err(os)
    }

    /// What the index knows of the current entry, and for a file that it does not know yet, finds out.
    fn known(&self, cursor: &DirectoryCursor<'_>) -> Result<Option<Known>, SourceError> {
        let (Some(recording), Some(stat)) = (&self.tree.recording, &self.stat) else { return Ok(None) };
        if let Some(known) = self.known.get() {
            return Ok(Some(known));
        }
        let kind = FileType::from_raw_mode(stat.stx_mode.into());
        if !matches!(kind, FileType::RegularFile | FileType::Directory) {
            return Ok(None);
        }
        let stamp = Stamp {
            device: device(stat),
            inode: stat.stx_ino,
            size: stat.stx_size,
            changed: (stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec),
        };
        if let Some(known) = recording.find(&stamp) {
            self.known.set(Some(known));
            return Ok(Some(known));
        }
        // A directory is asked for its attributes alone.
        let is_file = kind == FileType::RegularFile;
        let content = if is_file { content_digest(cursor)? } else { Digest::of(b"") };
        let known = Known { content, xattrs: xattrs_digest(cursor)? };
        recording.add(stamp, known);
        self.known.set(Some(known));
        Ok(Some(known))
    }

    /// A path to the current entry whose only symlink is the kernel's own, to our open directory.
    fn proc_path(&self) -> Vec<u8> {
        let mut path = format!("/proc/self/fd/{}/", self.directory.as_raw_fd()).into_bytes();
        path.extend_from_slice(self.target());
        path
    }
}

/// How the extended attributes of an entry are reached.
enum Attributed<'f> {
    Open(BorrowedFd<'f>),
    /// What cannot be opened, or must not be: a symlink, a device.
    At(Vec<u8>),
}

impl Attributed<'_> {
    fn list(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Self::Open(file) => fs::flistxattr(file, buffer),
            Self::At(path) => fs::llistxattr(path.as_slice(), buffer),
        }
    }

    fn get(&self, name: &[u8], buffer: &mut [u8]) -> Result<usize, Errno> {
        match self {
            Self::Open(file) => fs::fgetxattr(file, name, buffer),
            Self::At(path) => fs::lgetxattr(path.as_slice(), name, buffer),
        }
    }
}

/// Metadata without following a symlink.
pub(crate) fn stat(directory: BorrowedFd<'_>, name: &[u8], flags: AtFlags) -> Result<Statx, Errno> {
    fs::statx(directory, name, flags | AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS)
}

fn device(stat: &Statx) -> u64 {
    (u64::from(stat.stx_dev_major) << 32) | u64::from(stat.stx_dev_minor)
}

pub(crate) fn os(error: Errno) -> SourceError {
    match error {
        // It vanished or became something else since it was listed.
        Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::SPIPE | Errno::NXIO => {
            SourceError::Changed
        }
        error => SourceError::Os { code: error.raw_os_error() },
    }
}

pub(crate) fn meta(stat: &Statx) -> Meta {
    let kind = match FileType::from_raw_mode(stat.stx_mode.into()) {
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        FileType::CharacterDevice => Kind::CharacterDevice,
        FileType::BlockDevice => Kind::BlockDevice,
        _ => Kind::File,
    };
    Meta {
        kind,
        mode: if kind == Kind::Symlink { 0o777 } else { u32::from(stat.stx_mode) & 0o7777 },
        uid: stat.stx_uid,
        gid: stat.stx_gid,
        size: if kind.is_leaf() { stat.stx_size } else { 0 },
        mtime: stat.stx_mtime.tv_sec,
        mtime_nanoseconds: stat.stx_mtime.tv_nsec,
    }
}

impl Cursor for DirectoryCursor<'_> {
    fn advance(&mut self) -> Result<bool, SourceError> {
        let position = &mut *self.0;
        *position.open.get_mut() = None;
        position.xattrs.set(None);
        position.known.set(None);
        while position.next < position.listing.len() {
            position.next = position.next.saturating_add(1);
            match position.look() {
                Ok(stat) => {
                    position.stat = Some(stat);
                    return Ok(true);
                }
                // Gone since it was listed: as if it had never been there.
                Err(Errno::NOENT) => {}
                Err(error) => return Err(os(error)),
            }
        }
        position.stat = None;
        Ok(false)
    }

    fn name(&self) -> &[u8] {
        self.0.name()
    }

    fn meta(&self) -> Meta {
        self.0.stat.as_ref().map_or(const { Meta::new(Kind::Directory) }, meta)
    }

    fn descend(&self) -> Result<Self, SourceError> {
        let here = &*self.0;
        let seen =
            here.tree.ahead.as_ref().zip(self.identity()).and_then(|(ahead, identity)| ahead.take(identity));
        let mut position = if let Some(seen) = seen {
            let position = Position::new(here.tree, seen.directory, seen.listing);
            Position { stats: seen.stats, ..position }
        } else {
            let directory =
                fs::openat(&here.directory, here.target(), DIRECTORY, Mode::empty()).map_err(os)?;
            let listing = Listing::read(directory.as_fd()).map_err(os)?;
            Position::new(here.tree, Arc::new(directory), listing)
        };
        position.device = here.stat.as_ref().map(device);
        Ok(Self(Box::new(position)))
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let position = &*self.0;
        if self.meta().kind == Kind::Symlink {
            let target = fs::readlinkat(&position.directory, position.target(), Vec::new()).map_err(os)?;
            return Ok(crate::tree::list::copy_from(target.as_bytes(), offset, buffer));
        }
        position.with_file(|file| rustix::io::pread(file, buffer, offset))
    }

    fn xattrs(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), SourceError> {
        let position = &*self.0;
        let directory;
        let open = position.open.borrow();
        let entry = match &*open {
            Some(file) => Attributed::Open(file.as_fd()),
            // The way over `/proc` takes longer than to open it.
            None if self.meta().kind == Kind::Directory => {
                directory = fs::openat(&position.directory, position.target(), DIRECTORY, Mode::empty());
                match &directory {
                    Ok(directory) => Attributed::Open(directory.as_fd()),
                    Err(error) => return Err(os(*error)),
                }
            }
            None => Attributed::At(position.proc_path()),
        };
        let mut small = [0; 512];
        let mut large = Vec::new();
        let list = match entry.list(&mut small) {
            Ok(length) => small.get(..length),
            Err(Errno::RANGE) => {
                large.resize(MAX_XATTR_BYTES, 0);
                let length = entry.list(&mut large).map_err(os)?;
                large.get(..length)
            }
            // A file system without extended attributes.
            Err(Errno::NOTSUP) => return Ok(()),
            Err(error) => return Err(os(error)),
        };
        let mut names: Vec<&[u8]> =
            list.unwrap_or(&[]).split(|&byte| byte == 0).filter(|name| !name.is_empty()).collect();
        names.sort_unstable();
        if names.is_empty() {
            return Ok(());
        }
        let mut value = vec![0; MAX_XATTR_BYTES];
        for name in names {
            match entry.get(name, &mut value) {
                Ok(length) => visit(name, value.get(..length).unwrap_or(&[])),
                // Taken away since it was listed.
                Err(Errno::NODATA) => {}
                Err(error) => return Err(os(error)),
            }
        }
        Ok(())
    }

    fn check_unchanged(&self) -> Result<(), SourceError> {
        let (Some(file), Some(then)) = (&*self.0.open.borrow(), &self.0.stat) else { return Ok(()) };
        let now = stat(file.as_fd(), b"", AtFlags::EMPTY_PATH).map_err(os)?;
        // Not the time of the status change: a new hard link would move it.
        let version = |stat: &Statx| {
            let times = (stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec);
            (stat.stx_ino, stat.stx_mode, stat.stx_uid, stat.stx_gid, stat.stx_size, times)
        };
        if version(then) == version(&now) { Ok(()) } else { Err(SourceError::Changed) }
    }

    fn identity(&self) -> Option<[u64; 2]> {
        let stat = self.0.stat.as_ref()?;
        Some([device(stat), stat.stx_ino])
    }

    fn known_digest(&self) -> Option<Digest> {
        if self.meta().kind != Kind::File {
            return None;
        }
        // An error comes again when the content is asked for.
        self.0.known(self).ok().flatten().map(|known| known.content)
    }

    fn digest(&self) -> Result<Digest, SourceError> {
        match self.known_digest() {
            Some(known) => Ok(known),
            None => content_digest(self),
        }
    }

    fn xattrs_digest(&self) -> Result<Option<Digest>, SourceError> {
        if let Some(digest) = self.0.xattrs.get() {
            return Ok(digest);
        }
        let digest = match self.0.known(self)? {
            Some(known) => known.xattrs,
            None => xattrs_digest(self)?,
        };
        self.0.xattrs.set(Some(digest));
        Ok(digest)
    }
}
