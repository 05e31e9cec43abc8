//! What a listing says of file objects, had as cheaply as the repository's mode allows.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rustix::fs::{AtFlags, Stat};
use rustix::io::Errno;

use super::read::malformed;
use super::{Repo, RepoError};
use crate::filez::read_header;
use crate::object::{S_IFLNK, S_IFMT};
use crate::{Checksum, FileHeaderRef, ObjectType, RepoMode, Xattrs};

/// How much is read of a compressed object for its header alone, in bytes.
const HEADER_BUFFER_BYTES: usize = 256;

/// What a file object is, but for its extended attributes and content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its mode, with the type bits.
    pub mode: u32,
    /// The content's size in bytes; 0 for a symbolic link.
    pub size: u64,
    /// A symbolic link's target.
    pub target: Option<String>,
}

impl FileFacts {
    fn new(header: &FileHeaderRef<'_>, size: u64) -> Self {
        let target = header.symlink_target().map(ToString::to_string);
        Self { uid: header.uid(), gid: header.gid(), mode: header.mode(), size, target }
    }
}

impl Repo {
    /// What a file object says of itself. Nothing is read that a listing does not show: content and extended
    /// attributes are not checked.
    ///
    /// # Errors
    /// If it is missing, or malformed.
    pub fn file_facts(&self, checksum: &Checksum) -> Result<FileFacts, RepoError> {
        match self.mode {
            RepoMode::Bare | RepoMode::BareUserOnly => self.bare_facts(checksum),
            RepoMode::Archive => {
                // One read is enough for nearly every header.
                let file = self.open_object(ObjectType::File, checksum)?;
                let mut reader = std::io::BufReader::with_capacity(HEADER_BUFFER_BYTES, file);
                let (size, header) = read_header(&mut reader).map_err(|error| malformed(checksum, error))?;
                Ok(FileFacts::new(&header.as_ref(), size))
            }
            _ => {
                let stored = self.open_stored(checksum)?;
                Ok(FileFacts::new(&stored.header.as_ref(), stored.size))
            }
        }
    }

    /// Of an object that lies there as what it is, without opening it.
    fn bare_facts(&self, checksum: &Checksum) -> Result<FileFacts, RepoError> {
        let path = checksum.loose_path(ObjectType::File, self.mode);
        let path = path.as_str();
        let stat = match rustix::fs::statat(&self.objects, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => {
                return Err(RepoError::Missing { object_type: ObjectType::File, checksum: *checksum });
            }
            Err(error) => return Err(RepoError::io("looking at an object")(error)),
        };
        let none = Xattrs::default();
        let Stat { st_uid, st_gid, st_mode, st_size, .. } = stat;
        let (uid, gid) = if self.mode == RepoMode::Bare { (st_uid, st_gid) } else { (0, 0) };
        let bad = |error| RepoError::Malformed { object_type: ObjectType::File, checksum: *checksum, error };
        if st_mode & S_IFMT != S_IFLNK {
            let header = FileHeaderRef::regular(uid, gid, st_mode, none.as_ref()).map_err(bad)?;
            return Ok(FileFacts::new(&header, u64::try_from(st_size).unwrap_or(0)));
        }
        let target = rustix::fs::readlinkat(&self.objects, path, Vec::new())
            .map_err(RepoError::io("reading a symbolic link"))?;
        let target = core::str::from_utf8(target.as_bytes()).map_err(|_| {
            bad(crate::Error { kind: crate::ErrorKind::String(crate::StringRule::NotUtf8), offset: 0 })
        })?;
        let header = FileHeaderRef::symlink(uid, gid, target, none.as_ref()).map_err(bad)?;
        Ok(FileFacts::new(&header, 0))
    }
}
