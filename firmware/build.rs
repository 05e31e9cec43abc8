//! The memory map of the machine, and the inputs that the program carries in its flash.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Made by `cargo xtask firmware` in the directory that `FIRMWARE_INPUTS` names, beside the newer Root files
/// `2.root.json`, `3.root.json` and so on, of which there may be any number.
const INPUTS: [&str; 8] = [
    "root.json",
    "targets.json",
    "ecu.txt",
    "when.txt",
    "assigned-commit.bin",
    "environment.bin",
    "recorded-commit.bin",
    "recorded-commit.txt",
];

/// The first 256 KiB of the 4 MiB that QEMU's mps2-an500 has at each of these places. The Cortex-M7 of an
/// i.MX95 has as much tightly coupled memory for code and for data, so the program must fit into that.
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
    // The directory with all that is in it: a further Root file counts too.
    println!("cargo::rerun-if-changed={}", inputs.display());
    for name in INPUTS {
        copy(&inputs, name, &out);
    }
    let newer_roots: Vec<String> = (2..)
        .map(|version| format!("{version}.root.json"))
        .take_while(|name| inputs.join(name).exists())
        .inspect(|name| copy(&inputs, name, &out))
        .map(|name| format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}\")).as_slice()"))
        .collect();
    let list = format!("&[{}]", newer_roots.join(", "));
    fs::write(out.join("newer_roots.rs"), list).expect("OUT_DIR can be written");
}

fn copy(inputs: &Path, name: &str, out: &Path) {
    let input = inputs.join(name);
    fs::copy(&input, out.join(name)).unwrap_or_else(|error| panic!("{}: {error}", input.display()));
}
