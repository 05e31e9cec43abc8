//! The update as a state machine over the journal: each state is durable before the next step starts, and each
//! step may be repeated, so that a restart goes on from wherever the last one was stopped.

pub mod journal;

use anyhow::Context;

use crate::device::Device;
use crate::report::{Event, Observer};
use journal::{Installed, Source, State, Update};

/// How far the update came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The repositories name nothing that is not installed already.
    NothingToDo,
    /// The new system boots next.
    RebootNeeded,
    /// The update is installed, confirmed and reported.
    Installed,
    /// The update was given up; the system from before runs.
    RolledBack {
        /// Why.
        reason: String,
    },
}

/// Takes the update from `source` as far as it goes without a reboot; one in progress is finished first.
///
/// # Errors
/// If a step fails. The journal then still names the last durable state, and the next call repeats the step.
pub fn run(device: &Device, source: &Source, observer: &mut dyn Observer) -> anyhow::Result<Outcome> {
    let mut state = device.records.state()?;
    loop {
        let next = match state {
            State::Idle => match device.check(source)? {
                Some(update) => State::Verified { update },
                None => return Ok(Outcome::NothingToDo),
            },
            started => match advance(device, started, observer)? {
                Next::State(next) => next,
                Next::Stop(outcome) => return Ok(outcome),
            },
        };
        enter(device, &next, observer)?;
        state = next;
    }
}

/// Finishes an update in progress as far as it goes without a reboot, and looks for no new one.
///
/// # Errors
/// As [`run`].
pub fn resume(device: &Device, observer: &mut dyn Observer) -> anyhow::Result<Outcome> {
    let mut state = device.records.state()?;
    if state == State::Idle {
        return Ok(Outcome::NothingToDo);
    }
    loop {
        match advance(device, state, observer)? {
            Next::Stop(outcome) => return Ok(outcome),
            Next::State(next) => {
                enter(device, &next, observer)?;
                state = next;
            }
        }
    }
}

enum Next {
    State(State),
    Stop(Outcome),
}

fn enter(device: &Device, state: &State, observer: &mut dyn Observer) -> anyhow::Result<()> {
    device.records.set_state(state)?;
    observer.event(Event::State { state: state.name(), detail: describe(state) });
    Ok(())
}

/// The step that follows `state`, which is durable.
fn advance(device: &Device, state: State, observer: &mut dyn Observer) -> anyhow::Result<Next> {
    Ok(match state {
        State::Idle => Next::Stop(Outcome::NothingToDo),
        State::Verified { update } => {
            device.fetch(&update, observer).context("fetching the update")?;
            Next::State(State::Fetched { update })
        }
        State::Fetched { update } => Next::State(deploy(device, update, observer)?),
        State::Deployed { update, boot_id } => match after_deployment(device, update, &boot_id)? {
            Some(next) => Next::State(next),
            None => Next::Stop(Outcome::RebootNeeded),
        },
        State::Trial { update } => Next::State(prove(device, update)?),
        State::Confirmed { update } => {
            finish(device, &update)?;
            device.send_manifest(Some((&update, Ok(()))))?;
            enter(device, &State::Idle, observer)?;
            Next::Stop(Outcome::Installed)
        }
        // Given up in the very boot that was on trial: the old system runs only after a reboot.
        State::RolledBack { update, .. } if runs(device, &update)? => Next::Stop(Outcome::RebootNeeded),
        State::RolledBack { update, reason } => {
            device.discard(&update)?;
            device.send_manifest(Some((&update, Err(&reason))))?;
            enter(device, &State::Idle, observer)?;
            Next::Stop(Outcome::RolledBack { reason })
        }
    })
}

/// Brings a fetched update into the boot order, unless that happened before the last stop already.
fn deploy(device: &Device, update: Update, observer: &mut dyn Observer) -> anyhow::Result<State> {
    let Some(system) = &update.system else {
        // An application alone needs no reboot; it proves itself where it is.
        return Ok(State::Trial { update });
    };
    if runs(device, &update)? {
        return Ok(State::Trial { update });
    }
    device.deploy(system, observer).context("deploying the update")?;
    let boot_id = device.boot_id()?;
    Ok(State::Deployed { update, boot_id })
}

/// What a reboot after the deployment led to; `None` if there was none yet.
fn after_deployment(device: &Device, update: Update, boot_id: &str) -> anyhow::Result<Option<State>> {
    if device.boot_id()? == boot_id {
        return Ok(None);
    }
    if runs(device, &update)? {
        return Ok(Some(State::Trial { update }));
    }
    let reason = device.boot_environment()?.why_not_booted()?;
    Ok(Some(State::RolledBack { update, reason }))
}

/// Asks the system on trial whether it is healthy. The boot environment learns of the answer first: a cut
/// after that write and before the journal's is settled by which system boots.
fn prove(device: &Device, update: Update) -> anyhow::Result<State> {
    if update.system.is_some() && !runs(device, &update)? {
        let reason = device.boot_environment()?.why_not_booted()?;
        return Ok(State::RolledBack { update, reason });
    }
    match device.health_check()? {
        Ok(()) => {
            if update.system.is_some() {
                device.boot_environment()?.confirm()?;
            }
            Ok(State::Confirmed { update })
        }
        Err(reason) => {
            if update.system.is_some() {
                device.boot_environment()?.give_up()?;
            }
            Ok(State::RolledBack { update, reason })
        }
    }
}

/// Whether the system that runs is the one of `update`.
fn runs(device: &Device, update: &Update) -> anyhow::Result<bool> {
    let booted = device.booted()?;
    Ok(update.system.as_ref().is_some_and(|image| booted.as_deref() == Some(&image.sha256)))
}

/// Records a confirmed update as what is installed.
fn finish(device: &Device, update: &Update) -> anyhow::Result<()> {
    let Installed { system, application } = device.records.installed()?;
    if let Some(image) = &update.application {
        device.application().commit(image)?;
    }
    device.records.set_installed(&Installed {
        system: update.system.clone().or(system),
        application: update.application.clone().or(application),
    })
}

fn describe(state: &State) -> String {
    let Some(update) = state.update() else { return String::new() };
    let names: Vec<_> = [&update.system, &update.application].into_iter().flatten().map(|image| &*image.name).collect();
    match state {
        State::RolledBack { reason, .. } => format!("{}: {reason}", names.join(" and ")),
        _ => names.join(" and "),
    }
}
