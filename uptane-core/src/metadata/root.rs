//! Root metadata: which keys sign for which role, and how it is renewed.

use crate::canonical::MemberIndex;
use crate::dialect::Dialect;
use crate::error::{Error, ErrorKind, Place, Repository, Role, Step};
use crate::json;
use crate::time::UtcTime;
use crate::verify::{Signed, Signers, Verified, check_role, check_size};

/// Verified Root metadata.
#[derive(Clone, Copy, Debug)]
pub struct Root<'a> {
    signed: Signed<'a>,
}

impl<'a> Root<'a> {
    /// Its version.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.signed.version
    }

    /// When it expires.
    #[must_use]
    pub const fn expires(&self) -> UtcTime {
        self.signed.expires
    }

    /// Whether files other than Timestamp have their version or hash in front of their names (TUF clause 6.2).
    ///
    /// # Errors
    /// If it is not said in true or false.
    pub fn consistent_snapshot(&self) -> Result<bool, Error> {
        let read =
            || self.signed.body.find("consistent_snapshot")?.map_or(Ok(false), |value| value.boolean());
        read().map_err(|error: json::JsonError| self.signed.place.refuse(Step::Parse, error))
    }

    /// Who signs for `role`.
    ///
    /// # Errors
    /// If the role is missing or its threshold is not 1 to 1000.
    pub fn signers(&self, role: Role) -> Result<Signers<'a>, Error> {
        let body = self.signed.body;
        let read = || -> Result<_, ErrorKind> {
            let entry = body.get("roles")?.get(role.name())?;
            Signers::parse(body.get("keys")?, entry)
        };
        let place = Place { role, ..self.signed.place };
        read().map_err(|kind| place.refuse(Step::Parse, kind))
    }

    /// Whether each key of `role` is still one under `other`, so that what it signed stays comparable. A key more, another
    /// order or another threshold revoke nothing.
    #[must_use]
    pub fn same_signers(&self, other: &Root<'_>, role: Role) -> bool {
        match (self.signers(role), other.signers(role)) {
            (Ok(ours), Ok(theirs)) => ours.kept_by(&theirs).unwrap_or(false),
            (Err(_), Err(_)) => true,
            _ => false,
        }
    }
}

impl<'a> Verified<Root<'a>> {
    /// Root metadata that is trusted because the device was given it, or kept it: it must be signed by its own
    /// threshold, as any Root is.
    ///
    /// # Errors
    /// If it is not Root metadata, or its own keys did not sign it.
    pub fn trusted<D: Dialect, I: MemberIndex>(
        repository: Repository,
        bytes: &'a [u8],
        index: &mut I,
    ) -> Result<Self, Error> {
        let place = Place { repository, role: Role::Root };
        let own = signers_within(place, bytes)?;
        let signed = check_role::<D, I>(place, bytes, &[own], index)?;
        Ok(signed.map(|&signed| Root { signed }))
    }

    /// The next Root: signed by a threshold of this one's keys and of its own, of the next version exactly
    /// (Check Root 2.2 to 2.4). Its expiry is looked at once no newer one is found.
    ///
    /// # Errors
    /// At the step that does not hold.
    pub fn next<'b, D: Dialect, I: MemberIndex>(
        &self,
        bytes: &'b [u8],
        limit: usize,
        index: &mut I,
    ) -> Result<Verified<Root<'b>>, Error> {
        let place = self.signed.place;
        check_size(place, bytes, limit)?;
        let signers = [self.signers(Role::Root)?, signers_within(place, bytes)?];
        let signed = check_role::<D, I>(place, bytes, &signers, index)?;
        let required = self.version().saturating_add(1);
        if signed.version != required {
            let kind = ErrorKind::Version { required, offered: signed.version };
            return Err(place.refuse(Step::R2Version, kind));
        }
        Ok(signed.map(|&signed| Root { signed }))
    }

    /// Refuses a Root that has expired at `now` (Check Root 3).
    ///
    /// # Errors
    /// With both times.
    pub fn check_expiry<D: Dialect>(&self, now: UtcTime) -> Result<(), Error> {
        self.map_ref().check_expiry::<D>(now)
    }

    /// The same Root with bytes of its own.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_owned(&self) -> Verified<crate::verify::Owned> {
        self.map(|root| crate::verify::Owned::of(&root.signed))
    }

    fn map_ref(&self) -> Verified<Signed<'a>> {
        self.map(|root| root.signed)
    }
}

#[cfg(feature = "alloc")]
impl Verified<crate::verify::Owned> {
    pub(crate) fn root(&self) -> Result<Verified<Root<'_>>, Error> {
        self.reread().map(|signed| signed.map(|&signed| Root { signed }))
    }
}

/// The signers that a Root document names for Root itself; trusted only if they signed it as well.
fn signers_within(place: Place, bytes: &[u8]) -> Result<Signers<'_>, Error> {
    let read = || -> Result<_, ErrorKind> {
        let body = json::parse(bytes)?.get("signed")?;
        Signers::parse(body.get("keys")?, body.get("roles")?.get("root")?)
    };
    read().map_err(|kind| place.refuse(Step::Parse, kind))
}
