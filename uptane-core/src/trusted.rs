//! Full verification of one repository as a chain of types: a Root that has not expired leads to a Timestamp,
//! which leads to a Snapshot, which leads to Targets. Another order does not compile.
//!
//! ```text
//! Verified<Root> ─ Current::new ─▶ Current ─ timestamp ─▶ Timed ─ snapshot ─▶ Listed ─ targets ─▶ Verified<Targets>
//!                                     └───────────────── targets_alone (Director) ───────────────────┘
//! ```
//! What was trusted before comes in at each step, as the baseline against rollback. Nothing here is stored: the
//! caller keeps the bytes that passed, and hands them in again the next time.

mod named;

use core::marker::PhantomData;

use crate::canonical::{Form, MemberIndex};
use crate::dialect::Dialect;
use crate::error::{Error, ErrorKind, Place, Repository, Role, Step};
use crate::metadata::root::Root;
use crate::metadata::snapshot::{Snapshot, Timestamp};
use crate::metadata::targets::Targets;
use crate::time::UtcTime;
use crate::verify::{Signed, Verified, check_role, check_size};

/// A Root that is the newest one and has not expired.
#[derive(Clone, Copy, Debug)]
pub struct Current<'a, D> {
    root: Verified<Root<'a>>,
    repository: Repository,
    now: UtcTime,
    dialect: PhantomData<D>,
}

/// After a Timestamp.
#[derive(Clone, Copy, Debug)]
pub struct Timed<'a, D> {
    current: Current<'a, D>,
    timestamp: Verified<Timestamp>,
}

/// After a Snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a, D> {
    current: Current<'a, D>,
    snapshot: Verified<Snapshot<'a>>,
}

/// The trusted Targets metadata that new ones are compared with: its version, and what it said.
#[derive(Clone, Copy, Debug)]
pub struct Baseline {
    /// Its version.
    pub version: u64,
    /// SHA-256 of its `signed` object in canonical form.
    pub content: [u8; 32],
}

impl<'a, D: Dialect> Current<'a, D> {
    /// Starts from the newest Root at the fixed time `now` of this verification (Check Root 3).
    ///
    /// # Errors
    /// If the Root has expired.
    pub fn new(repository: Repository, root: Verified<Root<'a>>, now: UtcTime) -> Result<Self, Error> {
        root.check_expiry::<D>(now)?;
        Ok(Self { root, repository, now, dialect: PhantomData })
    }

    /// Takes a Timestamp (Check Timestamp 1 to 4).
    ///
    /// # Errors
    /// At the step that does not hold.
    pub fn timestamp<I: MemberIndex>(
        self,
        bytes: &[u8],
        limit: usize,
        trusted: Option<&Verified<Timestamp>>,
        index: &mut I,
    ) -> Result<Timed<'a, D>, Error> {
        let signed = self.signed(Role::Timestamp, bytes, limit, index)?;
        self.check_timestamp(signed, trusted)
    }

    /// As [`Self::timestamp`], but `None` if it has the version that is trusted already: then it is discarded,
    /// whatever else it says (TUF clause 5.4.3).
    ///
    /// # Errors
    /// At the step that does not hold.
    pub fn newer_timestamp<I: MemberIndex>(
        self,
        bytes: &[u8],
        limit: usize,
        trusted: Option<&Verified<Timestamp>>,
        index: &mut I,
    ) -> Result<Option<Timed<'a, D>>, Error> {
        let signed = self.signed(Role::Timestamp, bytes, limit, index)?;
        if trusted.is_some_and(|trusted| trusted.version == signed.version) {
            return Ok(None);
        }
        self.check_timestamp(signed, trusted).map(Some)
    }

    /// Takes a Timestamp again that this Root's keys signed, which are not asked another time.
    #[cfg(feature = "alloc")]
    pub(crate) fn timestamp_again(
        self,
        timestamp: &Verified<crate::verify::Owned>,
        limit: usize,
    ) -> Result<Timed<'a, D>, Error> {
        check_size(self.place(Role::Timestamp), timestamp.bytes(), limit)?;
        self.check_timestamp(timestamp.reread()?, None)
    }

    fn check_timestamp(
        self,
        signed: Verified<Signed<'_>>,
        trusted: Option<&Verified<Timestamp>>,
    ) -> Result<Timed<'a, D>, Error> {
        signed.check_rollback(trusted.map(|trusted| trusted.version))?;
        signed.check_expiry::<D>(self.now)?;
        let timestamp = signed.into_timestamp()?;
        if let Some(trusted) = trusted
            && timestamp.snapshot.version < trusted.snapshot.version
        {
            let kind = ErrorKind::Rollback {
                trusted: trusted.snapshot.version,
                offered: timestamp.snapshot.version,
            };
            return Err(self.place(Role::Timestamp).refuse(Step::T3, kind));
        }
        Ok(Timed { current: self, timestamp })
    }

    /// Continues from a Timestamp that passed in this verification.
    #[cfg(feature = "alloc")]
    pub(crate) fn at(self, timestamp: Verified<Timestamp>) -> Timed<'a, D> {
        Timed { current: self, timestamp }
    }

    /// Continues from a Snapshot that passed in this verification.
    #[cfg(feature = "alloc")]
    pub(crate) fn with(self, snapshot: &'a Verified<crate::verify::Owned>) -> Result<Listed<'a, D>, Error> {
        Ok(Listed { current: self, snapshot: snapshot.snapshot()? })
    }

    /// What [`crate::stream`] must know to verify Targets that no Snapshot names.
    ///
    /// # Errors
    /// If Root names no signers for `role`.
    pub fn expect_targets_alone(
        &self,
        role: Role,
        trusted: Option<Baseline>,
    ) -> Result<crate::stream::Expected<'a>, Error> {
        let signers = self.root.signers(role)?;
        Ok(crate::stream::Expected { place: self.place(role), signers, named: None, now: self.now, trusted })
    }

    /// Takes Targets without a Snapshot, as a Director that serves none is verified.
    ///
    /// # Errors
    /// At the step that does not hold.
    pub fn targets_alone<I: MemberIndex>(
        self,
        role: Role,
        bytes: &'a [u8],
        limit: usize,
        trusted: Option<Baseline>,
        index: &mut I,
    ) -> Result<Verified<Targets<'a>>, Error> {
        let signed = self.signed(role, bytes, limit, index)?;
        self.check_targets(signed, trusted, index)
    }

    /// Takes a Snapshot that no Timestamp names: a Lockbox has none (PURE-2).
    ///
    /// # Errors
    /// At the step that does not hold.
    pub fn snapshot_alone<I: MemberIndex>(
        self,
        role: Role,
        bytes: &'a [u8],
        limit: usize,
        trusted: Option<&Verified<Snapshot<'_>>>,
        index: &mut I,
    ) -> Result<Listed<'a, D>, Error> {
        let signed = self.signed(role, bytes, limit, index)?;
        self.check_snapshot(signed, trusted)
    }

    /// As [`Self::snapshot_alone`], but it may have expired: the Image repository's Snapshot in a Lockbox is as
    /// old as the Lockbox, whose own metadata says until when it may be used (PURE-2; aktualizr-torizon).
    ///
    /// # Errors
    /// At the step that does not hold.
    pub fn snapshot_of_any_age<I: MemberIndex>(
        self,
        role: Role,
        bytes: &'a [u8],
        limit: usize,
        trusted: Option<&Verified<Snapshot<'_>>>,
        index: &mut I,
    ) -> Result<Listed<'a, D>, Error> {
        let signed = self.signed(role, bytes, limit, index)?;
        self.check_successor(signed, trusted)
    }

    /// Timestamp metadata that was verified before, as a baseline: its signatures are checked, its age is not.
    ///
    /// # Errors
    /// If the keys of the current Root no longer verify it, or it is malformed.
    pub fn stored_timestamp<I: MemberIndex>(
        &self,
        bytes: &[u8],
        index: &mut I,
    ) -> Result<Verified<Timestamp>, Error> {
        self.signed(Role::Timestamp, bytes, usize::MAX, index)?.into_timestamp()
    }

    /// Snapshot metadata that was verified before, as a baseline.
    ///
    /// # Errors
    /// As [`stored_timestamp`](Self::stored_timestamp).
    pub fn stored_snapshot<'b, I: MemberIndex>(
        &self,
        role: Role,
        bytes: &'b [u8],
        index: &mut I,
    ) -> Result<Verified<Snapshot<'b>>, Error> {
        self.signed(role, bytes, usize::MAX, index)?.into_snapshot()
    }

    /// Targets metadata that was verified before, as a baseline.
    ///
    /// # Errors
    /// As [`stored_timestamp`](Self::stored_timestamp).
    pub fn stored_targets<I: MemberIndex>(
        &self,
        role: Role,
        bytes: &[u8],
        index: &mut I,
    ) -> Result<Baseline, Error> {
        let signed = self.signed(role, bytes, usize::MAX, index)?;
        Ok(Baseline { version: signed.version, content: self.content(&signed, index)? })
    }

    /// Metadata that was verified before, kept as a baseline: its signatures are checked, its age is not.
    #[cfg(feature = "alloc")]
    pub(crate) fn stored<I: MemberIndex>(
        &self,
        role: Role,
        bytes: alloc::vec::Vec<u8>,
        index: &mut I,
    ) -> Result<Verified<crate::verify::Owned>, Error> {
        let stored =
            crate::verify::Owned::checked(bytes, |bytes| self.signed(role, bytes, usize::MAX, index))?;
        match role {
            Role::Timestamp => drop(stored.timestamp()?),
            Role::Snapshot | Role::OfflineSnapshot => drop(stored.snapshot()?),
            Role::Root | Role::Targets | Role::OfflineUpdates | Role::Delegated(_) => {}
        }
        Ok(stored)
    }

    /// What new Targets are compared with.
    #[cfg(feature = "alloc")]
    pub(crate) fn baseline<I: MemberIndex>(
        &self,
        targets: &Verified<crate::verify::Owned>,
        index: &mut I,
    ) -> Result<Baseline, Error> {
        let signed = targets.reread()?;
        Ok(Baseline { version: signed.version, content: self.content(&signed, index)? })
    }

    fn signed<'b, I: MemberIndex>(
        &self,
        role: Role,
        bytes: &'b [u8],
        limit: usize,
        index: &mut I,
    ) -> Result<Verified<Signed<'b>>, Error> {
        check_size(self.place(role), bytes, limit)?;
        check_role::<D, I>(self.place(role), bytes, &[self.root.signers(role)?], index)
    }

    fn check_snapshot(
        self,
        signed: Verified<Signed<'a>>,
        trusted: Option<&Verified<Snapshot<'_>>>,
    ) -> Result<Listed<'a, D>, Error> {
        let now = self.now;
        let listed = self.check_successor(signed, trusted)?;
        signed.check_expiry::<D>(now)?;
        Ok(listed)
    }

    fn check_successor(
        self,
        signed: Verified<Signed<'a>>,
        trusted: Option<&Verified<Snapshot<'_>>>,
    ) -> Result<Listed<'a, D>, Error> {
        signed.check_rollback(trusted.map(|trusted| trusted.version()))?;
        let snapshot = signed.into_snapshot()?;
        if let Some(trusted) = trusted {
            snapshot.check_successor_of(trusted)?;
        }
        Ok(Listed { current: self, snapshot })
    }

    fn check_targets<'b, I: MemberIndex>(
        &self,
        signed: Verified<Signed<'b>>,
        trusted: Option<Baseline>,
        index: &mut I,
    ) -> Result<Verified<Targets<'b>>, Error> {
        signed.check_rollback(trusted.map(|trusted| trusted.version))?;
        if let Some(trusted) = trusted
            && trusted.version == signed.version
            && trusted.content != self.content(&signed, index)?
        {
            return Err(signed.place.refuse(Step::G4, ErrorKind::SameVersion { version: signed.version }));
        }
        signed.check_expiry::<D>(self.now)?;
        signed.into_targets()
    }

    fn content<I: MemberIndex>(&self, signed: &Signed<'_>, index: &mut I) -> Result<[u8; 32], Error> {
        let mut hash = <sha2::Sha256 as sha2::Digest>::new();
        crate::canonical::write(signed.body, Form::JsonSubset, index, &mut hash)
            .map_err(|error| signed.place.refuse(Step::Parse, error))?;
        Ok(sha2::Digest::finalize(hash).into())
    }

    pub(crate) fn place(&self, role: Role) -> Place {
        Place { repository: self.repository, role }
    }
}

/// A wrong length is the step about size, everything else that can be read the one about hashes and version.
pub(crate) fn content_step(kind: ErrorKind, size: Step, hashes: Step) -> Step {
    match kind {
        ErrorKind::Length { .. } => size,
        ErrorKind::Json(_) => Step::Parse,
        _ => hashes,
    }
}
