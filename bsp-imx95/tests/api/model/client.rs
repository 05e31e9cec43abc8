//! Clients: ours, and those that do what must not be done.

use super::world::{Fate, Op, Power, World};
use bsp_imx95::env::Change;
use bsp_imx95::slot::client::{Journal, Runs, Step, next};
use bsp_imx95::slot::{confirm, give_up, stage};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// One write a transition, in the documented order.
    Ours,
    /// As ours, but an older system stays in the boot order while the trial is announced.
    KeepsOlder,
    /// As aktualizr on Torizon: three writes before the installation, two after the boot, errors only logged.
    ThreeWrites,
}

const NOTIFY: [&[Change<'static>]; 3] =
    [&[("bootcount", Some("0"))], &[("upgrade_available", Some("1"))], &[("rollback", Some("0"))]];

const BOOT_OK: [&[Change<'static>]; 2] = [&[("bootcount", Some("0"))], &[("upgrade_available", Some("0"))]];

impl Client {
    /// What the client does next, from its journal, the environment and what runs.
    pub(crate) fn plan(self, world: &World) -> Vec<Op> {
        let Power::On { running, .. } = world.power else { return Vec::new() };
        if self == Self::ThreeWrites {
            return three_writes(world, running);
        }
        let runs = match (running == world.newest(), world.rebooted) {
            (true, _) => Runs::New,
            (false, true) => Runs::Old,
            (false, false) => Runs::Before,
        };
        let one = Op::Environment;
        match next(world.journal, runs, world.state()) {
            Step::Wait => Vec::new(),
            Step::Deploy if self == Self::KeepsOlder => {
                vec![one(stage()), Op::Switch { keep: 0 }, Op::Journal(Journal::Deployed), Op::Reboot]
            }
            Step::Deploy => vec![
                Op::Reduce,
                one(stage()),
                Op::Switch { keep: 0 },
                Op::Journal(Journal::Deployed),
                Op::Reboot,
            ],
            Step::Announce => vec![one(stage())],
            Step::Prove if world.fates[running] == Fate::Healthy => {
                vec![one(confirm()), Op::Journal(Journal::Confirmed)]
            }
            Step::Prove => vec![one(give_up()), Op::Journal(Journal::GivenUp), Op::Reboot],
            Step::Abandon => vec![Op::Journal(Journal::GivenUp), Op::Reboot],
            Step::Discard => vec![Op::Reduce, one(confirm()), Op::Journal(Journal::Idle)],
            Step::Settle => vec![one(confirm())],
            Step::Finish => vec![Op::Journal(Journal::Idle)],
        }
    }

    /// Whether the client goes on after an operation that failed.
    pub(crate) fn ignores_errors(self) -> bool {
        self == Self::ThreeWrites
    }
}

/// `uboot_masked` of aktualizr's `bootloader.cc`. It keeps the boot order as OSTree makes it.
fn three_writes(world: &World, running: usize) -> Vec<Op> {
    let writes =
        |list: &[&'static [Change<'static>]]| list.iter().map(|changes| Op::Environment(changes)).collect();
    match world.journal {
        Journal::Deploying => {
            let mut plan: Vec<Op> = writes(&NOTIFY);
            plan.extend([Op::Switch { keep: 0 }, Op::Journal(Journal::Deployed), Op::Reboot]);
            plan
        }
        Journal::Deployed if running == world.newest() && world.fates[running] == Fate::Healthy => {
            let mut plan: Vec<Op> = writes(&BOOT_OK);
            plan.push(Op::Journal(Journal::Confirmed));
            plan
        }
        // greenboot reboots until the count is over.
        Journal::Deployed if running == world.newest() => vec![Op::Reboot],
        Journal::Deployed if world.rebooted => vec![Op::Journal(Journal::Idle)],
        Journal::Confirmed | Journal::GivenUp => vec![Op::Journal(Journal::Idle)],
        Journal::Deployed | Journal::Idle => Vec::new(),
    }
}
