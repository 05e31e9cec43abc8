//! `ota-agent bootenv` as a user runs it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use bsp_imx95::env::{Layout, Scheme, Variables};
use serde_json::{Value, json};
use tempfile::TempDir;

const SIZE: usize = 0x400;
const COUNTER: Layout = Layout::Redundant { scheme: Scheme::Counter };

/// Two copies of an environment, and a `fw_env.config` that names them.
struct Store {
    directory: TempDir,
}

impl Store {
    fn new(changes: &[(&str, Option<&str>)]) -> Self {
        let store = Self { directory: tempfile::tempdir().unwrap() };
        let mut variables = Variables::new();
        variables.apply(changes).unwrap();
        let copy = variables.encode(COUNTER, SIZE).unwrap();
        fs::write(store.image(), copy.repeat(2)).unwrap();
        fs::write(store.config(), format!("uboot.env 0 {SIZE:#x}\nuboot.env {SIZE:#x} {SIZE:#x}\n")).unwrap();
        store
    }

    fn image(&self) -> PathBuf {
        self.directory.path().join("uboot.env")
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("fw_env.config")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        command.arg("bootenv").arg("--config").arg(self.config()).args(arguments).output().unwrap()
    }

    /// What it prints, if it exits 0.
    fn prints(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it complains about, if it exits 1 and prints nothing else.
    fn fails(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let text = self.prints(&[arguments, &["--json"]].concat());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Flags of both copies: how often they were written.
    fn flags(&self) -> [u8; 2] {
        let image = fs::read(self.image()).unwrap();
        [image[4], image[SIZE + 4]]
    }
}

#[test]
fn prints_variables_sorted_and_gets_one() {
    let store = Store::new(&[("b", Some("2 3")), ("a", Some("1=x"))]);
    assert_eq!(store.prints(&["print"]), "a=1=x\nb=2 3\n");
    assert_eq!(store.prints(&["get", "b"]), "2 3\n");
    let error = store.fails(&["get", "c"]);
    assert!(error.contains("c is not set"), "{error}");
    let expected = [
        json!({ "event": "variable", "name": "a", "value": "1=x" }),
        json!({ "event": "variable", "name": "b", "value": "2 3" }),
    ];
    assert_eq!(store.json(&["print"]), expected);
    assert_eq!(store.json(&["get", "b"]), expected[1..]);
}

#[test]
fn sets_and_deletes_in_one_write_and_writes_nothing_that_holds() {
    let store = Store::new(&[("old", Some("1"))]);
    assert_eq!(store.prints(&["set", "a=1", "b=x=y", "old="]), "");
    assert_eq!((store.prints(&["print"]).as_str(), store.flags()), ("a=1\nb=x=y\n", [1, 2]));
    let before = fs::read(store.image()).unwrap();
    assert_eq!(store.prints(&["set", "a=1", "old="]), "");
    assert_eq!(fs::read(store.image()).unwrap(), before);
    let outcome = |what, copy: Option<u8>| json!({ "event": "bootenv", "outcome": what, "copy": copy });
    assert_eq!(store.json(&["set", "a=1"]), [outcome("unchanged", None)]);
    assert_eq!(store.json(&["set", "a=2"]), [outcome("written", Some(0))]);
    let mut image = fs::read(store.image()).unwrap();
    image[SIZE + 0x20] ^= 1;
    fs::write(store.image(), image).unwrap();
    assert_eq!(store.json(&["set", "a=2"]), [outcome("repaired", Some(1))]);
    assert_eq!(store.flags(), [3, 2]);
}

#[test]
fn follows_a_trial() {
    let store = Store::new(&[("bootlimit", Some("3"))]);
    assert_eq!(store.prints(&["slot"]), "idle\n");
    assert_eq!(store.prints(&["slot", "stage"]), "staged\n");
    assert_eq!(store.flags(), [1, 2]);
    let expected = "bootcount=0\nbootlimit=3\nrollback=0\nupgrade_available=1\n";
    assert_eq!(store.prints(&["print"]), expected);
    assert_eq!((store.prints(&["slot", "stage"]).as_str(), store.flags()), ("staged\n", [1, 2]));
    store.prints(&["set", "bootcount=2"]);
    assert_eq!(store.prints(&["slot"]), "trial 2/3\n");
    let trial = json!({
        "event": "slot", "state": "trial 2/3", "count": 2, "limit": 3, "outcome": "unchanged", "copy": null
    });
    assert_eq!(store.json(&["slot"]), [trial]);
    assert_eq!(store.prints(&["slot", "confirm"]), "confirmed\n");
    assert_eq!((store.prints(&["slot", "confirm"]).as_str(), store.flags()), ("confirmed\n", [3, 4]));
    store.prints(&["slot", "stage"]);
    assert_eq!(store.prints(&["slot", "give-up"]), "rolled-back\n");
    // A service that confirms each boot does no harm after a rollback.
    let before = fs::read(store.image()).unwrap();
    assert_eq!(store.prints(&["slot", "confirm"]), "rolled-back\n");
    assert_eq!(fs::read(store.image()).unwrap(), before);
    let staged = json!({ "event": "slot", "state": "staged", "outcome": "written", "copy": 0 });
    assert_eq!(store.json(&["slot", "stage"]), [staged]);
}

#[test]
fn refuses_what_would_confirm_the_unproven_or_leave_the_good() {
    let store = Store::new(&[]);
    let refused = |arguments: &[&str], why: &str| {
        let before = fs::read(store.image()).unwrap();
        let error = store.fails(arguments);
        assert!(error.contains(why), "{error}");
        assert_eq!(fs::read(store.image()).unwrap(), before);
    };
    refused(&["slot", "give-up"], "the update's state stays: idle: no update is on trial");
    store.prints(&["slot", "stage"]);
    assert_eq!(store.prints(&["get", "bootlimit"]), "3\n");
    refused(&["slot", "confirm"], "the staged system was not booted yet");
    store.prints(&["set", "bootcount=1"]);
    refused(&["slot", "stage"], "the update's state stays: trial 1/3: trial 1/3 is not over");
    store.prints(&["slot", "give-up"]);
    refused(&["slot", "stage"], "the system that was given up still runs");
    store.prints(&["set", "upgrade_available=0", "bootlimit=0"]);
    refused(&["slot", "stage"], "bootlimit is 0: a trial would never end");
}

#[test]
fn shows_and_stores_values_as_u_boot_does_or_raw() {
    let store = Store::new(&[]);
    store.prints(&["set", r"path=a\b"]);
    assert_eq!(store.prints(&["get", "path"]), "a\\b\n");
    assert_eq!(store.prints(&["get", "path", "--raw"]), "a\\\\b\n");
    store.prints(&["--raw", "set", r"path=a\b"]);
    assert_eq!(store.prints(&["get", "path"]), "ab\n");
    assert_eq!(store.prints(&["print", "--raw"]), "path=a\\b\n");
}

#[test]
fn a_yaml_configuration_is_read_too() {
    let store = Store::new(&[("a", Some("1"))]);
    let text = "one:\n  size: 1024\n  devices:\n    - {path: uboot.env, offset: 0}\n    - {path: uboot.env, offset: 0x400}\n";
    fs::write(store.config(), text).unwrap();
    assert_eq!(store.prints(&["print", "--namespace", "one"]), "a=1\n");
    assert_eq!((store.prints(&["set", "a=2"]).as_str(), store.flags()), ("", [1, 2]));
    assert!(store.fails(&["print", "--namespace", "two"]).contains("no environment is called two"));
}

#[test]
fn says_what_is_wrong_and_exits_1_or_2() {
    let store = Store::new(&[]);
    assert_eq!(store.run(&["set", "a"]).status.code(), Some(2));
    assert_eq!(store.run(&["set"]).status.code(), Some(2));
    assert_eq!(store.run(&["slot", "other"]).status.code(), Some(2));
    assert!(store.fails(&["set", "=1"]).contains("change 0 has a name"));
    assert!(store.fails(&["set", &format!("a={}", "x".repeat(SIZE))]).contains("the environment needs"));
    fs::write(store.image(), [0; 2 * SIZE]).unwrap();
    assert!(store.fails(&["print"]).contains("no environment copy is whole"));
    assert!(store.fails(&["set", "a=1"]).contains("no environment copy is whole"));
    fs::write(store.config(), "uboot.env 0 0x400\nuboot.env 0x200 0x400\n").unwrap();
    assert!(store.fails(&["print"]).contains("the second copy overlaps the first"));
    fs::remove_file(store.config()).unwrap();
    let output = store.run(&["print", "--json"]);
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &error["event"]), (Some(1), &json!("error")));
}
