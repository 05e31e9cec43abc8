//! `ota-agent boot-image` as a user runs it, on boot images that NXP's spsdk and U-Boot's mkimage made.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../bsp-imx95/tests/fixtures").join(name)
}

fn inspect(file: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
    command.args(["boot-image", "inspect"]).arg(file).args(arguments).output().unwrap()
}

fn map(file: &Path) -> (Option<i32>, Value) {
    let output = inspect(file, &["--json"]);
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

/// What spsdk read of the images of a file, a line each: offset, size, load address, entry, type, core, hash.
fn recorded(name: &str) -> Vec<String> {
    let text = fs::read_to_string(fixture("spsdk.txt")).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.split_once(" image "));
    lines.map(|(_, words)| words.to_owned()).collect()
}

#[test]
fn inspect_prints_what_spsdk_reads() {
    let (code, map) = map(&fixture("v2-p384.bin"));
    assert_eq!((code, &map["problems"]), (Some(0), &serde_json::json!([])));
    let container = &map["containers"][0];
    assert_eq!((&container["offset"], &container["version"]), (&0.into(), &2.into()));
    assert_eq!((&container["signature"], &container["srk_set"]), (&"valid".into(), &"oem".into()));
    let images = container["images"].as_array().unwrap().iter().map(|image| {
        let hex = |field: &str| format!("{:#x}", image[field].as_u64().unwrap());
        let word = |field: &str| image[field].as_str().unwrap().to_owned();
        assert_eq!(image["hash_ok"], true);
        let numbers = ["offset", "size", "load_address", "entry_point"].map(hex).join(" ");
        format!("{numbers} {} {} {}", word("type"), word("core"), word("hash").replace('-', ""))
    });
    assert_eq!(images.collect::<Vec<_>>(), recorded("v2-p384"));
}

#[test]
fn inspect_finds_every_container_of_every_set() {
    let (code, map) = map(&fixture("boot-image.bin"));
    let containers = map["containers"].as_array().unwrap();
    let places = containers.iter().map(|container| {
        (
            container["set"].as_u64().unwrap(),
            container["offset"].as_u64().unwrap(),
            container["version"].clone(),
        )
    });
    let expected = [(0, 0, 2.into()), (0, 0x4000, 1.into()), (1, 0x5800, 2.into())];
    assert_eq!((code, places.collect::<Vec<(u64, u64, Value)>>()), (Some(0), expected.to_vec()));
}

#[test]
fn inspect_prints_a_map_for_people() {
    let output = inspect(&fixture("v2-p256.bin"), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    let hash = "964d2f3f745f3c7c71f7ed095bacf5b3d017682641c01a2262e6d8f5f6144edd\
                395652975014feeefc5107df8d227aef0c67d1f8835c471b2323eb9ec04fadbc";
    let expected = format!(
        "set 0\n  container at 0x0: version 2, 620 bytes, software 258, fuses 3\n    image 0    \
         0x000800       40  executable     cortex-m33  -> 0x1ffc0000  SHA-256 ok\n    \
         signature  valid, oem key 3, ECDSA P-256\n    key hash   {hash}\n"
    );
    assert_eq!((output.status.code(), text), (Some(0), expected));
}

#[test]
fn an_image_of_mkimage_is_unsigned() {
    let (code, map) = map(&fixture("mkimage-two.bin"));
    let containers = map["containers"].as_array().unwrap();
    assert_eq!((code, containers.len()), (Some(0), 2));
    for container in containers {
        assert_eq!((&container["signature"], &container["version"]), (&"none".into(), &1.into()));
    }
}

#[test]
fn one_flipped_bit_is_named_and_ends_with_1() {
    let directory = tempfile::tempdir().unwrap();
    let bytes = fs::read(fixture("v2-p256.bin")).unwrap();
    for (at, signature, hash_ok, problem) in [
        (0x18, "invalid", true, "signature"),
        (0x810, "valid", false, "image 0 (40 bytes at 0x800) does not have the hash in the container"),
        (0x2, "", true, "boot container at 0x0"),
    ] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        let path = directory.path().join("damaged.bin");
        fs::write(&path, damaged).unwrap();
        let (code, map) = map(&path);
        assert_eq!(code, Some(1), "{at:#x}");
        if let Some(container) = map["containers"].get(0) {
            assert_eq!(container["signature"], signature, "{at:#x}");
            assert_eq!(container["images"][0]["hash_ok"], hash_ok, "{at:#x}");
        }
        let output = inspect(&path, &[]);
        let error = String::from_utf8(output.stderr).unwrap();
        let start = format!("{}: error: ", path.display());
        assert!(error.starts_with(&start) && error.contains(problem), "{at:#x}: {error}");
    }
}

#[test]
fn what_is_no_boot_image_ends_with_1_and_says_where_it_looked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("zeros");
    fs::write(&path, [0; 0x9000]).unwrap();
    let output = inspect(&path, &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("no boot container at 0, 0x400 or 0x8000"), "{error}");
    let missing = inspect(&directory.path().join("missing"), &[]);
    let error = String::from_utf8(missing.stderr).unwrap();
    assert!(missing.status.code() == Some(1) && error.contains("missing"), "{error}");
}
