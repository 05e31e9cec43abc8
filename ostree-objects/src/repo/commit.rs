//! Committing a directory, as `ostree commit`.

mod disk;
mod options;
mod sizes;
mod store;
mod tree;

pub use disk::{DiskTree, checksum_of_path};
pub use options::CommitOptions;

use std::path::Path;

use alloc::string::ToString;
use alloc::vec::Vec;
use rustix::fs::CWD;

use self::store::Store;
use super::{LockKind, Repo, RepoError, open_directory};
use crate::object::SIZES_KEY;
use crate::{Checksum, Commit, ObjectType, Variant};

impl Repo {
    /// Commits the directory at `path` and returns the commit's checksum; with a branch, its ref is set.
    ///
    /// Files are hashed first, and only what the repository lacks is stored. Objects come in all at once at the end: a
    /// commit that fails leaves none.
    ///
    /// # Errors
    /// With the path of what it is about ([`RepoError::At`]): if something in it is no file, directory or symbolic
    /// link, a name is not allowed, a file changes meanwhile, or as of the file system.
    pub fn commit(&self, path: &Path, options: &CommitOptions) -> Result<Checksum, RepoError> {
        if let Some(branch) = &options.branch {
            Self::check_branch(branch)?;
        }
        let root = open_directory(CWD, path)?;
        let _lock = self.lock(LockKind::Shared)?;
        let staged = self.staged()?;
        let store = Store::new(&staged, options);
        let (tree, meta) = staged.commit_tree(&store, root, options)?;
        let text = |text: &str| Variant::string(text).map_err(|_| RepoError::NoRef);
        let mut metadata = Vec::new();
        for (key, value) in &options.metadata {
            metadata.push((key.clone(), text(value)?));
        }
        if !options.no_bindings {
            let refs = options.branch.iter().chain(&options.bind_refs);
            let mut refs: Vec<&str> = refs.map(AsRef::as_ref).collect();
            refs.sort_unstable();
            let binding = Variant::strings(refs).map_err(|_| RepoError::RefName)?;
            metadata.push(("ostree.ref-binding".to_string(), binding));
        }
        metadata.extend(store.into_sizes().map(|sizes| (SIZES_KEY.to_string(), sizes.to_variant())));
        let commit = Commit {
            metadata,
            parent: options.parent,
            subject: options.subject.clone(),
            body: options.body.clone(),
            timestamp: options.timestamp,
            tree,
            meta,
        };
        let checksum = staged.write_metadata(ObjectType::Commit, None, &commit.encode())?;
        staged.publish()?;
        match &options.branch {
            Some(branch) => self.set_ref(branch, &checksum)?,
            None => self.sync()?,
        }
        Ok(checksum)
    }
}
