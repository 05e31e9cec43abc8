//! What lies in flash beside the program; see `build.rs`.

use core::hint::black_box;
use core::str;

use ostree_objects::Checksum;
use uptane_core::{Ecu, UtcTime};

use crate::refused::Refused;

/// An input's bytes. The black box keeps the compiler from working out ahead what they lead to: they are
/// data, which a device has in storage of its own.
macro_rules! input {
    ($name:literal) => {
        black_box(include_bytes!(concat!(env!("OUT_DIR"), "/", $name)).as_slice())
    };
}

/// The Director's Root metadata that the ECU was made with.
pub fn root() -> &'static [u8] {
    input!("root.json")
}

/// The Director's Root metadata since then, in order.
pub fn newer_roots() -> &'static [&'static [u8]] {
    static NEWER: &[&[u8]] = include!(concat!(env!("OUT_DIR"), "/newer_roots.rs"));
    black_box(NEWER)
}

/// The Director's Targets metadata.
pub fn targets() -> &'static [u8] {
    input!("targets.json")
}

/// Who this ECU is: its serial number and its hardware identifier, a line each.
pub fn ecu() -> Result<Ecu<'static>, Refused> {
    let mut lines = text(input!("ecu.txt"))?.lines();
    match (lines.next(), lines.next(), lines.next()) {
        (Some(serial), Some(hardware_id), None) => Ok(Ecu { serial, hardware_id }),
        _ => Err(Refused::Input("ecu.txt has other than two lines")),
    }
}

/// The time of this verification, in seconds since 1970. A Secondary without a clock gets it from the
/// Primary.
pub fn now() -> Result<UtcTime, Refused> {
    let seconds = text(input!("when.txt"))?.trim_end().parse();
    seconds.map(UtcTime::from_unix).map_err(|_| Refused::Input("when.txt is not a number of seconds"))
}

/// Both copies of the boot loader's environment, one after the other.
pub fn environment() -> [&'static [u8]; 2] {
    let both = input!("environment.bin");
    let (first, second) = both.split_at(both.len() / 2);
    [first, second]
}

/// The commit that the Director assigns to this ECU.
pub fn assigned_commit() -> &'static [u8] {
    input!("assigned-commit.bin")
}

/// A commit that the real `ostree` made, and its name.
pub fn recorded_commit() -> Result<(Checksum, &'static [u8]), Refused> {
    let name = Checksum::from_hex(input!("recorded-commit.txt").trim_ascii_end())?;
    Ok((name, input!("recorded-commit.bin")))
}

fn text(bytes: &'static [u8]) -> Result<&'static str, Refused> {
    str::from_utf8(bytes).map_err(|_| Refused::Input("a text is not UTF-8"))
}
