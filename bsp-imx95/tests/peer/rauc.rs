//! RAUC itself, with its U-Boot back end on an environment in a file: what it stores is what we store.

use crate::fw_env::Store;
use bsp_imx95::env::{Env, Layout, Variables};
use bsp_imx95::slot::{BootControl, Rauc, Slot, Transition};
use std::fs;

/// Each step as RAUC is told to make it, and as we make it.
const STEPS: [(&str, Transition); 7] = [
    ("mark-good", Transition::Confirm),
    ("mark-active other", Transition::Stage),
    ("mark-bad other", Transition::GiveUp),
    ("mark-good", Transition::Confirm),
    ("mark-active other", Transition::Stage),
    ("mark-active other", Transition::Stage),
    ("mark-bad other", Transition::GiveUp),
];

/// Runs RAUC's service on a bus of its own, and each step; keeps the environment after each as `step-N`.
const SCRIPT: &str = r#"
set -eu
export DBUS_STARTER_BUS_TYPE=session
PATH=$PWD/bin:$PATH
rauc --conf=system.conf --override-boot-slot="$1" service >service.log 2>&1 &
service=$!
trap 'kill $service' EXIT
for try in $(seq 100); do rauc status >/dev/null 2>&1 && break; sleep 0.1; done
shift
number=0
for step; do
    rauc status $step
    cp image step-$number
    number=$((number + 1))
done
"#;

const CONFIGURATION: &str = "\
[system]
compatible=test
bootloader=uboot
[keyring]
path=/dev/null
[slot.rootfs.0]
device=DIRECTORY/a
type=raw
bootname=A
[slot.rootfs.1]
device=DIRECTORY/b
type=raw
bootname=B
";

/// What RAUC has stored after each step, booted from `slot`.
fn raucs(store: &Store, slot: &str) -> Vec<Variables> {
    let directory = store.directory.path();
    for tool in ["fw_printenv", "fw_setenv"] {
        let bin = directory.join("bin");
        fs::create_dir_all(&bin).unwrap();
        let real = testkit::tools::tool(tool);
        let path = real.get_program().to_str().unwrap();
        let script =
            format!("#!/bin/sh\nPATH=${{PATH#*:}} exec {path} -c {} \"$@\"\n", store.config().display());
        fs::write(bin.join(tool), script).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(bin.join(tool), executable).unwrap();
    }
    for device in ["a", "b"] {
        fs::write(directory.join(device), "").unwrap();
    }
    let configuration = CONFIGURATION.replace("DIRECTORY", directory.to_str().unwrap());
    fs::write(directory.join("system.conf"), configuration).unwrap();
    let mut command = testkit::tools::tool("dbus-run-session");
    assert!(testkit::tools::is_installed("rauc"), "apt-get install rauc");
    command.current_dir(directory);
    command.args(["--", "bash", "-c", SCRIPT, "rauc", slot]).args(STEPS.map(|(step, _)| step));
    testkit::tools::success(&mut command);
    let read = |number: usize| fs::read(directory.join(format!("step-{number}"))).unwrap();
    (0..STEPS.len()).map(|number| Variables::from_bytes(Layout::Single, &[&read(number)]).unwrap()).collect()
}

#[test]
fn stores_what_rauc_stores_in_one_write_instead_of_two() {
    for (name, running) in [("A", Slot::First), ("B", Slot::Second)] {
        let store = Store::new(Layout::Single);
        let order = if running == Slot::First { "A B R" } else { "B A" };
        store.apply(&[("BOOT_ORDER", Some(order)), ("BOOT_A_LEFT", Some("2")), ("BOOT_B_LEFT", Some("1"))]);
        let mut ours = store.variables();
        for ((step, transition), theirs) in STEPS.iter().zip(raucs(&store, name)) {
            let image = ours.encode(Layout::Single, 0x400).unwrap();
            let env = Env::parse(&image[4..]).unwrap();
            let mut slots = Rauc::read(&env, ["A", "B"], running).unwrap();
            let before = slots.state();
            slots.apply(*transition).unwrap();
            ours.apply(&slots.changes().list()).unwrap();
            assert_eq!(ours, theirs, "{step}, booted from {name}");
            assert_eq!(Ok(slots.state()), before.after(*transition));
        }
    }
}
