//! Where the objects of a directory go that is read: into a repository, or nowhere.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use super::CommitOptions;
use super::sizes::Listing;
use crate::repo::{Repo, RepoError};
use crate::{Checksum, ContentHasher, FileHeaderRef, ObjectType, Sizes};

pub(super) enum Store<'a> {
    Repo {
        repo: &'a Repo,
        sizes: Listing,
    },
    /// Directories' entries are kept here, by their checksums.
    Nowhere(Mutex<BTreeMap<Checksum, Vec<u8>>>),
}

impl<'a> Store<'a> {
    pub(super) fn new(repo: &'a Repo, options: &CommitOptions) -> Self {
        Self::Repo { repo, sizes: Listing::new(repo.mode, options) }
    }

    pub(super) fn nowhere() -> Self {
        Self::Nowhere(Mutex::default())
    }

    /// The entries of all directories, if they went nowhere.
    pub(super) fn into_trees(self) -> BTreeMap<Checksum, Vec<u8>> {
        match self {
            Self::Repo { .. } => BTreeMap::new(),
            Self::Nowhere(trees) => trees.into_inner().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// The sizes of what was stored, if they are wanted.
    pub(super) fn into_sizes(self) -> Option<Sizes> {
        match self {
            Self::Repo { sizes, .. } => sizes.finish(),
            Self::Nowhere(_) => None,
        }
    }

    pub(super) const fn repo(&self) -> Option<&'a Repo> {
        match self {
            Self::Repo { repo, .. } => Some(repo),
            Self::Nowhere(_) => None,
        }
    }

    /// What is no file, directory or symbolic link: a repository cannot store it, and to be compared it is a file of
    /// no content that any other has.
    pub(super) fn special(&self) -> Result<Checksum, RepoError> {
        match self {
            Self::Repo { .. } => Err(RepoError::FileType),
            Self::Nowhere(_) => Ok(Checksum([0; 32])),
        }
    }

    pub(super) fn metadata(&self, object_type: ObjectType, bytes: Vec<u8>) -> Result<Checksum, RepoError> {
        match self {
            Self::Repo { repo, sizes } => {
                let checksum = repo.write_metadata(object_type, None, &bytes)?;
                sizes.metadata(object_type, checksum, &bytes);
                Ok(checksum)
            }
            Self::Nowhere(trees) => {
                let checksum = Checksum::of(&bytes);
                if object_type == ObjectType::DirTree {
                    trees.lock().unwrap_or_else(PoisonError::into_inner).insert(checksum, bytes);
                }
                Ok(checksum)
            }
        }
    }

    pub(super) fn link(&self, header: &FileHeaderRef<'_>) -> Result<Checksum, RepoError> {
        match self {
            Self::Repo { repo, sizes } => {
                let checksum = repo.write_file(header, None, std::io::empty())?;
                sizes.file(repo, checksum, header.unpacked_size(0))?;
                Ok(checksum)
            }
            Self::Nowhere(_) => Ok(ContentHasher::new(header).finish()),
        }
    }

    /// A regular file whose checksum is known.
    pub(super) fn file(
        &self,
        header: &FileHeaderRef<'_>,
        size: u64,
        checksum: &Checksum,
        content: impl Read,
    ) -> Result<(), RepoError> {
        match self {
            Self::Repo { repo, sizes } => {
                if !repo.has(ObjectType::File, checksum)? {
                    repo.write_known(header, size, checksum, content, sizes.packing())?;
                }
                sizes.file(repo, *checksum, header.unpacked_size(size))
            }
            Self::Nowhere(_) => Ok(()),
        }
    }
}
