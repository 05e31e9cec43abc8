//! `ota-agent boot-image update` and `settle` as a user runs them, on files in place of an eMMC and of a card.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bsp_imx95::container::BootImage;
use bsp_imx95::env::{Layout, Variables};
use tempfile::TempDir;

/// Bytes of a boot partition.
const SIZE: usize = 0x2_0000;
const CARD_SET: usize = 0x8000;
const SECOND_SET: usize = 0x10_0000;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../bsp-imx95/tests/fixtures").join(name)
}

fn old() -> Vec<u8> {
    fs::read(fixture("v2-p384.bin")).unwrap()
}

fn new() -> Vec<u8> {
    fs::read(fixture("v2-p256.bin")).unwrap()
}

/// What the fuses of a device hold whose maker signed the new image.
const SRK_HASH: &str = "964d2f3f745f3c7c71f7ed095bacf5b3d017682641c01a2262e6d8f5f6144edd\
                        395652975014feeefc5107df8d227aef0c67d1f8835c471b2323eb9ec04fadbc";

struct Device {
    directory: TempDir,
    device: &'static str,
    more: Vec<&'static str>,
}

impl Device {
    fn with(device: &'static str, more: &[&'static str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut variables = Variables::new();
        variables.set("bootlimit", Some("3")).unwrap();
        let copy = variables.encode(Layout::Single, 0x2000).unwrap();
        fs::write(directory.path().join("environment"), copy).unwrap();
        fs::write(directory.path().join("fw_env.config"), "environment 0 0x2000\n").unwrap();
        fs::write(directory.path().join("version"), "2026.10-new\0").unwrap();
        Self { directory, device, more: more.to_vec() }
    }

    /// The old image in boot0, and a ROM that always takes boot0 first.
    fn emmc() -> Self {
        let device = Self::with("emmc", &["--board", "verdin-imx95", "--rom", "a"]);
        let mut boot0 = vec![0; SIZE];
        boot0[..old().len()].copy_from_slice(&old());
        // The environment and the config block end the partition.
        boot0[SIZE - 0x2200..].fill(0x5a);
        fs::write(device.path("emmc"), "").unwrap();
        fs::write(device.path("emmcboot0"), boot0).unwrap();
        fs::write(device.path("emmcboot1"), vec![0xff; SIZE]).unwrap();
        device
    }

    /// The old image in the first set of a card, whose second is at 1 MiB.
    fn card() -> Self {
        let device = Self::with("card", &["--board", "imx95_19x19_evk", "--second-set-fuse", "2"]);
        let mut card = vec![0x5a; 0x80_0000];
        card[CARD_SET..][..old().len()].copy_from_slice(&old());
        fs::write(device.path("card"), card).unwrap();
        device
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn run(&self, command: &str, booted: &[&str], arguments: &[&str]) -> Output {
        let mut agent = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        agent.args(["boot-image", command, "--device"]).arg(self.path(self.device)).args(&self.more);
        agent.arg("--config").arg(self.path("fw_env.config")).args(booted).args(arguments);
        agent.output().unwrap()
    }

    fn update(&self, image: &str, more: &[&str]) -> Output {
        let image = fixture(image);
        self.run("update", &["--booted", "a"], &[&[image.to_str().unwrap()], more].concat())
    }

    fn settle(&self, booted: &str, version: &str) -> Output {
        let path = self.path("version");
        let arguments = ["--wanted", version, "--version-file", path.to_str().unwrap()];
        self.run("settle", &["--booted", booted], &arguments)
    }

    fn variables(&self) -> Vec<(String, String)> {
        let copy = self.read("environment");
        let variables = Variables::from_bytes(Layout::Single, &[&copy]).unwrap();
        variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

fn variables(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

const ON_TRIAL: [(&str, &str); 5] = [
    ("bl_prev_csdpart", "1"),
    ("bl_updt_status", "attempt"),
    ("bootcount", "0"),
    ("bootlimit", "3"),
    ("upgrade_available", "1"),
];
const ENDED: [(&str, &str); 3] = [("bootcount", "0"), ("bootlimit", "3"), ("upgrade_available", "0")];

fn is_image(place: &[u8]) -> bool {
    BootImage::at(place, 0)
        .containers()
        .all(|container| container.is_ok_and(|one| one.check_images().is_ok()))
}

#[test]
fn a_new_boot_image_is_tried_and_stays() {
    let device = Device::emmc();
    let before = device.read("emmcboot0");
    let output = said(&device.update("v2-p256.bin", &["--srk-hash", SRK_HASH]));
    assert_eq!(output, (Some(4), format!("{} bytes in place b; the next boot tries them\n", new().len())));
    assert!(device.read("emmcboot1").starts_with(&new()));
    let after = device.read("emmcboot0");
    let differing: Vec<usize> = (0..SIZE).filter(|at| before[*at] != after[*at]).collect();
    assert_eq!((differing, after[3]), (vec![3], 0x07), "one byte of the place that was booted");
    assert_eq!(device.variables(), variables(&ON_TRIAL));

    let output = said(&device.settle("b", "2026.10"));
    assert_eq!(output, (Some(0), "the boot image in place b stays\n".into()));
    assert_eq!(device.variables(), variables(&ENDED));
    assert_eq!(said(&device.settle("b", "2026.10")), (Some(3), "no boot image is on trial\n".into()));
}

#[test]
fn a_boot_image_that_is_not_the_wanted_one_is_given_up() {
    let device = Device::emmc();
    let before = device.read("emmcboot0");
    device.update("v2-p256.bin", &[]);
    let output = said(&device.settle("b", "2030"));
    assert_eq!(output, (Some(4), "the next boot takes place a again\n".into()));
    assert_eq!(device.read("emmcboot0"), before);
    assert_eq!(device.variables(), variables(&ENDED));
}

#[test]
fn a_boot_image_that_was_not_taken_is_given_up_without_a_reboot() {
    let device = Device::emmc();
    device.update("v2-p256.bin", &[]);
    let output = device.run(
        "settle",
        &["--booted", "a", "--json"],
        &["--wanted", "2026.10", "--version-file", device.path("version").to_str().unwrap()],
    );
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!({ "event": "boot-image", "outcome": "given-up", "booted": "a" });
    assert_eq!((output.status.code(), line), (Some(0), expected));
}

#[test]
fn a_card_has_its_sets_where_the_fuse_says() {
    let device = Device::card();
    assert_eq!(said(&device.update("v2-p256.bin", &[])).0, Some(4));
    let card = device.read("card");
    assert!(card[SECOND_SET..].starts_with(&new()));
    assert!(!is_image(&card[CARD_SET..]) && is_image(&card[SECOND_SET..]), "what the ROM takes");
    let written = new().len().next_multiple_of(512);
    assert!(card[..CARD_SET].iter().chain(&card[SECOND_SET + written..]).all(|byte| *byte == 0x5a));
}

#[test]
fn only_an_emmc_has_a_rom_that_can_take_either_place() {
    let mut device = Device::card();
    device.more.extend(["--rom", "enabled"]);
    let (code, error) = said(&device.update("v2-p256.bin", &[]));
    assert!(code == Some(1) && error.contains("card has no boot partitions"), "{error}");
}

#[test]
fn the_place_is_told_from_what_the_rom_left() {
    let device = Device::emmc();
    // The fields of `rom_passover_t`: the second choice was booted.
    let mut passover = [0; 52];
    passover[..4].copy_from_slice(&[0x4f, 0x50, 0x80, 2]);
    (passover[24], passover[38]) = (9, 2);
    fs::write(device.path("passover"), passover).unwrap();
    let (path, image) = (device.path("passover"), fixture("v2-p256.bin"));
    let run = || device.run("update", &["--passover", path.to_str().unwrap()], &[image.to_str().unwrap()]);
    let (code, text) = said(&run());
    assert_eq!((code, text), (Some(4), "2088 bytes in place a; the next boot tries them\n".into()));
    assert!(device.read("emmcboot0").starts_with(&new()));
    fs::write(&path, [0; 52]).unwrap();
    let (code, error) = said(&run());
    assert!(code == Some(1) && error.contains("passover: no passover block"), "{error}");
}

#[test]
fn what_must_not_be_written_is_refused_before_anything_is() {
    let large = tempfile::NamedTempFile::new().unwrap();
    let mut bytes = new();
    bytes.resize(SIZE, 0);
    fs::write(large.path(), bytes).unwrap();
    let damaged = tempfile::NamedTempFile::new().unwrap();
    let mut bytes = new();
    bytes[0x800] ^= 1;
    fs::write(damaged.path(), bytes).unwrap();
    let path = |file: &tempfile::NamedTempFile| file.path().to_str().unwrap().to_owned();
    let foreign = "00".repeat(64);
    for (image, more, message) in [
        (path(&large), [].as_slice(), "131072 bytes, and there is room for 114176"),
        (path(&damaged), &[], "does not have the hash in the container"),
        (fixture("v2-p256.bin").to_str().unwrap().into(), &["--srk-hash", &foreign], "0x0"),
        ("missing.bin".into(), &[], "reading missing.bin"),
    ] {
        let device = Device::emmc();
        let before = ["emmcboot0", "emmcboot1", "environment"].map(|name| device.read(name));
        let output = device.run("update", &["--booted", "a"], &[&[image.as_str()], more].concat());
        let (code, error) = said(&output);
        assert!(code == Some(1) && error.contains(message), "{error}");
        assert_eq!(["emmcboot0", "emmcboot1", "environment"].map(|name| device.read(name)), before);
    }
}

#[test]
fn nothing_is_begun_while_something_is_on_trial() {
    let device = Device::emmc();
    device.update("v2-p256.bin", &[]);
    let (code, error) = said(&device.update("v2-p256.bin", &[]));
    assert!(code == Some(1) && error.contains("a boot image is on trial"), "{error}");
    let device = Device::emmc();
    let mut staged = Variables::new();
    staged.apply(&[("bootlimit", Some("3")), ("upgrade_available", Some("1"))]).unwrap();
    fs::write(device.path("environment"), staged.encode(Layout::Single, 0x2000).unwrap()).unwrap();
    let (code, error) = said(&device.update("v2-p256.bin", &[]));
    assert!(code == Some(1) && error.contains("an update of the system is staged"), "{error}");
}

#[test]
fn two_updates_at_once_do_not_meet() {
    let device = Device::emmc();
    let lock = fs::File::open(device.path("emmc")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let (code, error) = said(&device.update("v2-p256.bin", &[]));
    assert!(code == Some(1) && error.contains("another update of the boot image runs"), "{error}");
    drop(lock);
    assert_eq!(device.update("v2-p256.bin", &[]).status.code(), Some(4));
}

#[test]
fn a_board_or_place_that_does_not_exist_is_a_usage_error() {
    let device = Device::emmc();
    let (code, error) = said(&device.run("update", &["--booted", "c"], &["x"]));
    assert!(code == Some(2) && error.contains("possible values: a, b"), "{error}");
    let (code, error) = said(&device.run("update", &[], &["x"]));
    assert!(code == Some(2) && error.contains("--booted"), "{error}");
    let mut device = device;
    device.more = vec!["--board", "verdin"];
    let (code, error) = said(&device.run("update", &["--booted", "a"], &["x"]));
    assert!(code == Some(2) && error.contains("no such board; there are verdin-imx95"), "{error}");
}
