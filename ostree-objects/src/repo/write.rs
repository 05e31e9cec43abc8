//! Writing objects: into a temporary file, hashed on the way, renamed to their name if it fits.
//!
//! Objects are not synced one by one: [`Repo::sync`] does it for all, and happens before a ref is set or a
//! commit is called complete. Until then a power cut may leave objects without their content: whoever continues
//! a partial commit checks what is there.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use std::fs::File;
use std::io::{Read, Write};

use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps, XattrFlags};

use super::{Repo, RepoError, make_directory, read};
use crate::filez::{self, Inflate};
use crate::limits::MAX_CONTENT_BYTES;
use crate::object::{Owner, write_owner};
use crate::{Checksum, ContentHasher, Error, ErrorKind, FileHeaderRef, ObjectType, RepoMode};

/// A file without its final name; removed unless it gets one.
#[derive(Debug)]
pub(super) struct Temporary<'a> {
    directory: &'a File,
    name: String,
    pub(super) file: File,
    kept: bool,
}

impl Temporary<'_> {
    pub(super) fn rename_to(mut self, directory: &File, path: &str) -> Result<(), RepoError> {
        rustix::fs::renameat(self.directory, &*self.name, directory, path)
            .map_err(RepoError::io("naming a file"))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // Left behind it does no harm: names are never taken twice in a process, and `tmp` is swept.
            let _ = rustix::fs::unlinkat(self.directory, &*self.name, AtFlags::empty());
        }
    }
}

impl Repo {
    /// Stores a commit, dirtree or dirmeta object and returns its checksum.
    ///
    /// # Errors
    /// If `expected` is given and is another, or as of the file system.
    pub fn write_metadata(
        &self,
        object_type: ObjectType,
        expected: Option<&Checksum>,
        bytes: &[u8],
    ) -> Result<Checksum, RepoError> {
        let actual = Checksum::of(bytes);
        self.check_expected(object_type, expected, actual)?;
        if !self.has(object_type, &actual)? {
            let mut file = self.temporary_file()?;
            file.file.write_all(bytes).map_err(RepoError::io("writing an object"))?;
            self.keep(file, object_type, &actual)?;
        }
        Ok(actual)
    }

    /// Stores a file object as it is served, `.filez`, and returns its checksum.
    ///
    /// # Errors
    /// If it is malformed, declares more than [`MAX_CONTENT_BYTES`], has another checksum than `expected`, or as
    /// of reader and file system. Nothing of it is then kept.
    pub fn write_filez(&self, expected: &Checksum, mut reader: impl Read) -> Result<Checksum, RepoError> {
        let (size, header) =
            filez::read_header(&mut reader).map_err(|error| read::malformed(expected, error))?;
        if size > MAX_CONTENT_BYTES {
            let kind = ErrorKind::ContentTooLarge { limit: MAX_CONTENT_BYTES, actual: size };
            let (object_type, error) = (ObjectType::File, Error { kind, offset: 0 });
            return Err(RepoError::Malformed { object_type, checksum: *expected, error });
        }
        let header = header.as_ref();
        match header.symlink_target() {
            Some(_) => self.write_file(&header, Some(expected), std::io::empty()),
            None => self.write_file(&header, Some(expected), Inflate::new(reader, size)),
        }
    }

    /// Stores a file object from its header and content, and returns its checksum.
    ///
    /// # Errors
    /// As [`Self::write_filez`].
    pub fn write_file(
        &self,
        header: &FileHeaderRef<'_>,
        expected: Option<&Checksum>,
        mut content: impl Read,
    ) -> Result<Checksum, RepoError> {
        let mut hasher = ContentHasher::new(header);
        let mut plain = self.temporary_file()?;
        if let (RepoMode::BareUser, Some(target)) = (self.mode, header.symlink_target()) {
            let link = plain.file.write_all(target.as_bytes()).and_then(|()| plain.file.write_all(&[0]));
            link.map_err(RepoError::io("writing an object"))?;
        }
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = content.read(&mut buffer).map_err(RepoError::io("reading a file's content"))?;
            let Some(bytes @ [_, ..]) = buffer.get(..count) else { break };
            hasher.update(bytes);
            plain.file.write_all(bytes).map_err(RepoError::io("writing an object"))?;
        }
        let size = hasher.content_bytes();
        let actual = hasher.finish();
        self.check_expected(ObjectType::File, expected, actual)?;
        if self.has(ObjectType::File, &actual)? {
            return Ok(actual);
        }
        if self.mode == RepoMode::BareUser {
            self.describe(&plain.file, header)?;
            self.keep(plain, ObjectType::File, &actual)?;
        } else {
            let packed = self.pack(&plain.file, header, size)?;
            self.keep(packed, ObjectType::File, &actual)?;
        }
        Ok(actual)
    }

    /// Gives a bare-user object its `user.ostreemeta` and the mode that libostree gives it.
    fn describe(&self, file: &File, header: &FileHeaderRef<'_>) -> Result<(), RepoError> {
        let owner = Owner { uid: header.uid(), gid: header.gid(), mode: header.mode() };
        let mut attribute = Vec::new();
        let Ok(()) = write_owner(&mut attribute, owner, &header.xattrs());
        rustix::fs::fsetxattr(file, "user.ostreemeta", &attribute, XattrFlags::empty())
            .map_err(RepoError::io("writing user.ostreemeta (does the file system have user attributes?)"))?;
        let mode = if header.symlink_target().is_some() { 0o644 } else { (header.mode() & 0o775) | 0o400 };
        rustix::fs::fchmod(file, Mode::from_raw_mode(mode))
            .map_err(RepoError::io("setting an object's mode"))?;
        let epoch = Timespec { tv_sec: 0, tv_nsec: 0 };
        let times = Timestamps { last_access: epoch, last_modification: epoch };
        rustix::fs::futimens(file, &times).map_err(RepoError::io("setting an object's time"))
    }

    fn pack(&self, plain: &File, header: &FileHeaderRef<'_>, size: u64) -> Result<Temporary<'_>, RepoError> {
        use std::io::{BufWriter, Seek, SeekFrom};
        let packed = self.temporary_file()?;
        let io = RepoError::io("compressing an object");
        let mut content = plain;
        let mut pack = || {
            let mut writer = BufWriter::new(&packed.file);
            let mut start = Vec::new();
            let Ok(()) = header.encode_filez(size, &mut start);
            writer.write_all(&start)?;
            if header.symlink_target().is_none() {
                content.seek(SeekFrom::Start(0))?;
                filez::deflate(content, &mut writer, filez::DEFAULT_LEVEL)?;
            }
            writer.flush()
        };
        pack().map_err(io)?;
        Ok(packed)
    }

    /// Makes everything written so far durable, at once.
    ///
    /// # Errors
    /// As of the file system.
    pub fn sync(&self) -> Result<(), RepoError> {
        rustix::fs::syncfs(&self.directory).map_err(RepoError::io("syncing the repository"))
    }

    /// Removes an object whose content is damaged, so that it can be had again.
    ///
    /// # Errors
    /// As of the file system.
    pub fn remove(&self, object_type: ObjectType, checksum: &Checksum) -> Result<(), RepoError> {
        let path = checksum.loose_path(object_type, self.mode);
        match rustix::fs::unlinkat(&self.objects, path.as_str(), AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(RepoError::io("removing an object")(error)),
        }
    }

    /// Gives a temporary file the object's name.
    fn keep(
        &self,
        file: Temporary<'_>,
        object_type: ObjectType,
        checksum: &Checksum,
    ) -> Result<(), RepoError> {
        let path = checksum.loose_path(object_type, self.mode);
        make_directory(&self.objects, path.directory())?;
        file.rename_to(&self.objects, path.as_str())
    }

    fn check_expected(
        &self,
        object_type: ObjectType,
        expected: Option<&Checksum>,
        actual: Checksum,
    ) -> Result<(), RepoError> {
        match expected {
            Some(&expected) if expected != actual => {
                Err(RepoError::Corrupt { object_type, expected, actual })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn temporary_file(&self) -> Result<Temporary<'_>, RepoError> {
        static NEXT: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(0);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        loop {
            let number = NEXT.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
            let name = format!("new-{}-{number}", std::process::id());
            match rustix::fs::openat(&self.temporary, &*name, flags, Mode::from_raw_mode(0o644)) {
                Ok(file) => {
                    return Ok(Temporary {
                        directory: &self.temporary,
                        name,
                        file: file.into(),
                        kept: false,
                    });
                }
                // Left behind by a process of the same number that was killed.
                Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(RepoError::io("making a temporary file")(error)),
            }
        }
    }
}
