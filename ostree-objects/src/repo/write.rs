//! Writing objects: into a temporary file, hashed on the way, renamed to their name if it fits.
//!
//! Objects are not synced one by one: [`Repo::sync`] does it for all, and happens before a ref is set or a
//! commit is called complete. Until then a power cut may leave objects without their content: whoever continues
//! a partial commit checks what is there.

use std::fs::File;
use std::io::Write;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::temporary::TemporaryName;
use super::{Repo, RepoError, make_directory};
use crate::{Checksum, ObjectType};

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
            self.keep(file.into_name(), object_type, &actual)?;
        }
        if object_type == ObjectType::Commit {
            // It may have been deleted, and is here again (`write_metadata_object`).
            self.remove(ObjectType::TombstoneCommit, &actual)?;
        }
        Ok(actual)
    }

    /// Makes everything written so far durable, at once; nothing is if the repository's config says `fsync=false`.
    ///
    /// # Errors
    /// As of the file system.
    pub fn sync(&self) -> Result<(), RepoError> {
        if !self.config.fsync {
            return Ok(());
        }
        rustix::fs::syncfs(&self.directory).map_err(RepoError::io("syncing the repository"))
    }

    /// Makes a file, or a directory's entries, durable, as [`Self::sync`].
    pub(super) fn sync_file(&self, file: &File) -> std::io::Result<()> {
        if self.config.fsync { file.sync_all() } else { Ok(()) }
    }

    /// Removes an object whose content is damaged, so that it can be had again.
    ///
    /// # Errors
    /// As of the file system.
    pub fn remove(&self, object_type: ObjectType, checksum: &Checksum) -> Result<(), RepoError> {
        let path = checksum.loose_path(object_type, self.mode);
        match rustix::fs::unlinkat(&self.objects, path.as_str(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(RepoError::io("removing an object")(error)),
        }
    }

    /// Gives what has a temporary name the object's name, or keeps it for all to get theirs at once.
    pub(super) fn keep(
        &self,
        name: TemporaryName<'_>,
        object_type: ObjectType,
        checksum: &Checksum,
    ) -> Result<(), RepoError> {
        if let Some(pending) = &self.pending {
            pending.keep(name, object_type, checksum);
            return Ok(());
        }
        let path = checksum.loose_path(object_type, self.mode);
        match name.rename_to(&self.objects, path.as_str()) {
            Err((name, Errno::NOENT)) => {
                make_directory(&self.objects, path.directory())?;
                name.rename_to(&self.objects, path.as_str()).map_err(|(_, error)| error)
            }
            result => result.map_err(|(_, error)| error),
        }
        .map_err(RepoError::io("naming an object"))
    }

    pub(super) fn check_expected(
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
}
