//! The verification of one repository: load what was trusted, follow the roots, then each role in its order.

use alloc::{collections::VecDeque, format, string::String, vec::Vec};

use super::{Action, MAX_METADATA_BYTES, MAX_ROTATIONS};
use crate::canonical::Slot;
use crate::dialect::Uptane;
use crate::error::{Error, ErrorKind, Place, Repository, Role, Step};
use crate::metadata::MetaFile;
use crate::metadata::root::Root;
use crate::metadata::snapshot::Timestamp;
use crate::metadata::targets::Targets;
use crate::time::UtcTime;
use crate::trusted::{Current, Listed};
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
    root: Option<Verified<Owned>>,
    root_version: u64,
    rotations: u64,
    /// What is stored, by place in `roles`, until the newest Root is known.
    stored: [Option<Vec<u8>>; MAX_ROLES],
    /// What of that the newest Root's keys verified: what is new is compared with it.
    trusted: [Option<Verified<Owned>>; MAX_ROLES],
    /// What passed in this verification.
    taken: Taken,
    /// Files that the offline snapshot lists and that are still to be looked for.
    candidates: VecDeque<String>,
}

/// Metadata that passed; offline snapshots and offline updates are some as well.
#[derive(Debug, Default)]
struct Taken {
    timestamp: Option<Verified<Timestamp>>,
    snapshot: Option<Verified<Owned>>,
    targets: Option<Verified<Owned>>,
}

/// Metadata of one role that passed.
#[derive(Debug)]
enum Passed {
    Timestamp(Verified<Timestamp>),
    Snapshot(Verified<Owned>),
    Targets(Verified<Owned>),
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
            root: None,
            root_version: 0,
            rotations: 0,
            stored: [const { None }; MAX_ROLES],
            trusted: [const { None }; MAX_ROLES],
            taken: Taken::default(),
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
        self.taken.targets.as_ref().map(Verified::<Owned>::targets).transpose()
    }

    /// What the Snapshot lists, once it was taken.
    pub(crate) fn listed(&self, now: UtcTime) -> Result<Listed<'_, Uptane>, Error> {
        let absent = || self.place(Role::Snapshot).refuse(Step::S1, ErrorKind::Absent);
        self.current(now)?.with(self.taken.snapshot.as_ref().ok_or_else(absent)?)
    }

    /// The name of the Targets file that was taken, without `.json`.
    pub(crate) fn targets_name(&self) -> &str {
        self.file.strip_suffix(".json").unwrap_or(&self.file)
    }

    fn start(&mut self, bytes: Option<&[u8]>, index: &mut Vec<Slot>) -> Result<(), Error> {
        let absent = self.place(Role::Root).refuse(Step::R1, ErrorKind::Absent);
        let bytes = bytes.ok_or(absent)?;
        let root = Verified::<Root<'_>>::trusted::<Uptane, _>(self.repository, bytes, index)?;
        self.root_version = root.version();
        self.root = Some(root.to_owned());
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
        let old = self.newest_root()?;
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
        self.root = Some(new.to_owned());
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
        let stored = core::mem::take(&mut self.stored);
        let current = self.current(now)?;
        let mut trusted = [const { None }; MAX_ROLES];
        let mut damaged = Vec::new();
        for ((&role, stored), trusted) in self.roles.iter().zip(stored).zip(&mut trusted) {
            let Some(bytes) = stored else { continue };
            match current.stored(role, bytes, index) {
                Ok(verified) => *trusted = Some(verified),
                Err(_) => damaged.push(Write::Forget { role }),
            }
        }
        self.trusted = trusted;
        self.writes.extend(damaged);
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
            if optional && self.trusted_at(at).is_none() {
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
        let (version, passed) = self.verify(at, bytes, now, index, &check)?;
        self.keep(passed);
        if self.trusted_at(at).is_none_or(|stored| stored.bytes() != bytes) {
            self.writes.push_back(Write::Persist { role, version, bytes: bytes.into() });
        }
        if role == Role::OfflineSnapshot {
            self.list_candidates()?;
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
            let Some(unchanged) = self.unchanged(at, now, index, &check)? else { return Ok(()) };
            self.keep(unchanged);
            at += 1;
        }
        self.stage = Stage::Done;
        Ok(())
    }

    fn keep(&mut self, passed: Passed) {
        match passed {
            Passed::Timestamp(timestamp) => self.taken.timestamp = Some(timestamp),
            Passed::Snapshot(snapshot) => self.taken.snapshot = Some(snapshot),
            Passed::Targets(targets) => self.taken.targets = Some(targets),
        }
    }

    /// What is stored of the role at `at`, if the online metadata before it names that by a hash (a version alone
    /// does not say that the content is the same), and it still holds. What does not hold is fetched: then the
    /// error is of what the repository serves now.
    fn unchanged(
        &mut self,
        at: usize,
        now: UtcTime,
        index: &mut Vec<Slot>,
        check: impl Fn(&Targets<'_>) -> Result<(), Error>,
    ) -> Result<Option<Passed>, Error> {
        if self.roles != ONLINE {
            return Ok(None);
        }
        let by_hash = |named: &MetaFile| !named.hashes.is_empty();
        let Some(stored) = self.trusted_at(at) else { return Ok(None) };
        if self.role_at(at) == Role::Snapshot {
            let timed = self.taken.timestamp.map(|timestamp| Ok(self.current(now)?.at(timestamp)));
            let Some(timed) = timed.transpose()?.filter(|timed| by_hash(&timed.metadata().snapshot)) else {
                return Ok(None);
            };
            let again = timed.snapshot_again(stored, MAX_METADATA_BYTES, index);
            return Ok(again.ok().map(|listed| Passed::Snapshot(listed.metadata().to_owned())));
        }
        if self.taken.snapshot.is_none() {
            return Ok(None);
        }
        let listed = self.listed(now)?;
        if !listed.metadata().file(&self.file)?.as_ref().is_some_and(by_hash) {
            return Ok(None);
        }
        let limit = self.max_targets_bytes;
        let again = listed.targets_again(self.role_at(at), &self.file, stored, limit, index);
        if !again.is_ok_and(|targets| check(&targets).is_ok()) {
            return Ok(None);
        }
        Ok(self.trusted.get_mut(at).and_then(Option::take).map(Passed::Targets))
    }

    /// Verifies the newly fetched metadata of the role at `at`: its version, and what it is.
    fn verify(
        &self,
        at: usize,
        bytes: &[u8],
        now: UtcTime,
        index: &mut Vec<Slot>,
        check: impl Fn(&Targets<'_>) -> Result<(), Error>,
    ) -> Result<(u64, Passed), Error> {
        let current = self.current(now)?;
        let trusted = self.trusted_at(at);
        match self.role_at(at) {
            Role::Timestamp => {
                let timed = match trusted {
                    Some(same) if same.bytes() == bytes => {
                        current.timestamp_again(same, MAX_METADATA_BYTES)?
                    }
                    _ => {
                        let trusted = trusted.map(Verified::<Owned>::timestamp).transpose()?;
                        current.timestamp(bytes, MAX_METADATA_BYTES, trusted.as_ref(), index)?
                    }
                };
                Ok((timed.metadata().version, Passed::Timestamp(*timed.metadata())))
            }
            role @ (Role::Snapshot | Role::OfflineSnapshot) => {
                let trusted = trusted.map(Verified::<Owned>::snapshot).transpose()?;
                let (trusted, limit) = (trusted.as_ref(), MAX_METADATA_BYTES);
                let listed = if role == Role::OfflineSnapshot {
                    current.snapshot_alone(role, bytes, limit, trusted, index)?
                } else if self.roles == LOCKBOX_IMAGE {
                    current.snapshot_of_any_age(role, bytes, limit, trusted, index)?
                } else {
                    let absent = || self.place(role).refuse(Step::S1, ErrorKind::Absent);
                    let timed = current.at(self.taken.timestamp.ok_or_else(absent)?);
                    timed.snapshot(bytes, limit, trusted, index)?
                };
                let snapshot = listed.metadata();
                Ok((snapshot.version(), Passed::Snapshot(snapshot.to_owned())))
            }
            role => {
                let trusted = trusted.map(|targets| current.baseline(targets, index)).transpose()?;
                let limit = self.max_targets_bytes;
                // A Director may have served no Snapshot.
                let targets = match &self.taken.snapshot {
                    Some(snapshot) => {
                        current.with(snapshot)?.targets(role, &self.file, bytes, limit, trusted, index)?
                    }
                    None => current.targets_alone(role, bytes, limit, trusted, index)?,
                };
                check(&targets)?;
                Ok((targets.version(), Passed::Targets(targets.to_owned())))
            }
        }
    }

    fn newest_root(&self) -> Result<Verified<Root<'_>>, Error> {
        let absent = || self.place(Role::Root).refuse(Step::R1, ErrorKind::Absent);
        self.root.as_ref().ok_or_else(absent)?.root()
    }

    fn current(&self, now: UtcTime) -> Result<Current<'_, Uptane>, Error> {
        Current::new(self.repository, self.newest_root()?, now)
    }

    /// Forgets what is stored of the role at `at`, as its keys were revoked.
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
    fn list_candidates(&mut self) -> Result<(), Error> {
        let mut names = VecDeque::new();
        if let Some(snapshot) = &self.taken.snapshot {
            names.extend(snapshot.snapshot()?.names()?.map(|name| name.to_text()));
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

    fn trusted_at(&self, at: usize) -> Option<&Verified<Owned>> {
        self.trusted.get(at)?.as_ref()
    }

    fn place(&self, role: Role) -> Place {
        Place { repository: self.repository, role }
    }
}
