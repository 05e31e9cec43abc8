//! Which objects a commit needs, without I/O: the caller fetches, the planner says what is next and when all is
//! there.

mod checkpoint;

pub use checkpoint::{Checkpoint, CheckpointError};

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use crate::{
    Checksum, CommitRef, DirMetaRef, DirTreeRef, Error, ErrorKind, Limits, Name, NameError, ObjectSize,
    ObjectType, Sizes,
};

/// Most paths that one pull is limited to.
pub const MAX_SUBPATHS: usize = 64;

/// An object that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its type.
    pub object_type: ObjectType,
    /// Its name; what arrives must have this checksum.
    pub checksum: Checksum,
}

/// Walks a commit as its objects arrive: the commit, its directories breadth first, then its files, each once.
///
/// The commit's checksum pins everything below it: metadata of another checksum is refused before it is read.
#[derive(Debug)]
pub struct Planner {
    commit: Checksum,
    limits: Limits,
    /// Metadata to get.
    metadata: VecDeque<Wanted>,
    files: VecDeque<Checksum>,
    /// What was handed out and is not there yet.
    outstanding: Vec<Wanted>,
    known: BTreeSet<(ObjectType, Checksum)>,
    /// Directories that are there with everything below them.
    complete: BTreeSet<Checksum>,
    /// The components of the paths that alone are wanted.
    subpaths: Vec<Vec<String>>,
    /// What the commit says of its objects' sizes.
    sizes: Option<Sizes>,
    done: usize,
    total: usize,
}

/// A request, with how deep in the tree it is and what of it is wanted.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    request: Request,
    depth: usize,
    scope: Scope,
}

#[derive(Clone, Copy, Debug)]
enum Scope {
    /// Everything below.
    All,
    /// What component `at` of this path names.
    On { path: usize, at: usize },
}

/// Why an object does not fit the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// The object was not asked for.
    #[error("an object that was not asked for")]
    Unexpected,
    /// The object's content has another checksum.
    #[error("{} {expected} arrived with the content of {actual}", .object_type.name())]
    Checksum {
        /// Its type.
        object_type: ObjectType,
        /// The checksum asked for.
        expected: Checksum,
        /// That of what arrived.
        actual: Checksum,
    },
    /// The object is malformed or beyond a limit.
    #[error("{} {checksum}: {error}", .object_type.name())]
    Malformed {
        /// Its type.
        object_type: ObjectType,
        /// Its name.
        checksum: Checksum,
        /// What is wrong.
        error: Error,
    },
    /// Directories nest deeper than the limit.
    #[error("directories nest deeper than {limit}")]
    Depth {
        /// The limit.
        limit: usize,
    },
    /// The commit has no such path.
    #[error("path number {number} of those that are wanted is not in the commit")]
    NoSubpath {
        /// Which one, counted from 1.
        number: usize,
    },
    /// The commit has more objects than the limit.
    #[error("more than {limit} objects")]
    Objects {
        /// The limit.
        limit: usize,
    },
}

/// Why a pull cannot be limited to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubpathError {
    /// A component is no name.
    #[error("a path whose component {0}")]
    Name(NameError),
    /// There are too many paths.
    #[error("{actual} paths, more than {MAX_SUBPATHS}")]
    TooMany {
        /// How many.
        actual: usize,
    },
}

impl Planner {
    /// Begins with a commit that is pinned by its checksum.
    #[must_use]
    pub fn new(commit: Checksum, limits: Limits) -> Self {
        let mut planner = Self {
            commit,
            limits,
            metadata: VecDeque::new(),
            files: VecDeque::new(),
            outstanding: Vec::new(),
            known: BTreeSet::new(),
            complete: BTreeSet::new(),
            subpaths: Vec::new(),
            sizes: None,
            done: 0,
            total: 0,
        };
        planner.want(ObjectType::Commit, commit, 0);
        planner
    }

    /// Only what is at or below one of `paths`, such as `/usr/etc`, and the directories on the way to it. None, or
    /// `/` among them, mean everything.
    ///
    /// # Errors
    /// If a path has a component that is no name, or there are more than [`MAX_SUBPATHS`].
    pub fn only<'a>(mut self, paths: impl IntoIterator<Item = &'a str>) -> Result<Self, SubpathError> {
        for path in paths {
            let components = path.split('/').filter(|component| !component.is_empty());
            let components = components.map(|name| Name::new(name).map(|name| name.as_str().to_owned()));
            self.subpaths.push(components.collect::<Result<_, _>>().map_err(SubpathError::Name)?);
        }
        if self.subpaths.len() > MAX_SUBPATHS {
            return Err(SubpathError::TooMany { actual: self.subpaths.len() });
        }
        if self.subpaths.iter().any(Vec::is_empty) {
            self.subpaths.clear();
        }
        Ok(self)
    }

    /// Leaves directories out whose dirtrees are in `trees`: of them everything is there, as they are in a commit that
    /// is complete.
    #[must_use]
    pub fn without(mut self, trees: BTreeSet<Checksum>) -> Self {
        self.complete = trees;
        self
    }

    /// The next object to get; `None` if all that is known is there or being fetched.
    pub fn next_request(&mut self) -> Option<Request> {
        let next = self.metadata.pop_front().or_else(|| {
            let request = Request { object_type: ObjectType::File, checksum: self.files.pop_front()? };
            Some(Wanted { request, depth: 0, scope: Scope::All })
        })?;
        self.outstanding.push(next);
        Some(next.request)
    }

    /// Takes a metadata object that was asked for, from wherever it is.
    ///
    /// # Errors
    /// If it was not asked for, has another checksum, is malformed, lacks a path that is wanted, or leads beyond a limit.
    pub fn metadata_arrived(&mut self, request: Request, bytes: &[u8]) -> Result<(), PullError> {
        let Wanted { depth, scope, .. } = self.settle(request)?;
        let Request { object_type, checksum } = request;
        let actual = Checksum::of(bytes);
        if actual != checksum {
            return Err(PullError::Checksum { object_type, expected: checksum, actual });
        }
        let malformed = |error| PullError::Malformed { object_type, checksum, error };
        match object_type {
            ObjectType::Commit => {
                let commit = CommitRef::parse_with(bytes, &self.limits).map_err(malformed)?;
                // Nobody needs them to pull: malformed ones bound nothing, as with libostree.
                self.sizes = commit.sizes().ok().flatten().map(Sizes::from);
                self.want(ObjectType::DirMeta, commit.meta(), 1);
                if self.subpaths.is_empty() {
                    self.want_tree(commit.tree(), 1, Scope::All);
                }
                for path in 0..self.subpaths.len() {
                    self.want_tree(commit.tree(), 1, Scope::On { path, at: 0 });
                }
            }
            ObjectType::DirTree => {
                let tree = DirTreeRef::parse_with(bytes, &self.limits).map_err(malformed)?;
                if depth > self.limits.depth() {
                    return Err(PullError::Depth { limit: self.limits.depth() });
                }
                match scope {
                    Scope::All => self.want_all_of(&tree, depth),
                    Scope::On { path, at } => self.want_one_of(&tree, depth, path, at)?,
                }
            }
            ObjectType::DirMeta => drop(DirMetaRef::parse_with(bytes, &self.limits).map_err(malformed)?),
            _ => {
                let kind = ErrorKind::TrailingData { bytes: bytes.len() };
                return Err(malformed(Error { kind, offset: 0 }));
            }
        }
        if self.total > self.limits.objects {
            return Err(PullError::Objects { limit: self.limits.objects });
        }
        self.done += 1;
        Ok(())
    }

    /// Takes note that a file object is there: its checksum was compared when it was stored.
    ///
    /// # Errors
    /// If it was not asked for.
    pub fn file_arrived(&mut self, request: Request) -> Result<(), PullError> {
        self.settle(request)?;
        self.done += 1;
        Ok(())
    }

    /// The files that are there. Once they are durable, the checkpoint may be stored.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let files = self
            .known
            .range((ObjectType::File, Checksum([0; 32]))..=(ObjectType::File, Checksum([0xff; 32])));
        let mut files: BTreeSet<Checksum> = files.map(|(_, checksum)| *checksum).collect();
        let under_way = self.outstanding.iter().map(|wanted| &wanted.request.checksum);
        for missing in self.files.iter().chain(under_way) {
            files.remove(missing);
        }
        Checkpoint::new(self.commit, files)
    }

    /// Whether everything that is wanted of the commit is there.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.metadata.is_empty() && self.files.is_empty() && self.outstanding.is_empty()
    }

    /// What the commit says of the sizes of its objects; `None` if it says nothing, or has not arrived.
    #[must_use]
    pub const fn sizes(&self) -> Option<&Sizes> {
        self.sizes.as_ref()
    }

    /// What the commit says of an object's size: whoever fetches it can refuse what is larger
    /// ([`ObjectSize::check`]) before it is stored.
    #[must_use]
    pub fn listed(&self, Request { object_type, checksum }: &Request) -> Option<ObjectSize> {
        self.sizes.as_ref()?.as_ref().get(*object_type, checksum)
    }

    /// How many objects are there, and how many are known by now.
    #[must_use]
    pub const fn progress(&self) -> (usize, usize) {
        (self.done, self.total)
    }

    fn want_all_of(&mut self, tree: &DirTreeRef<'_>, depth: usize) {
        for file in tree.files() {
            self.want(ObjectType::File, file.checksum, depth);
        }
        for dir in tree.dirs() {
            self.want_tree(dir.tree, depth + 1, Scope::All);
            self.want(ObjectType::DirMeta, dir.meta, depth + 1);
        }
    }

    /// What the component of the path names, which is everything below it if it is the last one.
    fn want_one_of(
        &mut self,
        tree: &DirTreeRef<'_>,
        depth: usize,
        path: usize,
        at: usize,
    ) -> Result<(), PullError> {
        let missing = PullError::NoSubpath { number: path + 1 };
        let components = self.subpaths.get(path).ok_or(missing)?;
        let name = components.get(at).ok_or(missing)?;
        let is_last = at + 1 == components.len();
        if let Some(dir) = tree.dir(name) {
            let scope = if is_last { Scope::All } else { Scope::On { path, at: at + 1 } };
            self.want_tree(dir.tree, depth + 1, scope);
            self.want(ObjectType::DirMeta, dir.meta, depth + 1);
            return Ok(());
        }
        let file = tree.file(name).filter(|_| is_last).ok_or(missing)?;
        self.want(ObjectType::File, file.checksum, depth);
        Ok(())
    }

    /// Of a directory on the way to a path only a part is wanted, which may be wanted of it again.
    fn want_tree(&mut self, checksum: Checksum, depth: usize, scope: Scope) {
        let request = Request { object_type: ObjectType::DirTree, checksum };
        if matches!(scope, Scope::All) && self.complete.contains(&checksum) {
            return;
        }
        if matches!(scope, Scope::On { .. }) || self.known.insert((request.object_type, checksum)) {
            self.total += 1;
            self.metadata.push_back(Wanted { request, depth, scope });
        }
    }

    fn want(&mut self, object_type: ObjectType, checksum: Checksum, depth: usize) {
        if !self.known.insert((object_type, checksum)) {
            return;
        }
        self.total += 1;
        if object_type == ObjectType::File {
            self.files.push_back(checksum);
        } else {
            let request = Request { object_type, checksum };
            self.metadata.push_back(Wanted { request, depth, scope: Scope::All });
        }
    }

    fn settle(&mut self, request: Request) -> Result<Wanted, PullError> {
        let place = self.outstanding.iter().position(|other| other.request == request);
        place.map(|at| self.outstanding.swap_remove(at)).ok_or(PullError::Unexpected)
    }
}
