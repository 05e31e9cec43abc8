//! Committing a directory, as `ostree commit --owner-uid=… --owner-gid=… --no-xattrs --timestamp=…`.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};

use super::{Repo, RepoError, open_directory};
use crate::limits::MAX_DEPTH;
use crate::{Checksum, Commit, DirMetaRef, DirTree, FileHeaderRef, Name, ObjectType, Variant, XattrsRef};

/// What a commit says besides its tree.
#[derive(Clone, Debug, Default)]
pub struct CommitOptions {
    /// The owner of everything in it.
    pub uid: u32,
    /// The group of everything in it.
    pub gid: u32,
    /// The branch that it is the new head of, which the commit also names itself (`ostree.ref-binding`).
    pub branch: Option<String>,
    /// One line that says what it is.
    pub subject: String,
    /// When it was made, in seconds since 1970-01-01T00:00:00Z.
    pub timestamp: u64,
    /// The commit before it.
    pub parent: Option<Checksum>,
    /// Further metadata, strings by key, in the order in which the tool is given them.
    pub metadata: Vec<(String, String)>,
}

/// A directory that is being read.
struct Level {
    directory: File,
    name: String,
    meta: Checksum,
    tree: DirTree,
    /// Its directories that are still to be read.
    left: Vec<String>,
}

impl Repo {
    /// Commits the directory at `path` and returns the commit's checksum; with a branch, its ref is set.
    ///
    /// # Errors
    /// If something in it is no file, directory or symbolic link, a name is not allowed, or as of the file
    /// system.
    pub fn commit(&self, path: &Path, options: &CommitOptions) -> Result<Checksum, RepoError> {
        let root = open_directory(CWD, path)?;
        let (tree, meta) = self.commit_tree(root, options)?;
        let text = |text: &str| Variant::string(text).map_err(|_| RepoError::NoRef);
        let mut metadata = Vec::new();
        for (key, value) in &options.metadata {
            metadata.push((key.clone(), text(value)?));
        }
        let bound = options.branch.as_deref();
        let binding = Variant::strings(bound).map_err(|_| RepoError::RefName)?;
        metadata.push(("ostree.ref-binding".to_string(), binding));
        let commit = Commit {
            metadata,
            parent: options.parent,
            subject: options.subject.clone(),
            body: String::new(),
            timestamp: options.timestamp,
            tree,
            meta,
        };
        let checksum = self.write_metadata(ObjectType::Commit, None, &commit.encode())?;
        self.sync()?;
        if let Some(branch) = bound {
            self.set_ref(branch, &checksum)?;
        }
        Ok(checksum)
    }

    fn commit_tree(&self, root: File, options: &CommitOptions) -> Result<(Checksum, Checksum), RepoError> {
        let mut levels = Vec::from([self.read_level(root, String::new(), options)?]);
        loop {
            let depth = levels.len();
            let Some(level) = levels.last_mut() else { return Err(RepoError::Depth { limit: MAX_DEPTH }) };
            if let Some(name) = level.left.pop() {
                if depth == MAX_DEPTH {
                    return Err(RepoError::Depth { limit: MAX_DEPTH });
                }
                let directory = open_directory(&level.directory, &*name)?;
                let below = self.read_level(directory, name, options)?;
                levels.push(below);
                continue;
            }
            let tree = self.write_metadata(ObjectType::DirTree, None, &level.tree.encode())?;
            let (name, meta) = (core::mem::take(&mut level.name), level.meta);
            levels.pop();
            match levels.last_mut() {
                Some(parent) => {
                    let name = Name::new(&name).map_err(RepoError::Name)?;
                    // A directory has each name once.
                    let _ = parent.tree.insert_dir(name, tree, meta);
                }
                None => return Ok((tree, meta)),
            }
        }
    }

    fn read_level(&self, directory: File, name: String, options: &CommitOptions) -> Result<Level, RepoError> {
        let io = || RepoError::io("reading the tree");
        let stat = rustix::fs::fstat(&directory).map_err(io())?;
        let meta = DirMetaRef::new(options.uid, options.gid, stat.st_mode & 0o7777, XattrsRef::EMPTY);
        let mut bytes = Vec::new();
        let meta = meta.map_err(|_| RepoError::FileType)?;
        let Ok(()) = meta.encode(&mut bytes);
        let meta = self.write_metadata(ObjectType::DirMeta, None, &bytes)?;
        let (mut tree, mut left) = (DirTree::new(), Vec::new());
        for entry in Dir::read_from(&directory).map_err(io())? {
            let entry = entry.map_err(io())?;
            let bytes = entry.file_name().to_bytes();
            if bytes == b"." || bytes == b".." {
                continue;
            }
            let name = Name::from_bytes(bytes).map_err(RepoError::Name)?;
            let stat =
                rustix::fs::statat(&directory, name.as_str(), AtFlags::SYMLINK_NOFOLLOW).map_err(io())?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => left.push(name.as_str().to_string()),
                FileType::RegularFile | FileType::Symlink => {
                    let checksum = self.commit_file(&directory, name, stat.st_mode, options)?;
                    let _ = tree.insert_file(name, checksum);
                }
                _ => return Err(RepoError::FileType),
            }
        }
        Ok(Level { directory, name, meta, tree, left })
    }

    fn commit_file(
        &self,
        directory: impl AsFd,
        name: Name<'_>,
        mode: u32,
        options: &CommitOptions,
    ) -> Result<Checksum, RepoError> {
        let io = || RepoError::io("reading the tree");
        let (uid, gid) = (options.uid, options.gid);
        if FileType::from_raw_mode(mode) == FileType::Symlink {
            let target = rustix::fs::readlinkat(&directory, name.as_str(), Vec::new()).map_err(io())?;
            let target = target.to_str().map_err(|_| RepoError::FileType)?;
            let header = FileHeaderRef::symlink(uid, gid, target, XattrsRef::EMPTY);
            return self.write_file(&header.map_err(|_| RepoError::FileType)?, None, std::io::empty());
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::openat(&directory, name.as_str(), flags, Mode::empty()).map_err(io())?;
        let header =
            FileHeaderRef::regular(uid, gid, mode, XattrsRef::EMPTY).map_err(|_| RepoError::FileType)?;
        self.write_file(&header, None, File::from(file).by_ref())
    }
}
