//! The directories of a checkout, several at a time.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use std::fs::File;

use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;

use super::{CheckoutOptions, Ownership, Union, malformed};
use crate::limits::MAX_DEPTH;
use crate::repo::parallel::{self, Queue};
use crate::repo::remove::remove;
use crate::repo::{EPOCH, Repo, RepoError, attributes, open_directory};
use crate::{Checksum, DirMeta, DirMetaRef, DirTreeRef, Name, ObjectType};

/// What whiteouts start with, and the one that empties its directory.
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// A directory that is being filled. It is complete when nobody holds it any more.
struct Directory {
    parent: Option<Arc<Self>>,
    /// How many directories it is in, itself included.
    depth: usize,
    directory: File,
    /// What it becomes when it is complete; nothing if it was there before.
    meta: Option<DirMeta>,
}

impl Drop for Directory {
    fn drop(&mut self) {
        parallel::release(self.parent.take(), |directory| directory.parent.take());
    }
}

enum Job<'a> {
    Root { at: &'a File, name: &'a str, tree: Checksum, meta: Checksum },
    Directory { parent: Arc<Directory>, name: String, tree: Checksum, meta: Checksum },
    Files { parent: Arc<Directory>, files: Vec<(String, Checksum)> },
}

/// How many files a job places.
const FILES_A_JOB: usize = 64;

/// One checkout, and what it has made so far.
pub(super) struct Checkout<'a> {
    pub(super) repo: &'a Repo,
    pub(super) options: &'a CheckoutOptions<'a>,
    entries: AtomicU64,
    bytes: AtomicU64,
}

pub(super) fn check_out(
    repo: &Repo,
    options: &CheckoutOptions<'_>,
    at: &File,
    name: &str,
    tree: Checksum,
    meta: Checksum,
) -> Result<(), RepoError> {
    let checkout = Checkout { repo, options, entries: AtomicU64::new(0), bytes: AtomicU64::new(0) };
    parallel::run(Vec::from([Job::Root { at, name, tree, meta }]), |job, queue| checkout.work(job, queue))
}

impl Checkout<'_> {
    fn work<'a>(&self, job: Job<'a>, queue: &Queue<Job<'a>>) -> Result<(), RepoError> {
        let directory = match job {
            Job::Root { at, name, tree, meta } => self.enter(at, name, None, &tree, &meta, queue)?,
            Job::Directory { parent, name, tree, meta } => {
                let parent_of_it = Arc::clone(&parent);
                self.enter(&parent.directory, &name, Some(parent_of_it), &tree, &meta, queue)?
            }
            Job::Files { parent, files } => {
                for (name, checksum) in &files {
                    self.place(checksum, &parent.directory, name)?;
                }
                parent
            }
        };
        self.complete(directory)
    }

    /// Makes a directory, still closed to others; its files and directories become jobs.
    fn enter<'a>(
        &self,
        at: &File,
        name: &str,
        parent: Option<Arc<Directory>>,
        tree: &Checksum,
        meta: &Checksum,
        queue: &Queue<Job<'a>>,
    ) -> Result<Arc<Directory>, RepoError> {
        let depth = parent.as_ref().map_or(1, |parent| parent.depth + 1);
        if depth > MAX_DEPTH {
            return Err(RepoError::TooDeep { checksum: *tree, limit: MAX_DEPTH });
        }
        let bytes = self.repo.load_metadata(ObjectType::DirMeta, meta)?;
        let meta = DirMetaRef::parse(&bytes).map_err(malformed(ObjectType::DirMeta, meta))?.into();
        let bytes = self.repo.load_metadata(ObjectType::DirTree, tree)?;
        let entries = DirTreeRef::parse(&bytes).map_err(malformed(ObjectType::DirTree, tree))?;
        if self.options.whiteouts && entries.file(OPAQUE).is_some() {
            remove(at, name)?;
        }
        let existed = self.make(at, name)?;
        let directory = open_directory(at, name)?;
        let meta = (!existed).then_some(meta);
        let directory = Arc::new(Directory { parent, depth, directory, meta });
        let mut files = Vec::new();
        for file in entries.files() {
            self.count_entry()?;
            match file.name.as_str().strip_prefix(WHITEOUT) {
                Some(_) if self.options.whiteouts && file.name.as_str() == OPAQUE => {}
                // Before anything else of this directory is made, and never anything but a name in it.
                Some(rest) if self.options.whiteouts => {
                    let name = Name::new(rest).map_err(RepoError::Whiteout)?;
                    remove(&directory.directory, name.as_str())?;
                }
                _ => files.push((file.name.as_str().to_string(), file.checksum)),
            }
        }
        let mut jobs = Vec::new();
        for dir in entries.dirs() {
            self.count_entry()?;
            let (parent, name) = (Arc::clone(&directory), dir.name.as_str().to_string());
            jobs.push(Job::Directory { parent, name, tree: dir.tree, meta: dir.meta });
        }
        let own = files.split_off(files.len().saturating_sub(FILES_A_JOB));
        for files in files.chunks(FILES_A_JOB) {
            jobs.push(Job::Files { parent: Arc::clone(&directory), files: files.to_vec() });
        }
        queue.push(jobs);
        for (name, checksum) in &own {
            self.place(checksum, &directory.directory, name)?;
        }
        Ok(directory)
    }

    /// Makes the directory; whether it was there before, and may be.
    fn make(&self, at: &File, name: &str) -> Result<bool, RepoError> {
        match rustix::fs::mkdirat(at, name, Mode::from_raw_mode(0o700)) {
            Ok(()) => Ok(false),
            Err(Errno::EXIST) if self.options.union != Union::None => Ok(true),
            Err(error) => Err(RepoError::io("making a directory")(error)),
        }
    }

    /// Opens the directory to others if this was the last of it, and then those that are complete with it.
    fn complete(&self, mut directory: Arc<Directory>) -> Result<(), RepoError> {
        while let Some(mut done) = Arc::into_inner(directory) {
            if let Some(meta) = &done.meta {
                self.finish(&done.directory, &meta.as_ref())?;
            }
            let Some(parent) = done.parent.take() else { return Ok(()) };
            directory = parent;
        }
        Ok(())
    }

    fn finish(&self, directory: &File, meta: &DirMetaRef<'_>) -> Result<(), RepoError> {
        if self.options.ownership == Ownership::Committed {
            let (uid, gid) = (Uid::from_raw(meta.uid()), Gid::from_raw(meta.gid()));
            rustix::fs::fchown(directory, Some(uid), Some(gid))
                .map_err(RepoError::io("setting a directory's owner"))?;
            attributes::set_of_file(directory, meta.xattrs())?;
        }
        rustix::fs::fchmod(directory, Mode::from_raw_mode(meta.mode() & 0o7777))
            .map_err(RepoError::io("setting a directory's mode"))?;
        rustix::fs::futimens(directory, &EPOCH).map_err(RepoError::io("setting a directory's time"))
    }

    fn count_entry(&self) -> Result<(), RepoError> {
        let limit = self.options.max_entries;
        if self.entries.fetch_add(1, Ordering::Relaxed) >= limit {
            return Err(RepoError::CheckoutEntries { limit });
        }
        Ok(())
    }

    /// Counts content that is going to be copied.
    pub(super) fn count_bytes(&self, size: u64) -> Result<(), RepoError> {
        let limit = self.options.max_bytes;
        let before = self.bytes.fetch_add(size.min(limit.saturating_add(1)), Ordering::Relaxed);
        if before.saturating_add(size) > limit {
            return Err(RepoError::CheckoutBytes { limit });
        }
        Ok(())
    }
}
