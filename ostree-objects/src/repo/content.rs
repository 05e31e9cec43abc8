//! Writing file objects.

use alloc::vec;
use alloc::vec::Vec;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use rustix::fs::{Mode, XattrFlags};

use super::temporary::Temporary;
use super::{EPOCH, Repo, RepoError, read};
use crate::filez::{self, Inflate};
use crate::limits::MAX_CONTENT_BYTES;
use crate::object::{Owner, write_owner};
use crate::{Checksum, ContentHasher, Error, ErrorKind, FileHeaderRef, ObjectSize, ObjectType, RepoMode};

/// How much content is read at once, in bytes.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// How an archive's objects are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// As fast as can be.
    Fast,
    /// Into the bytes that libostree stores, whose number a commit may list.
    #[cfg(feature = "zlib")]
    AsZlib,
}

impl Repo {
    /// Stores a file object as it is served, `.filez`, and returns its checksum. An archive keeps the very bytes.
    ///
    /// # Errors
    /// If it is malformed, declares more than [`MAX_CONTENT_BYTES`], has another checksum than `expected`, cannot
    /// be in a repository of this mode, or as of reader and file system. Nothing of it is then kept.
    pub fn write_filez(&self, expected: &Checksum, reader: impl Read) -> Result<Checksum, RepoError> {
        self.write_filez_within(expected, None, reader)
    }

    /// Like [`write_filez`](Self::write_filez), of what a commit says the object's size is.
    ///
    /// # Errors
    /// As [`write_filez`](Self::write_filez), and if the object declares more: [`RepoError::BeyondSizes`].
    pub fn write_filez_within(
        &self,
        expected: &Checksum,
        listed: Option<&ObjectSize>,
        mut reader: impl Read,
    ) -> Result<Checksum, RepoError> {
        if self.mode != RepoMode::Archive {
            return self.write_inflated(expected, listed, &mut reader, |header, expected, content| {
                self.write_file(header, Some(expected), content)
            });
        }
        let packed = self.temporary_file()?;
        let mut tee = Tee { reader, copy: &packed.file };
        let checksum = self.write_inflated(expected, listed, &mut tee, |header, expected, content| {
            let mut hasher = ContentHasher::new(header);
            each_block(content, |bytes| {
                hasher.update(bytes);
                Ok(())
            })?;
            let actual = hasher.finish();
            self.check_expected(ObjectType::File, Some(expected), actual)?;
            Ok(actual)
        })?;
        self.check_space(0)?;
        self.keep(packed.into_name(), ObjectType::File, &checksum)?;
        Ok(checksum)
    }

    fn write_inflated(
        &self,
        expected: &Checksum,
        listed: Option<&ObjectSize>,
        mut reader: impl Read,
        write: impl FnOnce(&FileHeaderRef<'_>, &Checksum, &mut dyn Read) -> Result<Checksum, RepoError>,
    ) -> Result<Checksum, RepoError> {
        let (size, header) =
            filez::read_header(&mut reader).map_err(|error| read::malformed(expected, error))?;
        if size > MAX_CONTENT_BYTES {
            let kind = ErrorKind::ContentTooLarge { limit: MAX_CONTENT_BYTES, actual: size };
            let (object_type, error) = (ObjectType::File, Error { kind, offset: 0 });
            return Err(RepoError::Malformed { object_type, checksum: *expected, error });
        }
        let header = header.as_ref();
        if let Some(listed) = listed {
            listed.check(header.unpacked_size(size))?;
        }
        if self.mode != RepoMode::Archive {
            self.check_space(size)?;
        }
        match header.symlink_target() {
            Some(_) => write(&header, expected, &mut io::empty()),
            None => write(&header, expected, &mut Inflate::new(reader, size)),
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
        content: impl Read,
    ) -> Result<Checksum, RepoError> {
        self.check_storable(header)?;
        if let Some(target) = header.symlink_target() {
            return self.write_link(header, target, expected);
        }
        let mut hasher = ContentHasher::new(header);
        let mut plain = self.temporary_file()?;
        each_block(content, |bytes| {
            hasher.update(bytes);
            self.check_space(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
            plain.file.write_all(bytes).map_err(RepoError::io("writing an object"))
        })?;
        let size = hasher.content_bytes();
        let actual = hasher.finish();
        self.check_expected(ObjectType::File, expected, actual)?;
        if self.has(ObjectType::File, &actual)? {
            return Ok(actual);
        }
        if self.mode == RepoMode::Archive {
            plain.file.seek(SeekFrom::Start(0)).map_err(RepoError::io("reading an object"))?;
            let packed = self.pack(&plain.file, header, size, Packing::Fast)?;
            self.keep(packed.into_name(), ObjectType::File, &actual)?;
        } else {
            self.finish(&plain.file, header)?;
            self.keep(plain.into_name(), ObjectType::File, &actual)?;
        }
        Ok(actual)
    }

    /// Stores a regular file of `size` bytes, which the repository lacks. It is `content` that fails before its end if it
    /// has another size or not this checksum: it is not hashed here a second time.
    pub(super) fn write_checked(
        &self,
        header: &FileHeaderRef<'_>,
        size: u64,
        checksum: &Checksum,
        content: impl Read,
    ) -> Result<(), RepoError> {
        self.check_storable(header)?;
        if self.mode == RepoMode::Archive {
            let packed = self.pack(content, header, size, Packing::Fast)?;
            return self.keep(packed.into_name(), ObjectType::File, checksum);
        }
        self.check_space(size)?;
        let mut plain = self.temporary_file()?;
        let buffer = usize::try_from(size).unwrap_or(usize::MAX).clamp(1, BUFFER_BYTES);
        each_block_of(buffer, content, |bytes| {
            plain.file.write_all(bytes).map_err(RepoError::io("writing an object"))
        })?;
        self.finish(&plain.file, header)?;
        self.keep(plain.into_name(), ObjectType::File, checksum)
    }

    /// Stores a regular file whose checksum and size are known, and which the repository lacks: an archive
    /// compresses it while it is read.
    pub(super) fn write_known(
        &self,
        header: &FileHeaderRef<'_>,
        size: u64,
        checksum: &Checksum,
        content: impl Read,
        packing: Packing,
    ) -> Result<(), RepoError> {
        if self.mode != RepoMode::Archive {
            self.check_space(size)?;
            return self.write_file(header, Some(checksum), content).map(drop);
        }
        let mut hashing = Hashing { reader: content, hasher: ContentHasher::new(header) };
        let packed = self.pack(&mut hashing, header, size, packing)?;
        self.check_expected(ObjectType::File, Some(checksum), hashing.hasher.finish())?;
        self.keep(packed.into_name(), ObjectType::File, checksum)
    }

    fn write_link(
        &self,
        header: &FileHeaderRef<'_>,
        target: &str,
        expected: Option<&Checksum>,
    ) -> Result<Checksum, RepoError> {
        let actual = ContentHasher::new(header).finish();
        self.check_expected(ObjectType::File, expected, actual)?;
        if self.has(ObjectType::File, &actual)? {
            return Ok(actual);
        }
        let name = match self.mode {
            RepoMode::Bare | RepoMode::BareUserOnly => self.own_link(header, target)?,
            RepoMode::Archive => self.pack(io::empty(), header, 0, Packing::Fast)?.into_name(),
            _ => {
                let mut plain = self.temporary_file()?;
                let text = plain.file.write_all(target.as_bytes()).and_then(|()| plain.file.write_all(&[0]));
                text.map_err(RepoError::io("writing an object"))?;
                self.finish(&plain.file, header)?;
                plain.into_name()
            }
        };
        self.keep(name, ObjectType::File, &actual)?;
        Ok(actual)
    }

    /// Gives a file with an object's content what else belongs to it.
    fn finish(&self, file: &File, header: &FileHeaderRef<'_>) -> Result<(), RepoError> {
        if self.mode == RepoMode::BareUser { describe(file, header) } else { self.own(file, header) }
    }

    /// A `.filez` of content of `size` bytes.
    fn pack(
        &self,
        content: impl Read,
        header: &FileHeaderRef<'_>,
        size: u64,
        packing: Packing,
    ) -> Result<Temporary<'_>, RepoError> {
        let packed = self.temporary_file()?;
        let mut writer = BufWriter::with_capacity(BUFFER_BYTES, &packed.file);
        let mut start = Vec::new();
        let Ok(()) = header.encode_filez(size, &mut start);
        let pack = || {
            writer.write_all(&start)?;
            if header.symlink_target().is_none() {
                match packing {
                    Packing::Fast => filez::deflate(content, &mut writer, filez::DEFAULT_LEVEL)?,
                    #[cfg(feature = "zlib")]
                    Packing::AsZlib => filez::deflate_as_zlib(content, &mut writer)?,
                }
            }
            writer.flush()
        };
        pack().map_err(RepoError::io("compressing an object"))?;
        drop(writer);
        // How much it is was not known before; the file goes away again if that is too much.
        self.check_space(0)?;
        Ok(packed)
    }
}

/// Gives a bare-user object its `user.ostreemeta` and the mode that libostree gives it.
fn describe(file: &File, header: &FileHeaderRef<'_>) -> Result<(), RepoError> {
    let owner = Owner { uid: header.uid(), gid: header.gid(), mode: header.mode() };
    let mut attribute = Vec::new();
    let Ok(()) = write_owner(&mut attribute, owner, &header.xattrs());
    rustix::fs::fsetxattr(file, "user.ostreemeta", &attribute, XattrFlags::empty())
        .map_err(RepoError::io("writing user.ostreemeta (does the file system have user attributes?)"))?;
    let mode = if header.symlink_target().is_some() { 0o644 } else { (header.mode() & 0o775) | 0o400 };
    rustix::fs::fchmod(file, Mode::from_raw_mode(mode)).map_err(RepoError::io("setting an object's mode"))?;
    rustix::fs::futimens(file, &EPOCH).map_err(RepoError::io("setting an object's time"))
}

/// Hands all of `content` over in blocks.
pub(super) fn each_block(
    content: impl Read,
    take: impl FnMut(&[u8]) -> Result<(), RepoError>,
) -> Result<(), RepoError> {
    each_block_of(BUFFER_BYTES, content, take)
}

/// Hands all of `content` over in blocks of `most` bytes at most.
fn each_block_of(
    most: usize,
    mut content: impl Read,
    mut take: impl FnMut(&[u8]) -> Result<(), RepoError>,
) -> Result<(), RepoError> {
    let mut buffer = vec![0; most];
    loop {
        let count = content.read(&mut buffer).map_err(RepoError::io("reading a file's content"))?;
        let Some(bytes @ [_, ..]) = buffer.get(..count) else { return Ok(()) };
        take(bytes)?;
    }
}

/// Keeps a copy of what is read.
struct Tee<'a, R> {
    reader: R,
    copy: &'a File,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.copy.write_all(buffer.get(..count).unwrap_or_default())?;
        Ok(count)
    }
}

/// Hashes what is read.
struct Hashing<R> {
    reader: R,
    hasher: ContentHasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}
