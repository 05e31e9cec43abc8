//! Reading objects; what is read is checked against its name.

use alloc::vec::Vec;
use alloc::{boxed::Box, vec};
use std::fs::File;
use std::io::Read;

use rustix::fs::{Mode, OFlags};

use super::content::BUFFER_BYTES;
use super::{Repo, RepoError};
use crate::filez::{Inflate, read_header};
use crate::limits::{MAX_FILE_HEADER_BYTES, MAX_SYMLINK_BYTES};
use crate::object::Owner;
use crate::{Checksum, ContentHasher, FileHeader, FileHeaderRef, Limits, ObjectType, RepoMode};

/// A file object, open for reading. Its content is checked by whoever hashes it; [`Repo::check_file`] does.
pub struct FileObject {
    /// Owner, mode, symbolic link's target.
    pub header: FileHeader,
    /// The content's size in bytes.
    pub size: u64,
    /// The content; empty for a symbolic link.
    pub content: Box<dyn Read>,
}

/// A file object as it is stored.
pub(super) struct StoredFile {
    pub(super) header: FileHeader,
    pub(super) size: u64,
    pub(super) content: Content,
}

/// How content is stored.
pub(super) enum Content {
    /// In a file of its own.
    Plain(File),
    /// Compressed.
    Packed(Box<Inflate<File>>),
    /// A symbolic link has none.
    Empty,
}

impl Content {
    pub(super) fn copy_to(self, file: &mut File) -> std::io::Result<()> {
        match self {
            // Where the file system can, both share what is on the disk, whatever its size. Else the kernel copies.
            Self::Plain(mut plain) => match rustix::fs::ioctl_ficlone(&*file, &plain) {
                Ok(()) => Ok(()),
                Err(_) => std::io::copy(&mut plain, file).map(drop),
            },
            Self::Packed(mut inflate) => {
                let mut buffer = vec![0; BUFFER_BYTES];
                loop {
                    let count = inflate.read(&mut buffer)?;
                    let Some(bytes @ [_, ..]) = buffer.get(..count) else { return Ok(()) };
                    std::io::Write::write_all(file, bytes)?;
                }
            }
            Self::Empty => Ok(()),
        }
    }
}

impl From<StoredFile> for FileObject {
    fn from(stored: StoredFile) -> Self {
        let content: Box<dyn Read> = match stored.content {
            Content::Plain(file) => Box::new(file),
            Content::Packed(inflate) => inflate,
            Content::Empty => Box::new(std::io::empty()),
        };
        Self { header: stored.header, size: stored.size, content }
    }
}

impl core::fmt::Debug for FileObject {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("FileObject").field("header", &self.header).field("size", &self.size).finish()
    }
}

/// The attribute of a bare-user object.
const META: &str = "user.ostreemeta";

impl Repo {
    /// The bytes of a commit, dirtree or dirmeta object, which have its checksum.
    ///
    /// # Errors
    /// If it is missing, too large or corrupt.
    pub fn load_metadata(&self, object_type: ObjectType, checksum: &Checksum) -> Result<Vec<u8>, RepoError> {
        let limit = Limits::DEFAULT.metadata_bytes();
        // Nearly every object fits, and is then read at once.
        let mut bytes = Vec::with_capacity(4096);
        let file = self.open_object(object_type, checksum)?;
        let count = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        file.take(count).read_to_end(&mut bytes).map_err(RepoError::io("reading an object"))?;
        if bytes.len() > limit {
            let kind = crate::ErrorKind::TooLarge { limit, actual: bytes.len() };
            let error = crate::Error { kind, offset: 0 };
            return Err(RepoError::Malformed { object_type, checksum: *checksum, error });
        }
        let actual = Checksum::of(&bytes);
        if actual != *checksum {
            return Err(RepoError::Corrupt { object_type, expected: *checksum, actual });
        }
        Ok(bytes)
    }

    /// Opens a file object.
    ///
    /// # Errors
    /// If it is missing, or its header is malformed.
    pub fn open_file(&self, checksum: &Checksum) -> Result<FileObject, RepoError> {
        self.open_stored(checksum).map(FileObject::from)
    }

    pub(super) fn open_stored(&self, checksum: &Checksum) -> Result<StoredFile, RepoError> {
        if matches!(self.mode, RepoMode::Bare | RepoMode::BareUserOnly) {
            return self.open_bare(checksum);
        }
        let mut file = self.open_object(ObjectType::File, checksum)?;
        if self.mode != RepoMode::Archive {
            return self.open_bare_user(file, checksum);
        }
        let (size, header) = read_header(&mut file).map_err(|error| malformed(checksum, error))?;
        let content = match header.as_ref().symlink_target() {
            Some(_) => Content::Empty,
            None => Content::Packed(Box::new(Inflate::new(file, size))),
        };
        Ok(StoredFile { header, size, content })
    }

    /// A bare-user object: content in the file, the rest in an extended attribute of it
    /// (`user.ostreemeta`, `(uuua(ayay))`). A symbolic link is a file with its target and a NUL in it.
    fn open_bare_user(&self, file: File, checksum: &Checksum) -> Result<StoredFile, RepoError> {
        // Nearly every file has no other attributes, and the twelve bytes of its owner and mode are all.
        let (mut small, mut large) = ([0; 64], Vec::new());
        let bytes = match rustix::fs::fgetxattr(&file, META, &mut small[..]) {
            Ok(count) => small.get(..count),
            Err(rustix::io::Errno::RANGE) => {
                large.resize(MAX_FILE_HEADER_BYTES, 0);
                let count = rustix::fs::fgetxattr(&file, META, &mut large[..]);
                large.get(..count.map_err(RepoError::io("reading user.ostreemeta"))?)
            }
            Err(error) => return Err(RepoError::io("reading user.ostreemeta")(error)),
        };
        let bytes = bytes.unwrap_or_default();
        let bad = |error| RepoError::Malformed { object_type: ObjectType::File, checksum: *checksum, error };
        let (Owner { uid, gid, mode }, xattrs) =
            Owner::read(crate::gvariant::Span::new(bytes)).map_err(bad)?;
        if mode & crate::object::S_IFMT == crate::object::S_IFLNK {
            let mut target = alloc::string::String::new();
            let limit = u64::try_from(MAX_SYMLINK_BYTES + 2).unwrap_or(u64::MAX);
            file.take(limit).read_to_string(&mut target).map_err(RepoError::io("reading a symbolic link"))?;
            let target = target.strip_suffix('\0').unwrap_or(&target);
            let header = FileHeaderRef::symlink(uid, gid, target, xattrs).map_err(bad)?.into();
            return Ok(StoredFile { header, size: 0, content: Content::Empty });
        }
        let header = FileHeaderRef::regular(uid, gid, mode, xattrs).map_err(bad)?.into();
        let size = file.metadata().map_err(RepoError::io("reading an object"))?.len();
        Ok(StoredFile { header, size, content: Content::Plain(file) })
    }

    /// Reads a file object through and compares its content with its name.
    ///
    /// # Errors
    /// If it is missing, malformed or corrupt.
    pub fn check_file(&self, checksum: &Checksum) -> Result<(), RepoError> {
        let mut object = self.open_file(checksum)?;
        let mut hasher = ContentHasher::new(&object.header.as_ref());
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = object.content.read(&mut buffer).map_err(|error| malformed(checksum, error))?;
            let Some(bytes @ [_, ..]) = buffer.get(..count) else { break };
            hasher.update(bytes);
        }
        let actual = hasher.finish();
        if actual != *checksum {
            let object_type = ObjectType::File;
            return Err(RepoError::Corrupt { object_type, expected: *checksum, actual });
        }
        Ok(())
    }

    pub(crate) fn open_object(
        &self,
        object_type: ObjectType,
        checksum: &Checksum,
    ) -> Result<File, RepoError> {
        let path = checksum.loose_path(object_type, self.mode);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match rustix::fs::openat(&self.objects, path.as_str(), flags, Mode::empty()) {
            Ok(file) => Ok(file.into()),
            Err(rustix::io::Errno::NOENT) => Err(RepoError::Missing { object_type, checksum: *checksum }),
            Err(error) => Err(RepoError::io("opening an object")(error)),
        }
    }
}

/// A malformed object if the error says so, else one of the file system.
pub(super) fn malformed(checksum: &Checksum, error: std::io::Error) -> RepoError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<crate::Error>()) {
        Some(&error) => RepoError::Malformed { object_type: ObjectType::File, checksum: *checksum, error },
        None => RepoError::io("reading a file object")(error),
    }
}
