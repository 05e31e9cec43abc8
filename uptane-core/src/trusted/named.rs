//! What a Timestamp and a Snapshot name: the stages that take the files behind those names.

use super::{Baseline, Listed, Timed, content_step};
use crate::canonical::MemberIndex;
use crate::dialect::Dialect;
use crate::error::{Error, ErrorKind, Place, Role, Step};
use crate::metadata::MetaFile;
use crate::metadata::delegation::Delegation;
use crate::metadata::snapshot::{Snapshot, Timestamp};
use crate::metadata::targets::Targets;
use crate::verify::{Signed, Signers, Verified, check_role, check_size};

impl<'a, D: Dialect> Timed<'a, D> {
    /// The Timestamp.
    #[must_use]
    pub const fn metadata(&self) -> &Verified<Timestamp> {
        &self.timestamp
    }

    /// Takes the Snapshot that the Timestamp names (Check Snapshot 1 to 7).
    ///
    /// # Errors
    /// At the step that does not hold.
    pub fn snapshot<I: MemberIndex>(
        self,
        bytes: &'a [u8],
        limit: usize,
        trusted: Option<&Verified<Snapshot<'_>>>,
        index: &mut I,
    ) -> Result<Listed<'a, D>, Error> {
        self.check_named(bytes, limit, index)?;
        let signed = self.current.signed(Role::Snapshot, bytes, limit, index)?;
        self.check_listed(signed, trusted)
    }

    /// Takes a Snapshot again that this Root's keys signed, which are not asked another time, if it is what the
    /// Timestamp names now.
    #[cfg(feature = "alloc")]
    pub(crate) fn snapshot_again<I: MemberIndex>(
        self,
        snapshot: &'a Verified<crate::verify::Owned>,
        limit: usize,
        index: &mut I,
    ) -> Result<Listed<'a, D>, Error> {
        self.check_named(snapshot.bytes(), limit, index)?;
        self.check_listed(snapshot.reread()?, None)
    }

    /// Whether `bytes` are what the Timestamp names.
    fn check_named<I: MemberIndex>(&self, bytes: &[u8], limit: usize, index: &mut I) -> Result<(), Error> {
        let place = self.current.place(Role::Snapshot);
        check_size(place, bytes, limit)?;
        check_file::<D, I>(place, &self.timestamp.snapshot, bytes, [Step::S1, Step::S2], index)
    }

    /// What remains to be checked of a signed Snapshot that the Timestamp names.
    fn check_listed(
        self,
        signed: Verified<Signed<'a>>,
        trusted: Option<&Verified<Snapshot<'_>>>,
    ) -> Result<Listed<'a, D>, Error> {
        let (place, named) = (signed.place, self.timestamp.snapshot);
        if signed.version != named.version {
            let kind = ErrorKind::Version { required: named.version, offered: signed.version };
            return Err(place.refuse(Step::S2, kind));
        }
        self.current.check_snapshot(signed, trusted)
    }
}

impl<'a, D: Dialect> Listed<'a, D> {
    /// The Snapshot.
    #[must_use]
    pub const fn metadata(&self) -> &Verified<Snapshot<'a>> {
        &self.snapshot
    }

    /// What [`crate::stream`] must know to verify the Targets metadata called `file` in the Snapshot.
    ///
    /// # Errors
    /// If the Snapshot does not list the file, or Root names no signers for `role`.
    pub fn expect_targets(
        &self,
        role: Role,
        file: &str,
        trusted: Option<Baseline>,
    ) -> Result<crate::stream::Expected<'a>, Error> {
        let place = self.current.place(role);
        let named = self.snapshot.file(file)?.ok_or_else(|| place.refuse(Step::G2, ErrorKind::Absent))?;
        let expected = self.current.expect_targets_alone(role, trusted)?;
        Ok(crate::stream::Expected { named: Some(named), ..expected })
    }

    /// Takes the Targets metadata called `file` in the Snapshot (Check Targets 1 to 5).
    ///
    /// # Errors
    /// At the step that does not hold.
    pub fn targets<I: MemberIndex>(
        self,
        role: Role,
        file: &str,
        bytes: &'a [u8],
        limit: usize,
        trusted: Option<Baseline>,
        index: &mut I,
    ) -> Result<Verified<Targets<'a>>, Error> {
        let signers = self.current.root.signers(role)?;
        self.named(role, &signers, file, bytes, limit, trusted, index)
    }

    /// Takes Targets metadata to which other Targets metadata delegated: `file` in the Snapshot, signed by the
    /// keys that the delegator names now, whoever signed it before (Resolve delegations 1).
    ///
    /// # Errors
    /// At the step that does not hold.
    pub fn delegated<'b, I: MemberIndex>(
        &self,
        delegation: &Delegation<'_>,
        file: &str,
        bytes: &'b [u8],
        limit: usize,
        index: &mut I,
    ) -> Result<Verified<Targets<'b>>, Error> {
        let role = Role::Delegated(delegation.role_name());
        self.named(role, delegation.signers(), file, bytes, limit, None, index)
    }

    /// Takes Targets metadata again that this Root's keys signed, which are not asked another time, if it is what
    /// the Snapshot calls `file` now.
    #[cfg(feature = "alloc")]
    pub(crate) fn targets_again<'b, I: MemberIndex>(
        &self,
        role: Role,
        file: &str,
        targets: &'b Verified<crate::verify::Owned>,
        limit: usize,
        index: &mut I,
    ) -> Result<Verified<Targets<'b>>, Error> {
        let named = self.check_named(role, file, targets.bytes(), limit, index)?;
        self.check_listed(targets.reread()?, named, None, index)
    }

    #[expect(clippy::too_many_arguments, reason = "each is one thing that a check of Targets compares with")]
    fn named<'b, I: MemberIndex>(
        &self,
        role: Role,
        signers: &Signers<'_>,
        file: &str,
        bytes: &'b [u8],
        limit: usize,
        trusted: Option<Baseline>,
        index: &mut I,
    ) -> Result<Verified<Targets<'b>>, Error> {
        let named = self.check_named(role, file, bytes, limit, index)?;
        let place = self.current.place(role);
        let signed = check_role::<D, I>(place, bytes, core::slice::from_ref(signers), index)?;
        self.check_listed(signed, named, trusted, index)
    }

    /// Whether `bytes` are what the Snapshot calls `file`: what it says of them.
    fn check_named<I: MemberIndex>(
        &self,
        role: Role,
        file: &str,
        bytes: &[u8],
        limit: usize,
        index: &mut I,
    ) -> Result<MetaFile, Error> {
        let place = self.current.place(role);
        check_size(place, bytes, limit)?;
        let named = self.snapshot.file(file)?.ok_or_else(|| place.refuse(Step::G2, ErrorKind::Absent))?;
        check_file::<D, I>(place, &named, bytes, [Step::G1, Step::G2], index)?;
        Ok(named)
    }

    /// What remains to be checked of signed Targets metadata that the Snapshot describes as `named`.
    fn check_listed<'b, I: MemberIndex>(
        &self,
        signed: Verified<Signed<'b>>,
        named: MetaFile,
        trusted: Option<Baseline>,
        index: &mut I,
    ) -> Result<Verified<Targets<'b>>, Error> {
        let place = signed.place;
        if signed.version != named.version {
            let kind = ErrorKind::Version { required: named.version, offered: signed.version };
            return Err(place.refuse(Step::G2, kind));
        }
        // A Snapshot that gives hashes says which content is current; only without it, content must not change
        // under one version.
        let trusted = trusted.filter(|trusted| named.hashes.is_empty() || trusted.version != signed.version);
        self.current.check_targets(signed, trusted, index)
    }
}

/// Length and hashes of a file as another one names them: the steps are the ones about size and about hashes.
fn check_file<D: Dialect, I: MemberIndex>(
    place: Place,
    named: &MetaFile,
    bytes: &[u8],
    [size, hashes]: [Step; 2],
    index: &mut I,
) -> Result<(), Error> {
    let forms = if D::HASHES_CANONICAL { D::FORMS } else { &[] };
    named
        .check_content(bytes, forms, index)
        .map_err(|kind| place.refuse(content_step(kind, size, hashes), kind))
}
