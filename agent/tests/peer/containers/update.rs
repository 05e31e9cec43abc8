//! `ota-agent update` switches the application with the system, on a real engine.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use ota_agent::demo::Rehearsal;
use serde_json::Value;

use super::device::{Device, HEALTHY, UNHEALTHY, compose_apart};

/// A device with a system that is updated, and an engine.
pub(super) struct Whole {
    pub(super) rehearsal: Rehearsal,
    pub(super) device: Device,
    _directory: tempfile::TempDir,
}

impl Whole {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let rehearsal = Rehearsal::make(directory.path()).unwrap();
        let mut device = Device::new();
        device.settings.directory = rehearsal.on_device("application");
        let config = rehearsal.config();
        let text = std::fs::read_to_string(&config).unwrap();
        let socket = device.dockerd.socket();
        let containers = format!(
            "\n[containers]\nsocket = \"{}\"\nstart_timeout_s = 20\nsettle_ms = 100\n",
            socket.display()
        );
        std::fs::write(&config, text + &containers).unwrap();
        Self { rehearsal, device, _directory: directory }
    }

    pub(super) fn update(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        command.arg("--config").arg(self.rehearsal.config()).args(["--json", "update"]);
        command
    }

    /// Its exit status: 0 installed, 1 given up, 4 to be rebooted.
    pub(super) fn updated(&self) -> Option<i32> {
        self.update().stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code()
    }

    /// Kills the update when it prints such a line.
    pub(super) fn killed(&self, at: impl Fn(&str) -> bool) {
        let mut child = self.update().stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.any(|line| at(&line)), "the update ended before");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// What the last manifest says of the installation, and which application it names.
    pub(super) fn told(&self) -> (Value, Value, String) {
        let manifest = self.rehearsal.manifests().unwrap().pop().unwrap();
        let result = &manifest["installation_report"]["report"]["result"];
        let application =
            &manifest["ecu_version_manifests"]["compose-1"]["signed"]["installed_image"]["filepath"];
        (result["success"].clone(), application.clone(), result["description"].as_str().unwrap().to_owned())
    }

    /// Publishes an image and a Compose file of it, pinned.
    pub(super) fn application(&self, version: &str, test: &str) -> (String, String) {
        let image = self.device.dockerd.publish(version).image;
        (compose_apart(&image, test), image)
    }

    /// The health check of the system passes from here on, or fails.
    pub(super) fn set_health(&self, healthy: bool) {
        let config = self.rehearsal.config();
        let text = std::fs::read_to_string(&config).unwrap();
        let start = text.find("[health]").unwrap();
        let end = start + text[start..].find(']').unwrap() + 1;
        let end = end + text[end..].find(']').unwrap() + 1;
        let health = format!("[health]\ncommand = [\"{}\"]", if healthy { "true" } else { "false" });
        std::fs::write(&config, [&text[..start], &health, &text[end..]].concat()).unwrap();
    }
}

#[test]
fn system_and_application_are_updated_together_and_a_bad_application_takes_the_system_back() {
    let mut whole = Whole::new();
    let foreign = whole.device.add_foreign_project();
    let (first, _) = whole.application("1", HEALTHY);
    let version = whole.rehearsal.publish(&first, true).unwrap();
    assert_eq!(whole.updated(), Some(4));
    assert_eq!(
        whole.device.dockerd.docker(&["ps", "-q", "--filter", "name=torizon"]),
        "",
        "not before the trial"
    );
    // All that the trial needs was fetched before.
    whole.device.dockerd.stop_registry();
    assert_eq!(whole.rehearsal.power_on().unwrap(), version);
    assert_eq!(whole.updated(), Some(0));
    whole.device.runs_whole("1", &first);
    let name = format!("docker-compose-{version}.yml");
    assert_eq!(whole.told(), (true.into(), name.clone().into(), "installed and confirmed".into()));

    whole.device.dockerd.start_registry();
    let (bad, image) = whole.application("2", UNHEALTHY);
    let bad_version = whole.rehearsal.publish(&bad, true).unwrap();
    assert_eq!(whole.updated(), Some(4));
    assert!(whole.device.engine.image(&image).unwrap().is_some());
    whole.device.dockerd.stop_registry();
    assert_eq!(whole.rehearsal.power_on().unwrap(), bad_version);
    assert_eq!(whole.updated(), Some(4), "given up: the old system runs after a reboot");
    whole.device.runs_whole("1", &first);
    assert_eq!(whole.rehearsal.power_on().unwrap(), version);
    assert_eq!(whole.updated(), Some(1));
    whole.device.runs_whole("1", &first);
    let reason = "the application did not come up: container torizon-db-1 is unhealthy";
    assert_eq!(whole.told(), (false.into(), name.into(), reason.into()));
    assert_eq!(whole.device.engine.image(&image).unwrap(), None, "what was fetched in vain is gone");
    assert_eq!(whole.updated(), Some(3), "what failed is not tried again");
    whole.device.has_foreign_project(&foreign);
}

#[test]
fn an_application_that_came_up_is_taken_back_with_a_system_that_is_not_well() {
    let mut whole = Whole::new();
    let (first, _) = whole.application("1", HEALTHY);
    whole.rehearsal.publish(&first, false).unwrap();
    assert_eq!(whole.updated(), Some(0));
    whole.device.runs_whole("1", &first);

    whole.set_health(false);
    let (second, _) = whole.application("2", HEALTHY);
    whole.rehearsal.publish(&second, false).unwrap();
    assert_eq!(whole.updated(), Some(1));
    whole.device.runs_whole("1", &first);
    let (success, _, description) = whole.told();
    assert_eq!(success, false);
    assert!(description.starts_with("the health command"), "{description}");

    whole.set_health(true);
    let unpinned = "services:\n  db:\n    image: 127.0.0.1:5000/app:2\n";
    whole.rehearsal.publish(unpinned, false).unwrap();
    assert_eq!(whole.updated(), Some(1));
    let (_, _, description) = whole.told();
    assert!(description.contains("pinned"), "{description}");
    whole.device.runs_whole("1", &first);
}

#[test]
fn an_update_that_is_killed_or_loses_power_in_the_switch_goes_on_where_it_was() {
    let mut whole = Whole::new();
    let (first, _) = whole.application("1", HEALTHY);
    whole.rehearsal.publish(&first, false).unwrap();
    let step = |kind: &'static str| move |line: &str| line.contains(&format!("\"step\":\"{kind}\""));
    // Before a container is there, and while it is waited for.
    whole.killed(step("pull"));
    whole.killed(step("create"));
    whole.killed(step("wait"));
    assert_eq!(whole.updated(), Some(0));
    whole.device.runs_whole("1", &first);

    // The power is cut while the new containers start: after it, the unit of each boot comes first.
    let (second, _) = whole.application("2", HEALTHY);
    whole.rehearsal.publish(&second, false).unwrap();
    whole.killed(step("start"));
    whole.device.dockerd.cut_power();
    whole.device.dockerd.power_on();
    let mut started = whole.device.agent("start");
    assert_eq!(started.stdout(Stdio::null()).status().unwrap().code(), Some(0));
    let confirmed = whole.device.settings.confirmed().unwrap();
    assert_eq!(confirmed.as_deref(), Some(&*first), "the update decides, not the unit");
    assert_eq!(whole.updated(), Some(0));
    whole.device.runs_whole("2", &second);

    // And on the way back.
    whole.device.dockerd.start_registry();
    let (bad, _) = whole.application("3", UNHEALTHY);
    whole.rehearsal.publish(&bad, false).unwrap();
    whole.killed(|line| line.contains("\"event\":\"undo\""));
    assert_eq!(whole.updated(), Some(1));
    whole.device.runs_whole("2", &second);
    assert_eq!(whole.told().0, false);
}

#[test]
fn a_lockbox_brings_the_archives_of_its_images() {
    let mut whole = Whole::new();
    let image = whole.device.dockerd.publish("1");
    let text = compose_apart(&image.image, HEALTHY);
    let stick = whole.rehearsal.on_device("stick");
    let sha256 = whole.rehearsal.write_lockbox(&text, &stick).unwrap();
    let copy = |from: &[u8], to: &Path| {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, from).unwrap();
    };
    let hex = image.digest().trim_start_matches("sha256:");
    let archive = std::fs::read(&image.archive).unwrap();
    copy(&archive, &stick.join(format!("images/{sha256}.images/{hex}.tar")));
    let manifest = whole.device.dockerd.blob(image.digest());
    copy(&manifest, &stick.join(format!("metadata/docker/{sha256}.manifests/{hex}.json")));
    whole.device.dockerd.stop_registry();
    let update = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        command.arg("--config").arg(whole.rehearsal.config()).arg("offline-update").arg(&stick);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code()
    };
    assert_eq!(update(), Some(4));
    // The stick is drawn: the archives are with the engine by now.
    std::fs::remove_dir_all(&stick).unwrap();
    whole.rehearsal.power_on().unwrap();
    assert_eq!(whole.updated(), Some(0));
    whole.device.runs_whole("1", &text);
}
