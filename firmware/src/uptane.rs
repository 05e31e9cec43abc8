//! Partial verification: the Director's Root and Targets metadata, and the image it assigns to this ECU.

use cortex_m_semihosting::hprintln;
use ostree_objects::Checksum;
use uptane_core::canonical::Slot;
use uptane_core::dialect::Uptane;
use uptane_core::secondary::{self, Trust};

use crate::inputs;
use crate::refused::Refused;

/// Members that the index holds, at 16 bytes each on the stack: those of every object that is out of order
/// and not yet hashed to its end. The largest is the list of images, of which there are at most as many as
/// ECUs.
const INDEX: usize = 128;

/// Longest name of an image, in bytes: ota-tuf allows fewer than 254 characters, which are ASCII in practice.
const MAX_NAME_BYTES: usize = 254;

/// Verifies both and returns the checksum of the commit that is assigned.
pub fn check() -> Result<Checksum, Refused> {
    let (ecu, now) = (inputs::ecu()?, inputs::now()?);
    let mut index: heapless::Vec<Slot, INDEX> = heapless::Vec::new();
    // The first start: no Targets were accepted before.
    let trust = Trust { root: inputs::root(), targets_version: None };
    let assignment = secondary::verify::<Uptane, _>(
        trust,
        inputs::newer_roots(),
        inputs::targets(),
        ecu,
        now,
        &mut index,
    )?;
    hprintln!(
        "director: root version {} after {} rotations, targets version {}, all valid at {}",
        assignment.root_version,
        assignment.rotations,
        assignment.targets_version,
        now
    );
    let target = assignment.target.ok_or(Refused::NoImage)?;
    let mut name = [0; MAX_NAME_BYTES];
    let name = target.name.copy_to(&mut name).unwrap_or("an image with too long a name");
    hprintln!("ecu {} of {}: {}", ecu.serial, ecu.hardware_id, name);
    match target.hashes.sha256 {
        Some(sha256) if target.is_ostree() => Ok(Checksum(sha256)),
        _ => Err(Refused::NoCommit),
    }
}
