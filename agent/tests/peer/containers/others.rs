//! What others do to the engine: `docker-compose` before us, a prune in between, a second process beside us.

use std::collections::BTreeMap;

use container_spec::plan::{Options, Outcome, Undo};
use ota_agent::containers::{NoArchives, Switch, start};
use ota_agent::report::Event;
use testkit::tools;

use super::device::{Device, HEALTHY, UNHEALTHY, compose, options};

fn states(device: &Device) -> Vec<String> {
    let filter = "label=com.docker.compose.project=torizon";
    let listed =
        device.dockerd.docker(&["ps", "-a", "--filter", filter, "--format", "{{.Names}} {{.State}}"]);
    let mut lines: Vec<String> = listed.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn what_docker_compose_has_started_runs_again_or_is_taken_over() {
    let device = Device::new();
    let [v1, v2] = ["1", "2"].map(|version| device.dockerd.publish(version).image);
    let file = device.dockerd.path().join("docker-compose.yml");
    std::fs::write(&file, format!("version: '2.4'\n{}", compose(&v1, HEALTHY))).unwrap();
    let mut up = tools::tool("docker-compose");
    up.arg("-H").arg(format!("unix://{}", device.dockerd.socket().display()));
    up.arg("-f").arg(&file).args(["-p", "torizon", "up", "-d", "--remove-orphans"]);
    tools::success(&mut up);
    let started = states(&device);
    assert_eq!(started, ["torizon_db_1 running", "torizon_web_1 running"]);
    let ids = || device.dockerd.docker(&["inspect", "-f", "{{.Id}}", "torizon_db_1", "torizon_web_1"]);
    let before = ids();

    let (outcome, failed) = device.switch(&NoArchives, &compose(&v2, UNHEALTHY), false);
    assert_eq!((outcome, failed), (Outcome::RolledBack, vec!["container torizon-db-1 is unhealthy".into()]));
    assert_eq!((states(&device), ids()), (started, before));

    let second = compose(&v2, HEALTHY);
    assert_eq!(device.switch(&NoArchives, &second, false), (Outcome::Applied, vec![]));
    device.runs_whole("2", &second);
    assert_eq!(device.engine.image(&v1).unwrap(), None);
}

#[test]
fn an_old_container_that_somebody_removes_during_a_switch_is_made_anew_after_the_way_back() {
    let device = Device::new();
    let [v1, v2] = ["1", "2"].map(|version| device.dockerd.publish(version).image);
    let first = compose(&v1, HEALTHY);
    assert_eq!(device.switch(&NoArchives, &first, false), (Outcome::Applied, vec![]));
    let mut switch = device.prepare(&NoArchives, &compose(&v2, HEALTHY), false);
    let wanted = |name: &str| device.engine.container(name).unwrap().is_some();
    while !wanted("torizon-web-1.previous") {
        assert_eq!(switch.advance(&mut |_| {}).unwrap(), None);
    }
    let _ = device.dockerd.docker(&["rm", "torizon-web-1.previous"]);
    assert!(switch.roll_back().unwrap());
    let mut undone = Vec::new();
    let mut observer = |event| {
        if let Event::Undo { undo, .. } = event {
            undone.push(undo);
        }
    };
    assert_eq!(switch.run(&mut observer).unwrap(), Outcome::RolledBack);
    let (from, to) = ("torizon-web-1.previous".into(), "torizon-web-1".into());
    assert!(undone.contains(&Undo::Rename { from, to }), "{undone:?}");
    assert_eq!(states(&device), ["torizon-db-1 running"]);
    let outcome = start(&device.engine, &device.settings, &NoArchives, &options(false), &mut |_| {});
    assert_eq!(outcome.unwrap(), None);
    device.runs_whole("1", &first);
}

#[test]
fn a_full_disk_and_a_second_process_and_a_file_that_is_not_pinned_change_nothing() {
    let device = Device::new();
    let [v1, v2] = ["1", "2"].map(|version| device.dockerd.publish(version));
    let first = compose(&v1.image, HEALTHY);
    assert_eq!(device.switch(&NoArchives, &first, false), (Outcome::Applied, vec![]));

    let second = compose(&v2.image, HEALTHY);
    let usual = options(false);
    let prepare =
        |text: &str, options| Switch::prepare(&device.engine, &device.settings, &NoArchives, text, options);
    let digest = v2.digest().parse().unwrap();
    let needed = 1 << 60;
    let large = Options { image_bytes: BTreeMap::from([(digest, needed)]), ..options(false) };
    let mut failed = Vec::new();
    let mut observer = |event| {
        if let Event::StepFailed { reason, .. } = event {
            failed.push(reason);
        }
    };
    assert_eq!(prepare(&second, &large).unwrap().run(&mut observer).unwrap(), Outcome::RolledBack);
    assert_eq!(failed.len(), 1);
    assert!(failed[0].ends_with(&format!("bytes free, {needed} are needed")), "{failed:?}");
    device.runs_whole("1", &first);

    let switch = prepare(&second, &usual).unwrap();
    let error = prepare(&second, &usual).unwrap_err().to_string();
    assert!(error.starts_with("another process switches the application"), "{error}");
    drop(switch);
    let error = prepare(&second, &usual).unwrap_err().to_string();
    assert_eq!(error, "another switch is not finished");
    let mut switch = Switch::resume(&device.engine, &device.settings, &NoArchives).unwrap().unwrap();
    assert!(switch.roll_back().unwrap());
    assert_eq!(switch.run(&mut |_| {}).unwrap(), Outcome::RolledBack);

    let by_tag = compose("127.0.0.1:5000/app:2", HEALTHY);
    let error = prepare(&by_tag, &usual).unwrap_err();
    assert!(error.to_string().starts_with("the Compose file is refused: 3:12: "), "{error}");
    device.runs_whole("1", &first);
}
