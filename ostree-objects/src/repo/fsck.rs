//! Looking through a repository: is everything there that its commits need, and is it what its names say?

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use std::fs::File;
use std::sync::{Mutex, PoisonError};

use rustix::fs::Mode;
use rustix::io::Errno;

use super::{DIRECTORY, Repo, RepoError, parallel};
use crate::pull::{Planner, PullError, Request};
use crate::{Checksum, Limits, ObjectType};

/// How many files are checked before the next thread may have some.
const FILES_A_JOB: usize = 32;

/// What was found.
#[derive(Debug, Default)]
pub struct FsckReport {
    /// Commits that were looked through.
    pub commits: usize,
    /// Commits that say themselves that objects of them may be missing, and were left out.
    pub partial: Vec<Checksum>,
    /// Objects that are as they should be.
    pub good: usize,
    /// Those that are not: to be fetched again, all of them.
    pub damaged: Vec<Damage>,
    /// Refs that lead to no commit, by their files in the repository.
    pub refs: Vec<BadRef>,
}

/// A ref that leads to no commit.
#[derive(Debug)]
pub struct BadRef {
    /// Its file in the repository, such as `refs/heads/os/main`.
    pub path: String,
    /// What is wrong with it.
    pub error: RepoError,
}

/// An object that is missing, corrupt or malformed.
#[derive(Debug)]
pub struct Damage {
    /// The object.
    pub request: Request,
    /// What is wrong with it.
    pub error: RepoError,
}

impl Repo {
    /// The commits that the repository has, complete or not, in the order of their checksums.
    ///
    /// # Errors
    /// As of the file system.
    pub fn commits(&self) -> Result<Vec<Checksum>, RepoError> {
        self.commits_starting_with("")
    }

    /// The directory of the objects whose checksums start with `number`; `None` if there is none yet. Any other error
    /// is one: what cannot be read is not gone, and what only it needs must stay.
    pub(super) fn folder(&self, number: u8) -> Result<Option<File>, RepoError> {
        match rustix::fs::openat(&self.objects, &*format!("{number:02x}"), DIRECTORY, Mode::empty()) {
            Ok(directory) => Ok(Some(File::from(directory))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(RepoError::io("opening a directory of objects")(error)),
        }
    }

    /// Reads everything that complete commits need and compares it with its name, files on several threads. Damage
    /// does not end the search: all of it is reported, metadata first, in the order of the checksums.
    ///
    /// # Errors
    /// As of the file system.
    pub fn fsck(&self) -> Result<FsckReport, RepoError> {
        let mut report = FsckReport { refs: self.bad_refs()?, ..FsckReport::default() };
        let mut seen = BTreeSet::new();
        let mut files = Vec::new();
        for commit in self.commits()? {
            if self.is_partial(&commit)? {
                report.partial.push(commit);
                continue;
            }
            report.commits += 1;
            let mut planner = Planner::new(commit, Limits::DEFAULT);
            while let Some(request) = planner.next_request() {
                let is_new = seen.insert((request.object_type, request.checksum));
                match self.check(&mut planner, request) {
                    Ok(()) if is_new && request.object_type == ObjectType::File => files.push(request),
                    Ok(()) => report.good += usize::from(is_new),
                    Err(error) if is_new => report.damaged.push(Damage { request, error }),
                    Err(_) => {}
                }
            }
        }
        drop(seen);
        report.damaged.sort_by_key(|damage| damage.request.checksum);
        let mut damaged = self.check_files(&files)?;
        report.good += files.len().saturating_sub(damaged.len());
        damaged.sort_by_key(|damage| damage.request.checksum);
        report.damaged.append(&mut damaged);
        Ok(report)
    }

    fn bad_refs(&self) -> Result<Vec<BadRef>, RepoError> {
        let mut bad = Vec::new();
        for path in self.refs()? {
            let leads = self.read_ref(&path).and_then(|checksum| {
                let object_type = ObjectType::Commit;
                let is_there = self.has(object_type, &checksum)?;
                if is_there { Ok(()) } else { Err(RepoError::Missing { object_type, checksum }) }
            });
            if let Err(error) = leads {
                bad.push(BadRef { path, error });
            }
        }
        bad.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(bad)
    }

    /// The files that are not as they should be.
    fn check_files(&self, files: &[Request]) -> Result<Vec<Damage>, RepoError> {
        let damaged = Mutex::new(Vec::new());
        let jobs: Vec<_> = files.chunks(FILES_A_JOB).collect();
        parallel::run(jobs, |job, _| {
            for &request in job {
                if let Err(error) = self.check_file(&request.checksum) {
                    damaged.lock().unwrap_or_else(PoisonError::into_inner).push(Damage { request, error });
                }
            }
            Ok::<(), RepoError>(())
        })?;
        Ok(damaged.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at metadata, and only notes files.
    fn check(&self, planner: &mut Planner, request: Request) -> Result<(), RepoError> {
        let Request { object_type, checksum } = request;
        if object_type == ObjectType::File {
            return planner.file_arrived(request).map_err(|error| refused(request, error));
        }
        let bytes = self.load_metadata(object_type, &checksum)?;
        planner.metadata_arrived(request, &bytes).map_err(|error| refused(request, error))
    }
}

/// What the planner refuses is a malformed object, or one that nests too deep.
pub(super) fn refused(Request { object_type, checksum }: Request, error: PullError) -> RepoError {
    match error {
        PullError::Malformed { error, .. } => RepoError::Malformed { object_type, checksum, error },
        PullError::Depth { limit } => RepoError::TooDeep { checksum, limit },
        PullError::Checksum { expected, actual, .. } => RepoError::Corrupt { object_type, expected, actual },
        PullError::Objects { limit } => RepoError::Objects { limit },
        PullError::Unexpected | PullError::NoSubpath { .. } => RepoError::Missing { object_type, checksum },
    }
}
