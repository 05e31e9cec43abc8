//! The verification of one repository: load what was trusted, follow the roots, then each role in its order.

use alloc::{collections::VecDeque, format, string::String, vec::Vec};

use super::{Action, MAX_METADATA_BYTES, MAX_ROTATIONS};
use crate::canonical::Slot;
use crate::dialect::{Dialect, Uptane};
use crate::error::{Error, ErrorKind, Place, Repository, Role, Step};
use crate::metadata::root::Root;
use crate::metadata::snapshot::Snapshot;
use crate::metadata::targets::Targets;
use crate::time::UtcTime;
use crate::trusted::{Baseline, Current, Listed};
use crate::verify::{Owned, Verified};

/// The roles below Root of a repository on a server, in the order in which they are verified.
pub(crate) const ONLINE: &[Role] = &[Role::Timestamp, Role::Snapshot, Role::Targets];
/// Those of the Director's part of a Lockbox.
pub(crate) const LOCKBOX_DIRECTOR: &[Role] = &[Role::OfflineSnapshot, Role::OfflineUpdates];
/// Those of the Image repository's part of a Lockbox: no Timestamp, which would expire too soon (PURE-2).
pub(crate) const LOCKBOX_IMAGE: &[Role] = &[Role::Snapshot, Role::Targets];

/// Most roles in one of these.
const MAX_ROLES: usize = 3;

#[derive(Debug)]
pub(crate) struct Verification {
    repository: Repository,
    roles: &'static [Role],
    max_targets_bytes: usize,
    stage: Stage,
    /// The name of the file to fetch in the current stage.
    file: String,
    writes: VecDeque<Write>,
    root: Vec<u8>,
    root_version: u64,
    rotations: u64,
    /// By place in `roles`.
    stored: [Option<Vec<u8>>; MAX_ROLES],
    /// Of Targets neither this is kept nor verified again: see `targets`.
    fetched: [Option<Vec<u8>>; MAX_ROLES],
    /// What the stored Targets say, once the newest Root's keys verified them.
    baseline: Option<Baseline>,
    /// The Targets that passed.
    targets: Option<Verified<Owned>>,
    /// Files that the offline snapshot lists and that are still to be looked for.
    candidates: VecDeque<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    LoadRoot,
    Load(usize),
    Root,
    Fetch(usize),
    Done,
}

#[derive(Debug)]
enum Write {
    Persist { role: Role, version: u64, bytes: Vec<u8> },
    Forget { role: Role },
}

impl Verification {
    pub(crate) fn new(repository: Repository, roles: &'static [Role], max_targets_bytes: usize) -> Self {
        Self {
            repository,
            roles,
            max_targets_bytes,
            stage: Stage::LoadRoot,
            file: String::new(),
            writes: VecDeque::new(),
            root: Vec::new(),
            root_version: 0,
            rotations: 0,
            stored: [const { None }; MAX_ROLES],
            fetched: [const { None }; MAX_ROLES],
            baseline: None,
            targets: None,
            candidates: VecDeque::new(),
        }
    }

    pub(crate) fn poll(&self) -> Action<'_> {
        let repository = self.repository;
        match self.writes.front() {
            Some(Write::Persist { role, version, bytes }) => {
                return Action::Persist { repository, role: *role, version: *version, bytes };
            }
            Some(Write::Forget { role }) => return Action::Forget { repository, role: *role },
            None => {}
        }
        match self.stage {
            Stage::LoadRoot => Action::Load { repository, role: Role::Root },
            Stage::Load(at) => Action::Load { repository, role: self.role_at(at) },
            Stage::Root | Stage::Fetch(_) => {
                Action::Fetch { repository, file: &self.file, max_bytes: self.max_bytes() }
            }
            Stage::Done => Action::Done,
        }
    }

    pub(crate) fn persisted(&mut self) {
        self.writes.pop_front();
    }

    pub(crate) fn feed(
        &mut self,
        bytes: Option<&[u8]>,
        now: UtcTime,
        index: &mut Vec<Slot>,
        check: impl Fn(&Targets<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self.stage {
            Stage::LoadRoot => self.start(bytes, index)?,
            Stage::Load(at) => {
                if let Some(place) = self.stored.get_mut(at) {
                    *place = bytes.map(Vec::from);
                }
                if at + 1 < self.roles.len() {
                    self.stage = Stage::Load(at + 1);
                } else {
                    self.ask_root();
                }
            }
            Stage::Root => match bytes {
                Some(bytes) => self.rotate(bytes, index)?,
                None => self.leave_root(now, index)?,
            },
            Stage::Fetch(at) => self.take(at, bytes, now, index, check)?,
            Stage::Done => {}
        }
        Ok(())
    }

    /// The verified Targets, once the stage is done.
    pub(crate) fn targets(&self) -> Result<Option<Verified<Targets<'_>>>, Error> {
        self.targets.as_ref().map(Verified::<Owned>::targets).transpose()
    }

    /// What the Snapshot lists, once it was taken.
    pub(crate) fn listed<D: Dialect>(
        &self,
        now: UtcTime,
        index: &mut Vec<Slot>,
    ) -> Result<Listed<'_, D>, Error> {
        let absent = || self.place(Role::Snapshot).refuse(Step::S1, ErrorKind::Absent);
        let at = self.roles.iter().position(|role| *role == Role::Snapshot).ok_or_else(absent)?;
        let bytes = self.fetched_bytes(at).ok_or_else(absent)?;
        self.check_snapshot(self.current::<D>(now, index)?, at, bytes, None, index)
    }

    /// The name of the Targets file that was taken, without `.json`.
    pub(crate) fn targets_name(&self) -> &str {
        self.file.strip_suffix(".json").unwrap_or(&self.file)
    }

    fn start(&mut self, bytes: Option<&[u8]>, index: &mut Vec<Slot>) -> Result<(), Error> {
        let absent = self.place(Role::Root).refuse(Step::R1, ErrorKind::Absent);
        let bytes = bytes.ok_or(absent)?;
        self.root_version =
            Verified::<Root<'_>>::trusted::<Uptane, _>(self.repository, bytes, index)?.version();
        self.root = bytes.into();
        self.stage = Stage::Load(0);
        Ok(())
    }

    fn rotate(&mut self, bytes: &[u8], index: &mut Vec<Slot>) -> Result<(), Error> {
        let place = self.place(Role::Root);
        self.rotations += 1;
        if self.rotations > MAX_ROTATIONS {
            let limit = usize::try_from(MAX_ROTATIONS).unwrap_or(usize::MAX);
            return Err(place.refuse(Step::R2Size, ErrorKind::TooMany { what: "root rotations", limit }));
        }
        let old = Verified::<Root<'_>>::trusted::<Uptane, _>(self.repository, &self.root, index)?;
        let new = old.next::<Uptane, _>(bytes, MAX_METADATA_BYTES, index)?;
        let version = new.version();
        // Check Root 4: new keys start without the versions that the old ones may have run ahead to.
        let renewed = !old.same_signers(&new, Role::Timestamp) || !old.same_signers(&new, Role::Snapshot);
        let mut forgotten = Vec::new();
        for (at, &role) in self.roles.iter().enumerate() {
            let forget = match role {
                Role::Timestamp | Role::Snapshot => renewed,
                other => !old.same_signers(&new, other),
            };
            if forget {
                forgotten.push(at);
            }
        }
        self.root = bytes.into();
        self.root_version = version;
        self.writes.push_back(Write::Persist { role: Role::Root, version, bytes: bytes.into() });
        for at in forgotten {
            self.forget(at);
        }
        self.ask_root();
        Ok(())
    }

    /// No newer Root: this one counts. What was stored and no longer verifies under it is forgotten.
    fn leave_root(&mut self, now: UtcTime, index: &mut Vec<Slot>) -> Result<(), Error> {
        let current = self.current::<Uptane>(now, index)?;
        let mut damaged = [false; MAX_ROLES];
        let mut baseline = None;
        for ((&role, stored), damaged) in self.roles.iter().zip(&self.stored).zip(&mut damaged) {
            let Some(bytes) = stored else { continue };
            *damaged = match role {
                Role::Timestamp => current.stored_timestamp(bytes, index).is_err(),
                Role::Snapshot | Role::OfflineSnapshot => {
                    current.stored_snapshot(role, bytes, index).is_err()
                }
                _ => {
                    baseline = current.stored_targets(role, bytes, index).ok();
                    baseline.is_none()
                }
            };
        }
        self.baseline = baseline;
        for (at, damaged) in damaged.into_iter().enumerate() {
            if damaged {
                self.forget(at);
            }
        }
        self.ask(0);
        Ok(())
    }

    fn take(
        &mut self,
        at: usize,
        bytes: Option<&[u8]>,
        now: UtcTime,
        index: &mut Vec<Slot>,
        check: impl Fn(&Targets<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let role = self.role_at(at);
        let Some(bytes) = bytes else {
            // A Director need not serve a Timestamp; one that did must go on with it.
            let optional = self.repository == Repository::Director && role == Role::Timestamp;
            if optional && self.stored_bytes(at).is_none() {
                self.ask(self.roles.len().saturating_sub(1));
                return Ok(());
            }
            if role == Role::OfflineUpdates && !self.candidates.is_empty() {
                self.ask(at);
                return Ok(());
            }
            let step = match role {
                Role::Timestamp => Step::T1,
                Role::Snapshot | Role::OfflineSnapshot => Step::S1,
                _ => Step::G1,
            };
            return Err(self.place(role).refuse(step, ErrorKind::Absent));
        };
        let (version, targets) = self.verify(at, bytes, now, index, &check)?;
        self.keep(at, targets, bytes.into());
        if self.stored_bytes(at) != Some(bytes) {
            self.writes.push_back(Write::Persist { role, version, bytes: bytes.into() });
        }
        if role == Role::OfflineSnapshot {
            self.list_candidates(now, index)?;
        }
        self.go_on(at + 1, now, index, check)
    }

    /// Asks for the role at `at`, unless what is stored of it is what the metadata before it names: then that is
    /// current, and is not fetched again (Full verification 4 and 8).
    fn go_on(
        &mut self,
        mut at: usize,
        now: UtcTime,
        index: &mut Vec<Slot>,
        check: impl Fn(&Targets<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        while at < self.roles.len() {
            self.ask(at);
            let unchanged = match self.stored_bytes(at) {
                Some(bytes) if self.names(at, bytes, now, index)? => {
                    // What does not hold is fetched: then the error is of what the repository serves now.
                    self.verify(at, bytes, now, index, &check)
                        .ok()
                        .map(|(_, targets)| (targets, bytes.into()))
                }
                _ => None,
            };
            let Some((targets, bytes)) = unchanged else { return Ok(()) };
            self.keep(at, targets, bytes);
            at += 1;
        }
        self.stage = Stage::Done;
        Ok(())
    }

    /// Keeps what passed: verified Targets as they are, of other roles the bytes.
    fn keep(&mut self, at: usize, targets: Option<Verified<Owned>>, bytes: Vec<u8>) {
        if targets.is_some() {
            self.targets = targets;
        } else if let Some(place) = self.fetched.get_mut(at) {
            *place = Some(bytes);
        }
    }

    /// Whether the online metadata before the role at `at` names `bytes`, by a hash: a version alone does not say
    /// that the content is the same.
    fn names(&self, at: usize, bytes: &[u8], now: UtcTime, index: &mut Vec<Slot>) -> Result<bool, Error> {
        let before = at.checked_sub(1).and_then(|before| Some((before, self.fetched_bytes(before)?)));
        let (Some((before, document)), true) = (before, self.roles == ONLINE) else { return Ok(false) };
        let current = self.current::<Uptane>(now, index)?;
        let named = match self.role_at(at) {
            Role::Snapshot => Some(current.stored_timestamp(document, index)?.snapshot),
            _ => {
                let snapshot = current.stored_snapshot(self.role_at(before), document, index)?;
                snapshot.file(&self.file)?
            }
        };
        let Some(named) = named.filter(|named| !named.hashes.is_empty()) else { return Ok(false) };
        Ok(named.check_content(bytes, Uptane::FORMS, index).is_ok())
    }

    /// Verifies the newly fetched metadata of the role at `at`: its version, and Targets as they were verified.
    fn verify(
        &self,
        at: usize,
        bytes: &[u8],
        now: UtcTime,
        index: &mut Vec<Slot>,
        check: impl Fn(&Targets<'_>) -> Result<(), Error>,
    ) -> Result<(u64, Option<Verified<Owned>>), Error> {
        let current = self.current::<Uptane>(now, index)?;
        let stored = self.stored_bytes(at);
        match self.role_at(at) {
            Role::Timestamp => {
                let trusted = stored.map(|bytes| current.stored_timestamp(bytes, index)).transpose()?;
                let timed = current.timestamp(bytes, MAX_METADATA_BYTES, trusted.as_ref(), index)?;
                Ok((timed.metadata().version, None))
            }
            role @ (Role::Snapshot | Role::OfflineSnapshot) => {
                let trusted = stored.map(|bytes| current.stored_snapshot(role, bytes, index)).transpose()?;
                let listed = self.check_snapshot(current, at, bytes, trusted.as_ref(), index)?;
                Ok((listed.metadata().version(), None))
            }
            _ => {
                let targets = self.check_targets(current, at, bytes, self.baseline, index)?;
                check(&targets)?;
                Ok((targets.version(), Some(targets.to_owned())))
            }
        }
    }

    /// Checks the Snapshot at `at`: against the Timestamp before it, if the repository has that role.
    fn check_snapshot<'a, D: Dialect>(
        &'a self,
        current: Current<'a, D>,
        at: usize,
        bytes: &'a [u8],
        trusted: Option<&Verified<Snapshot<'_>>>,
        index: &mut Vec<Slot>,
    ) -> Result<Listed<'a, D>, Error> {
        match self.role_at(at) {
            Role::OfflineSnapshot => {
                current.snapshot_alone(Role::OfflineSnapshot, bytes, MAX_METADATA_BYTES, trusted, index)
            }
            role if self.roles == LOCKBOX_IMAGE => {
                current.snapshot_of_any_age(role, bytes, MAX_METADATA_BYTES, trusted, index)
            }
            role => {
                let timestamp = at.checked_sub(1).and_then(|before| self.fetched_bytes(before));
                let timestamp =
                    timestamp.ok_or_else(|| self.place(role).refuse(Step::S1, ErrorKind::Absent))?;
                let timed = current.timestamp(timestamp, MAX_METADATA_BYTES, None, index)?;
                timed.snapshot(bytes, MAX_METADATA_BYTES, trusted, index)
            }
        }
    }

    /// Checks the Targets at `at`: against the Snapshot before it, unless a Director served none.
    fn check_targets<'a, D: Dialect>(
        &'a self,
        current: Current<'a, D>,
        at: usize,
        bytes: &'a [u8],
        trusted: Option<Baseline>,
        index: &mut Vec<Slot>,
    ) -> Result<Verified<Targets<'a>>, Error> {
        let (role, limit) = (self.role_at(at), self.max_targets_bytes);
        let before = at.checked_sub(1);
        match before.and_then(|before| Some((before, self.fetched_bytes(before)?))) {
            Some((before, snapshot)) => {
                let listed = self.check_snapshot(current, before, snapshot, None, index)?;
                listed.targets(role, &self.file, bytes, limit, trusted, index)
            }
            None => current.targets_alone(role, bytes, limit, trusted, index),
        }
    }

    fn current<D: Dialect>(&self, now: UtcTime, index: &mut Vec<Slot>) -> Result<Current<'_, D>, Error> {
        let root = Verified::<Root<'_>>::trusted::<D, _>(self.repository, &self.root, index)?;
        Current::new(self.repository, root, now)
    }

    fn forget(&mut self, at: usize) {
        if let Some(place) = self.stored.get_mut(at)
            && place.take().is_some()
        {
            self.writes.push_back(Write::Forget { role: self.role_at(at) });
        }
    }

    fn ask_root(&mut self) {
        self.stage = Stage::Root;
        self.file = format!("{}.root.json", self.root_version.saturating_add(1));
    }

    fn ask(&mut self, at: usize) {
        self.stage = Stage::Fetch(at);
        self.file = match self.role_at(at) {
            Role::OfflineUpdates => self.candidates.pop_front().unwrap_or_default(),
            role => format!("{}.json", role.name()),
        };
    }

    /// The files that the offline snapshot lists: the Lockbox holds one of them.
    fn list_candidates(&mut self, now: UtcTime, index: &mut Vec<Slot>) -> Result<(), Error> {
        let mut names = VecDeque::new();
        if let Some(bytes) = self.fetched_bytes(0) {
            let current = self.current::<Uptane>(now, index)?;
            for name in current.stored_snapshot(Role::OfflineSnapshot, bytes, index)?.names()? {
                names.push_back(name.to_text());
            }
        }
        self.candidates = names;
        Ok(())
    }

    fn role_at(&self, at: usize) -> Role {
        self.roles.get(at).copied().unwrap_or(Role::Targets)
    }

    fn max_bytes(&self) -> usize {
        if matches!(self.stage, Stage::Fetch(at) if at + 1 == self.roles.len()) {
            self.max_targets_bytes
        } else {
            MAX_METADATA_BYTES
        }
    }

    fn stored_bytes(&self, at: usize) -> Option<&[u8]> {
        self.stored.get(at)?.as_deref()
    }

    fn fetched_bytes(&self, at: usize) -> Option<&[u8]> {
        self.fetched.get(at)?.as_deref()
    }

    fn place(&self, role: Role) -> Place {
        Place { repository: self.repository, role }
    }
}
