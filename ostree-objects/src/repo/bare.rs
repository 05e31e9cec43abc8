//! File objects of the modes `bare` and `bare-user-only`: the very file or symbolic link.
//!
//! In `bare` its owner, mode and extended attributes are those of the object, which root alone can store for
//! others. In `bare-user-only` it has none: objects are root's, without extended attributes, and their modes are
//! below 0775 (`ostree-repo.c`, `_ostree_validate_bareuseronly_mode`).

use alloc::boxed::Box;
use alloc::vec::Vec;
use std::fs::File;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use super::read::FileObject;
use super::temporary::TemporaryName;
use super::{EPOCH, Repo, RepoError, attributes};
use crate::object::{S_IFMT, S_IFREG};
use crate::{Checksum, FileHeader, FileHeaderRef, ObjectType, RepoMode, Xattrs};

/// The bits of a file's mode that a `bare-user-only` repository stores.
pub(super) const USER_ONLY_BITS: u32 = 0o775;

impl Repo {
    /// Opens the file object that lies in the repository as what it is.
    pub(super) fn open_bare(&self, checksum: &Checksum) -> Result<FileObject, RepoError> {
        let path = checksum.loose_path(ObjectType::File, self.mode);
        let path = path.as_str();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(&self.objects, path, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::LOOP) => return self.open_bare_link(checksum),
            Err(Errno::NOENT) => {
                return Err(RepoError::Missing { object_type: ObjectType::File, checksum: *checksum });
            }
            Err(error) => return Err(RepoError::io("opening an object")(error)),
        };
        let stat = rustix::fs::fstat(&file).map_err(RepoError::io("reading an object"))?;
        let (uid, gid, xattrs) = match self.mode {
            RepoMode::BareUserOnly => (0, 0, Xattrs::default()),
            _ => (stat.st_uid, stat.st_gid, attributes::of_file(&file)?),
        };
        let header = FileHeaderRef::regular(uid, gid, stat.st_mode, xattrs.as_ref())
            .map_err(|error| bad(checksum, error))?
            .into();
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        Ok(FileObject { header, size, content: Box::new(file), linkable: size > 0 })
    }

    fn open_bare_link(&self, checksum: &Checksum) -> Result<FileObject, RepoError> {
        let path = checksum.loose_path(ObjectType::File, self.mode);
        let path = path.as_str();
        let io = || RepoError::io("reading a symbolic link");
        let target = rustix::fs::readlinkat(&self.objects, path, Vec::new()).map_err(io())?;
        let (uid, gid, xattrs) = match self.mode {
            RepoMode::BareUserOnly => (0, 0, Xattrs::default()),
            _ => {
                let stat = rustix::fs::statat(&self.objects, path, AtFlags::SYMLINK_NOFOLLOW).map_err(io())?;
                (stat.st_uid, stat.st_gid, attributes::of_name(&self.objects, path)?)
            }
        };
        let target = core::str::from_utf8(target.as_bytes()).map_err(|_| {
            let kind = crate::ErrorKind::String(crate::StringRule::NotUtf8);
            bad(checksum, crate::Error { kind, offset: 0 })
        })?;
        let header: FileHeader = FileHeaderRef::symlink(uid, gid, target, xattrs.as_ref())
            .map_err(|error| bad(checksum, error))?
            .into();
        Ok(FileObject { header, size: 0, content: Box::new(std::io::empty()), linkable: false })
    }

    /// Whether the repository can store such an object.
    pub(super) fn check_storable(&self, header: &FileHeaderRef<'_>) -> Result<(), RepoError> {
        if self.mode != RepoMode::BareUserOnly {
            return Ok(());
        }
        let is_regular = header.mode() & S_IFMT == S_IFREG;
        let bits = if is_regular { header.mode() & 0o7777 & !USER_ONLY_BITS } else { 0 };
        if bits == 0 && header.uid() == 0 && header.gid() == 0 && header.xattrs().is_empty() {
            return Ok(());
        }
        let (uid, gid, mode, xattrs) =
            (header.uid(), header.gid(), header.mode(), header.xattrs().iter().count());
        Err(RepoError::NotCanonical { uid, gid, mode, xattrs })
    }

    /// Makes a temporary file the object that the header describes.
    pub(super) fn own(&self, file: &File, header: &FileHeaderRef<'_>) -> Result<(), RepoError> {
        let mut bits = header.mode() & 0o7777;
        if self.mode == RepoMode::Bare {
            // Changing the owner takes set-id bits and capabilities away: it comes first.
            let (uid, gid) = (Uid::from_raw(header.uid()), Gid::from_raw(header.gid()));
            rustix::fs::fchown(file, Some(uid), Some(gid)).map_err(RepoError::io(OWNER))?;
            attributes::set_of_file(file, header.xattrs())?;
        } else {
            bits &= USER_ONLY_BITS;
        }
        rustix::fs::fchmod(file, Mode::from_raw_mode(bits))
            .map_err(RepoError::io("setting an object's mode"))?;
        rustix::fs::futimens(file, &EPOCH).map_err(RepoError::io("setting an object's time"))
    }

    /// A temporary symbolic link that is the object.
    pub(super) fn own_link(
        &self,
        header: &FileHeaderRef<'_>,
        target: &str,
    ) -> Result<TemporaryName<'_>, RepoError> {
        let link = self.temporary_link(target)?;
        if self.mode == RepoMode::Bare {
            let (uid, gid) = (Uid::from_raw(header.uid()), Gid::from_raw(header.gid()));
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::chownat(link.directory, &*link.name, Some(uid), Some(gid), flags)
                .map_err(RepoError::io(OWNER))?;
            attributes::set_of_name(link.directory, &link.name, header.xattrs())?;
        }
        Ok(link)
    }
}

const OWNER: &str = "setting an object's owner (mode bare stores them as they are, which only root may)";

fn bad(checksum: &Checksum, error: crate::Error) -> RepoError {
    RepoError::Malformed { object_type: ObjectType::File, checksum: *checksum, error }
}
