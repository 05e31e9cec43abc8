//! The real file system, through directory descriptors.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::mem::MaybeUninit;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{
    self, AtFlags, CWD, FileType, Gid, Mode, OFlags, RawDir, RawMode, RenameFlags, Timespec, Timestamps, Uid,
    XattrFlags,
};
use rustix::io::Errno;

use crate::apply::error::{ApplyError, Operation, Place, StorageError};
use crate::apply::storage::{Attributes, Storage};
use crate::tree::directory::{DIRECTORY, stat};

/// How a [`Disk`] makes what it writes durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Each file and directory by itself, with `fsync`.
    #[default]
    EachFile,
    /// The whole file system at the end of a tree, with one `syncfs`: faster for thousands of files, but it also
    /// waits for what others wrote.
    FileSystem,
}

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk {
    durability: Durability,
}

impl Disk {
    /// The file system of this machine, made durable so.
    #[must_use]
    pub const fn new(durability: Durability) -> Self {
        Self { durability }
    }
}

/// Opens the directory that holds `path`; with the path's last component.
pub(crate) fn parent_and_name(path: &Path) -> Result<(OwnedFd, Vec<u8>), ApplyError> {
    let name = path.file_name().ok_or(ApplyError::NotFresh)?.as_bytes().to_owned();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = fs::openat(CWD, parent, flags, Mode::empty());
    let error = |error| ApplyError::Storage { place: Place::Target, error: failed(Operation::Open)(error) };
    Ok((directory.map_err(error)?, name))
}

fn failed(operation: Operation) -> impl Fn(Errno) -> StorageError {
    move |error| StorageError { operation, code: error.raw_os_error() }
}

/// The mode of what is not finished yet.
const PRIVATE_DIRECTORY: Mode = Mode::RWXU;
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

impl Storage for Disk {
    type Directory = OwnedFd;
    type File = OwnedFd;

    fn open(&self, parent: &OwnedFd, name: &[u8]) -> Result<Option<OwnedFd>, StorageError> {
        match fs::openat(parent, name, DIRECTORY, Mode::empty()) {
            Ok(directory) => Ok(Some(directory)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(failed(Operation::Open)(error)),
        }
    }

    fn make_directory(&self, parent: &OwnedFd, name: &[u8]) -> Result<OwnedFd, StorageError> {
        fs::mkdirat(parent, name, PRIVATE_DIRECTORY).map_err(failed(Operation::MakeDirectory))?;
        fs::openat(parent, name, DIRECTORY, Mode::empty()).map_err(failed(Operation::Open))
    }

    fn create(&self, parent: &OwnedFd, name: &[u8]) -> Result<OwnedFd, StorageError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        fs::openat(parent, name, flags, PRIVATE_FILE).map_err(failed(Operation::Create))
    }

    fn write(&self, file: &mut OwnedFd, mut bytes: &[u8]) -> Result<(), StorageError> {
        while !bytes.is_empty() {
            match rustix::io::write(&*file, bytes) {
                Ok(0) => return Err(failed(Operation::Write)(Errno::IO)),
                Ok(written) => bytes = bytes.get(written..).unwrap_or(&[]),
                Err(Errno::INTR) => {}
                Err(error) => return Err(failed(Operation::Write)(error)),
            }
        }
        Ok(())
    }

    fn finish(&self, file: OwnedFd, attributes: &Attributes<'_>) -> Result<(), StorageError> {
        set(&file, attributes)?;
        match self.durability {
            Durability::EachFile => fs::fsync(&file).map_err(failed(Operation::Sync)),
            Durability::FileSystem => Ok(()),
        }
    }

    fn symlink(
        &self,
        parent: &OwnedFd,
        name: &[u8],
        target: &[u8],
        attributes: &Attributes<'_>,
    ) -> Result<(), StorageError> {
        fs::symlinkat(target, parent, name).map_err(failed(Operation::Symlink))?;
        if let Some((uid, gid)) = attributes.owner {
            let (user, group) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            let owned = fs::chownat(parent, name, user, group, AtFlags::SYMLINK_NOFOLLOW);
            tolerate_own(owned, || stat(parent.as_fd(), name, AtFlags::empty()), (uid, gid))?;
        }
        for (key, value) in attributes.xattrs {
            let mut path = format!("/proc/self/fd/{}/", parent.as_raw_fd()).into_bytes();
            path.extend_from_slice(name);
            fs::lsetxattr(path.as_slice(), key.as_slice(), value, XattrFlags::empty())
                .map_err(failed(Operation::SetXattr))?;
        }
        if let Some(mtime) = attributes.mtime {
            fs::utimensat(parent, name, &times(mtime), AtFlags::SYMLINK_NOFOLLOW)
                .map_err(failed(Operation::SetTime))?;
        }
        Ok(())
    }

    fn set_attributes(&self, directory: &OwnedFd, attributes: &Attributes<'_>) -> Result<(), StorageError> {
        set(directory, attributes)
    }

    fn sync_in_tree(&self, directory: &OwnedFd) -> Result<(), StorageError> {
        match self.durability {
            Durability::EachFile => fs::fsync(directory).map_err(failed(Operation::Sync)),
            Durability::FileSystem => Ok(()),
        }
    }

    fn sync(&self, directory: &OwnedFd) -> Result<(), StorageError> {
        match self.durability {
            Durability::EachFile => fs::fsync(directory),
            Durability::FileSystem => fs::syncfs(directory),
        }
        .map_err(failed(Operation::Sync))
    }

    fn exchange(&self, a: (&OwnedFd, &[u8]), b: (&OwnedFd, &[u8])) -> Result<(), StorageError> {
        fs::renameat_with(a.0, a.1, b.0, b.1, RenameFlags::EXCHANGE).map_err(failed(Operation::Rename))
    }

    fn rename(&self, from: (&OwnedFd, &[u8]), to: (&OwnedFd, &[u8])) -> Result<(), StorageError> {
        fs::renameat(from.0, from.1, to.0, to.1).map_err(failed(Operation::Rename))
    }

    fn remove(&self, parent: &OwnedFd, name: &[u8]) -> Result<(), StorageError> {
        remove(parent, name).map_err(failed(Operation::Remove))
    }

    fn load(&self, parent: &OwnedFd, name: &[u8], limit: usize) -> Result<Option<Vec<u8>>, StorageError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match fs::openat(parent, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed(Operation::Load)(error)),
        };
        let mut bytes = vec![0; limit.saturating_add(1)];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match rustix::io::read(&file, rest).map_err(failed(Operation::Load))? {
                0 => break,
                length => filled = filled.saturating_add(length),
            }
        }
        if filled > limit {
            return Err(failed(Operation::Load)(Errno::FBIG));
        }
        bytes.truncate(filled);
        Ok(Some(bytes))
    }

    fn is_empty(&self, directory: &OwnedFd) -> Result<bool, StorageError> {
        let listed = || -> Result<bool, Errno> {
            // A descriptor of its own, as listing moves its position.
            let fresh = fs::openat(directory, c".", DIRECTORY, Mode::empty())?;
            let mut buffer = [MaybeUninit::uninit(); 1024];
            let mut entries = RawDir::new(&fresh, &mut buffer);
            while let Some(entry) = entries.next() {
                if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        listed().map_err(failed(Operation::Load))
    }

    fn identity(&self, directory: &OwnedFd) -> Result<u64, StorageError> {
        let stat = stat(directory.as_fd(), b"", AtFlags::EMPTY_PATH).map_err(failed(Operation::Load))?;
        Ok(stat.stx_ino)
    }
}

/// Owner first: setting it clears set-id bits and capabilities.
fn set(file: &OwnedFd, attributes: &Attributes<'_>) -> Result<(), StorageError> {
    if let Some((uid, gid)) = attributes.owner {
        let owned = fs::fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        tolerate_own(owned, || stat(file.as_fd(), b"", AtFlags::EMPTY_PATH), (uid, gid))?;
    }
    let mode = Mode::from_raw_mode(RawMode::from(attributes.mode & 0o7777));
    fs::fchmod(file, mode).map_err(failed(Operation::SetMode))?;
    for (name, value) in attributes.xattrs {
        fs::fsetxattr(file, name.as_slice(), value, XattrFlags::empty())
            .map_err(failed(Operation::SetXattr))?;
    }
    match attributes.mtime {
        Some(mtime) => fs::futimens(file, &times(mtime)).map_err(failed(Operation::SetTime)),
        None => Ok(()),
    }
}

/// A plain user may not set owners; that is no error where the file has the wanted one already.
fn tolerate_own(
    result: Result<(), Errno>,
    look: impl FnOnce() -> Result<fs::Statx, Errno>,
    wanted: (u32, u32),
) -> Result<(), StorageError> {
    match result {
        Err(Errno::PERM) => match look() {
            Ok(stat) if (stat.stx_uid, stat.stx_gid) == wanted => Ok(()),
            _ => Err(failed(Operation::SetOwner)(Errno::PERM)),
        },
        result => result.map_err(failed(Operation::SetOwner)),
    }
}

fn times((tv_sec, nanoseconds): (i64, u32)) -> Timestamps {
    let time = Timespec { tv_sec, tv_nsec: nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}

/// Removes a tree with an explicit stack of open directories.
fn remove(parent: &OwnedFd, name: &[u8]) -> Result<(), Errno> {
    match fs::unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(Errno::NOENT) => return Ok(()),
        result => return result,
    }
    let mut stack: Vec<(OwnedFd, Vec<u8>)> = vec![(open_to_empty(parent, name)?, name.to_owned())];
    while let Some((directory, _)) = stack.last() {
        let mut child = None;
        let mut buffer = vec![MaybeUninit::uninit(); 16 * 1024];
        let fresh = fs::openat(directory, c".", DIRECTORY, Mode::empty())?;
        let mut entries = RawDir::new(&fresh, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let is_directory = match entry.file_type() {
                FileType::Unknown => {
                    let stat = stat(directory.as_fd(), name, AtFlags::empty())?;
                    FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Directory
                }
                kind => kind == FileType::Directory,
            };
            if is_directory {
                child = Some((open_to_empty(directory, name)?, name.to_owned()));
                break;
            }
            fs::unlinkat(directory, name, AtFlags::empty())?;
        }
        if let Some(child) = child {
            stack.push(child);
            continue;
        }
        if let Some((_, name)) = stack.pop() {
            let above = stack.last().map_or(parent, |(directory, _)| directory);
            fs::unlinkat(above, name.as_slice(), AtFlags::REMOVEDIR)?;
        }
    }
    Ok(())
}

/// Opens a directory whose entries are to be removed, whatever its mode says.
fn open_to_empty(parent: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let directory = match fs::openat(parent, name, DIRECTORY, Mode::empty()) {
        Err(Errno::ACCESS) => {
            fs::chmodat(parent, name, PRIVATE_DIRECTORY, AtFlags::empty())?;
            fs::openat(parent, name, DIRECTORY, Mode::empty())?
        }
        directory => directory?,
    };
    // As a plain user: a directory without the owner's write bit cannot be emptied. For root it does not matter.
    let _ = fs::fchmod(&directory, PRIVATE_DIRECTORY);
    Ok(directory)
}
