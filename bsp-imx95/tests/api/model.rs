//! Every interleaving of client steps, boots, watchdog resets and power cuts, explored until nothing new comes.
//!
//! The boot loader is [`bsp_imx95::boot_script`], the client's decisions are [`bsp_imx95::slot::client`], what is
//! stored are the changes of [`bsp_imx95::slot`]; only the hardware and the fates of systems are made up here.

mod client;
mod explore;
mod world;

use client::Client;
use explore::{Exploration, explore};
use std::collections::BTreeSet;
use world::{Layout, Violation};

/// The issue asks for 12 steps; what is reachable takes more, and all of it is explored.
const LEAST_DEPTH: usize = 12;

fn kinds(exploration: &Exploration) -> BTreeSet<Violation> {
    exploration.violations.iter().map(|(violation, _)| *violation).collect()
}

fn explored(client: Client, layout: Layout) -> Exploration {
    let exploration = explore(client, layout);
    println!(
        "{client:?}, {layout:?}: {} states, {} steps deep, {:?}",
        exploration.states,
        exploration.depth,
        kinds(&exploration)
    );
    assert!(exploration.depth >= LEAST_DEPTH && exploration.states > 1000);
    exploration
}

#[test]
fn with_two_copies_nothing_goes_wrong_whatever_happens_when() {
    let exploration = explored(Client::Ours, Layout::Redundant);
    assert_eq!(exploration.violations, []);
}

#[test]
fn with_a_single_copy_only_a_new_system_that_hangs_may_be_tried_without_end() {
    let exploration = explored(Client::Ours, Layout::Single);
    // The environment is lost while a system is on trial: it boots, but is not counted until the client runs.
    assert_eq!(kinds(&exploration), BTreeSet::from([Violation::Uncounted, Violation::Endless]));
    for (violation, trace) in &exploration.violations {
        assert!(trace.iter().any(|event| event.contains("torn")), "{violation:?}: {trace:#?}");
        if *violation == Violation::Endless {
            assert!(trace.iter().any(|event| event.contains("Hangs")), "{trace:#?}");
        }
    }
}

#[test]
fn finds_the_windows_of_three_writes() {
    let exploration = explored(Client::ThreeWrites, Layout::Redundant);
    let kinds = kinds(&exploration);
    // `upgrade_available=1` stored, `rollback=0` not: the new system is skipped, without a count.
    assert!(kinds.contains(&Violation::Skipped), "{kinds:?}");
    // Announced, and then not installed: four boots later a good system is rolled back.
    assert!(kinds.contains(&Violation::GoodRolledBack), "{kinds:?}");
    let (_, skipped) =
        exploration.violations.iter().find(|(violation, _)| *violation == Violation::Skipped).unwrap();
    println!("{skipped:#?}");
}

#[test]
fn finds_what_staging_before_the_order_is_reduced_would_break() {
    let exploration = explored(Client::KeepsOlder, Layout::Redundant);
    assert!(kinds(&exploration).contains(&Violation::GoodRolledBack));
}
