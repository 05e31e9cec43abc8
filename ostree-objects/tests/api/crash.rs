//! A loss of power at every moment of a deployment, with every loss of unsynced changes that a file system may
//! make: the device boots the old order or the new one, and each system in it is whole.

mod device;
mod disk;

use std::collections::BTreeSet;

use device::Device;
use disk::{Recorder, Tree};
use ostree_objects::sysroot::Finalized;

/// What the device boots after each cut: one order, the default first.
fn orders(device: &Device, before: &Tree, recorder: &Recorder) -> BTreeSet<Vec<String>> {
    let systems = device.systems();
    let mut orders = BTreeSet::new();
    let mut cuts = 0;
    recorder.each_cut(before, |tree| {
        cuts += 1;
        orders.insert(tree.boots(&systems));
    });
    assert!(cuts > 100, "{cuts} cuts");
    orders
}

/// Does something on a device whose every change is written down.
fn cut(device: &mut Device, act: impl FnOnce(&Device)) -> BTreeSet<Vec<String>> {
    let before = Tree::read(device.root());
    let recorder = device.record();
    act(device);
    recorder.finish(device.root());
    let orders = orders(device, &before, &recorder);
    assert_eq!(
        recorder.replay(&before),
        Tree::read(device.root()),
        "everything that was changed is written down"
    );
    orders
}

fn expected(before: &[&str], after: &[&str]) -> BTreeSet<Vec<String>> {
    [before, after].map(|order| order.iter().map(ToString::to_string).collect()).into()
}

#[test]
fn a_deployment_boots_the_old_order_or_the_new_one() {
    let mut device = Device::new();
    device.deploy(1);
    // A new kernel, the same kernel, and a third system for whose sake the first one goes.
    for (release, before, after) in [
        (2, ["1"].as_slice(), ["2", "1"].as_slice()),
        (3, &["2", "1"], &["3", "2"]),
        (1, &["3", "2"], &["1", "3"]),
    ] {
        assert_eq!(cut(&mut device, |device| device.deploy(release)), expected(before, after));
    }
}

#[test]
fn going_back_boots_the_old_order_or_the_new_one() {
    let mut device = Device::new();
    device.deploy(1);
    device.deploy(2);
    assert_eq!(cut(&mut device, Device::swap), expected(&["2", "1"], &["1", "2"]));
}

#[test]
fn only_the_removal_of_what_no_order_needs_is_left_when_the_order_has_changed() {
    let mut device = Device::new();
    device.deploy(1);
    device.deploy(2);
    assert_eq!(cut(&mut device, Device::clean_up), expected(&["2", "1"], &["2", "1"]));
}

#[test]
fn a_deployment_after_a_cut_trusts_nothing_that_the_cut_left() {
    let mut device = Device::new();
    device.deploy(1);
    let before = Tree::read(device.root());
    let recorder = device.record();
    device.deploy(2);
    recorder.finish(device.root());
    let systems = device.systems();
    let mut seen = BTreeSet::new();
    recorder.each_cut(&before, |tree| {
        // What else differs is in directories that are removed first.
        if tree.boots(&systems) == ["1"] && seen.insert(format!("{:?}", tree.below("boot/ostree"))) {
            let again = Device::new();
            tree.write(&again.root());
            again.deploy(2);
            assert_eq!(Tree::read(again.root()).boots(&systems), ["2", "1"]);
        }
    });
    assert!(seen.len() >= 9, "{} states", seen.len());
}

#[test]
fn a_staged_deployment_boots_after_the_shutdown_that_finalized_it_and_not_before() {
    let mut device = Device::new();
    device.deploy(1);
    for (release, before, after) in
        [(2, ["1"].as_slice(), ["2", "1"].as_slice()), (3, &["2", "1"], &["3", "2"])]
    {
        let staging = cut(&mut device, |device| drop(device.stage(release)));
        assert_eq!(staging, expected(before, before));
        let shutdown = cut(&mut device, |device| assert!(matches!(device.finalize(), Finalized::Ready(_))));
        assert_eq!(shutdown, expected(before, after));
        assert_eq!(device.finalize(), Finalized::Nothing);
    }
}

#[test]
fn a_loss_of_power_takes_the_record_and_nothing_is_left_of_the_staged_deployment() {
    let mut device = Device::new();
    device.deploy(1);
    let before = Tree::read(device.root());
    let recorder = device.record();
    device.stage(2);
    recorder.finish(device.root());
    let systems = device.systems();
    let mut seen = BTreeSet::new();
    recorder.each_cut(&before, |tree| {
        if seen.insert(format!("{:?}", tree.below("ostree/deploy/demo/deploy"))) {
            let again = Device::new();
            tree.write(&again.root());
            assert_eq!(again.finalize(), Finalized::Nothing);
            again.clean_up();
            let tree = Tree::read(again.root());
            assert_eq!((tree.boots(&systems), tree.deployments().len()), (vec!["1".to_owned()], 1));
            again.stage(2);
            assert!(matches!(again.finalize(), Finalized::Ready(_)));
            assert_eq!(Tree::read(again.root()).boots(&systems), ["2", "1"]);
        }
    });
    assert!(seen.len() >= 5, "{} states", seen.len());
}

#[test]
fn staging_that_was_killed_at_any_change_is_finalized_as_a_whole_or_not_at_all() {
    for stop in 0.. {
        let mut device = Device::new();
        device.deploy(1);
        let is_done = device.try_stage_and_finalize(2, stop);
        // The machine still runs: so does the shutdown.
        let finalized = device.finalize();
        let systems = device.systems();
        let found = Tree::read(device.root()).boots(&systems);
        let after = ["2".to_owned(), "1".to_owned()];
        let is_finalized = matches!(finalized, Finalized::Ready(_));
        assert!(found == after || (found == ["1"] && !is_finalized), "{stop}: {found:?}");
        device.clean_up();
        let tree = Tree::read(device.root());
        assert_eq!((tree.boots(&systems), tree.deployments().len()), (found.clone(), found.len()), "{stop}");
        if found != after {
            device.stage(2);
            assert!(matches!(device.finalize(), Finalized::Ready(_)));
            assert_eq!(Tree::read(device.root()).boots(&systems), after, "{stop}");
        }
        if is_done {
            assert!(stop > 45, "{stop} changes");
            break;
        }
    }
}

#[test]
fn what_was_interrupted_at_any_change_is_done_the_next_time() {
    for stop in 0.. {
        let mut device = Device::new();
        device.deploy(1);
        let is_done = device.try_deploy(2, stop);
        let after = ["2".to_owned(), "1".to_owned()];
        let found = Tree::read(device.root()).boots(&device.systems());
        assert!(found == after || found == ["1"], "{stop}: {found:?}");
        if found != after {
            device.deploy(2);
        } else {
            device.clean_up();
        }
        let tree = Tree::read(device.root());
        assert_eq!(tree.boots(&device.systems()), after, "{stop}");
        assert_eq!(tree.deployments().len(), 2, "{stop}: nothing is left over");
        if is_done {
            assert!(stop > 40, "{stop} changes");
            break;
        }
    }
}
