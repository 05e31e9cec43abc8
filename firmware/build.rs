//! The memory map of the machine, and the inputs that the program carries in its flash.

use std::path::PathBuf;
use std::{env, fs};

/// Made by `cargo xtask firmware` in the directory that `FIRMWARE_INPUTS` names.
const INPUTS: [&str; 6] =
    ["root.json", "targets.json", "when.txt", "environment.bin", "commit.bin", "commit-name.txt"];

/// QEMU's mps2-an500 has 4 MiB at each of these places. The Cortex-M7 of an i.MX95 has 256 KiB of tightly
/// coupled memory for code and as much for data, so the program must fit into that.
const MEMORY: &str = "MEMORY {
    FLASH : ORIGIN = 0x00000000, LENGTH = 256K
    RAM : ORIGIN = 0x20000000, LENGTH = 256K
}
";

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("memory.x"), MEMORY).expect("OUT_DIR can be written");
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg=-Tlink.x");
    // Sections as small as they are: no padding to a page between them.
    println!("cargo::rustc-link-arg=--nmagic");

    println!("cargo::rerun-if-env-changed=FIRMWARE_INPUTS");
    let inputs = PathBuf::from(env::var_os("FIRMWARE_INPUTS").expect("start this by `cargo xtask firmware`"));
    for name in INPUTS {
        let input = inputs.join(name);
        println!("cargo::rerun-if-changed={}", input.display());
        fs::copy(&input, out.join(name)).unwrap_or_else(|error| panic!("{}: {error}", input.display()));
    }
}
