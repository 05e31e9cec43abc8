//! Applying static deltas.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{Dir, Mode, OFlags};

use super::{LockKind, Repo, RepoError, parallel};
use crate::delta::{
    ApplyError, Budget, DeltaError, DeltaName, Objects, PartHeaderRef, PartObject, PartRef, ReadContent,
    SuperblockRef, apply_unpacked, unpack,
};
use crate::limits::{MAX_PART_UNPACKED_BYTES, MAX_SUPERBLOCK_BYTES};
use crate::{Checksum, FileHeaderRef, ObjectType, RepoMode};

impl Repo {
    /// Makes the objects of a delta and keeps its commit, with the detached metadata that comes with it. The commit
    /// is then marked as partial: that nothing is missing has to be seen by a walk, such as [`Repo::complete`] or a
    /// pull.
    ///
    /// `part` is asked for parts that are not in the superblock; `None` says that there is none. If the commit lists the
    /// sizes of its objects, they bound the delta too ([`Budget::within`]).
    ///
    /// # Errors
    /// If the delta leads to another commit than `expected`, starts from one that is not there, is damaged or
    /// exceeds `budget`, or as of `part` and the file system. The objects that were made till then are sound.
    pub fn apply_delta<E: From<RepoError> + From<DeltaError>>(
        &self,
        delta: &SuperblockRef<'_>,
        expected: Option<&Checksum>,
        budget: Budget<'_>,
        mut part: impl FnMut(usize, &PartHeaderRef<'_>) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), E> {
        let _lock = self.lock(LockKind::Shared)?;
        let name = delta.name();
        let actual = Checksum::of(delta.commit_bytes());
        for expected in expected.copied().into_iter().chain([name.to]) {
            if actual != expected {
                return Err(DeltaError::OtherCommit { expected, actual }.into());
            }
        }
        if let Some(commit) = name.from
            && (!self.has(ObjectType::Commit, &commit)? || self.is_partial(&commit)?)
        {
            return Err(DeltaError::FromMissing { commit }.into());
        }
        let sizes = delta.commit().sizes().map_err(DeltaError::Malformed)?;
        let mut budget = sizes.map_or(budget, |sizes| budget.within(sizes));
        self.set_partial(&actual)?;
        for (number, header) in delta.parts().enumerate() {
            // Made before this was interrupted, or for another commit.
            if !self.wants_any(&header)? {
                continue;
            }
            let stored = match delta.inline_part(number) {
                Some((compression, payload)) => Some([&[compression], payload].concat()),
                None => part(number, &header)?,
            };
            let stored = stored.ok_or(DeltaError::PartMissing { number })?;
            match self.apply_shared(&header, &stored, &mut budget) {
                Ok(()) => {}
                Err(ApplyError::Delta(error)) => return Err(error.into()),
                Err(ApplyError::Objects(error)) => return Err(error.into()),
            }
        }
        if let Some(detached) = delta.detached() {
            self.write_detached(&actual, detached)?;
        }
        self.write_metadata(ObjectType::Commit, Some(&actual), delta.commit_bytes())?;
        Ok(())
    }

    /// Applies a part on a few threads. Each goes through all operations, holds all of them against the whole budget, and
    /// makes its share of the objects.
    fn apply_shared(
        &self,
        header: &PartHeaderRef<'_>,
        stored: &[u8],
        budget: &mut Budget,
    ) -> Result<(), ApplyError<RepoError>> {
        let unpacked = unpack(header, stored, budget)?;
        let part = PartRef::parse(&unpacked)?;
        let shares = parallel::threads();
        let (before, after) = (*budget, Mutex::new(*budget));
        let made = parallel::run((0..shares).collect(), |number, _| {
            let mut left = before;
            let made = apply_unpacked(part, header, &mut left, &Share { repo: self, number, shares });
            *after.lock().unwrap_or_else(PoisonError::into_inner) = left;
            made
        });
        match made {
            // It may be an object that this very part makes, and be in another share: one after the other, all are there.
            Err(ApplyError::Delta(DeltaError::SourceMissing { .. })) => {
                apply_unpacked(part, header, budget, self)
            }
            made => {
                *budget = after.into_inner().unwrap_or_else(PoisonError::into_inner);
                made
            }
        }
    }

    fn wants_any(&self, header: &PartHeaderRef<'_>) -> Result<bool, RepoError> {
        for object in header.objects() {
            if self.wants(&object)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The static deltas that the repository has to offer, in the order of their names.
    ///
    /// # Errors
    /// As of the file system.
    pub fn deltas(&self) -> Result<Vec<DeltaName>, RepoError> {
        let mut deltas = Vec::new();
        for first in self.names_in("deltas")? {
            for rest in self.names_in(&format!("deltas/{first}"))? {
                deltas.extend(DeltaName::from_directory(&first, &rest));
            }
        }
        deltas.sort_unstable();
        Ok(deltas)
    }

    /// The bytes of a delta's superblock; `None` if the repository has no such delta.
    ///
    /// # Errors
    /// If it is larger than [`MAX_SUPERBLOCK_BYTES`], or as of the file system.
    pub fn read_superblock(&self, delta: &DeltaName) -> Result<Option<Vec<u8>>, RepoError> {
        self.read_file(delta.superblock_path().as_str(), MAX_SUPERBLOCK_BYTES)
    }

    /// The bytes of part `number` of a delta as they are stored; `None` if it is not there.
    ///
    /// # Errors
    /// If it is larger than [`MAX_PART_UNPACKED_BYTES`], or as of the file system.
    pub fn read_part(&self, delta: &DeltaName, number: usize) -> Result<Option<Vec<u8>>, RepoError> {
        self.read_file(&format!("{}/{number}", delta.directory()), MAX_PART_UNPACKED_BYTES)
    }

    pub(super) fn read_file(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, RepoError> {
        let doing = "reading a static delta";
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = match rustix::fs::openat(&self.directory, path, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(RepoError::io(doing)(error)),
        };
        let mut bytes = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        file.take(most).read_to_end(&mut bytes).map_err(RepoError::io(doing))?;
        if bytes.len() > limit {
            return Err(RepoError::io(doing)(io::Error::from(io::ErrorKind::FileTooLarge)));
        }
        Ok(Some(bytes))
    }

    pub(super) fn names_in(&self, directory: &str) -> Result<Vec<String>, RepoError> {
        let doing = "listing static deltas";
        let opened = match rustix::fs::openat(&self.directory, directory, super::DIRECTORY, Mode::empty()) {
            Ok(opened) => opened,
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(Vec::new()),
            Err(error) => return Err(RepoError::io(doing)(error)),
        };
        let mut names = Vec::new();
        for entry in Dir::read_from(&opened).map_err(RepoError::io(doing))? {
            let entry = entry.map_err(RepoError::io(doing))?;
            match entry.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => names.push(name.into()),
            }
        }
        Ok(names)
    }
}

impl Objects for Repo {
    type Error = RepoError;
    type Source = File;

    fn wants(&self, object: &PartObject) -> Result<bool, RepoError> {
        Ok(!self.has(object.object_type, &object.checksum)?)
    }

    fn open(&self, file: &Checksum) -> Result<Option<(File, u64)>, RepoError> {
        let content = if self.mode == RepoMode::Archive {
            self.unpacked(file)
        } else {
            self.open_object(ObjectType::File, file)
        };
        match content {
            Err(RepoError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
            Ok(content) => {
                let size = content.metadata().map_err(RepoError::io("reading an object"))?.len();
                Ok(Some((content, size)))
            }
        }
    }

    fn read_at(&self, source: &mut File, offset: u64, out: &mut [u8]) -> Result<(), RepoError> {
        source.read_exact_at(out, offset).map_err(RepoError::io("reading an object"))
    }

    fn keep_metadata(&self, object: &PartObject, bytes: &[u8]) -> Result<(), RepoError> {
        self.write_metadata(object.object_type, Some(&object.checksum), bytes).map(drop)
    }

    fn keep_file(
        &self,
        object: &PartObject,
        header: &FileHeaderRef<'_>,
        content: &mut dyn ReadContent<RepoError>,
    ) -> Result<(), ApplyError<RepoError>> {
        let size = content.remaining();
        let mut reader = ContentReader { content, error: None };
        let written = match header.symlink_target() {
            Some(_) => self.write_file(header, Some(&object.checksum), io::empty()).map(drop),
            None => self.write_checked(header, size, &object.checksum, &mut reader),
        };
        match (reader.error, written) {
            (Some(error), _) => Err(error),
            (None, Ok(())) => Ok(()),
            // A symbolic link whose header is not the one that was promised.
            (None, Err(RepoError::Corrupt { object_type, expected, actual })) => {
                Err(DeltaError::ObjectChecksum { object_type, expected, actual }.into())
            }
            (None, Err(error)) => Err(ApplyError::Objects(error)),
        }
    }
}

impl Repo {
    /// The inflated content of an archive's file object, in a file that has no name.
    fn unpacked(&self, checksum: &Checksum) -> Result<File, RepoError> {
        let mut object = self.open_file(checksum)?;
        let temporary = self.temporary_file()?;
        let unpack = io::copy(&mut object.content, &mut &temporary.file);
        unpack.and_then(|_| temporary.file.try_clone()).map_err(RepoError::io("inflating an object"))
    }
}

/// A repository of which one of several threads makes one of as many shares of the objects.
struct Share<'r> {
    repo: &'r Repo,
    number: usize,
    shares: usize,
}

impl Objects for Share<'_> {
    type Error = RepoError;
    type Source = File;

    fn wants(&self, object: &PartObject) -> Result<bool, RepoError> {
        let [.., last] = object.checksum.0;
        Ok(usize::from(last) % self.shares == self.number && self.repo.wants(object)?)
    }

    fn open(&self, file: &Checksum) -> Result<Option<(File, u64)>, RepoError> {
        self.repo.open(file)
    }

    fn read_at(&self, source: &mut File, offset: u64, out: &mut [u8]) -> Result<(), RepoError> {
        self.repo.read_at(source, offset, out)
    }

    fn keep_metadata(&self, object: &PartObject, bytes: &[u8]) -> Result<(), RepoError> {
        self.repo.keep_metadata(object, bytes)
    }

    fn keep_file(
        &self,
        object: &PartObject,
        header: &FileHeaderRef<'_>,
        content: &mut dyn ReadContent<RepoError>,
    ) -> Result<(), ApplyError<RepoError>> {
        self.repo.keep_file(object, header, content)
    }
}

/// A [`Read`] that keeps the error, of which [`Read`] can only tell.
struct ContentReader<'a> {
    content: &'a mut dyn ReadContent<RepoError>,
    error: Option<ApplyError<RepoError>>,
}

impl Read for ContentReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.content.read(out).map_err(|error| {
            self.error = Some(error);
            io::Error::other("the delta is damaged")
        })
    }
}
