//! The steps of the client's workflow (clauses 5.3 to 5.6), each with what it needs next.

use alloc::{format, string::String, vec::Vec};

use super::{Client, MAX_ROTATIONS, Stage, TopLevel};
use crate::canonical::Slot;
use crate::delegation::Search;
use crate::dialect::Dialect;
use crate::error::{Error, ErrorKind, Repository, Role, Step};
use crate::metadata::MetaFile;
use crate::metadata::root::Root;
use crate::trusted::{Current, Listed, Timed};
use crate::verify::{Verified, check_size};

type Index = Vec<Slot>;

/// Refuses a Root that does not say who signs for each top-level role (clause 4.3), before it is kept: only another
/// Root would help then.
fn check_complete(root: &Root<'_>) -> Result<(), Error> {
    [Role::Timestamp, Role::Snapshot, Role::Targets]
        .iter()
        .try_for_each(|&role| root.signers(role).map(|_| ()))
}

impl<D: Dialect> Client<D> {
    pub(super) fn take(&mut self, bytes: Option<&[u8]>, index: &mut Index) -> Result<(), Error> {
        match self.stage {
            Stage::Load(TopLevel::Root) => self.start(bytes, index),
            Stage::Fetch { role: TopLevel::Root, .. } => match bytes {
                Some(bytes) => self.rotate(bytes, index),
                None => self.leave_root(),
            },
            Stage::Load(TopLevel::Timestamp) => self.load_timestamp(bytes, index),
            Stage::Fetch { role: TopLevel::Timestamp, .. } => self.take_timestamp(bytes, index),
            Stage::Load(TopLevel::Snapshot) => self.load_snapshot(bytes, index),
            Stage::Fetch { role: TopLevel::Snapshot, .. } => self.take_snapshot(bytes, index),
            Stage::Load(TopLevel::Targets) => self.load_targets(bytes, index),
            Stage::Fetch { role: TopLevel::Targets, .. } => self.take_targets(bytes, index),
            Stage::LoadDelegated => self.load_delegated(bytes, index),
            Stage::FetchDelegated { .. } => self.take_delegated(bytes, index),
            Stage::Done => Ok(()),
        }
    }

    fn start(&mut self, bytes: Option<&[u8]>, index: &mut Index) -> Result<(), Error> {
        let place = Self::place(Role::Root);
        let bytes = bytes.ok_or_else(|| place.refuse(Step::R1, ErrorKind::Absent))?;
        check_size(place, bytes, self.limits.root)?;
        let root = Verified::<Root<'_>>::trusted::<D, _>(Repository::Image, bytes, index)?;
        check_complete(&root)?;
        self.trust(&root)
    }

    fn trust(&mut self, root: &Verified<Root<'_>>) -> Result<(), Error> {
        self.root_version = root.version();
        self.consistent = root.consistent_snapshot()?;
        self.root = Some(root.to_owned());
        let version = Some(self.root_version.saturating_add(1));
        self.stage = Stage::Fetch { role: TopLevel::Root, version };
        Ok(())
    }

    /// Clause 5.3.3 to 5.3.9.
    fn rotate(&mut self, bytes: &[u8], index: &mut Index) -> Result<(), Error> {
        let place = Self::place(Role::Root);
        let Some(owned) = self.root.take() else {
            return Err(place.refuse(Step::R1, ErrorKind::Absent));
        };
        let old = owned.root()?;
        let new = old.next::<D, _>(bytes, self.limits.root, index)?;
        check_complete(&new)?;
        // Clause 5.3.11: what new keys sign is not compared with what the old ones signed.
        let renewed = [Role::Timestamp, Role::Snapshot].iter().any(|&role| !old.same_signers(&new, role));
        self.rotations += 1;
        self.keep("root", bytes);
        if renewed && !self.renewed {
            self.renewed = true;
            // After the Root that asks for it: cut off between them, the next update finds keys that do not fit.
            self.writes.extend(["timestamp", "snapshot"].map(|role| (role.into(), None)));
        }
        self.trust(&new)?;
        // Clause 5.3.3: after so many it goes on with the last of them, and the next update with the others.
        if self.rotations == MAX_ROTATIONS { self.leave_root() } else { Ok(()) }
    }

    /// Clause 5.3.10: only the newest Root must not have expired.
    fn leave_root(&mut self) -> Result<(), Error> {
        self.current()?;
        self.stage = Stage::Load(TopLevel::Timestamp);
        Ok(())
    }

    fn load_timestamp(&mut self, bytes: Option<&[u8]>, index: &mut Index) -> Result<(), Error> {
        let kept = bytes.filter(|_| !self.renewed).map(|bytes| (self.current(), bytes));
        if let Some((current, bytes)) = kept
            && let Ok(timestamp) = current?.stored_timestamp(bytes, index)
        {
            self.kept_timestamp = Some((timestamp, bytes.into()));
        }
        self.stage = Stage::Fetch { role: TopLevel::Timestamp, version: None };
        Ok(())
    }

    /// Clause 5.4.
    fn take_timestamp(&mut self, bytes: Option<&[u8]>, index: &mut Index) -> Result<(), Error> {
        let absent = Self::place(Role::Timestamp).refuse(Step::T1, ErrorKind::Absent);
        let bytes = bytes.ok_or(absent)?;
        let limit = self.limits.timestamp;
        let kept = self.kept_timestamp.as_ref();
        let newer = self.current()?.newer_timestamp(bytes, limit, kept.map(|(kept, _)| kept), index)?;
        let is_newer = newer.is_some();
        let timed = match (newer, kept) {
            (Some(timed), _) => timed,
            // The same version again: what is kept counts, if it has not expired.
            (None, Some((_, kept))) => self.current()?.timestamp(kept, limit, None, index)?,
            (None, None) => return Err(absent),
        };
        self.timestamp = Some(*timed.metadata());
        if is_newer {
            self.keep("timestamp", bytes);
        }
        self.stage = Stage::Load(TopLevel::Snapshot);
        Ok(())
    }

    fn load_snapshot(&mut self, bytes: Option<&[u8]>, index: &mut Index) -> Result<(), Error> {
        let timed = self.timed()?;
        let version = self.prefix(timed.metadata().snapshot);
        let mut current_already = None;
        let mut baseline = None;
        if let Some(bytes) = bytes {
            match timed.snapshot(bytes, self.limits.snapshot, None, index) {
                Ok(listed) => current_already = Some(listed.metadata().to_owned()),
                Err(_) if !self.renewed => {
                    let stored = self.current()?.stored_snapshot(Role::Snapshot, bytes, index);
                    baseline = stored.is_ok().then(|| bytes.into());
                }
                Err(_) => {}
            }
        }
        self.kept_snapshot = baseline;
        self.stage = Stage::Fetch { role: TopLevel::Snapshot, version };
        if current_already.is_some() {
            self.snapshot = current_already;
            self.stage = Stage::Load(TopLevel::Targets);
        }
        Ok(())
    }

    /// Clause 5.5.
    fn take_snapshot(&mut self, bytes: Option<&[u8]>, index: &mut Index) -> Result<(), Error> {
        let absent = Self::place(Role::Snapshot).refuse(Step::S1, ErrorKind::Absent);
        let bytes = bytes.ok_or(absent)?;
        let current = self.current()?;
        let baseline = self.kept_snapshot.as_deref();
        let baseline =
            baseline.map(|kept| current.stored_snapshot(Role::Snapshot, kept, index)).transpose()?;
        let listed = self.timed()?.snapshot(bytes, self.limits.snapshot, baseline.as_ref(), index)?;
        self.snapshot = Some(listed.metadata().to_owned());
        self.keep("snapshot", bytes);
        self.stage = Stage::Load(TopLevel::Targets);
        Ok(())
    }

    fn load_targets(&mut self, bytes: Option<&[u8]>, index: &mut Index) -> Result<(), Error> {
        if let Some(bytes) = bytes
            && self.check_targets(bytes, index).is_ok()
        {
            self.stage = Stage::Done;
            return Ok(());
        }
        let version = self.listed_version("targets", Role::Targets)?;
        self.stage = Stage::Fetch { role: TopLevel::Targets, version };
        Ok(())
    }

    /// Clause 5.6.
    fn take_targets(&mut self, bytes: Option<&[u8]>, index: &mut Index) -> Result<(), Error> {
        let absent = Self::place(Role::Targets).refuse(Step::G1, ErrorKind::Absent);
        let bytes = bytes.ok_or(absent)?;
        self.check_targets(bytes, index)?;
        self.keep("targets", bytes);
        self.stage = Stage::Done;
        Ok(())
    }

    /// Versions go by the Snapshot: it may take Targets back only with new keys, which is no rollback then.
    fn check_targets(&mut self, bytes: &[u8], index: &mut Index) -> Result<(), Error> {
        let limit = self.limits.targets;
        let targets = self.listed()?.targets(Role::Targets, "targets.json", bytes, limit, None, index)?;
        self.targets = Some(targets.to_owned());
        Ok(())
    }

    fn load_delegated(&mut self, bytes: Option<&[u8]>, index: &mut Index) -> Result<(), Error> {
        if let Some(bytes) = bytes
            && self.check_delegated(bytes, index).is_ok()
        {
            self.go_on_searching();
            return Ok(());
        }
        let role = self.delegated_role();
        let version = self.listed_version(self.delegated(), role)?;
        self.stage = Stage::FetchDelegated { version };
        Ok(())
    }

    /// Clause 5.6.7.
    fn take_delegated(&mut self, bytes: Option<&[u8]>, index: &mut Index) -> Result<(), Error> {
        let absent = Self::place(self.delegated_role()).refuse(Step::G1, ErrorKind::Absent);
        let bytes = bytes.ok_or(absent)?;
        let name = String::from(self.delegated());
        self.check_delegated(bytes, index)?;
        self.keep(&name, bytes);
        self.go_on_searching();
        Ok(())
    }

    fn check_delegated(&mut self, bytes: &[u8], index: &mut Index) -> Result<(), Error> {
        let Some(mut search) = self.search.take() else { return Ok(()) };
        let limit = self.limits.targets;
        let result = self.listed().and_then(|listed| search.take(&listed, bytes, limit, index));
        self.search = Some(search);
        result
    }

    fn delegated_role(&self) -> Role {
        let name = self.search.as_ref().and_then(Search::needed);
        name.map_or(Role::Targets, Role::Delegated)
    }

    /// The version in front of the file's name; refuses a role that the Snapshot does not list before it is
    /// fetched.
    fn listed_version(&self, name: &str, role: Role) -> Result<Option<u64>, Error> {
        let listed = self.listed()?;
        let file = listed.metadata().file(&format!("{name}.json"))?;
        let file = file.ok_or_else(|| Self::place(role).refuse(Step::G2, ErrorKind::Absent))?;
        Ok(self.prefix(file))
    }

    fn prefix(&self, file: MetaFile) -> Option<u64> {
        self.consistent.then_some(file.version)
    }

    fn keep(&mut self, role: &str, bytes: &[u8]) {
        self.writes.push_back((role.into(), Some(bytes.into())));
    }

    fn current(&self) -> Result<Current<'_, D>, Error> {
        let absent = || Self::place(Role::Root).refuse(Step::R1, ErrorKind::Absent);
        let root = self.root.as_ref().ok_or_else(absent)?.root()?;
        Current::new(Repository::Image, root, self.now)
    }

    fn timed(&self) -> Result<Timed<'_, D>, Error> {
        let absent = || Self::place(Role::Timestamp).refuse(Step::T1, ErrorKind::Absent);
        Ok(self.current()?.at(self.timestamp.ok_or_else(absent)?))
    }

    fn listed(&self) -> Result<Listed<'_, D>, Error> {
        let absent = || Self::place(Role::Snapshot).refuse(Step::S1, ErrorKind::Absent);
        self.current()?.with(self.snapshot.as_ref().ok_or_else(absent)?)
    }
}
