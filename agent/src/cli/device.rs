//! The commands that act on a device: provision, update, look, go back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::Exit;
use crate::device::{Device, random_seeds};
use crate::output::say;
use crate::report::{Event, Observer, Printer};
use crate::update::journal::Source;
use crate::update::{self, Finished};

/// Makes keys and registers the device.
pub(crate) fn provision(config: &Path, json: bool) -> anyhow::Result<Exit> {
    let new = Device::open(config)?.provision(random_seeds)?;
    let text = if new { "provisioned" } else { "provisioned before: nothing to do" };
    Printer::new(json).event(Event::Note { text: text.into() });
    Ok(if new { Exit::Done } else { Exit::NothingToDo })
}

/// Takes the next step of an update as far as it goes without a reboot.
pub(crate) fn update(config: &Path, source: &Source, json: bool) -> anyhow::Result<Exit> {
    let mut printer = Printer::new(json);
    let device = Device::open(config)?;
    let finished = match update::resume(&device, &mut printer)? {
        Finished::NothingToDo => update::run(&device, source, &mut printer)?,
        finished => finished,
    };
    Ok(exit(&finished, &mut printer))
}

/// An update from the Lockbox in `directory`.
pub(crate) fn offline_update(config: &Path, directory: &Path, json: bool) -> anyhow::Result<Exit> {
    update(config, &Source::Lockbox(std::path::absolute(directory)?), json)
}

/// Updates whenever there is something, for ever; a reboot is left to the caller.
pub(crate) fn run(config: &Path, interval: Duration, json: bool) -> anyhow::Result<Exit> {
    loop {
        match update(config, &Source::Servers, json) {
            Ok(Exit::RebootNeeded) => return Ok(Exit::RebootNeeded),
            Ok(_) => {}
            Err(error) => tracing::warn!("{error:#}"),
        }
        std::thread::sleep(interval);
    }
}

/// Confirms the system on trial.
pub(crate) fn confirm(config: &Path, json: bool) -> anyhow::Result<Exit> {
    let mut printer = Printer::new(json);
    let finished = update::confirm(&Device::open(config)?, &mut printer)?;
    Ok(exit(&finished.unwrap_or(Finished::NothingToDo), &mut printer))
}

/// Goes back to the system before.
pub(crate) fn rollback(config: &Path, json: bool) -> anyhow::Result<Exit> {
    let mut printer = Printer::new(json);
    let finished = update::rollback(&Device::open(config)?, &mut printer)?;
    Ok(exit(&finished.unwrap_or(Finished::NothingToDo), &mut printer))
}

/// Prints the signed vehicle manifest, or sends it.
pub(crate) fn manifest(config: &Path, send: bool, json: bool) -> anyhow::Result<Exit> {
    let device = Device::open(config)?;
    if send {
        device.send_manifest()?;
        Printer::new(json).event(Event::Note { text: "manifest sent".into() });
    } else {
        say!("{}", String::from_utf8_lossy(&device.manifest()?));
    }
    Ok(Exit::Done)
}

/// Prints where the device stands.
pub(crate) fn status(config: &Path, json: bool) -> anyhow::Result<Exit> {
    let device = Device::open(config)?;
    let (state, installed) = (device.records().state()?, device.installed()?);
    let (running, slot) = (device.running()?, device.boot_environment()?.state()?);
    let deployments = device.sysroot()?.deployments()?;
    if json {
        let deployments: Vec<_> = deployments.iter().map(ToString::to_string).collect();
        say!(
            "{}",
            serde_json::json!({
                "event": "status",
                "state": state.name(),
                "update": state.update(),
                "slot": slot.to_string(),
                "running": running.map(|running| running.to_string()),
                "deployments": deployments,
                "installed": installed,
            })
        );
        return Ok(Exit::Done);
    }
    say!("{:<13} {}", "update", state.name());
    say!("{:<13} {slot}", "boot loader");
    for (index, deployment) in deployments.iter().enumerate() {
        let mark = if Some(deployment) == running.as_ref() { " (runs)" } else { "" };
        say!("{:<13} {deployment}{mark}", format!("deployment {index}"));
    }
    for (what, image) in [("system", &installed.system), ("application", &installed.application)] {
        say!("{what:<13} {}", image.as_ref().map_or("none", |image| &image.name));
    }
    Ok(Exit::Done)
}

fn exit(finished: &Finished, printer: &mut Printer) -> Exit {
    let (text, exit) = match finished {
        Finished::NothingToDo => ("nothing to do".into(), Exit::NothingToDo),
        Finished::RebootNeeded => ("reboot to go on".into(), Exit::RebootNeeded),
        Finished::Installed => ("installed and confirmed".into(), Exit::Done),
        Finished::RolledBack { reason } => (format!("given up: {reason}"), Exit::Failed),
    };
    printer.event(Event::Note { text });
    exit
}

/// How often the servers are asked, in seconds.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Seconds between two looks at the servers.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    interval: u64,
}

impl RunArgs {
    pub(crate) const fn interval(self) -> Duration {
        Duration::from_secs(self.interval)
    }
}

/// Where a Lockbox is.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LockboxArgs {
    /// The directory that holds `metadata` and `images`.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}
