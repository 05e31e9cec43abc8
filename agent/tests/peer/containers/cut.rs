//! The agent is killed, and the power is cut, at every step of a switch.

use std::io::{BufRead as _, BufReader};
use std::ops::Range;
use std::process::Stdio;

use container_spec::plan::{Outcome, Step};
use ota_agent::containers::{NoArchives, Switch, start};

use super::device::{Device, HEALTHY, UNHEALTHY, compose_apart, options};

/// The two versions that the device is switched to and fro between.
struct Pair {
    files: [String; 2],
    now: usize,
}

impl Pair {
    fn deployed(device: &Device) -> Self {
        let files = ["0", "1"].map(|version| compose_apart(&device.dockerd.publish(version).image, HEALTHY));
        assert_eq!(device.switch(&NoArchives, &files[0], false), (Outcome::Applied, vec![]));
        Self { files, now: 0 }
    }

    fn next(&self) -> &str {
        &self.files[1 - self.now]
    }

    fn runs(&self, device: &Device) {
        device.runs_whole(&self.now.to_string(), &self.files[self.now]);
    }
}

/// Deploys `text` and kills the process when it announces step number `number` of this event. Returns whether
/// it came to that.
fn killed(device: &Device, text: &str, event: &str, number: usize) -> bool {
    let file = device.dockerd.path().join("wanted.yml");
    std::fs::write(&file, text).unwrap();
    let mut deploy = device.agent("deploy");
    deploy.arg(&file).arg("--json").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = deploy.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let event = format!("{{\"event\":\"{event}\",");
    let nothing = "\"undo\":\"nothing\"";
    let mut events = lines.filter(|line| line.starts_with(&event) && !line.contains(nothing));
    let reached = events.nth(number).is_some();
    child.kill().unwrap();
    child.wait().unwrap();
    reached
}

fn finish(device: &Device) {
    let status = device.agent("start").stdout(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_process_killed_at_any_step_is_continued_by_the_next_to_the_new_application() {
    let device = Device::new();
    let mut pair = Pair::deployed(&device);
    let mut number = 0;
    while killed(&device, pair.next(), "step", number) {
        finish(&device);
        pair.now = 1 - pair.now;
        pair.runs(&device);
        number += 1;
    }
    // Check, pull, verify; two made; policy, two stopped, four renamed; two started, two waited for; policy,
    // confirm; two containers and an image removed.
    assert_eq!(number, STEPS);
}

#[test]
fn a_process_killed_at_any_step_back_is_continued_by_the_next_to_the_old_application() {
    let device = Device::new();
    let pair = Pair::deployed(&device);
    let bad = compose_apart(&device.dockerd.publish("bad").image, UNHEALTHY);
    let mut number = 0;
    while killed(&device, &bad, "undo", number) {
        finish(&device);
        pair.runs(&device);
        number += 1;
    }
    // The start of `db`, four names, two stops, the policy, two new containers, the image.
    assert_eq!(number, 11);
}

#[test]
fn the_power_cut_at_an_early_step_ends_in_the_old_or_the_new_application_whole() {
    // Up to the old containers' stop.
    cut_power(0..8);
}

#[test]
fn the_power_cut_at_a_middle_step_ends_in_the_old_or_the_new_application_whole() {
    // Up to the new ones' start.
    cut_power(8..14);
}

#[test]
fn the_power_cut_at_a_late_step_ends_in_the_old_or_the_new_application_whole() {
    // Up to the removal of what is old.
    cut_power(14..STEPS);
}

/// How many steps the switch from one version to the other has.
const STEPS: usize = 21;

/// Cuts the power after each of these steps, of a switch each.
fn cut_power(steps: Range<usize>) {
    let mut device = Device::new();
    let foreign = device.add_foreign_project();
    let mut pair = Pair::deployed(&device);
    for before in steps {
        let mut switch = device.prepare(&NoArchives, pair.next(), false);
        assert_eq!(switch.plan().steps.len(), STEPS);
        for _ in 0..before {
            assert_eq!(switch.advance(&mut |_| {}).unwrap(), None);
        }
        // The step is done, but the journal does not say so: the longest that a cut can set it back.
        switch.perform(&mut |_| {}).unwrap();
        let confirm = switch.plan().steps.iter().position(|step| *step == Step::Confirm).unwrap();
        drop(switch);
        device.dockerd.cut_power();
        device.dockerd.power_on();
        device.dockerd.start_registry();

        // Every third time the device decides to go back.
        let back = before % 3 == 0 && before <= confirm;
        if back {
            let switch = Switch::resume(&device.engine, &device.settings, &NoArchives).unwrap();
            let mut switch = switch.unwrap();
            assert!(switch.roll_back().unwrap());
            assert_eq!(switch.run(&mut |_| {}).unwrap(), Outcome::RolledBack, "{before}");
        }
        let outcome = start(&device.engine, &device.settings, &NoArchives, &options(false), &mut |_| {});
        assert_eq!(outcome.unwrap(), if back { None } else { Some(Outcome::Applied) }, "{before}");
        if !back {
            pair.now = 1 - pair.now;
        }
        pair.runs(&device);
    }
    let _ = device.dockerd.docker(&["start", "other-1"]);
    device.has_foreign_project(&foreign);
}
