//! The device: what is stored, what runs, and what may go wrong.

use bsp_imx95::boot_entry::{BootEntry, uenv_txt};
use bsp_imx95::boot_script::{ALTBOOTCMD, Entry, power_on};
use bsp_imx95::env::{Change, Variables};
use bsp_imx95::slot::client::Journal;
use bsp_imx95::slot::{BOOTCOUNT, BOOTLIMIT, State, UPGRADE_AVAILABLE};

/// How the environment is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// A torn write leaves the old state.
    Redundant,
    /// A torn write leaves nothing.
    Single,
}

/// What a system is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fate {
    Healthy,
    /// The client runs, and finds it unhealthy.
    Sick,
    /// The watchdog resets it before the client runs.
    Hangs,
}

/// What must never be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Violation {
    /// No system boots.
    Unbootable,
    /// A system older than one that was confirmed boots.
    GoodRolledBack,
    /// A system is confirmed that was not found healthy.
    UnprovenConfirmed,
    /// A system that was not found healthy boots without being on trial.
    Uncounted,
    /// A new system is given up that was never booted.
    Skipped,
    /// With no more accidents, the device does not come to rest on a healthy system.
    Endless,
}

/// A durable change, or a reboot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Op {
    Environment(&'static [Change<'static>]),
    /// Only the running system in the boot order.
    Reduce,
    /// The new system first, then what runs, then what else is kept.
    Switch {
        keep: usize,
    },
    Journal(Journal),
    Reboot,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Power {
    Off,
    On { running: usize, plan: Vec<Op> },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct World {
    /// `None`: no copy is whole.
    pub(crate) environment: Option<Variables>,
    /// Systems by number, the first to boot first.
    pub(crate) order: Vec<usize>,
    pub(crate) journal: Journal,
    /// Whether the device was rebooted since the journal was written.
    pub(crate) rebooted: bool,
    pub(crate) power: Power,
    /// Fates of the systems that exist; the last one is the newest.
    pub(crate) fates: Vec<Fate>,
    /// Systems that the client found healthy.
    pub(crate) proven: Vec<usize>,
    /// The newest system that was confirmed.
    pub(crate) good: usize,
    /// Whether a boot of the newest system was counted, or made.
    pub(crate) was_tried: bool,
}

/// Updates that come, one after the other.
pub(crate) const UPDATES: usize = 2;

impl World {
    pub(crate) fn new() -> Self {
        let mut environment = compiled_in();
        environment.set("altbootcmd", Some(ALTBOOTCMD)).unwrap();
        environment.set("env_initialized", Some("1")).unwrap();
        Self {
            environment: Some(environment),
            order: vec![0],
            journal: Journal::Idle,
            rebooted: true,
            power: Power::Off,
            fates: vec![Fate::Healthy],
            proven: vec![0],
            good: 0,
            was_tried: false,
        }
    }

    pub(crate) fn newest(&self) -> usize {
        self.fates.len() - 1
    }

    pub(crate) fn state(&self) -> State {
        self.environment.as_ref().map_or(State::Idle, State::of)
    }

    pub(crate) fn off(mut self) -> Self {
        self.power = Power::Off;
        self
    }

    /// What a power-on may lead to: each save of the boot loader may be the last thing that happens.
    pub(crate) fn powered_on(&self, layout: Layout) -> Result<Vec<(String, Self)>, Violation> {
        let store = self.environment.clone().unwrap_or_else(compiled_in);
        let boot = power_on(&store, &self.uenv()).map_err(|_| Violation::Unbootable)?;
        let mut futures = Vec::new();
        let mut world = self.clone();
        let is_counted = store.number(UPGRADE_AVAILABLE).unwrap_or(0) != 0;
        let is_newest_first = self.order[0] == self.newest();
        let mut stored = store.clone();
        for save in &boot.saves {
            if layout == Layout::Single {
                let lost = Self { environment: None, ..world.clone() };
                futures.push(("a save of the boot loader is torn".into(), lost));
            }
            let changes: Vec<_> =
                save.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
            stored.apply(&changes).unwrap();
            // Beyond the limit all counts are alike: cuts between the two saves of a rollback count on for ever.
            if stored.number(BOOTCOUNT).is_some_and(|count| count > LIMIT) {
                stored.set(BOOTCOUNT, Some(&(LIMIT + 1).to_string())).unwrap();
            }
            world.environment = Some(stored.clone());
            world.was_tried |= is_counted && is_newest_first && boot.entry == Entry::First;
            futures.push(("a cut after a save of the boot loader".into(), world.clone()));
        }
        let position = usize::from(boot.entry == Entry::Second);
        let running = *self.order.get(position).ok_or(Violation::Unbootable)?;
        if running < self.good {
            return Err(Violation::GoodRolledBack);
        }
        if is_newest_first && running != self.newest() && !self.was_tried {
            return Err(Violation::Skipped);
        }
        if !is_counted && !self.proven.contains(&running) {
            futures.push((UNCOUNTED.into(), self.clone()));
        }
        world.rebooted = true;
        world.was_tried |= running == world.newest();
        if world.fates[running] == Fate::Hangs {
            futures.push((format!("system {running} Hangs, the watchdog resets"), world));
        } else {
            world.power = Power::On { running, plan: Vec::new() };
            futures.push((format!("system {running} boots"), world));
        }
        Ok(futures)
    }

    fn uenv(&self) -> String {
        let entry = |system: &usize| BootEntry { linux: format!("/system{system}"), ..BootEntry::default() };
        uenv_txt(&self.order.iter().map(entry).collect::<Vec<_>>(), "")
    }

    /// Carries the next operation of the plan out.
    pub(crate) fn carry_out(mut self) -> Result<Self, Violation> {
        let Power::On { running, plan } = &mut self.power else {
            unreachable!("only a running client has a plan")
        };
        let running = *running;
        match plan.remove(0) {
            Op::Environment(changes) => {
                let environment = self.environment.as_mut().expect("the boot loader saved it");
                environment.apply(changes).unwrap();
                if State::of(environment) == State::Confirmed && self.order[0] == running {
                    if !self.proven.contains(&running) {
                        return Err(Violation::UnprovenConfirmed);
                    }
                    self.good = running;
                }
            }
            Op::Reduce => {
                self.order = vec![running];
            }
            Op::Switch { keep } => {
                let newest = self.newest();
                let kept = std::mem::take(&mut self.order).into_iter().filter(|system| *system != newest);
                let others = kept.filter(|system| *system != running).take(keep);
                self.order = [newest, running].into_iter().chain(others.collect::<Vec<_>>()).collect();
            }
            Op::Journal(journal) => {
                if journal == Journal::Confirmed && !self.proven.contains(&running) {
                    return Err(Violation::UnprovenConfirmed);
                }
                (self.journal, self.rebooted) = (journal, false);
            }
            Op::Reboot => self.power = Power::Off,
        }
        Ok(self)
    }
}

/// How an event is called that is a violation in itself.
pub(crate) const UNCOUNTED: &str = "boots uncounted";

/// Boots in a trial.
const LIMIT: u32 = 3;

/// What U-Boot uses when no copy is whole.
fn compiled_in() -> Variables {
    let mut variables = Variables::new();
    variables.set(BOOTLIMIT, Some(&LIMIT.to_string())).unwrap();
    variables
}
