//! Commits that are deleted on purpose, and what is left in their places (`core.tombstone-commits`,
//! `ostree prune --delete-commit`).

use std::io::Write;

use super::checkout::malformed;
use super::{LockKind, Repo, RepoError, config};
use crate::limits::MAX_METADATA_BYTES;
use crate::{Checksum, Error, ErrorKind, ObjectType, TombstoneRef};

impl Repo {
    /// Deletes a commit that no ref leads to; what it alone needs stays for [`Repo::prune`]. A tombstone takes its place,
    /// and from now on that of every commit that is pruned: the config says so (`tombstone-commits=true`).
    ///
    /// # Errors
    /// If a ref leads to it, it is not there, or as of the file system.
    pub fn delete_commit(&self, commit: &Checksum) -> Result<(), RepoError> {
        let _lock = self.lock(LockKind::Exclusive)?;
        for path in self.refs()? {
            if self.read_ref(&path).is_ok_and(|head| head == *commit) {
                return Err(RepoError::Referenced { commit: *commit, path: path.into() });
            }
        }
        let object_type = ObjectType::Commit;
        if !self.has(object_type, commit)? {
            return Err(RepoError::Missing { object_type, checksum: *commit });
        }
        if !self.has_tombstones()? {
            let text = config::text(&self.directory)?;
            self.replace("config", config::with(&text, "tombstone-commits", "true").as_bytes())?;
        }
        self.remove_commit(commit, true)?;
        self.sync()
    }

    /// Removes a commit with what lies beside it. Its tombstone comes first: it is never gone without a trace.
    pub(super) fn remove_commit(&self, commit: &Checksum, has_tombstones: bool) -> Result<(), RepoError> {
        if has_tombstones {
            let mut file = self.temporary_file()?;
            file.file
                .write_all(&TombstoneRef::encode(commit))
                .map_err(RepoError::io("writing a tombstone"))?;
            self.keep(file.into_name(), ObjectType::TombstoneCommit, commit)?;
        }
        self.remove(ObjectType::Commit, commit)?;
        self.remove(ObjectType::CommitMeta, commit)?;
        self.set_complete(commit)
    }

    /// Whether commits that are deleted leave a tombstone: what the config says now.
    pub(super) fn has_tombstones(&self) -> Result<bool, RepoError> {
        Ok(config::Config::read(&self.directory)?.tombstones)
    }

    /// Whether `commit` was deleted here on purpose: it is not there, and a tombstone is.
    ///
    /// # Errors
    /// If the tombstone is malformed, or as of the file system.
    pub fn is_deleted(&self, commit: &Checksum) -> Result<bool, RepoError> {
        if self.has(ObjectType::Commit, commit)? {
            return Ok(false);
        }
        let object_type = ObjectType::TombstoneCommit;
        let path = commit.loose_path(object_type, self.mode);
        let Some(bytes) = self.read_file(&alloc::format!("objects/{path}"), MAX_METADATA_BYTES)? else {
            return Ok(false);
        };
        let tombstone = TombstoneRef::parse(&bytes).map_err(malformed(object_type, commit))?;
        if tombstone.commit() != *commit {
            let error = Error { kind: ErrorKind::TombstoneCommit, offset: 0 };
            return Err(malformed(object_type, commit)(error));
        }
        Ok(true)
    }
}
