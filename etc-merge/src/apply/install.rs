//! Brings a result to its place: built beside, exchanged by rename, and back on request.

use alloc::vec::Vec;

use crate::apply::at_place;
use crate::apply::build::{Built, Output, SAVED_INDEX, Trees, build};
use crate::apply::error::{ApplyError, Place, StorageError};
use crate::apply::journal::{Finished, MAX_JOURNAL_BYTES, Phase, decode, encode};
use crate::apply::storage::{Attributes, Storage};
use crate::error::{PlanError, SourceError};
use crate::policy::Policy;
use crate::report::Report;
use crate::resolve::XattrMap;
use crate::tree::Tree;
use crate::tree::index::Index;

/// What [`Installer::install`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target is the new result.
    Installed,
    /// The target was that result already: nothing was written.
    Unchanged,
}

/// A merge that is in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Whether anything had to be written.
    pub outcome: Outcome,
    /// What the result is and why.
    pub report: Report,
}

/// Puts merged trees in place of a target directory.
///
/// All it needs lies beside the target, in `.NAME.merge`: the journal, the tree that is being built, and the tree
/// that was there before. The losers of conflicts lie in `NAME.conflicts`, with an `index` that names each path,
/// the three digests and whose version is saved.
///
/// Power may fail at any point: the target is then what it was before or the whole result, and the next call of
/// any method first brings to an end what was begun.
#[derive(Debug)]
pub struct Installer<'s, S: Storage> {
    storage: &'s S,
    parent: &'s S::Directory,
    name: &'s [u8],
    work_name: Vec<u8>,
    saved_name: Vec<u8>,
}

/// How many passes over the trees a merge takes if files change while they are read. A file that changes in each of
/// them is rewritten all the time.
pub const MAX_PASSES: u32 = 5;

const JOURNAL: &[u8] = b"journal";
/// What is known of the three trees.
const INDEX: &[u8] = b"index";
/// One of both while it is being written.
const DRAFT: &[u8] = b"draft";
/// The tree that is being built; after the exchange, for a moment, the one that was replaced.
const NEXT: &[u8] = b"next";
/// The tree that was replaced.
const PREVIOUS: &[u8] = b"previous";
/// The losers of conflicts of the tree that is being built.
const SAVED: &[u8] = b"saved";

impl<'s, S: Storage> Installer<'s, S> {
    /// Installs at `name` in the directory `parent`.
    #[must_use]
    pub fn new(storage: &'s S, parent: &'s S::Directory, name: &'s [u8]) -> Self {
        let work_name = [b".", name, b".merge"].concat();
        let saved_name = [name, b".conflicts"].concat();
        Self { storage, parent, name, work_name, saved_name }
    }

    /// Merges and puts the result in place of the target. If the target is that result already, from an earlier
    /// call with the same trees, nothing is written: the call may be repeated at any time.
    ///
    /// # Errors
    /// If the policy refuses the merge, a tree cannot be read or the result not be written. The target is then as
    /// it was.
    pub fn install<O: Tree, N: Tree, L: Tree>(
        &self,
        trees: Trees<'_, O, N, L>,
        policy: &Policy<'_>,
    ) -> Result<Installed, ApplyError> {
        self.check_own()?;
        let before = self.recover()?;
        if let Some(finished) = &before {
            match build::<S, O, N, L>(trees, policy, None) {
                Ok(Built { fingerprint, report, .. })
                    if fingerprint == finished.fingerprint && self.target()? == Some(finished.identity) =>
                {
                    return Ok(Installed { outcome: Outcome::Unchanged, report });
                }
                Err(error) if !has_changed(&error) => return Err(error),
                _ => {}
            }
        }
        let work = self.work()?;
        let first = before.is_none();
        self.record(&work, &Phase::Building(before))?;
        if first {
            // What an undo that was cut short has not removed any more.
            self.in_work(self.storage.remove(&work, PREVIOUS))?;
        }
        let result = self.build_next(&work, trees, policy);
        let (built, next) = match result {
            Ok(built) => built,
            Err(error) => {
                self.recover()?;
                return Err(error);
            }
        };
        let finished = Finished {
            identity: self.in_work(self.storage.identity(&next))?,
            replaces: self.target()?.is_some(),
            fingerprint: built.fingerprint,
            report: built.report,
        };
        drop(next);
        self.record(&work, &Phase::Built(finished.clone()))?;
        self.exchange(&work, &finished)?;
        Ok(Installed { outcome: Outcome::Installed, report: finished.report })
    }

    /// Merges into the target, which must not exist or be empty, and keeps nothing for undo.
    ///
    /// # Errors
    /// As of [`install`](Self::install); and if the target holds something.
    pub fn write_fresh<O: Tree, N: Tree, L: Tree>(
        &self,
        trees: Trees<'_, O, N, L>,
        policy: &Policy<'_>,
    ) -> Result<Report, ApplyError> {
        self.check_fresh()?;
        self.check_own()?;
        self.in_work(self.storage.remove(self.parent, &self.work_name))?;
        let work = self.work()?;
        let result = self.build_next(&work, trees, policy).and_then(|(built, next)| {
            drop(next);
            self.place_saved(&work)?;
            // Only an empty directory can be replaced so: what came into it meanwhile stays.
            let placed = self.storage.rename((&work, NEXT), (self.parent, self.name));
            placed.map_err(not_fresh)?;
            Ok(built.report)
        });
        drop(work);
        self.in_work(self.storage.remove(self.parent, &self.work_name))?;
        at_place(Place::Target, self.storage.sync(self.parent))?;
        result
    }

    /// Refuses a target that holds something before anything is written.
    fn check_fresh(&self) -> Result<(), ApplyError> {
        match self.storage.open(self.parent, self.name).map_err(not_fresh)? {
            Some(target) if !at_place(Place::Target, self.storage.is_empty(&target))? => {
                Err(ApplyError::NotFresh)
            }
            _ => Ok(()),
        }
    }

    /// Refuses names beside the target that hold what no merge has put there: they would be replaced.
    fn check_own(&self) -> Result<(), ApplyError> {
        if let Some(work) = self.in_work(self.storage.open(self.parent, &self.work_name))?
            && !self.in_work(self.storage.is_empty(&work))?
        {
            // What a merge was at may have been cut while it replaced the losers of an earlier one.
            let foreign = || ApplyError::Foreign { name: self.work_name.clone() };
            return if self.is_own(&work)? { Ok(()) } else { Err(foreign()) };
        }
        match at_place(Place::Target, self.storage.open(self.parent, &self.saved_name))? {
            Some(saved) if matches!(self.storage.load(&saved, SAVED_INDEX, MAX_JOURNAL_BYTES), Ok(None)) => {
                Err(ApplyError::Foreign { name: self.saved_name.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Whether the working directory holds something that a merge puts there.
    fn is_own(&self, work: &S::Directory) -> Result<bool, ApplyError> {
        for name in [JOURNAL, INDEX, DRAFT] {
            // What is too long to be loaded is there.
            if !matches!(self.storage.load(work, name, MAX_JOURNAL_BYTES), Ok(None)) {
                return Ok(true);
            }
        }
        for name in [NEXT, SAVED, PREVIOUS] {
            if self.in_work(self.storage.open(work, name))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Exchanges the target back for what was there before the last [`install`](Self::install); false if there is
    /// nothing to go back to.
    ///
    /// # Errors
    /// If the journal cannot be read, or the target not be exchanged.
    pub fn undo(&self) -> Result<bool, ApplyError> {
        let Some(finished) = self.recover()? else { return Ok(false) };
        let work = self.work()?;
        self.record(&work, &Phase::Undoing(finished.clone()))?;
        self.exchange_back(&work, &finished)?;
        Ok(true)
    }

    /// Brings to an end what a power cut interrupted. The report of the merge that is in place, if there is one.
    ///
    /// # Errors
    /// If the journal is damaged, or the target cannot be exchanged.
    pub fn resume(&self) -> Result<Option<Report>, ApplyError> {
        Ok(self.recover()?.map(|finished| finished.report))
    }

    /// The indexes of the last install; empty ones if there are none, or none that can be read: they only save time.
    pub(crate) fn load_indexes(&self) -> Result<[Index; 3], ApplyError> {
        let Some(work) = self.in_work(self.storage.open(self.parent, &self.work_name))? else {
            return Ok(Default::default());
        };
        let bytes = self.storage.load(&work, INDEX, MAX_JOURNAL_BYTES).ok().flatten();
        Ok(bytes.and_then(|bytes| Index::decode(&bytes)).unwrap_or_default())
    }

    pub(crate) fn store_indexes(&self, indexes: &[Index; 3]) -> Result<(), ApplyError> {
        match Index::encode(indexes) {
            Ok(bytes) if bytes.len() <= MAX_JOURNAL_BYTES => self.replace(&self.work()?, INDEX, &bytes),
            // Without it the next merge reads every file again.
            _ => Ok(()),
        }
    }

    fn recover(&self) -> Result<Option<Finished>, ApplyError> {
        let Some(work) = self.in_work(self.storage.open(self.parent, &self.work_name))? else {
            return Ok(None);
        };
        let Some(bytes) = self.in_work(self.storage.load(&work, JOURNAL, MAX_JOURNAL_BYTES))? else {
            return Ok(None);
        };
        match decode(&bytes)? {
            Phase::Done(finished) => Ok(Some(finished)),
            Phase::Built(finished) => {
                self.exchange(&work, &finished)?;
                Ok(Some(finished))
            }
            Phase::Building(before) => {
                self.in_work(self.storage.remove(&work, NEXT))?;
                self.in_work(self.storage.remove(&work, SAVED))?;
                match &before {
                    Some(finished) => self.record(&work, &Phase::Done(finished.clone()))?,
                    None => self.forget(&work)?,
                }
                Ok(before)
            }
            Phase::Undoing(finished) => {
                self.exchange_back(&work, &finished)?;
                Ok(None)
            }
        }
    }

    fn build_next<O: Tree, N: Tree, L: Tree>(
        &self,
        work: &S::Directory,
        trees: Trees<'_, O, N, L>,
        policy: &Policy<'_>,
    ) -> Result<(Built, S::Directory), ApplyError> {
        let mut pass = 1;
        let (built, next) = loop {
            self.in_work(self.storage.remove(work, NEXT))?;
            self.in_work(self.storage.remove(work, SAVED))?;
            let next = self.in_work(self.storage.make_directory(work, NEXT))?;
            let saved = self.in_work(self.storage.make_directory(work, SAVED))?;
            let output = Output { storage: self.storage, tree: &next, saved: &saved };
            match build(trees, policy, Some(&output)) {
                Ok(built) => break (built, next),
                // The device goes on while it is merged: what was read half is read anew.
                Err(error) if has_changed(&error) && pass < MAX_PASSES => pass += 1,
                Err(error) => return Err(error),
            }
        };
        if !built.saved {
            self.in_work(self.storage.remove(work, SAVED))?;
        }
        self.in_work(self.storage.sync(work))?;
        Ok((built, next))
    }

    /// Puts the result in place of the target, from whichever step an interruption left it at.
    fn exchange(&self, work: &S::Directory, finished: &Finished) -> Result<(), ApplyError> {
        let in_target = |result| at_place(Place::Target, result);
        if self.target()? != Some(finished.identity) {
            if finished.replaces {
                in_target(self.storage.exchange((work, NEXT), (self.parent, self.name)))?;
            } else {
                in_target(self.storage.rename((work, NEXT), (self.parent, self.name)))?;
            }
        }
        in_target(self.storage.sync(self.parent))?;
        self.in_work(self.storage.sync(work))?;
        self.place_saved(work)?;
        // What is at `next` now is what was replaced; it may have been moved on already.
        if self.in_work(self.storage.open(work, NEXT))?.is_some() {
            self.in_work(self.storage.remove(work, PREVIOUS))?;
            self.in_work(self.storage.rename((work, NEXT), (work, PREVIOUS)))?;
            self.in_work(self.storage.sync(work))?;
        }
        self.record(work, &Phase::Done(finished.clone()))
    }

    /// Puts the losers of conflicts in their place, if this merge has some.
    fn place_saved(&self, work: &S::Directory) -> Result<(), ApplyError> {
        if self.in_work(self.storage.open(work, SAVED))?.is_none() {
            return Ok(());
        }
        self.in_work(self.storage.remove(self.parent, &self.saved_name))?;
        self.in_work(self.storage.rename((work, SAVED), (self.parent, &self.saved_name)))?;
        at_place(Place::Target, self.storage.sync(self.parent))?;
        self.in_work(self.storage.sync(work))
    }

    fn exchange_back(&self, work: &S::Directory, finished: &Finished) -> Result<(), ApplyError> {
        let in_target = |result| at_place(Place::Target, result);
        if self.target()? == Some(finished.identity) {
            if finished.replaces {
                in_target(self.storage.exchange((work, PREVIOUS), (self.parent, self.name)))?;
            } else {
                in_target(self.storage.rename((self.parent, self.name), (work, PREVIOUS)))?;
            }
        }
        in_target(self.storage.sync(self.parent))?;
        self.in_work(self.storage.sync(work))?;
        self.forget(work)?;
        self.in_work(self.storage.remove(work, PREVIOUS))
    }

    /// The identity of the target, if there is one.
    fn target(&self) -> Result<Option<u64>, ApplyError> {
        let target = at_place(Place::Target, self.storage.open(self.parent, self.name))?;
        target.map(|target| at_place(Place::Target, self.storage.identity(&target))).transpose()
    }

    fn work(&self) -> Result<S::Directory, ApplyError> {
        if let Some(work) = self.in_work(self.storage.open(self.parent, &self.work_name))? {
            return Ok(work);
        }
        let work = self.in_work(self.storage.make_directory(self.parent, &self.work_name))?;
        self.in_work(self.storage.sync(self.parent))?;
        Ok(work)
    }

    /// Makes the phase durable.
    fn record(&self, work: &S::Directory, phase: &Phase) -> Result<(), ApplyError> {
        self.replace(work, JOURNAL, &encode(phase)?)
    }

    /// Replaces a small file durably: written beside, synced, renamed.
    fn replace(&self, work: &S::Directory, name: &[u8], bytes: &[u8]) -> Result<(), ApplyError> {
        self.in_work(self.storage.remove(work, DRAFT))?;
        let mut file = self.in_work(self.storage.create(work, DRAFT))?;
        self.in_work(self.storage.write(&mut file, bytes))?;
        let xattrs = XattrMap::new();
        let attributes = Attributes { mode: 0o600, owner: None, xattrs: &xattrs, mtime: None };
        self.in_work(self.storage.finish(file, &attributes))?;
        // Its content first: a name for content that is lost would be a damaged journal.
        self.in_work(self.storage.sync(work))?;
        self.in_work(self.storage.rename((work, DRAFT), (work, name)))?;
        self.in_work(self.storage.sync(work))
    }

    fn forget(&self, work: &S::Directory) -> Result<(), ApplyError> {
        self.in_work(self.storage.remove(work, JOURNAL))?;
        self.in_work(self.storage.sync(work))
    }

    fn in_work<T>(&self, result: Result<T, StorageError>) -> Result<T, ApplyError> {
        at_place(Place::Work, result)
    }
}

/// Whether something changed while it was read, so that another pass may succeed.
const fn has_changed(error: &ApplyError) -> bool {
    matches!(error, ApplyError::Plan { error: PlanError::Source { error: SourceError::Changed, .. }, .. })
}

/// Tells a target that is no empty directory from other errors.
const fn not_fresh(error: StorageError) -> ApplyError {
    match error.code {
        NOT_EMPTY | EXISTS | NO_DIRECTORY => ApplyError::NotFresh,
        _ => ApplyError::Storage { place: Place::Target, error },
    }
}

/// `ENOTEMPTY`, `EEXIST` and `ENOTDIR` of Linux.
const NOT_EMPTY: i32 = 39;
const EXISTS: i32 = 17;
const NO_DIRECTORY: i32 = 20;
