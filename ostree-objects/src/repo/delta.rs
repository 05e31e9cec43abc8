//! Applying static deltas.

use alloc::vec::Vec;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use super::{Repo, RepoError};
use crate::delta::{
    ApplyError, Budget, DeltaError, Objects, PartHeaderRef, PartObject, ReadContent, SuperblockRef,
    apply_part,
};
use crate::{Checksum, FileHeaderRef, ObjectType, RepoMode};

impl Repo {
    /// Makes the objects of a delta and keeps its commit, which afterwards is marked as partial: that nothing is
    /// missing has to be seen by a walk, such as [`Repo::complete`] or a pull.
    ///
    /// `part` is asked for parts that are not in the superblock; `None` says that there is none.
    ///
    /// # Errors
    /// If the delta leads to another commit than `expected`, starts from one that is not there, is damaged or
    /// exceeds `budget`, or as of `part` and the file system. The objects that were made till then are sound.
    pub fn apply_delta<E: From<RepoError> + From<DeltaError>>(
        &self,
        delta: &SuperblockRef<'_>,
        expected: Option<&Checksum>,
        mut budget: Budget,
        mut part: impl FnMut(usize, &PartHeaderRef<'_>) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), E> {
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
        self.set_partial(&actual)?;
        for (number, header) in delta.parts().enumerate() {
            let stored = match delta.inline_part(number) {
                Some((compression, payload)) => Some([&[compression], payload].concat()),
                None => part(number, &header)?,
            };
            let stored = stored.ok_or(DeltaError::PartMissing { number })?;
            match apply_part(&header, &stored, &mut budget, self) {
                Ok(()) => {}
                Err(ApplyError::Delta(error)) => return Err(error.into()),
                Err(ApplyError::Objects(error)) => return Err(error.into()),
            }
        }
        self.write_metadata(ObjectType::Commit, Some(&actual), delta.commit_bytes())?;
        Ok(())
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
        let mut reader = ContentReader { content, error: None };
        let written = match header.symlink_target() {
            Some(_) => self.write_file(header, Some(&object.checksum), io::empty()),
            None => self.write_file(header, Some(&object.checksum), &mut reader),
        };
        match (reader.error, written) {
            (Some(error), _) => Err(error),
            (None, Ok(_)) => Ok(()),
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
