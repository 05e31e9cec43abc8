//! The sizes that a commit lists, gathered while its objects are stored (`ostree-repo-commit.c`,
//! `add_size_index_to_metadata`).

use alloc::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::CommitOptions;
use crate::repo::content::Packing;
use crate::repo::{Repo, RepoError};
use crate::{Checksum, ObjectSize, ObjectType, RepoMode, Sizes};

/// What was stored so far; nothing if no sizes are listed.
pub(super) struct Listing {
    sizes: Option<Mutex<BTreeMap<Checksum, ObjectSize>>>,
}

impl Listing {
    pub(super) fn new(mode: RepoMode, options: &CommitOptions) -> Self {
        #[cfg(feature = "zlib")]
        if options.generate_sizes && mode == RepoMode::Archive {
            return Self { sizes: Some(Mutex::default()) };
        }
        #[cfg(not(feature = "zlib"))]
        let _ = (mode, options);
        Self { sizes: None }
    }

    /// What is listed is what the real tool lists, and therefore compressed as by it.
    pub(super) const fn packing(&self) -> Packing {
        #[cfg(feature = "zlib")]
        if self.sizes.is_some() {
            return Packing::AsZlib;
        }
        Packing::Fast
    }

    /// Notes metadata, which takes as many bytes as it has.
    pub(super) fn metadata(&self, object_type: ObjectType, checksum: Checksum, bytes: &[u8]) {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.note(object_type, checksum, size, size);
    }

    /// Notes a file object that the repository has, with what it takes there. `unpacked` is the size of its content, or
    /// of a symbolic link's target.
    pub(super) fn file(&self, repo: &Repo, checksum: Checksum, unpacked: u64) -> Result<(), RepoError> {
        if self.sizes.is_none() {
            return Ok(());
        }
        let stat = repo.stat_of(ObjectType::File, &checksum)?;
        self.note(ObjectType::File, checksum, u64::try_from(stat.st_size).unwrap_or(0), unpacked);
        Ok(())
    }

    fn note(&self, object_type: ObjectType, checksum: Checksum, archived: u64, unpacked: u64) {
        let Some(sizes) = &self.sizes else { return };
        let size = ObjectSize { checksum, archived, unpacked, object_type: Some(object_type) };
        sizes.lock().unwrap_or_else(PoisonError::into_inner).entry(checksum).or_insert(size);
    }

    /// All that was noted.
    pub(super) fn finish(self) -> Option<Sizes> {
        let sizes = self.sizes?.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Each checksum was noted once, and only those of objects that have sizes.
        Sizes::new(sizes.into_values()).ok()
    }
}
