//! Partial verification without a heap.

use crate::factory::*;
use uptane_core::canonical::Slot;
use uptane_core::dialect::Uptane;
use uptane_core::secondary::{Trust, verify};
use uptane_core::{Ecu, Error};

fn run(
    factory: &Factory,
    targets: &[u8],
    trusted: Option<u64>,
    ecu: Ecu<'_>,
) -> Result<Option<String>, Error> {
    let root = factory.director.root_bytes();
    let trust = Trust { root: &root, targets_version: trusted };
    let mut index: heapless::Vec<Slot, 64> = heapless::Vec::new();
    let assignment = verify::<Uptane, _>(trust, &[], targets, ecu, NOW, &mut index)?;
    Ok(assignment.target.map(|target| target.name.to_text()))
}

#[test]
fn finds_the_image_of_its_own_ecu_and_none_of_others() {
    let factory = Factory::new();
    let targets = factory.director.targets_bytes();
    assert_eq!(run(&factory, &targets, None, ECUS[0]), Ok(Some("os-1".into())));
    assert_eq!(run(&factory, &targets, None, ECUS[1]), Ok(None));
}

#[test]
fn refuses_other_hardware_rollback_and_a_flipped_byte() {
    let factory = Factory::new();
    let targets = factory.director.targets_bytes();
    let wrong = Ecu { serial: "primary-1", hardware_id: "imx8" };
    let error = run(&factory, &targets, None, wrong).unwrap_err();
    assert_eq!(error.to_string(), "director targets: step G8: the image is for other hardware");
    let error = run(&factory, &targets, Some(2), ECUS[0]).unwrap_err();
    assert_eq!(error.to_string(), "director targets: step G4: rollback: trusted version 2, offered 1");
    let mut flipped = targets.clone();
    let at = flipped.windows(4).position(|window| window == b"os-1").unwrap();
    flipped[at] ^= 1;
    let error = run(&factory, &flipped, None, ECUS[0]).unwrap_err();
    assert_eq!(error.to_string(), "director targets: step G3: 0 of 1 required keys signed it");
}
