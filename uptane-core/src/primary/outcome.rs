//! What a full verification established.

use alloc::{string::String, vec::Vec};

use crate::error::{Error, ErrorKind, Step};
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
}

/// The outcome of a full verification.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The version of the Director's Targets metadata.
    pub director_version: u64,
    /// The Director's name for this assignment.
    pub correlation_id: Option<String>,
    /// The images, each for one ECU.
    pub assigned: Vec<Verified<Assigned>>,
}

impl Outcome {
    pub(crate) fn nothing(director: &Targets<'_>) -> Self {
        let correlation_id = director.correlation_id().map(crate::json::JsonStr::to_text);
        Self { director_version: director.version(), correlation_id, assigned: Vec::new() }
    }

    /// Finds each of the Director's images in the Image repository (Full verification 10).
    pub(crate) fn matched(
        director: &Verified<Targets<'_>>,
        image: &Verified<Targets<'_>>,
        ecus: &[Ecu<'_>],
    ) -> Result<Self, Error> {
        let mut outcome = Self::nothing(director);
        for target in director.iter() {
            let target = target?;
            for (serial, _) in target.ecus() {
                // Check Targets 8 found each of them in the vehicle.
                let Some(ecu) = ecus.iter().find(|ecu| serial.eq_text(ecu.serial)) else { continue };
                outcome.push(director, image, &target, ecu)?;
            }
        }
        Ok(outcome)
    }

    /// As [`Self::matched`], for the targets of a Lockbox, which name hardware instead of ECUs: each is for
    /// every ECU of that hardware, and no ECU may get two (Check Targets 7).
    pub(crate) fn lockbox(
        name: &str,
        director: &Verified<Targets<'_>>,
        image: &Verified<Targets<'_>>,
        ecus: &[Ecu<'_>],
    ) -> Result<Self, Error> {
        let mut outcome = Self::nothing(director);
        outcome.correlation_id = Some(alloc::format!("urn:tdx-ota:lockbox:{name}:{}", director.version()));
        for target in director.iter() {
            let target = target?;
            for ecu in ecus.iter().filter(|ecu| target.hardware_ids().any(|id| id.eq_text(ecu.hardware_id))) {
                if outcome.assigned.iter().any(|assigned| assigned.ecu_serial == ecu.serial) {
                    return Err(director.place().refuse(Step::G7, ErrorKind::RepeatedEcu));
                }
                outcome.push(director, image, &target, ecu)?;
            }
        }
        Ok(outcome)
    }

    /// Adds `target` for `ecu`, if the Image repository lists it as well.
    pub(crate) fn push(
        &mut self,
        director: &Verified<Targets<'_>>,
        image: &Verified<Targets<'_>>,
        target: &Target<'_>,
        ecu: &Ecu<'_>,
    ) -> Result<(), Error> {
        let place = image.place();
        let listed = image.find(target.name)?;
        let listed = listed.ok_or_else(|| place.refuse(Step::F10, ErrorKind::NotInImageRepository))?;
        target
            .check_match(&listed, Some(ecu.hardware_id))
            .map_err(|what| place.refuse(Step::F10, ErrorKind::Mismatch(what)))?;
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
        };
        self.assigned.push(director.map(|_| assigned));
        Ok(())
    }
}
