//! The vehicle's ECUs, and the checks of the Director's targets against them.

use crate::error::{Error, ErrorKind, Step};
use crate::json::JsonStr;
use crate::metadata::targets::Targets;

/// Most assignments (an ECU on an image) that one Director targets file may hold.
pub const MAX_ASSIGNMENTS: usize = 256;

/// One ECU of the vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ecu<'a> {
    /// Its serial number, unique in the fleet.
    pub serial: &'a str,
    /// Its hardware identifier: which images fit it.
    pub hardware_id: &'a str,
}

/// Refuses what the Director may not assign: an ECU twice (Check Targets 7), an ECU that is not in the vehicle
/// or not of the hardware named (Check Targets 8).
///
/// # Errors
/// The first assignment that does not hold, or if there are more than [`MAX_ASSIGNMENTS`].
pub fn check_assignments(targets: &Targets<'_>, ecus: &[Ecu<'_>]) -> Result<(), Error> {
    let place = targets.place();
    let mut seen: heapless::Vec<JsonStr<'_>, MAX_ASSIGNMENTS> = heapless::Vec::new();
    for target in targets.iter() {
        for (serial, hardware_id) in target?.ecus() {
            if seen.iter().any(|other| other.order(serial).is_eq()) {
                return Err(place.refuse(Step::G7, ErrorKind::RepeatedEcu));
            }
            seen.push(serial).map_err(|_| {
                place.refuse(Step::G7, ErrorKind::TooMany { what: "assignments", limit: MAX_ASSIGNMENTS })
            })?;
            let Some(ecu) = ecus.iter().find(|ecu| serial.eq_text(ecu.serial)) else {
                return Err(place.refuse(Step::G8, ErrorKind::UnknownEcu));
            };
            if !hardware_id.is_some_and(|id| id.eq_text(ecu.hardware_id)) {
                return Err(place.refuse(Step::G8, ErrorKind::OtherHardware));
            }
        }
    }
    Ok(())
}
