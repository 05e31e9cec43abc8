//! Reading a directory into objects, several directories at a time.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};

use super::CommitOptions;
use super::store::Store;
use crate::limits::MAX_DEPTH;
use crate::repo::content::each_block;
use crate::repo::parallel::{self, Queue};
use crate::repo::{Repo, RepoError, attributes, open_directory};
use crate::{
    Checksum, ContentHasher, DirMetaRef, DirTree, FileHeader, FileHeaderRef, Name, ObjectType, RepoMode,
    Xattrs,
};

/// Files up to this size are read once, and kept in memory until it is known whether they are stored, in bytes.
const IN_MEMORY_BYTES: u64 = 1024 * 1024;

/// Files from this size are a job of their own, in bytes.
const OWN_JOB_BYTES: u64 = 64 * 1024;

/// The permissions that canonical ones keep (`ostree-repo-commit.c`, `_ostree_repo_commit_modifier_apply`).
const CANONICAL_BITS: u32 = 0o755;

/// A directory that is being read. It is complete when nobody holds it any more.
struct Directory {
    parent: Option<Arc<Self>>,
    /// How many directories it is in, itself included.
    depth: usize,
    name: String,
    directory: File,
    meta: Checksum,
    tree: Mutex<DirTree>,
}

impl Directory {
    /// Its path below the directory that is read, for errors.
    fn path(&self) -> String {
        let mut names = Vec::from([&*self.name]);
        let mut next = self.parent.as_deref();
        while let Some(directory) = next {
            names.push(&directory.name);
            next = directory.parent.as_deref();
        }
        // The root has no name.
        names.pop();
        names.reverse();
        names.join("/")
    }

    fn path_of(&self, name: &str) -> String {
        let path = self.path();
        if path.is_empty() { name.to_string() } else { alloc::format!("{path}/{name}") }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        parallel::release(self.parent.take(), |directory| directory.parent.take());
    }
}

enum Job {
    Root(File),
    Directory { parent: Arc<Directory>, name: String },
    File { parent: Arc<Directory>, name: String, stat: Stat },
}

/// A file that is a link to one of the repository's.
struct Known {
    object: Checksum,
    /// What it is committed with, if that is not what the object has.
    header: Option<FileHeader>,
}

struct Tree<'a> {
    store: &'a Store<'a>,
    options: &'a CommitOptions,
    is_canonical: bool,
    root: Mutex<Option<(Checksum, Checksum)>>,
}

impl Repo {
    /// Stores the directory's tree and metadata with all that is below it.
    pub(super) fn commit_tree(
        &self,
        store: &Store<'_>,
        root: File,
        options: &CommitOptions,
    ) -> Result<(Checksum, Checksum), RepoError> {
        let is_canonical = options.canonical_permissions || self.mode == RepoMode::BareUserOnly;
        read_tree(store, root, options, is_canonical)
    }
}

/// Reads a directory: the checksums of its entries and of its own metadata.
pub(super) fn read_tree(
    store: &Store<'_>,
    root: File,
    options: &CommitOptions,
    is_canonical: bool,
) -> Result<(Checksum, Checksum), RepoError> {
    let tree = Tree { store, options, is_canonical, root: Mutex::new(None) };
    parallel::run(Vec::from([Job::Root(root)]), |job, queue| tree.work(job, queue))?;
    tree.root
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .ok_or(RepoError::Depth { limit: MAX_DEPTH })
}

/// The checksum of what lies at `path`, of a directory that of its own metadata.
pub(super) fn hash_one(path: &Path, options: &CommitOptions) -> Result<Checksum, RepoError> {
    let store = Store::nowhere();
    let is_canonical = options.canonical_permissions;
    let tree = Tree { store: &store, options, is_canonical, root: Mutex::new(None) };
    let stat = rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).map_err(RepoError::io(READING))?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        let directory = open_directory(CWD, path)?;
        let xattrs = tree.xattrs(|| attributes::of_file(&directory))?;
        return tree.directory_meta(&stat, &xattrs);
    }
    let (parent, name) = (path.parent(), path.file_name().and_then(|name| name.to_str()));
    let parent = parent.filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory =
        rustix::fs::openat(CWD, parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let directory = File::from(directory.map_err(RepoError::io(READING))?);
    let name = Name::new(name.unwrap_or_default()).map_err(RepoError::Name)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => tree.regular(&directory, name, None),
        FileType::Symlink => tree.link(&directory, name, &stat),
        _ => Err(RepoError::FileType),
    }
}

/// What is being done when the file system refuses.
const READING: &str = "reading the tree";

impl Tree<'_> {
    fn work(&self, job: Job, queue: &Queue<Job>) -> Result<(), RepoError> {
        let directory = match job {
            Job::Root(root) => self.read(root, None, String::new(), queue)?,
            Job::Directory { parent, name } => {
                let directory = open_directory(&parent.directory, &*name);
                let directory = directory.map_err(|error| error.at(parent.path_of(&name)))?;
                self.read(directory, Some(parent), name, queue)?
            }
            Job::File { parent, name, stat } => {
                self.file(&parent, Name::new(&name).map_err(RepoError::Name)?, &stat)?;
                parent
            }
        };
        self.complete(directory)
    }

    /// Reads a directory's entries; what takes longer becomes a job.
    fn read(
        &self,
        directory: File,
        parent: Option<Arc<Directory>>,
        name: String,
        queue: &Queue<Job>,
    ) -> Result<Arc<Directory>, RepoError> {
        let depth = parent.as_ref().map_or(1, |parent| parent.depth + 1);
        let path = || parent.as_ref().map_or_else(String::new, |parent| parent.path_of(&name));
        if depth > MAX_DEPTH {
            return Err(RepoError::Depth { limit: MAX_DEPTH });
        }
        let (meta, entries) = self.open(&directory).map_err(|error| error.at(path()))?;
        let tree = Mutex::new(DirTree::new());
        let directory = Arc::new(Directory { parent, depth, name, directory, meta, tree });
        let mut jobs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| RepoError::io(READING)(error).at(directory.path()))?;
            let bytes = entry.file_name().to_bytes();
            if bytes == b"." || bytes == b".." {
                continue;
            }
            let at = |error: RepoError| error.at(directory.path_of(&String::from_utf8_lossy(bytes)));
            let name = Name::from_bytes(bytes).map_err(|error| at(RepoError::Name(error)))?;
            let parent = || (Arc::clone(&directory), name.as_str().to_string());
            if entry.file_type() == FileType::Directory {
                let (parent, name) = parent();
                jobs.push(Job::Directory { parent, name });
                continue;
            }
            let stat = rustix::fs::statat(&directory.directory, name.as_str(), AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|error| at(RepoError::io(READING)(error)))?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {
                    let (parent, name) = parent();
                    jobs.push(Job::Directory { parent, name });
                }
                FileType::RegularFile if u64::try_from(stat.st_size).unwrap_or(0) >= OWN_JOB_BYTES => {
                    let (parent, name) = parent();
                    jobs.push(Job::File { parent, name, stat });
                }
                _ => self.file(&directory, name, &stat)?,
            }
        }
        queue.push(jobs);
        Ok(directory)
    }

    /// A directory's own metadata, and its entries.
    fn open(&self, directory: &File) -> Result<(Checksum, Dir), RepoError> {
        let stat = rustix::fs::fstat(directory).map_err(RepoError::io(READING))?;
        let xattrs = self.xattrs(|| attributes::of_file(directory))?;
        let meta = self.directory_meta(&stat, &xattrs)?;
        Ok((meta, Dir::read_from(directory).map_err(RepoError::io(READING))?))
    }

    /// Stores the directory if this was the last of it, and then those that are complete with it.
    fn complete(&self, mut directory: Arc<Directory>) -> Result<(), RepoError> {
        while let Some(mut done) = Arc::into_inner(directory) {
            let tree = done.tree.get_mut().unwrap_or_else(PoisonError::into_inner).encode();
            let tree = self.store.metadata(ObjectType::DirTree, tree)?;
            let Some(parent) = done.parent.take() else {
                *self.root.lock().unwrap_or_else(PoisonError::into_inner) = Some((tree, done.meta));
                return Ok(());
            };
            let name = Name::new(&done.name).map_err(RepoError::Name)?;
            // A directory has each name once.
            let _ =
                parent.tree.lock().unwrap_or_else(PoisonError::into_inner).insert_dir(name, tree, done.meta);
            directory = parent;
        }
        Ok(())
    }

    fn directory_meta(&self, stat: &Stat, xattrs: &Xattrs) -> Result<Checksum, RepoError> {
        let (uid, gid, bits) = self.owner(stat.st_uid, stat.st_gid, stat.st_mode);
        let meta = DirMetaRef::new(uid, gid, bits, xattrs.as_ref()).map_err(|_| RepoError::FileType)?;
        let mut bytes = Vec::new();
        let Ok(()) = meta.encode(&mut bytes);
        self.store.metadata(ObjectType::DirMeta, bytes)
    }

    fn file(&self, directory: &Directory, name: Name<'_>, stat: &Stat) -> Result<(), RepoError> {
        let checksum = self.object(&directory.directory, name, stat);
        let checksum = checksum.map_err(|error| error.at(directory.path_of(name.as_str())))?;
        let _ = directory.tree.lock().unwrap_or_else(PoisonError::into_inner).insert_file(name, checksum);
        Ok(())
    }

    /// The object of what is no directory.
    fn object(&self, directory: &File, name: Name<'_>, stat: &Stat) -> Result<Checksum, RepoError> {
        let file_type = FileType::from_raw_mode(stat.st_mode);
        match (file_type, self.known(stat)?) {
            (_, Some(Known { object, header: None })) => Ok(object),
            (FileType::Symlink, Some(Known { header: Some(header), .. })) => {
                self.store.link(&header.as_ref())
            }
            (FileType::Symlink, None) => self.link(directory, name, stat),
            (FileType::RegularFile, known) => {
                self.regular(directory, name, known.and_then(|known| known.header))
            }
            _ => self.store.special(),
        }
    }

    fn link(&self, directory: &File, name: Name<'_>, stat: &Stat) -> Result<Checksum, RepoError> {
        let target =
            rustix::fs::readlinkat(directory, name.as_str(), Vec::new()).map_err(RepoError::io(READING))?;
        let target = target.to_str().map_err(|_| RepoError::FileType)?;
        let xattrs = self.xattrs(|| attributes::of_name(directory, name.as_str()))?;
        let (uid, gid, _) = self.owner(stat.st_uid, stat.st_gid, stat.st_mode);
        let header = FileHeaderRef::symlink(uid, gid, target, xattrs.as_ref());
        self.store.link(&header.map_err(|_| RepoError::FileType)?)
    }

    /// What a file is as an object of the repository, and as what it is committed if these options change that.
    fn known(&self, stat: &Stat) -> Result<Option<Known>, RepoError> {
        let (Some(repo), Some(known)) = (self.store.repo(), self.options.known_links.as_deref()) else {
            return Ok(None);
        };
        let Some(object) = repo.object_of(known, stat)? else { return Ok(None) };
        let CommitOptions { uid, gid, skip_xattrs, trust_links, .. } = self.options;
        let is_changed = self.is_canonical || *skip_xattrs || uid.is_some() || gid.is_some();
        if *trust_links || !is_changed {
            return Ok(Some(Known { object, header: None }));
        }
        let own = repo.open_stored(&object)?.header;
        let own = own.as_ref();
        let (uid, gid, bits) = self.owner(own.uid(), own.gid(), own.mode());
        let xattrs = self.xattrs(|| Ok(own.xattrs().into()))?;
        let mode = own.mode() & crate::object::S_IFMT | bits;
        let header = match own.symlink_target() {
            Some(target) => FileHeaderRef::symlink(uid, gid, target, xattrs.as_ref()),
            None => FileHeaderRef::regular(uid, gid, mode, xattrs.as_ref()),
        };
        let header = header.map_err(|_| RepoError::FileType)?;
        let header = (header != own).then(|| header.into());
        Ok(Some(Known { object, header }))
    }

    /// Commits a file, with another header than what is on disk says if there is one.
    fn regular(
        &self,
        directory: &File,
        name: Name<'_>,
        header: Option<FileHeader>,
    ) -> Result<Checksum, RepoError> {
        let io = || RepoError::io(READING);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = rustix::fs::openat(directory, name.as_str(), flags, Mode::empty()).map_err(io())?;
        let mut file = File::from(file);
        let stat = rustix::fs::fstat(&file).map_err(io())?;
        let header = match header {
            Some(header) => header,
            None => self.header(&file, &stat)?,
        };
        let header = header.as_ref();
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let mut hasher = ContentHasher::new(&header);
        if size <= IN_MEMORY_BYTES {
            let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0).saturating_add(1));
            (&file).take(IN_MEMORY_BYTES + 1).read_to_end(&mut content).map_err(RepoError::io(READING))?;
            if u64::try_from(content.len()).is_ok_and(|read| read != size) {
                return Err(RepoError::Changed);
            }
            hasher.update(&content);
            let checksum = hasher.finish();
            return self.store(&header, size, checksum, &*content);
        }
        each_block(&file, |bytes| {
            hasher.update(bytes);
            Ok(())
        })?;
        let checksum = hasher.finish();
        file.seek(SeekFrom::Start(0)).map_err(RepoError::io(READING))?;
        self.store(&header, size, checksum, &file)
    }

    fn header(&self, file: &File, stat: &Stat) -> Result<FileHeader, RepoError> {
        let xattrs = self.xattrs(|| attributes::of_file(file))?;
        let (uid, gid, bits) = self.owner(stat.st_uid, stat.st_gid, stat.st_mode);
        let mode = stat.st_mode & crate::object::S_IFMT | bits;
        let header = FileHeaderRef::regular(uid, gid, mode, xattrs.as_ref());
        Ok(header.map_err(|_| RepoError::FileType)?.into())
    }

    fn store(
        &self,
        header: &FileHeaderRef<'_>,
        size: u64,
        checksum: Checksum,
        content: impl Read,
    ) -> Result<Checksum, RepoError> {
        self.store.file(header, size, &checksum, content)?;
        Ok(checksum)
    }

    fn xattrs(&self, read: impl FnOnce() -> Result<Xattrs, RepoError>) -> Result<Xattrs, RepoError> {
        if self.is_canonical || self.options.skip_xattrs { Ok(Xattrs::default()) } else { read() }
    }

    /// Owner, group and permissions as they are committed.
    fn owner(&self, uid: u32, gid: u32, mode: u32) -> (u32, u32, u32) {
        let bits = mode & 0o7777;
        if self.is_canonical {
            return (0, 0, bits & CANONICAL_BITS);
        }
        (self.options.uid.unwrap_or(uid), self.options.gid.unwrap_or(gid), bits)
    }
}
