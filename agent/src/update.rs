//! The update as a state machine over the journal: each state is durable before the next step starts, and each
//! step may be repeated, so that a restart goes on from wherever the last one was stopped.

pub mod journal;

use anyhow::Context;
use container_spec::archive::ArchiveError;
use ostree_objects::pull::PullError;
use ostree_objects::repo::RepoError;
use uptane_core::Step;

use crate::device::{Device, RefusedApplication};
use crate::report::{Event, Observer};
use journal::{Installed, Outcome, Source, State, Update};

/// How far the update came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
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
pub fn run(device: &Device, source: &Source, observer: &mut dyn Observer) -> anyhow::Result<Finished> {
    let _lock = device.records.lock()?;
    report_what_is_left(device, observer)?;
    let mut state = device.records.state()?;
    // What was verified but is not here yet counts only as long as the repositories still say so.
    if matches!(state, State::Idle | State::Verified { .. }) {
        let checked = device.check(source);
        if checked.is_err() {
            report_what_is_left(device, observer)?;
        }
        match checked? {
            Some(update) => state = State::Verified { update },
            None => {
                if state != State::Idle {
                    enter(device, &State::Idle, observer)?;
                }
                return Ok(Finished::NothingToDo);
            }
        }
        enter(device, &state, observer)?;
    }
    go_on(device, state, observer)
}

/// Finishes an update in progress as far as it goes without a reboot, and looks for no new one.
///
/// # Errors
/// As [`run`].
pub fn resume(device: &Device, observer: &mut dyn Observer) -> anyhow::Result<Finished> {
    let _lock = device.records.lock()?;
    report_what_is_left(device, observer)?;
    go_on(device, device.records.state()?, observer)
}

/// Confirms the running system without asking the health command; `None` if none is on trial. An application that is to
/// be confirmed with it must come up nevertheless.
///
/// # Errors
/// As [`run`].
pub fn confirm(device: &Device, observer: &mut dyn Observer) -> anyhow::Result<Option<Finished>> {
    let _lock = device.records.lock()?;
    let state = match device.records.state()? {
        State::Deployed { update, .. } | State::Trial { update } if runs(device, &update)? => {
            let well = device.switch_application(&update, observer)?;
            let state = judge(device, update, well)?;
            enter(device, &state, observer)?;
            state
        }
        State::Proven { update } => State::Proven { update },
        _ => return Ok(None),
    };
    go_on(device, state, observer).map(Some)
}

/// Goes back: gives an update in progress up, or boots the other deployment next. `None` if there is nothing to go
/// back to.
///
/// # Errors
/// As [`run`].
pub fn rollback(device: &Device, observer: &mut dyn Observer) -> anyhow::Result<Option<Finished>> {
    let _lock = device.records.lock()?;
    match device.records.state()? {
        State::Idle => Ok(device.swap_order()?.then_some(Finished::RebootNeeded)),
        // The trial is over; only the report is missing.
        State::Confirmed { .. } => Ok(None),
        State::RolledBack { update, reason } => {
            go_on(device, State::RolledBack { update, reason }, observer).map(Some)
        }
        State::Verified { update }
        | State::Fetched { update }
        | State::Deployed { update, .. }
        | State::Trial { update }
        | State::Proven { update } => {
            if runs(device, &update)? {
                device.boot_environment()?.give_up()?;
            }
            let state = State::RolledBack { update, reason: "the user went back".into() };
            enter(device, &state, observer)?;
            go_on(device, state, observer).map(Some)
        }
    }
}

fn go_on(device: &Device, mut state: State, observer: &mut dyn Observer) -> anyhow::Result<Finished> {
    loop {
        match advance(device, state, observer)? {
            Next::Stop(finished) => return Ok(finished),
            Next::State(next) => {
                enter(device, &next, observer)?;
                state = next;
            }
        }
    }
}

enum Next {
    State(State),
    Stop(Finished),
}

fn enter(device: &Device, state: &State, observer: &mut dyn Observer) -> anyhow::Result<()> {
    device.records.set_state(state)?;
    observer.event(Event::State { state: state.name(), detail: describe(state) });
    Ok(())
}

/// The step that follows `state`, which is durable.
fn advance(device: &Device, state: State, observer: &mut dyn Observer) -> anyhow::Result<Next> {
    Ok(match state {
        State::Idle => Next::Stop(Finished::NothingToDo),
        State::Verified { update } => match device.fetch(&update, observer) {
            Ok(()) => Next::State(State::Fetched { update }),
            // What cannot be had now may be had later; what is refused stays refused.
            Err(error) => match refusal(&error) {
                None => return Err(error.context("fetching the update")),
                Some(reason) => {
                    device.records.set_attack(&reason)?;
                    Next::State(State::RolledBack { update, reason })
                }
            },
        },
        State::Fetched { update } => Next::State(deploy(device, update, observer)?),
        State::Deployed { update, boot_id } => match after_deployment(device, update, &boot_id)? {
            Some(next) => Next::State(next),
            None => Next::Stop(Finished::RebootNeeded),
        },
        State::Trial { update } => Next::State(prove(device, update, observer)?),
        State::Proven { update } => Next::State(settle(device, update)?),
        State::Confirmed { update } => match finish(device, &update, observer)? {
            Ok(()) => {
                end(device, &update, Ok(()), observer)?;
                Next::Stop(Finished::Installed)
            }
            Err(reason) => {
                device.records.set_failed(&update)?;
                end(device, &update, Err(&reason), observer)?;
                Next::Stop(Finished::RolledBack { reason })
            }
        },
        // Given up in the very boot that was on trial: the old system runs only after a reboot.
        State::RolledBack { update, .. } if runs(device, &update)? => {
            device.restore_application(&update, observer)?;
            Next::Stop(Finished::RebootNeeded)
        }
        State::RolledBack { update, reason } => {
            device.restore_application(&update, observer)?;
            device.discard(&update)?;
            device.records.set_failed(&update)?;
            end(device, &update, Err(&reason), observer)?;
            Next::Stop(Finished::RolledBack { reason })
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

/// Switches the application, without confirming it, and asks the system on trial whether it is healthy: both are
/// confirmed or given up together.
fn prove(device: &Device, update: Update, observer: &mut dyn Observer) -> anyhow::Result<State> {
    if update.system.is_some() && !runs(device, &update)? {
        let reason = device.boot_environment()?.why_not_booted()?;
        return Ok(State::RolledBack { update, reason });
    }
    if update.system.is_some() && !device.boot_environment()?.resume_trial()? {
        return Ok(State::RolledBack { update, reason: "given up in the boot environment".into() });
    }
    let healthy = match device.switch_application(&update, observer)? {
        Ok(()) => device.health_check()?,
        Err(reason) => Err(reason),
    };
    judge(device, update, healthy)
}

/// What follows from how system and application are. That they are well is in the journal first: from then on nobody asks
/// again. That they are not is in the boot environment first: a cut after that write and before the journal's is settled
/// by which system boots.
fn judge(device: &Device, update: Update, well: Result<(), String>) -> anyhow::Result<State> {
    match well {
        Ok(()) => Ok(State::Proven { update }),
        Err(reason) => {
            if update.system.is_some() {
                device.boot_environment()?.give_up()?;
            }
            Ok(State::RolledBack { update, reason })
        }
    }
}

/// Tells the boot loader that the system is good: the commit point of the update. Only if the power was cut before it,
/// and boots had been counted to the limit, another system runs here; the application, which is confirmed after this,
/// then goes back with it.
fn settle(device: &Device, update: Update) -> anyhow::Result<State> {
    if update.system.is_some() {
        if !runs(device, &update)? {
            let reason = device.boot_environment()?.why_not_booted()?;
            return Ok(State::RolledBack { update, reason });
        }
        device.boot_environment()?.confirm()?;
    }
    Ok(State::Confirmed { update })
}

/// Whether the system that runs is the one of `update`.
fn runs(device: &Device, update: &Update) -> anyhow::Result<bool> {
    let booted = device.booted()?;
    Ok(update.system.as_ref().is_some_and(|image| booted.as_deref() == Some(&image.sha256)))
}

/// The end of an update: what it came to is kept until the Director was told, which may be much later.
fn end(
    device: &Device,
    update: &Update,
    result: Result<(), &str>,
    observer: &mut dyn Observer,
) -> anyhow::Result<()> {
    if let Some(correlation_id) = &update.correlation_id {
        device.records.set_outcome(&Outcome {
            correlation_id: correlation_id.clone(),
            success: result.is_ok(),
            code: if result.is_ok() { "OK" } else { "INSTALL_FAILED" }.into(),
            description: result.err().unwrap_or("installed and confirmed").into(),
            system: update.system.is_some(),
            application: update.application.is_some(),
        })?;
    }
    device.forget_downloads()?;
    enter(device, &State::Idle, observer)?;
    report(device, observer);
    Ok(())
}

/// Tells the Director what it was not told yet.
fn report_what_is_left(device: &Device, observer: &mut dyn Observer) -> anyhow::Result<()> {
    if device.records.outcome()?.is_some() || device.records.attack()?.is_some() {
        report(device, observer);
    }
    Ok(())
}

/// Without a connection the report waits: it must not keep a device from updating.
fn report(device: &Device, observer: &mut dyn Observer) {
    let text = match device.send_manifest() {
        Ok(()) => "manifest sent".into(),
        Err(error) => format!("the manifest waits: {error:#}"),
    };
    observer.event(Event::Note { text });
}

/// What an error says if it means that an image is not what was signed, or may not be used; `None` for others.
/// What the metadata's own checks do not name is named as their last step, the one of the image itself.
fn refusal(error: &anyhow::Error) -> Option<String> {
    if error.chain().any(<dyn std::error::Error>::is::<uptane_core::Error>) {
        return Some(format!("{error:#}"));
    }
    let is_refused = error.chain().any(|cause| {
        cause.is::<PullError>()
            || cause.is::<RefusedApplication>()
            || cause.is::<ArchiveError>()
            || matches!(
                cause.downcast_ref(),
                Some(RepoError::Corrupt { .. } | RepoError::Malformed { .. } | RepoError::BeyondSizes(_))
            )
    });
    is_refused.then(|| format!("image targets: step {}: {error:#}", Step::I7))
}

/// Confirms the application and records a confirmed update as what is installed. The inner error says why the
/// application is not the new one.
fn finish(
    device: &Device,
    update: &Update,
    observer: &mut dyn Observer,
) -> anyhow::Result<Result<(), String>> {
    let Installed { system, application } = device.records.installed()?;
    let kept = device.confirm_application(update, observer)?;
    let new = update.application.clone().filter(|_| kept.is_ok());
    device.records.set_installed(&Installed {
        system: update.system.clone().or(system),
        application: new.or(application),
    })?;
    Ok(kept)
}

fn describe(state: &State) -> String {
    let Some(update) = state.update() else { return String::new() };
    let names: Vec<_> =
        [&update.system, &update.application].into_iter().flatten().map(|image| &*image.name).collect();
    match state {
        State::RolledBack { reason, .. } => format!("{}: {reason}", names.join(" and ")),
        _ => names.join(" and "),
    }
}
