//! Properties of `bsp-imx95`.
#![allow(clippy::missing_panics_doc)] // A panic is how a property says that it does not hold.

mod boot_container;
mod boot_entry;
mod environment;
mod records;

pub use boot_container::boot_container;
pub use boot_entry::boot_entry;
pub use environment::{env, env_copies, fw_env_config, uenv, yaml};
pub use records::records;

/// A bitwise CRC-32, so that no property rests on the checksum under test.
fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}
