//! `ostree admin pin` and `undeploy`: the same files, and the same deployments stay.

use std::fs;

use ostree_objects::sysroot::{DeployOptions, Deployment, Sysroot};
use ostree_objects::{Checksum, RepoMode};
use testkit::tools::run;

use crate::repository::tempfile;
use crate::sysroot::{
    allow_removal, assert_same, boot_loader_spec, commits, deploy_by_ostree, init_by_ostree, list, pull,
    status, take_new,
};

const ARGUMENTS: &str = "root=LABEL=otaroot quiet";

/// Deploys as `ostree admin deploy --no-prune` does on a machine that has not booted any of it.
fn deploy(sysroot: &Sysroot, archive: &std::path::Path, commit: Checksum) {
    pull(archive, sysroot.repo(), commit);
    let before = sysroot.deployments().unwrap();
    let (merge, hex) = (before.first(), commit.to_hex());
    let options =
        DeployOptions { stateroot: "demo", commit, refspec: hex.as_str(), arguments: ARGUMENTS, merge };
    let new = sysroot.prepare(&options, take_new).unwrap();
    let order = sysroot.order_with(&new, None, merge).unwrap();
    switch(sysroot, &order);
}

fn switch(sysroot: &Sysroot, order: &[Deployment]) {
    sysroot.write_order(order, boot_loader_spec).unwrap().switch().unwrap();
    sysroot.cleanup(None).unwrap();
}

#[test]
fn what_is_pinned_stays_until_it_is_undeployed() {
    let directory = tempfile();
    let (archive, commits) = commits(&directory);
    let (ours, theirs) = (directory.join("ours"), directory.join("theirs"));
    init_by_ostree(&theirs);
    let sysroot = Sysroot::init(&ours, RepoMode::BareUser).unwrap();
    sysroot.os_init("demo").unwrap();
    let path = format!("--sysroot={}", theirs.display());
    let same = || {
        assert_same(&list(&ours), &list(&theirs));
        assert_eq!(status(&ours), status(&theirs));
    };
    let both = |commit: &Checksum| {
        deploy_by_ostree(&theirs, &archive, commit);
        deploy(&sysroot, &archive, *commit);
        same();
    };
    both(&commits[0]);
    run("ostree", ["admin", "pin", &path, "0"]);
    let first = sysroot.deployments().unwrap().remove(0);
    assert!(!sysroot.is_pinned(&first).unwrap());
    sysroot.set_pinned(&first, true).unwrap();
    assert!(sysroot.is_pinned(&first).unwrap());
    same();
    both(&commits[1]);
    both(&commits[2]);
    // Behind the new one the one before, and the pinned one.
    assert_eq!(sysroot.deployments().unwrap().len(), 3);
    both(&commits[1]);
    assert_eq!(sysroot.deployments().unwrap().len(), 3);

    run("ostree", ["admin", "pin", "--unpin", &path, "2"]);
    sysroot.set_pinned(&first, false).unwrap();
    assert!(!sysroot.is_pinned(&first).unwrap());
    same();
    allow_removal(&theirs);
    run("ostree", ["admin", "undeploy", &path, "1"]);
    let second = sysroot.deployments().unwrap().remove(1);
    switch(&sysroot, &sysroot.order_without(&second, None).unwrap().unwrap());
    let theirs_now = Sysroot::open(&theirs).unwrap().deployments().unwrap();
    assert_eq!(sysroot.deployments().unwrap(), theirs_now);
    same();
    assert_eq!(sysroot.order_without(&second, None).unwrap(), None, "it is gone");
    assert_eq!(sysroot.order_without(&first, Some(&first)).unwrap(), None, "it runs");
    allow_removal(&theirs);
    fs::remove_dir_all(&directory).unwrap();
}
