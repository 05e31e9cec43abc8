//! System and application are confirmed together, or given up together, whenever the power is cut.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Stdio;

use ota_agent::device;
use ota_agent::report::Event;
use ota_agent::update::journal::Source;
use ota_agent::update::{self, Finished};

use super::device::{HEALTHY, UNHEALTHY, compose_apart};
use super::update::Whole;

/// Starts well once, and never again as long as its volume lives.
fn once(image: &str) -> String {
    let command = "test -e /data/once && touch /data/twice; touch /data/once; exec sleep 1000";
    compose_apart(image, "[CMD, test, '!', -e, /data/twice]").replace("touch /ok; exec sleep 1000", command)
}

/// What the update told, as names of states and steps.
fn name(event: &Event) -> Option<String> {
    Some(match event {
        Event::State { state, .. } => (*state).to_owned(),
        Event::Step { step, .. } => serde_json::to_value(step).unwrap()["step"].as_str().unwrap().to_owned(),
        _ => return None,
    })
}

impl Whole {
    /// Runs the update until it tells that it is at `cut`, which is durable then, or to its end. Nothing of it runs
    /// after the cut: the thread unwinds where it is.
    fn run_until(&self, cut: &mut dyn FnMut(&str) -> bool) -> Option<Finished> {
        let device = device::Device::open(&self.rehearsal.config()).unwrap();
        let mut observer = |event: Event| {
            if let Some(name) = name(&event)
                && cut(&name)
            {
                std::panic::resume_unwind(Box::new("the power is cut"));
            }
        };
        let run = AssertUnwindSafe(|| update::run(&device, &Source::Servers, &mut observer).unwrap());
        catch_unwind(run).ok()
    }

    /// The power of the whole device is cut, and comes back. Returns the version of the system that runs then.
    fn lose_power(&mut self) -> String {
        self.device.dockerd.cut_power();
        self.device.dockerd.power_on();
        self.rehearsal.power_on().unwrap()
    }

    /// The unit of each boot.
    fn start(&self) -> Option<i32> {
        self.device.agent("start").stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code()
    }

    fn running(&self) -> String {
        let root = std::fs::read_to_string(self.rehearsal.on_device("root/usr/lib/os-release")).unwrap();
        let line = root.lines().find_map(|line| line.strip_prefix("VERSION_ID="));
        line.unwrap().to_owned()
    }

    /// Publishes a system with an application and brings both to the trial, which the next run begins.
    fn reach_trial(&mut self, text: &str) -> String {
        let version = self.rehearsal.publish(text, true).unwrap();
        assert_eq!(self.run_until(&mut |_| false), Some(Finished::RebootNeeded));
        assert_eq!(self.rehearsal.power_on().unwrap(), version);
        version
    }

    fn with_first() -> (Self, String) {
        let mut whole = Self::new();
        let (first, _) = whole.application("1", HEALTHY);
        whole.reach_trial(&first);
        assert_eq!(whole.updated(), Some(0));
        whole.device.runs_whole("1", &first);
        (whole, first)
    }
}

/// What a run after the reboot tells: the trial, the switch, what is decided, and what is cleaned up.
const RUN: [&str; 23] = [
    "trial",
    "verify",
    "create",
    "create",
    "set-restart",
    "stop",
    "stop",
    "rename",
    "rename",
    "rename",
    "rename",
    "start",
    "wait",
    "start",
    "wait",
    "set-restart",
    "proven",
    "confirmed",
    "confirm",
    "remove-container",
    "remove-container",
    "remove-image",
    "idle",
];

/// Cuts the power at each of these moments of a run, of an update each. Every second time the unit of the next boot
/// comes before the update.
fn cut_power(moments: std::ops::Range<usize>) {
    let (mut whole, _) = Whole::with_first();
    for moment in moments {
        let version = format!("cut-{moment}");
        let (text, _) = whole.application(&version, HEALTHY);
        let system = whole.reach_trial(&text);
        whole.device.dockerd.stop_registry();
        let mut told = Vec::new();
        let finished = whole.run_until(&mut |name| {
            told.push(name.to_owned());
            told.len() > moment
        });
        assert_eq!((finished, &*told), (None, &RUN.map(str::to_owned)[..=moment]));
        assert_eq!(whole.lose_power(), system, "{moment}");
        if moment % 2 == 0 {
            assert_eq!(whole.start(), Some(0), "{moment}");
        }
        // At the last moment all was over, and only the report may be missing.
        let expected = if RUN[moment] == "idle" { Some(3) } else { Some(0) };
        assert_eq!(whole.updated(), expected, "{moment}");
        if expected == Some(3) {
            assert_eq!(whole.start(), Some(0), "{moment}");
        }
        whole.device.runs_whole(&version, &text);
        assert_eq!(whole.running(), system);
        assert_eq!(whole.told().0, true, "{moment}");
        whole.device.dockerd.start_registry();
    }
}

#[test]
fn a_power_cut_before_the_old_application_is_stopped_ends_with_both_new() {
    cut_power(0..6);
}

#[test]
fn a_power_cut_while_the_application_is_switched_ends_with_both_new() {
    cut_power(6..13);
}

#[test]
fn a_power_cut_around_the_decision_ends_with_both_new() {
    cut_power(13..19);
}

#[test]
fn a_power_cut_after_the_decision_ends_with_both_new() {
    cut_power(19..23);
}

#[test]
fn what_was_decided_is_finished_also_if_the_application_does_not_come_up_again() {
    let (mut whole, _) = Whole::with_first();
    // In the order in which they are durable: the decision, the system's confirmation, the application's.
    for (number, cut, with_unit) in [
        (2, "proven", true),
        (3, "proven", false),
        (4, "confirmed", true),
        (5, "confirm", false),
        (6, "confirmed", false),
    ] {
        let version = number.to_string();
        let (_, image) = whole.application(&version, HEALTHY);
        let text = once(&image).replace("data:", &format!("data{number}:"));
        let system = whole.reach_trial(&text);
        let journal = whole.rehearsal.on_device("state/journal.json");
        let mut proven = Vec::new();
        let finished = whole.run_until(&mut |name| {
            if name == "proven" {
                proven = std::fs::read(&journal).unwrap();
            }
            // The boot environment has the confirmation, and the journal has not: the cut between these writes.
            if name == cut && number == 6 {
                std::fs::write(&journal, &proven).unwrap();
            }
            name == cut
        });
        assert_eq!(finished, None, "{number}");
        assert_eq!(whole.lose_power(), system);
        if with_unit {
            assert_eq!(whole.start(), Some(1), "it does not come up, and nothing is decided here");
        }
        whole.device.dockerd.start_registry();
        assert_eq!(whole.updated(), Some(0), "{number}");
        assert_eq!(whole.running(), system);
        let confirmed = whole.device.settings.confirmed().unwrap();
        assert_eq!((confirmed.as_deref(), whole.device.settings.progress().unwrap()), (Some(&*text), None));
        let list = ["ps", "-a", "--filter", "label=com.docker.compose.project=torizon", "--format"];
        let images =
            whole.device.dockerd.docker(&[&list[..], &["{{.Label \"version\"}} {{.Names}}"]].concat());
        let mut images: Vec<&str> = images.lines().collect();
        images.sort_unstable();
        assert_eq!(images, [format!("{version} torizon-db-1"), format!("{version} torizon-web-1")]);
        assert_eq!(
            whole.told(),
            (true.into(), format!("docker-compose-{system}.yml").into(), "installed and confirmed".into())
        );
    }
}

#[test]
fn both_are_given_up_if_the_boot_loader_goes_back_before_it_learns_of_the_decision() {
    let (mut whole, first) = Whole::with_first();
    let old = whole.running();
    let (second, _) = whole.application("2", HEALTHY);
    let new = whole.reach_trial(&second);
    assert_eq!(whole.run_until(&mut |name| name == "proven"), None);
    // The boots of the trial are used up before the update runs again.
    while whole.lose_power() == new {}
    assert_eq!(whole.running(), old);
    assert_eq!(whole.updated(), Some(1));
    whole.device.runs_whole("1", &first);
    let (success, _, description) = whole.told();
    assert_eq!(
        (success, &*description),
        (false.into(), "the boot loader went back: not confirmed within 3 boots")
    );
}

#[test]
fn a_system_that_the_user_confirms_is_given_up_with_an_application_that_does_not_come_up() {
    let (mut whole, first) = Whole::with_first();
    let old = whole.running();
    let (bad, _) = whole.application("2", UNHEALTHY);
    whole.reach_trial(&bad);
    let confirm = |whole: &Whole| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        command.arg("--config").arg(whole.rehearsal.config()).arg("confirm");
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code()
    };
    assert_eq!(confirm(&whole), Some(4), "given up: the old system runs after a reboot");
    assert_eq!(whole.lose_power(), old);
    assert_eq!(whole.updated(), Some(1));
    assert_eq!(whole.start(), Some(0));
    whole.device.runs_whole("1", &first);
    assert_eq!(whole.told().0, false);

    whole.device.dockerd.start_registry();
    let (good, _) = whole.application("3", HEALTHY);
    let new = whole.reach_trial(&good);
    assert_eq!(confirm(&whole), Some(0));
    assert_eq!(whole.running(), new);
    whole.device.runs_whole("3", &good);
}
