//! Which objects a commit needs, without I/O: the caller fetches, the planner says what is next and when all is
//! there.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::{Checksum, CommitRef, DirMetaRef, DirTreeRef, Error, ErrorKind, Limits, ObjectType};

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
    limits: Limits,
    /// Metadata to get, with how deep in the tree it is.
    metadata: VecDeque<(Request, usize)>,
    files: VecDeque<Checksum>,
    /// What was handed out and is not there yet.
    outstanding: Vec<(Request, usize)>,
    known: BTreeSet<(ObjectType, Checksum)>,
    done: usize,
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
    /// The commit has more objects than the limit.
    #[error("more than {limit} objects")]
    Objects {
        /// The limit.
        limit: usize,
    },
}

impl Planner {
    /// Begins with a commit that is pinned by its checksum.
    #[must_use]
    pub fn new(commit: Checksum, limits: Limits) -> Self {
        let mut planner = Self {
            limits,
            metadata: VecDeque::new(),
            files: VecDeque::new(),
            outstanding: Vec::new(),
            known: BTreeSet::new(),
            done: 0,
        };
        planner.want(ObjectType::Commit, commit, 0);
        planner
    }

    /// The next object to get; `None` if all that is known is there or being fetched.
    pub fn next_request(&mut self) -> Option<Request> {
        let next = self.metadata.pop_front().or_else(|| {
            let checksum = self.files.pop_front()?;
            Some((Request { object_type: ObjectType::File, checksum }, 0))
        })?;
        self.outstanding.push(next);
        Some(next.0)
    }

    /// Takes a metadata object that was asked for, from wherever it is.
    ///
    /// # Errors
    /// If it was not asked for, has another checksum, is malformed, or leads beyond a limit.
    pub fn metadata_arrived(&mut self, request: Request, bytes: &[u8]) -> Result<(), PullError> {
        let depth = self.settle(request)?;
        let Request { object_type, checksum } = request;
        let actual = Checksum::of(bytes);
        if actual != checksum {
            return Err(PullError::Checksum { object_type, expected: checksum, actual });
        }
        let malformed = |error| PullError::Malformed { object_type, checksum, error };
        match object_type {
            ObjectType::Commit => {
                let commit = CommitRef::parse_with(bytes, &self.limits).map_err(malformed)?;
                self.want(ObjectType::DirTree, commit.tree(), 1);
                self.want(ObjectType::DirMeta, commit.meta(), 1);
            }
            ObjectType::DirTree => {
                let tree = DirTreeRef::parse_with(bytes, &self.limits).map_err(malformed)?;
                if depth > self.limits.depth() {
                    return Err(PullError::Depth { limit: self.limits.depth() });
                }
                for file in tree.files() {
                    self.want(ObjectType::File, file.checksum, depth);
                }
                for dir in tree.dirs() {
                    self.want(ObjectType::DirTree, dir.tree, depth + 1);
                    self.want(ObjectType::DirMeta, dir.meta, depth + 1);
                }
            }
            ObjectType::DirMeta => drop(DirMetaRef::parse_with(bytes, &self.limits).map_err(malformed)?),
            _ => {
                let kind = ErrorKind::TrailingData { bytes: bytes.len() };
                return Err(malformed(Error { kind, offset: 0 }));
            }
        }
        if self.known.len() > self.limits.objects {
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

    /// Whether everything the commit needs is there.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.metadata.is_empty() && self.files.is_empty() && self.outstanding.is_empty()
    }

    /// How many objects are there, and how many are known by now.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        (self.done, self.known.len())
    }

    fn want(&mut self, object_type: ObjectType, checksum: Checksum, depth: usize) {
        if !self.known.insert((object_type, checksum)) {
            return;
        }
        if object_type == ObjectType::File {
            self.files.push_back(checksum);
        } else {
            self.metadata.push_back((Request { object_type, checksum }, depth));
        }
    }

    fn settle(&mut self, request: Request) -> Result<usize, PullError> {
        let place = self.outstanding.iter().position(|(other, _)| *other == request);
        place.map(|at| self.outstanding.swap_remove(at).1).ok_or(PullError::Unexpected)
    }
}
