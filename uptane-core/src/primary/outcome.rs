//! What a full verification established.

use alloc::{string::String, vec::Vec};

use crate::error::{Error, ErrorKind, Place, Repository, Role, Step};
use crate::metadata::Hashes;
use crate::metadata::targets::{Target, Targets};
use crate::vehicle::Ecu;
use crate::verify::Verified;

/// An image that the Director assigns to an ECU and that the Image repository vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The ECU's serial number.
    pub ecu_serial: String,
    /// The ECU's hardware identifier.
    pub hardware_id: String,
    /// The image's file name.
    pub name: String,
    /// Its length in bytes; 0 for an OSTree commit.
    pub length: u64,
    /// Its hashes; of an OSTree commit, SHA-256 is its checksum.
    pub hashes: Hashes,
    /// Where it is to be had, if not at the Image repository's usual place.
    pub uri: Option<String>,
    /// Whether it is an OSTree commit.
    pub is_ostree: bool,
    /// Its release counter, to be kept for the next time.
    pub release_counter: Option<u64>,
}

pub(crate) const IMAGE: Place = Place { repository: Repository::Image, role: Role::Targets };

/// The outcome of a full verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The version of the Director's Targets metadata.
    pub director_version: u64,
    /// The Director's name for this assignment.
    pub correlation_id: Option<String>,
    /// The images, each for one ECU.
    pub assigned: Vec<Verified<Assigned>>,
}

impl Outcome {
    /// Of a Director that assigned nothing yet.
    pub(crate) fn nothing(director: &Targets<'_>) -> Self {
        let correlation_id = director.correlation_id().map(crate::json::JsonStr::to_text);
        Self { director_version: director.version(), correlation_id, assigned: Vec::new() }
    }

    /// As [`Self::nothing`], of the Lockbox called `name`.
    pub(crate) fn nothing_of_lockbox(name: &str, director: &Targets<'_>) -> Self {
        let correlation_id = alloc::format!("urn:tdx-ota:lockbox:{name}:{}", director.version());
        Self { correlation_id: Some(correlation_id), ..Self::nothing(director) }
    }

    /// Adds `target` for `ecu`, which the Image repository lists as `listed` (Full verification 10). An image
    /// without a release counter is older than any with one.
    pub(crate) fn push(
        &mut self,
        director: &Verified<Targets<'_>>,
        listed: &Target<'_>,
        target: &Target<'_>,
        ecu: &Ecu<'_>,
        installed: Option<u64>,
    ) -> Result<(), Error> {
        target
            .check_match(listed, Some(ecu.hardware_id))
            .map_err(|what| IMAGE.refuse(Step::F10, ErrorKind::Mismatch(what)))?;
        if let Some(trusted) = installed
            && listed.release_counter().is_none_or(|offered| offered < trusted)
        {
            let offered = listed.release_counter().unwrap_or(0);
            return Err(IMAGE.refuse(Step::F10, ErrorKind::Rollback { trusted, offered }));
        }
        let assigned = Assigned {
            ecu_serial: ecu.serial.into(),
            hardware_id: ecu.hardware_id.into(),
            name: target.name.to_text(),
            length: target.length,
            // Both agree where both give one; where only one does, that one is checked as well.
            hashes: Hashes {
                sha256: target.hashes.sha256.or(listed.hashes.sha256),
                sha512: target.hashes.sha512.or(listed.hashes.sha512),
            },
            uri: target.uri().or(listed.uri()).map(crate::json::JsonStr::to_text),
            is_ostree: listed.is_ostree(),
            release_counter: listed.release_counter(),
        };
        self.assigned.push(director.map(|_| assigned));
        Ok(())
    }
}

/// The Director's images and the ECUs they are for, in its order. Those of a Lockbox name hardware instead of
/// ECUs: each is for every ECU of that hardware, and no ECU may get two (Check Targets 7).
pub(crate) fn pairs<'a, 'v>(
    director: &Targets<'a>,
    ecus: &'v [Ecu<'v>],
    lockbox: bool,
) -> Result<Vec<(Target<'a>, &'v Ecu<'v>)>, Error> {
    let mut pairs: Vec<(Target<'a>, &'v Ecu<'v>)> = Vec::new();
    for target in director.iter() {
        let target = target?;
        if lockbox {
            for ecu in ecus.iter().filter(|ecu| target.hardware_ids().any(|id| id.eq_text(ecu.hardware_id))) {
                if pairs.iter().any(|(_, other)| other.serial == ecu.serial) {
                    return Err(director.place().refuse(Step::G7, ErrorKind::RepeatedEcu));
                }
                pairs.push((target, ecu));
            }
        } else {
            for (serial, _) in target.ecus() {
                // Check Targets 8 found each of them in the vehicle.
                pairs.extend(ecus.iter().find(|ecu| serial.eq_text(ecu.serial)).map(|ecu| (target, ecu)));
            }
        }
    }
    Ok(pairs)
}
