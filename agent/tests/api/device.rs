//! The commands that act on a device, on the one that the demonstration leaves behind. Its server is gone by then.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

struct Device {
    directory: tempfile::TempDir,
}

impl Device {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = ota_agent(&["demo", "--keep", "--json", "--dir", directory.path().to_str().unwrap()]);
        assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stdout));
        Self { directory }
    }

    fn run(&self, arguments: &[&str]) -> (i32, Value) {
        let config = self.directory.path().join("device/agent.toml");
        let output = ota_agent(&[&["--config", config.to_str().unwrap(), "--json"], arguments].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        let last = text.lines().last().map(|line| serde_json::from_str(line).unwrap());
        (output.status.code().unwrap(), last.unwrap_or(Value::Null))
    }

    fn status(&self) -> Value {
        let (code, status) = self.run(&["status"]);
        assert_eq!(code, 0);
        status
    }
}

fn ota_agent(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ota-agent")).args(arguments).output().unwrap()
}

#[test]
fn every_command_ends_with_the_exit_code_that_scripts_rely_on() {
    let device = Device::new();
    let status = device.status();
    assert_eq!((&status["state"], &status["slot"]), (&"idle".into(), &"confirmed".into()));
    assert_eq!(status["installed"]["system"]["name"], "os/imx95/main-5.0.0");
    assert_eq!(status["running"], status["deployments"][0]);

    assert_eq!(device.run(&["provision"]).0, 3);
    assert_eq!(device.run(&["confirm"]).0, 3);
    let (code, manifest) = device.run(&["manifest"]);
    assert_eq!((code, &manifest["signed"]["primary_ecu_serial"]), (0, &"primary-1".into()));
    let (code, error) = device.run(&["update"]);
    assert_eq!((code, &error["event"]), (1, &"error".into()));
    assert!(error["message"].as_str().unwrap().contains("/director/"), "{error}");

    // The other deployment becomes the default; the running one is still the same.
    assert_eq!(device.run(&["rollback"]).0, 4);
    let after = device.status();
    assert_eq!(
        (&after["deployments"][0], &after["running"]),
        (&status["deployments"][1], &status["running"])
    );
}

#[test]
fn a_device_without_configuration_says_which_file_is_missing() {
    let output = ota_agent(&["--config", "/none/agent.toml", "status"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("reading the configuration /none/agent.toml"), "{said}");
    assert!(!Path::new("/none").exists());
}

#[test]
fn a_command_line_that_is_not_understood_ends_with_2() {
    assert_eq!(ota_agent(&["no-such-command"]).status.code(), Some(2));
    assert_eq!(ota_agent(&["offline-update"]).status.code(), Some(2));
    assert_eq!(ota_agent(&["--help"]).status.code(), Some(0));
}
