//! `ota-agent containers`: what it prints and how it ends.

use std::process::Command;

use ota_agent::containers::NoArchives;

use super::device::{Device, HEALTHY, UNHEALTHY, compose};

/// The exit status, and what was printed.
fn ended(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code(), printed)
}

#[test]
fn the_command_ends_with_0_if_it_switched_3_if_there_was_nothing_to_do_and_1_if_the_old_runs_again() {
    let mut device = Device::new();
    let [v1, v2] = ["1", "2"].map(|version| device.dockerd.publish(version));
    let write = |name: &str, text: &str| {
        let path = device.dockerd.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (first, second) = (compose(&v1.image, HEALTHY), compose(&v2.image, HEALTHY));
    let [v1_file, v2_file] = [write("1.yml", &first), write("2.yml", &second)];
    let bad = write("bad.yml", &compose(&v2.image, UNHEALTHY));
    let hex = v2.digest().trim_start_matches("sha256:").to_owned();
    std::fs::copy(&v2.archive, device.dockerd.path().join(format!("{hex}.tar"))).unwrap();
    std::fs::write(device.dockerd.path().join(format!("{hex}.json")), device.dockerd.blob(v2.digest()))
        .unwrap();

    let (code, printed) = ended(device.agent("deploy").arg(&v1_file));
    let steps: Vec<&str> = printed.lines().map(str::trim).collect();
    assert_eq!((code, steps.len()), (Some(0), 15), "{printed}");
    assert_eq!(steps[9], "10/15      start container torizon-db-1");
    assert_eq!(steps[14], "15/15      confirm");
    assert_eq!(ended(device.agent("deploy").arg(&v1_file)), (Some(3), String::new()));
    assert_eq!(ended(&mut device.agent("start")), (Some(0), String::new()));
    assert_eq!(ended(&mut device.agent("rollback")), (Some(3), String::new()));
    device.runs_whole("1", &first);

    // Offline from here on.
    device.dockerd.stop_registry();
    let (code, printed) = ended(device.agent("deploy").arg(&bad).arg("--images").arg(device.dockerd.path()));
    assert_eq!(code, Some(1));
    assert!(printed.contains("14 failed  container torizon-db-1 is unhealthy\n"), "{printed}");
    let last = "ota-agent: error: the switch failed; what ran before runs again\n";
    assert!(printed.ends_with(last), "{printed}");
    device.runs_whole("1", &first);

    let switch = device.prepare(&NoArchives, &second, true);
    let of = switch.plan().steps.len();
    drop(switch);
    let (code, printed) = ended(&mut device.agent("status"));
    let id = device.dockerd.docker(&["inspect", "-f", "{{.Image}}", "torizon-db-1"]);
    let lines = [
        format!("torizon-db-1 running healthy {id}"),
        format!("torizon-web-1 running none {id}"),
        format!("switch: 0 of {of} steps done"),
    ];
    assert_eq!(
        (code, printed.lines().collect::<Vec<_>>()),
        (Some(0), lines.iter().map(|it| &**it).collect())
    );
    let (code, printed) = ended(device.agent("deploy").arg(&v2_file));
    assert_eq!((code, &*printed), (Some(1), "ota-agent: error: another switch is not finished\n"));
    assert_eq!(ended(&mut device.agent("rollback")).0, Some(0));
    device.runs_whole("1", &first);

    let (code, printed) =
        ended(device.agent("deploy").arg(&v2_file).arg("--images").arg(device.dockerd.path()));
    assert_eq!(code, Some(0), "{printed}");
    device.runs_whole("2", &second);
}
