//! Builds the merged tree in a fresh directory, in one pass over the plan.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::apply::at_place;
use crate::apply::copy::{self, Where, at_path};
use crate::apply::error::ApplyError;
use crate::apply::storage::{Attributes, Storage};
use crate::digest::Digest;
use crate::error::{PlanError, Side, at};
use crate::path::PathText;
use crate::plan::{Workspace, plan};
use crate::policy::Policy;
use crate::report::{OwnedStep, Report};
use crate::resolve;
use crate::step::{Action, Class, Content, Place, Xattrs};
use crate::tree::{Cursor, Kind, Tree};

/// The three trees of a merge.
#[derive(Debug)]
pub struct Trees<'t, O, N, L> {
    /// The defaults of the running system: `/usr/etc` of its deployment.
    pub old: &'t O,
    /// The defaults of the system to be booted next.
    pub new: &'t N,
    /// The running system's `/etc`.
    pub local: &'t L,
}

impl<O, N, L> Clone for Trees<'_, O, N, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O, N, L> Copy for Trees<'_, O, N, L> {}

/// What a pass over the plan came to.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    pub(crate) report: Report,
    /// A digest of every entry that is not simply the new default: equal for equal results of the same new
    /// defaults.
    pub(crate) fingerprint: Digest,
    pub(crate) saved: bool,
}

/// Where a pass writes.
#[derive(Debug)]
pub(crate) struct Output<'s, S: Storage> {
    pub(crate) storage: &'s S,
    /// The fresh directory that becomes /etc.
    pub(crate) tree: &'s S::Directory,
    /// The fresh directory for the losers of conflicts.
    pub(crate) saved: &'s S::Directory,
}

/// Goes over the plan and writes the result; without `output` it only finds out what the result would be.
pub(crate) fn build<S: Storage, O: Tree, N: Tree, L: Tree>(
    trees: Trees<'_, O, N, L>,
    policy: &Policy<'_>,
    output: Option<&Output<'_, S>>,
) -> Result<Built, ApplyError> {
    let mut workspace = Workspace::new();
    let mut plan = at_path(b"", plan(&mut workspace, trees.old, trees.new, trees.local, policy))?;
    let mut report = Report::default();
    let mut hash = Sha256::new();
    let mut open: Vec<Level<S>> = Vec::new();
    let mut index = String::new();
    loop {
        let step = match plan.next_entry() {
            Ok(None) => break,
            Ok(Some(step)) => OwnedStep::from(step),
            Err(error) => return Err(ApplyError::Plan { path: plan.path().into(), error }),
        };
        let mut entry = Entry { step, sides: plan.cursors(), merged: None };
        entry.merged = at_path(plan.path(), resolve::settle(&mut entry.step, entry.sides))?;
        let content = match (entry.step.action, output) {
            (Action::Refuse(refusal), _) => {
                return Err(ApplyError::Refused { path: entry.step.path, refusal });
            }
            (Action::Absent, _) => None,
            (Action::Place(place), None) => entry.digest(place)?,
            (Action::Place(place), Some(output)) => entry.write(place, output, &mut open)?,
        };
        entry.absorb(&mut hash, content)?;
        if let Some(side) = entry.step.conflict.and_then(|conflict| conflict.loser()) {
            if let Some(output) = output {
                entry.save(side, output)?;
            }
            index_line(&mut index, &entry.step, side);
        }
        let step = entry.step;
        report.totals.add(&step.as_step());
        if step.class != Class::Same {
            report.steps.push(step);
        }
    }
    let saved = !index.is_empty();
    if let (Some(output), true) = (output, saved) {
        write_index(output, &index)?;
    }
    Ok(Built { report, fingerprint: Digest::finish(hash), saved })
}

/// A directory of the result that is being filled.
struct Level<S: Storage> {
    name: Vec<u8>,
    directory: S::Directory,
}

struct Entry<'c, O, N, L> {
    step: OwnedStep,
    sides: (Option<&'c O>, Option<&'c N>, Option<&'c L>),
    /// What a driver made.
    merged: Option<Vec<u8>>,
}

impl<O: Cursor, N: Cursor, L: Cursor> Entry<'_, O, N, L> {
    fn in_plan<T>(&self, result: Result<T, PlanError>) -> Result<T, ApplyError> {
        at_path(&self.step.path, result)
    }

    fn place(&self) -> Where<'_> {
        Where { path: &self.step.path, saved: false }
    }

    /// The digest of content that does not come from the new defaults.
    fn digest(&self, place: Place) -> Result<Option<Digest>, ApplyError> {
        match (&self.merged, place.content, self.sides.2) {
            _ if place.kind == Kind::Directory => Ok(None),
            (Some(merged), ..) => Ok(Some(Digest::of(merged))),
            (None, Content::Local, Some(local)) => self.in_plan(at(Side::Local, local.digest())).map(Some),
            _ => Ok(None),
        }
    }

    /// Adds to the fingerprint what the result has at this path beyond the new default.
    fn absorb(&self, hash: &mut Sha256, content: Option<Digest>) -> Result<(), ApplyError> {
        let Action::Place(place) = self.step.action else {
            if self.sides.1.is_some() {
                field(hash, &self.step.path);
                field(hash, b"absent");
            }
            return Ok(());
        };
        field(hash, &self.step.path);
        for number in [place.mode, place.uid, place.gid] {
            hash.update(number.to_le_bytes());
        }
        field(hash, content.as_ref().map_or(&[], |digest| digest.as_bytes()));
        if place.xattrs != Xattrs::New {
            for (name, value) in self.in_plan(resolve::xattrs(place.xattrs, self.sides))? {
                field(hash, &name);
                field(hash, &value);
            }
        }
        Ok(())
    }

    /// Writes the entry; the digest as of [`digest`](Self::digest).
    fn write<S: Storage>(
        &self,
        place: Place,
        output: &Output<'_, S>,
        open: &mut Vec<Level<S>>,
    ) -> Result<Option<Digest>, ApplyError> {
        let storage = output.storage;
        let xattrs = self.in_plan(resolve::xattrs(place.xattrs, self.sides))?;
        let source = match place.content {
            Content::Local => self.sides.2.map(Cursor::meta),
            Content::New => self.sides.1.map(Cursor::meta),
            Content::Driver(_) => None,
        };
        let mtime =
            source.filter(|meta| meta.kind.is_leaf()).map(|meta| (meta.mtime, meta.mtime_nanoseconds));
        let attributes =
            Attributes { mode: place.mode, owner: Some((place.uid, place.gid)), xattrs: &xattrs, mtime };
        let written = |result| at_place(self.place().place(), result);
        let path = self.step.path.as_slice();
        if place.kind == Kind::Directory {
            self.enter(path, output, open)?;
            let level = if path.is_empty() { None } else { open.pop() };
            let directory = level.as_ref().map_or(output.tree, |level| &level.directory);
            written(storage.set_attributes(directory, &attributes))?;
            written(storage.sync_in_tree(directory))?;
            return Ok(None);
        }
        let (above, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(end) => (path.get(..end).unwrap_or(b""), path.get(end.saturating_add(1)..).unwrap_or(b"")),
            None => (&b""[..], path),
        };
        self.enter(above, output, open)?;
        let to = (open.last().map_or(output.tree, |level| &level.directory), name);
        match (&self.merged, place.content, self.sides.1, self.sides.2) {
            (Some(merged), ..) => {
                let mut file = at_place(self.place().place(), storage.create(to.0, to.1))?;
                written(storage.write(&mut file, merged))?;
                written(storage.finish(file, &attributes))?;
                Ok(Some(Digest::of(merged)))
            }
            (None, Content::New, Some(new), _) => {
                copy::leaf(storage, to, (Side::New, new), &attributes, self.place())?;
                Ok(None)
            }
            (None, _, _, Some(local)) => {
                copy::leaf(storage, to, (Side::Local, local), &attributes, self.place()).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Opens the directories of the result down to `path`, making those that are not there.
    fn enter<S: Storage>(
        &self,
        path: &[u8],
        output: &Output<'_, S>,
        open: &mut Vec<Level<S>>,
    ) -> Result<(), ApplyError> {
        let names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
        let mut depth = 0;
        for name in names {
            if open.get(depth).is_none_or(|level| level.name != name) {
                open.truncate(depth);
                let parent = open.last().map_or(output.tree, |level| &level.directory);
                let directory = at_place(self.place().place(), output.storage.make_directory(parent, name))?;
                open.push(Level { name: name.into(), directory });
            }
            depth = depth.saturating_add(1);
        }
        open.truncate(depth);
        Ok(())
    }

    /// Saves the loser of a conflict, with all below it, under `local/` or `new/`.
    fn save<S: Storage>(&self, side: Side, output: &Output<'_, S>) -> Result<(), ApplyError> {
        let path = self.step.path.as_slice();
        let place = || Where { path, saved: true }.place();
        let top: &[u8] = if side == Side::Local { b"local" } else { b"new" };
        let mut names = core::iter::once(top).chain(path.split(|&byte| byte == b'/')).peekable();
        let mut chain: Vec<S::Directory> = Vec::new();
        while let Some(name) = names.next() {
            let parent = chain.last().unwrap_or(output.saved);
            if names.peek().is_some() {
                let next = match at_place(place(), output.storage.open(parent, name))? {
                    Some(directory) => directory,
                    None => at_place(place(), output.storage.make_directory(parent, name))?,
                };
                chain.push(next);
                continue;
            }
            match (side, self.sides.1, self.sides.2) {
                (Side::Local, _, Some(local)) => {
                    copy::subtree(output.storage, (parent, name), (side, local), path)?
                }
                (Side::New, Some(new), _) => {
                    copy::subtree(output.storage, (parent, name), (side, new), path)?
                }
                _ => {}
            }
        }
        for directory in chain.iter().rev() {
            at_place(place(), output.storage.sync_in_tree(directory))?;
        }
        Ok(())
    }
}

fn field(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
    hash.update(bytes);
}

/// The list of what is in a conflict directory.
pub(super) const SAVED_INDEX: &[u8] = b"index";

/// A line of the conflict directory's index: path, kind, the three digests, and whose version is saved.
fn index_line(index: &mut String, step: &OwnedStep, side: Side) {
    let Some(conflict) = step.conflict else { return };
    let digest =
        |digest: Option<Digest>| digest.map_or_else(|| String::from("-"), |digest| format!("{digest}"));
    let (old, new, local) = (digest(conflict.old), digest(conflict.new), digest(conflict.local));
    let path = PathText(&step.path);
    // Writing to a string cannot fail.
    let _ = writeln!(index, "{path}\t{}\t{old}\t{new}\t{local}\t{side}", conflict.kind);
}

fn write_index<S: Storage>(output: &Output<'_, S>, index: &str) -> Result<(), ApplyError> {
    let Output { storage, saved, .. } = output;
    let empty = resolve::XattrMap::new();
    let attributes = Attributes { mode: 0o600, owner: None, xattrs: &empty, mtime: None };
    let written = |result| at_place(Where { path: SAVED_INDEX, saved: true }.place(), result);
    let mut file =
        at_place(Where { path: SAVED_INDEX, saved: true }.place(), storage.create(saved, SAVED_INDEX))?;
    written(storage.write(&mut file, index.as_bytes()))?;
    written(storage.finish(file, &attributes))?;
    written(storage.sync_in_tree(saved))
}
