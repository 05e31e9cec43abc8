//! An application is deployed, updated and rolled back on a real Docker Engine.

mod command;
mod cut;
mod device;
mod offline;
mod others;
mod registry;
mod together;
mod update;

use container_spec::plan::Outcome;
use device::{Device, HEALTHY, UNHEALTHY, compose};
use ota_agent::containers::{NoArchives, Switch};
use ota_agent::report::Event;
use testkit::dockerd::Dockerd;

#[test]
fn the_engine_of_a_test_pulls_by_digest_and_keeps_its_images_when_its_power_is_cut() {
    let mut dockerd = Dockerd::start();
    dockerd.start_registry();
    let published = dockerd.publish("1");
    assert_eq!(dockerd.docker(&["images", "-q"]), "");
    let _ = dockerd.docker(&["pull", "-q", &published.image]);
    let id = dockerd.docker(&["images", "-q", "--no-trunc"]);
    let _ = dockerd.docker(&["run", "-d", "--name", "one", &published.image, "sleep", "1000"]);
    dockerd.cut_power();
    assert!(!dockerd.command().arg("version").output().unwrap().status.success());
    dockerd.power_on();
    assert_eq!(dockerd.docker(&["images", "-q", "--no-trunc"]), id);
    let state = ["inspect", "-f", "{{.State.Status}} {{.Config.Image}}", "one"];
    assert_eq!(dockerd.docker(&state), format!("exited {}", published.image));
    let groups = dockerd.groups();
    assert_ne!(groups.len(), 0);
    drop(dockerd);
    assert!(!groups.iter().any(|group| group.exists()), "nothing of it is left: {groups:?}");
}

#[test]
fn an_application_is_deployed_and_updated_and_one_that_fails_its_health_check_is_taken_back_offline() {
    let mut device = Device::new();
    let [v1, v2, v3] = ["1", "2", "3"].map(|version| device.dockerd.publish(version).image);
    let foreign = device.add_foreign_project();

    let first = compose(&v1, HEALTHY);
    assert_eq!(device.switch(&NoArchives, &first, false), (Outcome::Applied, vec![]));
    device.runs_whole("1", &first);
    let again = device.prepare(&NoArchives, &first, false);
    assert!(again.plan().is_empty(), "{:?}", again.plan());
    assert_eq!(again.run(&mut |_| {}).unwrap(), Outcome::Applied);
    device.runs_whole("1", &first);

    let second = compose(&v2, HEALTHY);
    assert_eq!(device.switch(&NoArchives, &second, false), (Outcome::Applied, vec![]));
    device.runs_whole("2", &second);
    assert_eq!(device.engine.image(&v1).unwrap(), None, "what only the old application used is gone");

    // The third is there, then the network is gone, then it proves to be unhealthy.
    let third = compose(&v3, UNHEALTHY);
    let mut switch = device.prepare(&NoArchives, &third, false);
    while device.engine.image(&v3).unwrap().is_none() {
        assert_eq!(switch.advance(&mut |_| {}).unwrap(), None);
    }
    drop(switch);
    device.dockerd.stop_registry();
    let switch = Switch::resume(&device.engine, &device.settings, &NoArchives).unwrap().unwrap();
    let mut failed = Vec::new();
    let mut observer = |event| {
        if let Event::StepFailed { reason, .. } = event {
            failed.push(reason);
        }
    };
    assert_eq!(switch.run(&mut observer).unwrap(), Outcome::RolledBack);
    assert_eq!(failed, ["container torizon-db-1 is unhealthy"]);
    device.runs_whole("2", &second);
    assert_eq!(device.engine.image(&v3).unwrap(), None, "what was fetched in vain is gone");
    device.has_foreign_project(&foreign);
}
