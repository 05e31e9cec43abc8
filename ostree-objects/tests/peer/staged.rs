//! `ostree admin deploy --stage` and `finalize-staged`: each tool stages for the other, and both leave the same sysroot.
//!
//! The tool stages on a booted system only: it runs in a mount namespace in which the first deployment is `/`.

use std::fs;
use std::path::{Path, PathBuf};

use ostree_objects::Checksum;
use ostree_objects::sysroot::{
    DeployOptions, EtcDirectories, Finalized, PrepareError, Staged, StagedError, Sysroot, SysrootError,
};
use testkit::tools;

use crate::repository::tempfile;
use crate::sysroot::{
    allow_removal, assert_same, boot_loader_spec, commits, deploy_by_ostree, init_by_ostree, list, pull,
    take_new,
};

const ARGUMENTS: &str = "root=LABEL=otaroot quiet";

/// Makes a deployment `/`, with what an initial RAM disk and systemd mount into it, and runs a script there: of the
/// arguments the sysroot, the deployment, /run and the script.
const BOOT: &str = r#"set -eu
mount --make-rprivate /
mount --bind "$2" "$2"
mount --bind "$1" "$2/sysroot"
mount --bind "$1/boot" "$2/boot"
mount --bind "$1/ostree/deploy/demo/var" "$2/var"
mount --bind "$3" "$2/run"
mount --bind /usr "$2/usr"
mount --rbind /dev "$2/dev"
mount -t proc proc "$2/proc"
exec chroot "$2" /bin/sh -euc "$4""#;

/// A machine that runs its first deployment.
struct Machine {
    sysroot: PathBuf,
    run: PathBuf,
    first: Checksum,
}

impl Machine {
    /// With three releases in its repository, of which it runs the first one.
    fn new(directory: &Path, name: &str, archive: &Path, commits: &[Checksum]) -> Self {
        let (sysroot, run) = (directory.join(name), directory.join(format!("{name}-run")));
        init_by_ostree(&sysroot);
        deploy_by_ostree(&sysroot, archive, &commits[0]);
        for commit in commits {
            pull(archive, Sysroot::open(&sysroot).unwrap().repo(), *commit);
        }
        fs::create_dir(&run).unwrap();
        fs::write(run.join("ostree-booted"), "").unwrap();
        Self { sysroot, run, first: commits[0] }
    }

    fn state(&self) -> PathBuf {
        self.run.join("ostree")
    }

    fn root(&self) -> PathBuf {
        self.sysroot.join(format!("ostree/deploy/demo/deploy/{}.0", self.first))
    }

    /// What a script prints in the running system.
    fn inside(&self, script: &str) -> String {
        let mut command = tools::tool("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", BOOT, "sh"]);
        command.args([&self.sysroot, &self.root(), &self.run]).arg(script);
        String::from_utf8(tools::success(&mut command)).unwrap()
    }

    fn stage_by_ostree(&self, commit: &Checksum) {
        let kernel = "--karg-none --karg=root=LABEL=otaroot --karg=quiet";
        self.inside(&format!("ostree admin deploy --os=demo --stage {kernel} {commit} >/dev/null"));
    }

    fn finalize_by_ostree(&self) {
        self.inside("ostree admin finalize-staged");
    }

    fn ours(&self) -> Sysroot {
        Sysroot::open(&self.sysroot).unwrap()
    }

    fn stage(&self, commit: Checksum, locked: bool) -> Staged {
        let sysroot = self.ours();
        let (running, hex) = (sysroot.deployment_at(&self.root()).unwrap(), commit.to_hex());
        let options = DeployOptions {
            stateroot: "demo",
            commit,
            refspec: hex.as_str(),
            arguments: ARGUMENTS,
            merge: running.as_ref(),
        };
        sysroot.stage(&self.state(), &options, locked, take_new).unwrap()
    }

    fn finalize(&self) -> Finalized {
        let sysroot = self.ours();
        let booted = sysroot.deployment_at(&self.root()).unwrap();
        let finalized = sysroot.finalize(&self.state(), merge).unwrap();
        if let Finalized::Ready(staged) = &finalized {
            let order =
                sysroot.order_with(&staged.deployment, booted.as_ref(), staged.merge.as_ref()).unwrap();
            sysroot.write_order(&order, boot_loader_spec).unwrap().switch().unwrap();
            sysroot.cleanup(booted.as_ref()).unwrap();
        }
        finalized
    }

    fn record(&self) -> Vec<u8> {
        fs::read(self.state().join("staged-deployment")).unwrap()
    }

    /// All that is on its disk, and the names in /run.
    fn list(&self) -> Vec<String> {
        let mut lines = list(&self.sysroot);
        lines.extend(
            testkit::files::walk(&self.run).into_iter().map(|found| found.path.display().to_string()),
        );
        lines
    }
}

/// The merge of a device on which one file was added.
fn merge(etc: &EtcDirectories) -> Result<(), String> {
    take_new(etc)?;
    if let Some((_, local)) = &etc.previous {
        fs::copy(local.join("local"), etc.out.join("local")).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Machines that are the same, and the commits of their releases.
fn machines<const N: usize>() -> (PathBuf, [Machine; N], Vec<Checksum>) {
    let directory = tempfile();
    let (archive, commits) = commits(&directory);
    let machines = core::array::from_fn(|number| {
        Machine::new(&directory, &format!("machine{number}"), &archive, &commits)
    });
    (directory, machines, commits)
}

fn remove(directory: &Path, machines: &[Machine]) {
    machines.iter().for_each(|machine| allow_removal(&machine.sysroot));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn each_tool_finalizes_what_either_has_staged() {
    let (directory, machines, commits) = machines::<4>();
    let [both_theirs, we_stage, we_finalize, both_ours] = &machines;
    for machine in [both_theirs, we_finalize] {
        machine.stage_by_ostree(&commits[1]);
    }
    for machine in [we_stage, both_ours] {
        let staged = machine.stage(commits[1], false);
        assert_eq!(machine.ours().staged(&machine.state()).unwrap(), Some(staged));
    }
    for machine in [we_stage, we_finalize, both_ours] {
        assert_eq!(machine.record(), both_theirs.record());
        assert_same(&machine.list(), &both_theirs.list());
        assert_eq!(machine.inside("ostree admin status"), both_theirs.inside("ostree admin status"));
    }
    let told = both_theirs.inside("ostree admin status");
    assert!(told.starts_with(&format!("  demo {}.0 (staged)\n", commits[1])), "{told}");
    // Changed after it was staged: it is merged when the system shuts down.
    for machine in &machines {
        fs::write(machine.root().join("etc/local"), "local\n").unwrap();
    }
    both_theirs.finalize_by_ostree();
    we_stage.finalize_by_ostree();
    for machine in [we_finalize, both_ours] {
        assert!(matches!(machine.finalize(), Finalized::Ready(_)));
    }
    for machine in [we_stage, we_finalize, both_ours] {
        assert_same(&machine.list(), &both_theirs.list());
        assert_eq!(machine.inside("ostree admin status"), both_theirs.inside("ostree admin status"));
        assert_eq!(machine.ours().deployments().unwrap()[0].commit, commits[1]);
    }
    remove(&directory, &machines);
}

#[test]
fn what_is_locked_waits_for_the_next_shutdown_whoever_asks() {
    let (directory, machines, commits) = machines::<1>();
    let [machine] = &machines;
    let state = machine.state();
    let staged = machine.stage(commits[1], true);
    fs::write(machine.root().join("etc/local"), "local\n").unwrap();
    machine.finalize_by_ostree();
    assert_eq!(machine.finalize(), Finalized::Locked(staged.clone()));
    assert_eq!(machine.ours().deployments().unwrap().len(), 1);

    // The lock of libostree before 2023.8, which is a file alone.
    let sysroot = machine.ours();
    assert!(sysroot.set_locked(&state, false).unwrap());
    let unlocked = Staged { locked: false, ..staged.clone() };
    assert_eq!(sysroot.staged(&state).unwrap(), Some(unlocked));
    fs::write(state.join("staged-deployment-locked"), "").unwrap();
    machine.finalize_by_ostree();
    assert_eq!(machine.finalize(), Finalized::Locked(staged.clone()));

    assert!(sysroot.set_locked(&state, true).unwrap());
    assert_eq!(sysroot.staged(&state).unwrap(), Some(staged));
    assert!(sysroot.set_locked(&state, false).unwrap());
    machine.finalize_by_ostree();
    assert_eq!(machine.ours().deployments().unwrap()[0].commit, commits[1]);
    assert_eq!(machine.finalize(), Finalized::Nothing);
    assert!(!sysroot.set_locked(&state, true).unwrap());
    remove(&directory, &machines);
}

#[test]
fn what_is_staged_next_takes_the_place_of_what_was_staged() {
    let (directory, machines, commits) = machines::<2>();
    let [ours, theirs] = &machines;
    ours.stage(commits[1], true);
    theirs.stage_by_ostree(&commits[1]);
    let staged = ours.stage(commits[2], false);
    theirs.stage_by_ostree(&commits[2]);
    assert_eq!(ours.record(), theirs.record());
    assert_same(&ours.list(), &theirs.list());
    // It stays when the rest is cleaned up, and goes when it is given up.
    let sysroot = ours.ours();
    let booted = sysroot.deployment_at(&ours.root()).unwrap();
    sysroot.cleanup_beside(booted.as_ref(), Some(&staged.deployment)).unwrap();
    theirs.inside("ostree admin cleanup");
    assert_same(&ours.list(), &theirs.list());
    assert!(sysroot.unstage(&ours.state()).unwrap());
    assert!(!sysroot.unstage(&ours.state()).unwrap());
    theirs.inside("ostree admin undeploy 0");
    // The tool never removes the last ref of an order that has become shorter.
    let mut left = theirs.list();
    left.retain(|line| !line.starts_with("ostree/repo/refs/heads/ostree/1/1/1 "));
    assert_same(&ours.list(), &left);
    assert!(!sysroot.path_of(&staged.deployment).exists());
    remove(&directory, &machines);
}

#[test]
fn what_cannot_be_finalized_stays_staged() {
    let (directory, machines, commits) = machines::<1>();
    let [machine] = &machines;
    let (sysroot, state) = (machine.ours(), machine.state());
    let refused = || match sysroot.finalize(&state, merge).unwrap_err() {
        PrepareError::Sysroot(SysrootError::Staged(error)) => error,
        other => panic!("{other}"),
    };
    // With more for the initial RAM disk, which is not read here.
    fs::write(machine.run.join("more"), "more").unwrap();
    machine.inside(&format!(
        "ostree admin deploy --os=demo --stage --overlay-initrd=/run/more {} >/dev/null",
        commits[1]
    ));
    assert_eq!(refused(), StagedError::Key { index: 2 });
    let record = machine.record();
    // Another one takes its place; its directory is left to the next cleanup, as nobody says which it is.
    let staged = machine.stage(commits[2], false);
    assert_eq!(sysroot.staged(&state).unwrap().as_ref(), Some(&staged));
    fs::write(state.join("staged-deployment"), &record[..record.len() - 1]).unwrap();
    assert!(matches!(refused(), StagedError::Malformed(_)));
    let again = machine.stage(commits[2], false);
    assert_eq!(again.deployment.serial, 1);
    fs::remove_dir_all(sysroot.path_of(&again.deployment)).unwrap();
    assert_eq!(refused(), StagedError::Gone);
    assert!(state.join("staged-deployment").exists());
    remove(&directory, &machines);
}
