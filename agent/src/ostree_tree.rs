//! A directory of an OSTree commit as a side of a merge of /etc: read from objects, without a checkout.
//!
//! Directories with the same dirtree checksum are equal all the way down, so the planner does not read them, and
//! files with the same checksum are the same file. The metadata is what the commit says: owners and modes are those
//! of a checkout by root.

mod facts;

pub use facts::Facts;

use std::cell::{Cell, OnceCell, RefCell};
use std::io::Read;
use std::rc::Rc;

use etc_merge::{Cursor, Digest, Kind, Meta, SourceError, Tree};
use ostree_objects::repo::{FileObject, Repo, RepoError};
use ostree_objects::{Checksum, CommitRef, DirMetaRef, DirTreeRef, ObjectType, Xattrs};

use facts::{Fact, FactContent, Learned};

/// A directory in a repository.
#[derive(Debug)]
pub struct OstreeTree<'r> {
    repo: &'r Repo,
    root: Directory,
    seen: Rc<Seen>,
}

/// What was read last. Where two commits share an object, the planner asks both trees for it, one after the other.
#[derive(Debug, Default)]
struct Seen {
    file: Last<Object>,
    directory: Last<Object>,
    entries: Last<Vec<Entry>>,
    objects_read: Cell<usize>,
    learned: Option<RefCell<Learned>>,
}

/// The object read last, by its checksum.
type Last<T> = RefCell<Option<(Checksum, Rc<T>)>>;

/// What names a directory.
#[derive(Clone, Copy, Debug)]
struct Directory {
    tree: Checksum,
    meta: Checksum,
}

/// The code of [`SourceError::Other`]: an object is missing, corrupt or malformed.
pub const BAD_OBJECT: u32 = 1;
/// The code of [`SourceError::Other`]: the file system refused.
pub const FAILED: u32 = 2;

impl<'r> OstreeTree<'r> {
    /// The directory at `path`, such as `usr/etc`, of a commit; `None` if it has none there.
    ///
    /// # Errors
    /// If an object on the way is missing, corrupt or malformed.
    pub fn open(repo: &'r Repo, commit: &Checksum, path: &str) -> Result<Option<Self>, RepoError> {
        let bytes = repo.load_metadata(ObjectType::Commit, commit)?;
        let malformed =
            |object_type, checksum| move |error| RepoError::Malformed { object_type, checksum, error };
        let parsed = CommitRef::parse(&bytes).map_err(malformed(ObjectType::Commit, *commit))?;
        let mut root = Directory { tree: parsed.tree(), meta: parsed.meta() };
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let bytes = repo.load_metadata(ObjectType::DirTree, &root.tree)?;
            let tree = DirTreeRef::parse(&bytes).map_err(malformed(ObjectType::DirTree, root.tree))?;
            let Some(entry) = tree.dir(name) else { return Ok(None) };
            root = Directory { tree: entry.tree, meta: entry.meta };
        }
        Ok(Some(Self { repo, root, seen: Rc::default() }))
    }

    /// The directory at `path` of another commit of the same repository, to be planned with this one: an object that
    /// both have is read once.
    ///
    /// # Errors
    /// As of [`open`](Self::open).
    pub fn open_beside(&self, commit: &Checksum, path: &str) -> Result<Option<Self>, RepoError> {
        let tree = Self::open(self.repo, commit, path)?;
        Ok(tree.map(|tree| Self { seen: Rc::clone(&self.seen), ..tree }))
    }

    /// The same with what is known of file objects: those are not opened, and others are added. To be called before
    /// [`open_beside`](Self::open_beside), which shares it.
    #[must_use]
    pub fn with_facts(self, facts: Facts) -> Self {
        let learned = Some(RefCell::new(Learned::from(facts)));
        Self { seen: Rc::new(Seen { learned, ..Seen::default() }), ..self }
    }

    /// What is known now of the file objects that this tree and those beside it led to.
    #[must_use]
    pub fn facts(&self) -> Facts {
        self.seen.learned.as_ref().map(|learned| learned.borrow().met()).unwrap_or_default()
    }

    /// How many objects were read while this tree and those beside it were walked; the content of files not counted.
    #[must_use]
    pub fn objects_read(&self) -> usize {
        self.seen.objects_read.get()
    }

    /// The content of the file at `path`, relative to the root; `None` if there is no file of at most `limit` bytes.
    ///
    /// # Errors
    /// If an object on the way is missing, corrupt or malformed.
    pub fn content(&self, path: &[u8], limit: usize) -> Result<Option<Vec<u8>>, SourceError> {
        let mut directory = self.root;
        let mut names = path.split(|&byte| byte == b'/').peekable();
        while let Some(name) = names.next() {
            let entries = entries(self.repo, directory.tree)?;
            let Ok(at) = entries.binary_search_by(|entry| entry.name.as_slice().cmp(name)) else {
                return Ok(None);
            };
            match (entries.get(at).map(|entry| entry.is), names.peek()) {
                (Some(Is::Directory(inside)), Some(_)) => directory = inside,
                (Some(Is::File(checksum)), None) => {
                    let object = self.repo.open_file(&checksum).map_err(|error| code(&error))?;
                    if object.header.as_ref().symlink_target().is_some() {
                        return Ok(None);
                    }
                    let mut bytes = Vec::new();
                    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
                    let read = object.content.take(most).read_to_end(&mut bytes);
                    read.map_err(|_| SourceError::Other { code: FAILED })?;
                    return Ok(Some(bytes).filter(|bytes| bytes.len() <= limit));
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}

impl Seen {
    /// The object of this checksum, read unless it is the last one.
    fn once<T>(
        &self,
        last: &Last<T>,
        checksum: Checksum,
        read: impl FnOnce() -> Result<T, SourceError>,
    ) -> Result<Rc<T>, SourceError> {
        if let Some((_, object)) = last.borrow().as_ref().filter(|(there, _)| *there == checksum) {
            return Ok(Rc::clone(object));
        }
        let object = Rc::new(read()?);
        self.objects_read.set(self.objects_read.get() + 1);
        *last.borrow_mut() = Some((checksum, Rc::clone(&object)));
        Ok(object)
    }
}

impl Tree for OstreeTree<'_> {
    type Cursor<'t>
        = OstreeCursor<'t>
    where
        Self: 't;

    fn root(&self) -> Result<OstreeCursor<'_>, SourceError> {
        let entries = Rc::new(vec![Entry { name: Vec::new(), is: Is::Directory(self.root) }]);
        Ok(OstreeCursor { repo: self.repo, seen: &self.seen, entries, next: 0, current: None })
    }
}

/// A position in a directory of an [`OstreeTree`].
#[derive(Debug)]
pub struct OstreeCursor<'t> {
    repo: &'t Repo,
    seen: &'t Seen,
    /// In the order of their names.
    entries: Rc<Vec<Entry>>,
    next: usize,
    current: Option<Current>,
}

#[derive(Debug)]
struct Entry {
    name: Vec<u8>,
    is: Is,
}

#[derive(Clone, Copy, Debug)]
enum Is {
    File(Checksum),
    Directory(Directory),
}

/// What an object says of a file, or of a directory itself.
#[derive(Debug)]
struct Object {
    meta: Meta,
    xattrs: Xattrs,
    /// Of a symbolic link.
    target: Option<Vec<u8>>,
}

/// The current entry.
#[derive(Debug)]
struct Current {
    is: Is,
    meta: Meta,
    /// What is known of a file without its object.
    fact: OnceCell<Rc<Fact>>,
    /// Once it was asked for.
    object: OnceCell<Rc<Object>>,
    /// The content of a file from this byte on.
    open: RefCell<Option<(u64, FileObject)>>,
}

impl OstreeCursor<'_> {
    fn object(&self, is: Is) -> Result<Rc<Object>, SourceError> {
        match is {
            Is::File(checksum) => self.seen.once(&self.seen.file, checksum, || file(self.repo, checksum)),
            Is::Directory(Directory { meta, .. }) => {
                self.seen.once(&self.seen.directory, meta, || directory_itself(self.repo, meta))
            }
        }
    }

    fn at(&self, is: Is) -> Result<Current, SourceError> {
        if let (Is::File(checksum), Some(learned)) = (is, &self.seen.learned)
            && let Some(fact) = learned.borrow_mut().get(&checksum)
        {
            let meta = fact.meta();
            return Ok(Current {
                is,
                meta,
                fact: fact.into(),
                object: OnceCell::new(),
                open: RefCell::default(),
            });
        }
        let object = self.object(is)?;
        let meta = object.meta;
        Ok(Current { is, meta, fact: OnceCell::new(), object: object.into(), open: RefCell::default() })
    }

    /// The object of the current entry, which the walk may not have needed so far.
    fn current_object(&self) -> Result<Rc<Object>, SourceError> {
        let current = self.current.as_ref().ok_or(SourceError::Changed)?;
        if let Some(object) = current.object.get() {
            return Ok(Rc::clone(object));
        }
        let object = self.object(current.is)?;
        Ok(Rc::clone(current.object.get_or_init(|| object)))
    }

    /// What is to be remembered of the current file, found out if nobody did before; `None` where nothing is.
    fn fact(&self) -> Result<Option<&Fact>, SourceError> {
        let Some(current) = &self.current else { return Ok(None) };
        let (Is::File(checksum), Some(learned)) = (current.is, &self.seen.learned) else { return Ok(None) };
        if let Some(fact) = current.fact.get() {
            return Ok(Some(fact));
        }
        let object = self.current_object()?;
        let content = match &object.target {
            Some(target) => FactContent::Symlink(target.clone()),
            None => FactContent::File(etc_merge::content_digest(self)?),
        };
        let fact = Rc::new(Fact::new(object.meta, etc_merge::xattrs_digest(self)?, content));
        learned.borrow_mut().add(checksum, Rc::clone(&fact));
        Ok(Some(current.fact.get_or_init(|| fact)))
    }

    fn symlink_target(&self) -> Result<Option<Vec<u8>>, SourceError> {
        if self.meta().kind != Kind::Symlink {
            return Ok(None);
        }
        if let Some(Fact { content: FactContent::Symlink(target), .. }) = self.fact()? {
            return Ok(Some(target.clone()));
        }
        Ok(self.current_object()?.target.clone())
    }
}

impl Cursor for OstreeCursor<'_> {
    fn advance(&mut self) -> Result<bool, SourceError> {
        let Some(entry) = self.entries.get(self.next) else {
            self.current = None;
            return Ok(false);
        };
        let is = entry.is;
        self.next += 1;
        self.current = Some(self.at(is)?);
        Ok(true)
    }

    fn name(&self) -> &[u8] {
        let current = self.next.checked_sub(1).and_then(|index| self.entries.get(index));
        current.map_or(b"", |entry| &entry.name)
    }

    fn meta(&self) -> Meta {
        self.current.as_ref().map_or(const { Meta::new(Kind::Directory) }, |current| current.meta)
    }

    fn descend(&self) -> Result<Self, SourceError> {
        let Some(Current { is: Is::Directory(directory), .. }) = self.current else {
            return Err(SourceError::Changed);
        };
        let entries =
            self.seen.once(&self.seen.entries, directory.tree, || entries(self.repo, directory.tree))?;
        Ok(Self { repo: self.repo, seen: self.seen, entries, next: 0, current: None })
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        let Some(current) = &self.current else { return Ok(0) };
        if let Some(target) = self.symlink_target()? {
            let rest =
                usize::try_from(offset).ok().and_then(|offset| target.get(offset..)).unwrap_or_default();
            let length = rest.len().min(buffer.len());
            for (to, from) in buffer.iter_mut().zip(rest) {
                *to = *from;
            }
            return Ok(length);
        }
        let Is::File(checksum) = current.is else { return Ok(0) };
        let mut open = current.open.borrow_mut();
        if open.as_ref().is_none_or(|(position, _)| *position != offset) {
            let mut object = self.repo.open_file(&checksum).map_err(|error| code(&error))?;
            let skipped = std::io::copy(&mut object.content.by_ref().take(offset), &mut std::io::sink());
            skipped.map_err(|_| SourceError::Other { code: FAILED })?;
            *open = Some((offset, object));
        }
        let Some((position, object)) = &mut *open else { return Ok(0) };
        let length = object.content.read(buffer).map_err(|_| SourceError::Other { code: FAILED })?;
        *position =
            u64::try_from(length).ok().and_then(|n| offset.checked_add(n)).ok_or(SourceError::Changed)?;
        Ok(length)
    }

    fn xattrs(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), SourceError> {
        for (name, value) in self.current_object()?.xattrs.as_ref().iter() {
            visit(name, value);
        }
        Ok(())
    }

    fn known_digest(&self) -> Option<Digest> {
        // An error comes again when the content is asked for.
        match self.fact().ok().flatten()?.content {
            FactContent::File(digest) => Some(digest),
            FactContent::Symlink(_) => None,
        }
    }

    fn xattrs_digest(&self) -> Result<Option<Digest>, SourceError> {
        match self.fact()? {
            Some(fact) => Ok(fact.xattrs),
            None => etc_merge::xattrs_digest(self),
        }
    }

    /// Half of the checksum, which covers content and metadata: more than any file system's numbers say.
    fn identity(&self) -> Option<[u64; 2]> {
        let Some(Current { is: Is::File(Checksum(bytes)), .. }) = &self.current else { return None };
        let (halves, _) = bytes.as_chunks::<8>();
        Some([u64::from_be_bytes(*halves.first()?), u64::from_be_bytes(*halves.get(1)?)])
    }

    fn subtree(&self) -> Option<Digest> {
        match self.current.as_ref()?.is {
            Is::Directory(directory) => Some(Digest::from_bytes(directory.tree.0)),
            Is::File(_) => None,
        }
    }
}

/// The entries of a directory, in the order of their names.
fn entries(repo: &Repo, checksum: Checksum) -> Result<Vec<Entry>, SourceError> {
    let bytes = repo.load_metadata(ObjectType::DirTree, &checksum).map_err(|error| code(&error))?;
    let tree = DirTreeRef::parse(&bytes).map_err(|_| SourceError::Other { code: BAD_OBJECT })?;
    let files = tree.files().map(|file| (file.name, Is::File(file.checksum)));
    let directories =
        tree.dirs().map(|dir| (dir.name, Is::Directory(Directory { tree: dir.tree, meta: dir.meta })));
    let mut entries: Vec<Entry> =
        files.chain(directories).map(|(name, is)| Entry { name: name.as_str().into(), is }).collect();
    // Two sorted lists, in which no name is twice.
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

fn file(repo: &Repo, checksum: Checksum) -> Result<Object, SourceError> {
    let FileObject { header, size, .. } = repo.open_file(&checksum).map_err(|error| code(&error))?;
    let view = header.as_ref();
    let target = view.symlink_target().map(|target| target.as_bytes().to_vec());
    let (kind, size) = match &target {
        Some(target) => (Kind::Symlink, u64::try_from(target.len()).unwrap_or(u64::MAX)),
        None => (Kind::File, size),
    };
    let mode = if kind == Kind::Symlink { 0o777 } else { view.mode() & 0o7777 };
    let meta = Meta { mode, uid: view.uid(), gid: view.gid(), size, ..Meta::new(kind) };
    let xattrs = Xattrs::from(view.xattrs());
    Ok(Object { meta, xattrs, target })
}

fn directory_itself(repo: &Repo, checksum: Checksum) -> Result<Object, SourceError> {
    let bytes = repo.load_metadata(ObjectType::DirMeta, &checksum).map_err(|error| code(&error))?;
    let view = DirMetaRef::parse(&bytes).map_err(|_| SourceError::Other { code: BAD_OBJECT })?;
    let meta =
        Meta { mode: view.mode() & 0o7777, uid: view.uid(), gid: view.gid(), ..Meta::new(Kind::Directory) };
    let xattrs = Xattrs::from(view.xattrs());
    Ok(Object { meta, xattrs, target: None })
}

/// What a repository's error is for the planner, which names the path beside it.
fn code(error: &RepoError) -> SourceError {
    match error {
        RepoError::Io { .. } => SourceError::Other { code: FAILED },
        _ => SourceError::Other { code: BAD_OBJECT },
    }
}
