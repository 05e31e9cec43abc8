//! Boot containers that the real tools made: `fixtures/record-spsdk.sh` and `fixtures/record-mkimage.sh`.

mod flips;
mod limits;
mod sets;
mod spsdk;

use bsp_imx95::container::{Authenticity, ContainerRef, Error};
use std::fs;

/// The signed containers of one file each.
const SIGNED: [&str; 6] =
    ["v1-p384", "v1-in-v2-p256", "v2-p256", "v2-p384", "v2-two-signatures", "v2-encrypted"];

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Everything that can be checked about the container at `at`.
fn check(file: &[u8], at: usize) -> Result<Authenticity, Error> {
    let container = ContainerRef::parse(file, at)?;
    container.check_images()?;
    container.check_signatures()
}
