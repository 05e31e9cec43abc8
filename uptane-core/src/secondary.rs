//! Partial verification, for an ECU without a heap: the Director's word, checked with the keys it was built with.
//!
//! Partial verification (Standard 2.1.0, `#partial_verification`) checks the Director's Targets metadata alone.
//! This one also follows the Director's Root, so that keys can be rotated. All memory is the caller's: the
//! documents, and an index for members out of order ([`MemberIndex`]).

use crate::canonical::MemberIndex;
use crate::dialect::Dialect;
use crate::error::{Error, ErrorKind, Place, Repository, Role, Step};
use crate::metadata::root::Root;
use crate::metadata::targets::{Target, Targets};
use crate::time::UtcTime;
use crate::vehicle::Ecu;
use crate::verify::{Verified, check_role, check_size};

/// Largest Root or Director Targets metadata that is read, in bytes; aktualizr's limits are the same.
pub const MAX_METADATA_BYTES: usize = 64 * 1024;

/// Most Root files that one verification follows, as aktualizr-torizon's `kMaxRotations`.
pub const MAX_ROTATIONS: usize = 1000;

/// What a partial verification starts from.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// The Director's Root metadata that this ECU trusts, as built in or as kept from the last time.
    pub root: &'a [u8],
    /// The version of the Director's Targets that was last accepted, if any.
    pub targets_version: Option<u64>,
}

/// What a partial verification established.
#[derive(Clone, Copy, Debug)]
pub struct Assignment<'a> {
    /// The image for this ECU; `None` if the Director assigns it nothing.
    pub target: Option<Verified<Target<'a>>>,
    /// The version of the Targets metadata, to be kept for the next time.
    pub targets_version: u64,
    /// The version of the Root metadata that is current now.
    pub root_version: u64,
    /// How many of the newer Root files were taken; the last of them is to be kept for the next time.
    pub rotations: usize,
}

/// Verifies the Director's `targets` for `ecu`, following the `newer` Root files in order.
///
/// # Errors
/// At the first step that does not hold.
pub fn verify<'a, D: Dialect, I: MemberIndex>(
    trust: Trust<'a>,
    newer: &[&'a [u8]],
    targets: &'a [u8],
    ecu: Ecu<'_>,
    now: UtcTime,
    index: &mut I,
) -> Result<Assignment<'a>, Error> {
    // A function for each step, so that their frames do not add up: the stack of an ECU is small.
    let root = current_root::<D, I>(trust.root, newer, now, index)?;
    let targets = current_targets::<D, I>(&root, targets, trust.targets_version, now, index)?;
    assignment(targets, ecu, root.version(), newer.len())
}

fn assignment<'a>(
    targets: Verified<Targets<'a>>,
    ecu: Ecu<'_>,
    root_version: u64,
    rotations: usize,
) -> Result<Assignment<'a>, Error> {
    let target = own_target(targets, targets.place(), ecu)?;
    Ok(Assignment { target, targets_version: targets.version(), root_version, rotations })
}

fn current_root<'a, D: Dialect, I: MemberIndex>(
    trusted: &'a [u8],
    newer: &[&'a [u8]],
    now: UtcTime,
    index: &mut I,
) -> Result<Verified<Root<'a>>, Error> {
    check_limits(trusted, newer)?;
    let mut root = Verified::<Root<'_>>::trusted::<D, I>(Repository::Director, trusted, index)?;
    for bytes in newer {
        root = root.next::<D, I>(bytes, MAX_METADATA_BYTES, index)?;
    }
    root.check_expiry::<D>(now)?;
    Ok(root)
}

fn check_limits(trusted: &[u8], newer: &[&[u8]]) -> Result<(), Error> {
    let place = Place { repository: Repository::Director, role: Role::Root };
    check_size(place, trusted, MAX_METADATA_BYTES)?;
    if newer.len() > MAX_ROTATIONS {
        let kind = ErrorKind::TooMany { what: "root rotations", limit: MAX_ROTATIONS };
        return Err(place.refuse(Step::R2Size, kind));
    }
    Ok(())
}

fn current_targets<'a, D: Dialect, I: MemberIndex>(
    root: &Verified<Root<'_>>,
    bytes: &'a [u8],
    trusted: Option<u64>,
    now: UtcTime,
    index: &mut I,
) -> Result<Verified<Targets<'a>>, Error> {
    let place = Place { repository: Repository::Director, role: Role::Targets };
    check_size(place, bytes, MAX_METADATA_BYTES)?;
    let signed = check_role::<D, I>(place, bytes, &[root.signers(Role::Targets)?], index)?;
    signed.check_rollback(trusted)?;
    signed.check_expiry::<D>(now)?;
    let targets = signed.into_targets()?;
    targets.check_no_delegation()?;
    Ok(targets)
}

/// The one image for `ecu`: listed at most once (Check Targets 7), of its hardware (Check Targets 8).
fn own_target<'a>(
    targets: Verified<Targets<'a>>,
    place: Place,
    ecu: Ecu<'_>,
) -> Result<Option<Verified<Target<'a>>>, Error> {
    let mut own = None;
    for target in targets.iter() {
        let target = target?;
        for (serial, hardware_id) in target.ecus() {
            if !serial.eq_text(ecu.serial) {
                continue;
            }
            if own.is_some() {
                return Err(place.refuse(Step::G7, ErrorKind::RepeatedEcu));
            }
            if !hardware_id.is_some_and(|id| id.eq_text(ecu.hardware_id)) {
                return Err(place.refuse(Step::G8, ErrorKind::OtherHardware));
            }
            own = Some(targets.map(|_| target));
        }
    }
    Ok(own)
}
