//! The one place where metadata becomes trusted: [`Verified`] is made here and nowhere else.

use core::ops::Deref;

use crate::canonical::{self, Length, MemberIndex};
use crate::dialect::Dialect;
use crate::error::{Error, ErrorKind, Place, Role, Step};
use crate::json::{self, JsonError, JsonStr, Value};
use crate::key::{Fingerprint, PublicKey, Signature};
use crate::time::UtcTime;

/// Largest threshold that is accepted, as aktualizr's `kMaxSignatures`. The smallest is 1: a threshold of 0
/// would trust anybody.
pub const MAX_THRESHOLD: u64 = 1000;

/// Most signatures of a document that are tried: each costs a pass over it.
pub const MAX_SIGNATURES: usize = 32;

/// Metadata that a threshold of the role's distinct keys signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// Something derived from verified metadata alone.
    pub(crate) fn map<U>(&self, view: impl FnOnce(&T) -> U) -> Verified<U> {
        Verified(view(&self.0))
    }

    /// As [`Self::map`], for a view that may be refused.
    pub(crate) fn try_map<U>(self, view: impl FnOnce(T) -> Result<U, Error>) -> Result<Verified<U>, Error> {
        view(self.0).map(Verified)
    }

    /// The value, without the proof.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Who may sign for a role: its entry in `roles` and the keys beside it.
#[derive(Clone, Copy, Debug)]
pub struct Signers<'a> {
    keys: Value<'a>,
    keyids: Value<'a>,
    threshold: u64,
}

impl<'a> Signers<'a> {
    /// Reads a role's entry, `{"keyids": […], "threshold": N}`, with the key objects `keys` by identifier.
    pub(crate) fn parse(keys: Value<'a>, role: Value<'a>) -> Result<Self, ErrorKind> {
        let threshold = role.get("threshold")?.unsigned()?;
        if !(1..=MAX_THRESHOLD).contains(&threshold) {
            return Err(ErrorKind::IllegalThreshold { threshold });
        }
        let keyids = role.get("keyids")?;
        keyids.elements()?;
        keys.members()?;
        Ok(Self { keys, keyids, threshold })
    }

    /// Whether `other` names each of these keys still, with the same value: none was revoked.
    pub(crate) fn kept_by(&self, other: &Signers<'_>) -> Result<bool, JsonError> {
        for keyid in self.keyids.elements()? {
            if self.key(keyid)? != other.key(keyid)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The key that `keyid` names, if it is one of the role's and of a type that this build verifies with.
    pub(crate) fn key(&self, keyid: Value<'_>) -> Result<Option<PublicKey>, JsonError> {
        let keyid = keyid.string()?;
        let mut listed = self.keyids.elements()?.filter_map(|id| id.string().ok());
        if !listed.any(|id| id.order(keyid).is_eq()) {
            return Ok(None);
        }
        for (name, key) in self.keys.members()? {
            if name.order(keyid).is_eq() {
                return PublicKey::parse(key);
            }
        }
        Ok(None)
    }
}

/// The members that every role's `signed` object has.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// Its version number.
    pub version: u64,
    /// When it expires.
    pub expires: UtcTime,
    /// The `signed` object itself.
    pub body: Value<'a>,
    /// The bytes of the whole document.
    pub document: &'a [u8],
    pub(crate) place: Place,
}

/// Checks that a threshold of each of `signers` signed `bytes`, and that they are metadata of the role.
///
/// Expiry, version and hashes are further steps, which need a time and what was trusted before.
pub(crate) fn check_role<'a, D: Dialect, I: MemberIndex>(
    place: Place,
    bytes: &'a [u8],
    signers: &[Signers<'_>],
    index: &mut I,
) -> Result<Verified<Signed<'a>>, Error> {
    // A function of its own, as is the check of each set of signers: the stack of an ECU is small.
    let (signed, signatures) = read::<D>(place, bytes)?;
    check_no_repeated_key(place, signatures, index)?;
    for signers in signers {
        check_threshold::<D, I>(&signed, signatures, signers, index)?;
    }
    if D::NAMES_SPECIFICATION {
        check_specification(signed.body).map_err(|kind| place.refuse(Step::Parse, kind))?;
    }
    Ok(Verified(signed))
}

fn read<D: Dialect>(place: Place, bytes: &[u8]) -> Result<(Signed<'_>, Value<'_>), Error> {
    let parse_error = |kind| place.refuse(Step::Parse, ErrorKind::from(kind));
    let document = json::parse(bytes).map_err(parse_error)?;
    let (signatures, body) = envelope(document).map_err(parse_error)?;
    let signed = common(place, document, body)?;
    if !is_type::<D>(body, place.role).map_err(parse_error)? {
        return Err(place.refuse(Step::Parse, ErrorKind::OtherType));
    }
    check_unique(signatures).map_err(|kind| place.refuse(threshold_step(place.role), kind))?;
    Ok((signed, signatures))
}

/// Refuses keys that are repeated in the signatures: those inside `signed` are found when it is hashed.
fn check_no_repeated_key<I: MemberIndex>(
    place: Place,
    signatures: Value<'_>,
    index: &mut I,
) -> Result<(), Error> {
    canonical::write(signatures, canonical::Form::Olpc, index, &mut Length::default())
        .map_err(|error| place.refuse(Step::Parse, error))
}

fn check_threshold<D: Dialect, I: MemberIndex>(
    signed: &Signed<'_>,
    signatures: Value<'_>,
    signers: &Signers<'_>,
    index: &mut I,
) -> Result<(), Error> {
    let refuse = |error: JsonError| signed.place.refuse(threshold_step(signed.place.role), error);
    let valid = count_keys::<D, I>(signers, signatures, signed.body, index);
    let valid = valid.map_err(refuse)?;
    check_reached(signed.place, signers, valid, count(signatures))
}

/// Refuses fewer `valid` signatures by distinct keys than the threshold, of those `offered`.
pub(crate) fn check_reached(
    place: Place,
    signers: &Signers<'_>,
    valid: u64,
    offered: u64,
) -> Result<(), Error> {
    let required = signers.threshold;
    if valid < required {
        let kind = ErrorKind::UnmetThreshold { valid, required, offered };
        return Err(place.refuse(threshold_step(place.role), kind));
    }
    Ok(())
}

/// How many signatures there are.
pub(crate) fn count(signatures: Value<'_>) -> u64 {
    let count = signatures.elements().map_or(0, Iterator::count);
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Metadata that keeps its own bytes, for what outlives the buffer that it was verified in.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct Owned {
    place: Place,
    bytes: alloc::vec::Vec<u8>,
}

#[cfg(feature = "alloc")]
impl Owned {
    pub(crate) fn of(signed: &Signed<'_>) -> Self {
        Self { place: signed.place, bytes: signed.document.into() }
    }

    /// The bytes themselves, not a copy of them, if `check` verifies them.
    pub(crate) fn checked(
        bytes: alloc::vec::Vec<u8>,
        check: impl FnOnce(&[u8]) -> Result<Verified<Signed<'_>>, Error>,
    ) -> Result<Verified<Self>, Error> {
        let place = check(&bytes)?.place;
        Ok(Verified(Self { place, bytes }))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(feature = "alloc")]
impl Verified<Owned> {
    pub(crate) fn reread(&self) -> Result<Verified<Signed<'_>>, Error> {
        let Owned { place, bytes } = &self.0;
        let refuse = |error: JsonError| place.refuse(Step::Parse, error);
        let document = json::parse(bytes).map_err(refuse)?;
        let (_, body) = envelope(document).map_err(refuse)?;
        common(*place, document, body).map(Verified)
    }
}

/// What a threshold of `signers` signed and was not kept: `valid` of the `offered` signatures held, each by another
/// key, and `value` is all that was kept. The counterpart of [`check_role`].
pub(crate) fn check_streamed<T>(
    place: Place,
    signers: &Signers<'_>,
    (valid, offered): (u64, u64),
    value: T,
) -> Result<Verified<T>, Error> {
    check_reached(place, signers, valid, offered)?;
    Ok(Verified(value))
}

fn envelope(document: Value<'_>) -> Result<(Value<'_>, Value<'_>), JsonError> {
    Ok((document.get("signatures")?, document.get("signed")?))
}

/// Refuses two signatures by one key identifier (TUF 1.0.34 clause 4.2.1; aktualizr), among those that are tried.
pub(crate) fn check_unique(signatures: Value<'_>) -> Result<(), ErrorKind> {
    let mut seen: heapless::Vec<JsonStr<'_>, MAX_SIGNATURES> = heapless::Vec::new();
    for signature in signatures.elements()?.take(MAX_SIGNATURES) {
        let keyid = signature.get("keyid")?.string()?;
        if seen.iter().any(|other| other.order(keyid).is_eq()) {
            return Err(ErrorKind::RepeatedSignature);
        }
        // As many places as signatures are tried.
        let _ = seen.push(keyid);
    }
    Ok(())
}

/// Refuses metadata of another major version of TUF (1.0.34 clauses 4.3 and 5.1).
fn check_specification(body: Value<'_>) -> Result<(), ErrorKind> {
    check_specification_version(body.get("spec_version")?)
}

/// As above, of the version alone.
pub(crate) fn check_specification_version(version: Value<'_>) -> Result<(), ErrorKind> {
    let version = version.string()?;
    let supported = version.plain().is_some_and(|version| version == "1" || version.starts_with("1."));
    if supported { Ok(()) } else { Err(ErrorKind::BadMember("spec_version is not 1")) }
}

fn is_type<D: Dialect>(body: Value<'_>, role: Role) -> Result<bool, JsonError> {
    Ok(body.get("_type")?.string()?.eq_text(D::type_name(role)))
}

fn common<'a>(place: Place, document: Value<'a>, body: Value<'a>) -> Result<Signed<'a>, Error> {
    let read = || -> Result<_, ErrorKind> {
        let expires =
            body.get("expires")?.string()?.plain().and_then(|text| UtcTime::parse(text.as_bytes()).ok());
        let expires = expires.ok_or(ErrorKind::BadMember("expires is not a time"))?;
        let version = body.get("version")?.unsigned()?;
        Ok(Signed { version, expires, body, document: document.raw(), place })
    };
    read().map_err(|kind| place.refuse(Step::Parse, kind))
}

/// How many distinct key values of `signers` signed `body`, under the first canonical form that reaches the
/// threshold.
fn count_keys<D: Dialect, I: MemberIndex>(
    signers: &Signers<'_>,
    signatures: Value<'_>,
    body: Value<'_>,
    index: &mut I,
) -> Result<u64, JsonError> {
    let mut best = 0;
    // The forms differ only in how they write characters beyond ASCII, written out or as escapes.
    let plain = body.is_plain() || body.raw().is_ascii() && !has_unicode_escape(body.raw());
    let forms = if plain { 1 } else { D::FORMS.len() };
    for &form in D::FORMS.iter().take(forms) {
        let mut counted = const { heapless::Vec::<Fingerprint, MAX_SIGNATURES>::new() };
        for signature in signatures.elements()?.take(MAX_SIGNATURES) {
            let mut candidate = None;
            read_candidate::<D>(signers, signature, &mut candidate)?;
            // By reference: without optimisation a move costs the small stack of an ECU another copy.
            let Some((key, bytes)) = &candidate else { continue };
            let value = key.fingerprint();
            if !counted.contains(&value) && key.verify_with::<D::Verifier, I>(bytes, body, form, index)? {
                // As many places as signatures are tried.
                let _ = counted.push(value);
            }
        }
        best = best.max(u64::try_from(counted.len()).unwrap_or(0));
        if best >= signers.threshold {
            break;
        }
    }
    Ok(best)
}

/// A signature by one of the role's keys, with the key. Not returned: the result would be on the small stack of an ECU
/// three times while the signature is checked.
fn read_candidate<D: Dialect>(
    signers: &Signers<'_>,
    signature: Value<'_>,
    candidate: &mut Option<(PublicKey, Signature)>,
) -> Result<(), JsonError> {
    if let Some(key) = signers.key(signature.get("keyid")?)? {
        *candidate = D::signature(signature.get("sig")?.string()?).map(|bytes| (key, bytes));
    }
    Ok(())
}

fn has_unicode_escape(raw: &[u8]) -> bool {
    raw.windows(2).any(|pair| pair == b"\\u")
}

impl Verified<Signed<'_>> {
    /// Refuses what has expired at `now`.
    pub(crate) fn check_expiry<D: Dialect>(&self, now: UtcTime) -> Result<(), Error> {
        check_expiry::<D>(self.place, self.expires, now)
    }

    /// Refuses a version older than `trusted`.
    pub(crate) fn check_rollback(&self, trusted: Option<u64>) -> Result<(), Error> {
        check_rollback(self.place, self.version, trusted)
    }
}

/// Refuses what has expired at `now`.
pub(crate) fn check_expiry<D: Dialect>(place: Place, expires: UtcTime, now: UtcTime) -> Result<(), Error> {
    if expires < now || (expires == now && !D::VALID_WHEN_IT_EXPIRES) {
        return Err(place.refuse(expiry_step(place.role), ErrorKind::Expired { expires, now }));
    }
    Ok(())
}

/// Refuses a version older than `trusted`.
pub(crate) fn check_rollback(place: Place, offered: u64, trusted: Option<u64>) -> Result<(), Error> {
    match trusted {
        Some(trusted) if offered < trusted => {
            Err(place.refuse(rollback_step(place.role), ErrorKind::Rollback { trusted, offered }))
        }
        _ => Ok(()),
    }
}

/// Refuses more bytes than `limit`, which is looked at before anything else.
pub(crate) fn check_size(place: Place, bytes: &[u8], limit: usize) -> Result<(), Error> {
    if bytes.len() > limit {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        return Err(place.refuse(size_step(place.role), ErrorKind::TooLarge { limit }));
    }
    Ok(())
}

fn size_step(role: Role) -> Step {
    match role {
        Role::Root => Step::R2Size,
        Role::Timestamp => Step::T1,
        Role::Snapshot | Role::OfflineSnapshot => Step::S1,
        Role::Targets | Role::OfflineUpdates | Role::Delegated(_) => Step::G1,
    }
}

pub(crate) fn threshold_step(role: Role) -> Step {
    match role {
        Role::Root => Step::R2Threshold,
        Role::Timestamp => Step::T2,
        Role::Snapshot | Role::OfflineSnapshot => Step::S3,
        Role::Targets | Role::OfflineUpdates | Role::Delegated(_) => Step::G3,
    }
}

fn rollback_step(role: Role) -> Step {
    match role {
        Role::Root => Step::R2Version,
        Role::Timestamp => Step::T3,
        Role::Snapshot | Role::OfflineSnapshot => Step::S4,
        Role::Targets | Role::OfflineUpdates | Role::Delegated(_) => Step::G4,
    }
}

fn expiry_step(role: Role) -> Step {
    match role {
        Role::Root => Step::R3,
        Role::Timestamp => Step::T4,
        Role::Snapshot | Role::OfflineSnapshot => Step::S7,
        Role::Targets | Role::OfflineUpdates | Role::Delegated(_) => Step::G5,
    }
}
