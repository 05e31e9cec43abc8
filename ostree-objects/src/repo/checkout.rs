//! Checking a tree out into a fresh directory, as `ostree checkout --user-mode`.
//!
//! One directory descriptor a level, no symbolic link followed, no name that is not a [`crate::Name`]: nothing
//! outside the destination can be touched. A name that is already there is an error, never replaced.

use std::fs::File;
use std::io::{Read, Write};

use alloc::vec;
use alloc::vec::Vec;
use rustix::fs::{AtFlags, Mode, OFlags};

use super::{EPOCH, Repo, RepoError, open_directory};
use crate::limits::MAX_DEPTH;
use crate::{Checksum, CommitRef, DirMetaRef, DirTreeRef, Limits, ObjectType, RepoMode};

/// How to check out.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckoutOptions {
    /// Copy file content even where the repository's own file could be linked: for trees that will be edited.
    pub copy: bool,
}

/// A directory that is being filled.
struct Level {
    directory: File,
    tree: Vec<u8>,
    /// The next of its directories.
    next: usize,
    mode: u32,
}

impl Repo {
    /// Checks `commit` out as the new directory `name` in the directory `at`.
    ///
    /// # Errors
    /// If `name` exists, an object is missing or malformed, or as of the file system. What was checked out so
    /// far then stays, for the caller to remove.
    pub fn checkout(
        &self,
        commit: &Checksum,
        at: &File,
        name: &str,
        options: CheckoutOptions,
    ) -> Result<(), RepoError> {
        let bytes = self.load_metadata(ObjectType::Commit, commit)?;
        let root = CommitRef::parse(&bytes).map_err(malformed(ObjectType::Commit, commit))?;
        let mut levels = vec![self.enter(at, name, &root.tree(), &root.meta(), options)?];
        while let Some(level) = levels.last_mut() {
            let tree = DirTreeRef::parse_with(&level.tree, &Limits::DEFAULT);
            let next = tree.ok().and_then(|tree| tree.dir_at(level.next));
            if let Some(entry) = next {
                level.next += 1;
                let below =
                    self.enter(&level.directory, entry.name.as_str(), &entry.tree, &entry.meta, options)?;
                if levels.len() == MAX_DEPTH {
                    return Err(RepoError::Depth { limit: MAX_DEPTH });
                }
                levels.push(below);
            } else {
                level.finish()?;
                levels.pop();
            }
        }
        Ok(())
    }

    /// Makes a directory, still closed to others, and fills in its files.
    fn enter(
        &self,
        at: &File,
        name: &str,
        tree: &Checksum,
        meta: &Checksum,
        options: CheckoutOptions,
    ) -> Result<Level, RepoError> {
        let bytes = self.load_metadata(ObjectType::DirMeta, meta)?;
        let mode = DirMetaRef::parse(&bytes).map_err(malformed(ObjectType::DirMeta, meta))?.mode();
        let bytes = self.load_metadata(ObjectType::DirTree, tree)?;
        let entries = DirTreeRef::parse(&bytes).map_err(malformed(ObjectType::DirTree, tree))?;
        rustix::fs::mkdirat(at, name, Mode::from_raw_mode(0o700))
            .map_err(RepoError::io("making a directory"))?;
        let directory = open_directory(at, name)?;
        for file in entries.files() {
            self.checkout_file(&file.checksum, &directory, file.name.as_str(), options)?;
        }
        Ok(Level { directory, tree: bytes, next: 0, mode })
    }

    fn checkout_file(
        &self,
        checksum: &Checksum,
        directory: &File,
        name: &str,
        options: CheckoutOptions,
    ) -> Result<(), RepoError> {
        let mut object = self.open_file(checksum)?;
        let header = object.header.as_ref();
        if let Some(target) = header.symlink_target() {
            return rustix::fs::symlinkat(target, directory, name)
                .map_err(RepoError::io("making a symbolic link"));
        }
        if object.linkable && self.mode != RepoMode::Bare && !options.copy {
            let path = checksum.loose_path(ObjectType::File, self.mode);
            match rustix::fs::linkat(&self.objects, path.as_str(), directory, name, AtFlags::empty()) {
                Ok(()) => return Ok(()),
                // Another file system, or too many links to one file: copied instead.
                Err(rustix::io::Errno::XDEV | rustix::io::Errno::MLINK) => {}
                Err(error) => return Err(RepoError::io("linking a file")(error)),
            }
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(0o600));
        let mut file = File::from(file.map_err(RepoError::io("making a file"))?);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = object.content.read(&mut buffer).map_err(RepoError::io("reading an object"))?;
            let Some(bytes @ [_, ..]) = buffer.get(..count) else { break };
            file.write_all(bytes).map_err(RepoError::io("writing a file"))?;
        }
        // User mode drops the set-id bits and keeps the file readable by its owner (`ostree-repo-checkout.c`).
        let mode = (header.mode() & 0o1777) | 0o400;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))
            .map_err(RepoError::io("setting a file's mode"))?;
        rustix::fs::futimens(&file, &EPOCH).map_err(RepoError::io("setting a file's time"))
    }
}

impl Level {
    fn finish(&self) -> Result<(), RepoError> {
        rustix::fs::fchmod(&self.directory, Mode::from_raw_mode(self.mode & 0o7777))
            .map_err(RepoError::io("setting a directory's mode"))?;
        rustix::fs::futimens(&self.directory, &EPOCH).map_err(RepoError::io("setting a directory's time"))
    }
}

pub(super) fn malformed(
    object_type: ObjectType,
    checksum: &Checksum,
) -> impl FnOnce(crate::Error) -> RepoError {
    let checksum = *checksum;
    move |error| RepoError::Malformed { object_type, checksum, error }
}
