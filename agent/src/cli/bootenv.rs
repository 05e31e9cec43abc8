//! `ota-agent bootenv`: the U-Boot environment, and the state of an update in it.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use bsp_imx95::env::{Change, Outcome, Rules, Variables};
use bsp_imx95::slot::{State, Torizon, Transition};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use crate::bootenv::{BootEnv, DEFAULT_CONFIG};
use crate::cli::Exit;

/// Reads and changes the U-Boot environment.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the environment is, as libubootenv's tools are told: lines or YAML.
    #[arg(long = "config", id = "fw_env_config", value_name = "FILE", global = true, default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// Which environment of a YAML configuration; by default the device tree's, or the first.
    #[arg(long, value_name = "NAME", global = true)]
    namespace: Option<String>,
    /// Show and store values as fw_printenv and fw_setenv do, not as U-Boot does.
    #[arg(long, global = true)]
    raw: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print all variables, a line `NAME=VALUE` each, sorted by name.
    Print,
    /// Print a variable's value; exits 1 if it is not set.
    Get {
        /// The variable.
        name: String,
    },
    /// Change variables, all in one write; `NAME=` deletes. Nothing is written if nothing changes.
    Set {
        /// Variables and their new values.
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = setting)]
        settings: Vec<(String, String)>,
    },
    /// Print where an update stands: idle, staged, trial 2/3, confirmed or rolled-back.
    Slot {
        /// Make this transition first, in one write.
        transition: Option<Step>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    /// Put the new system on trial.
    Stage,
    /// The running system is good: end the trial.
    Confirm,
    /// Boot the system before it from the next boot on.
    GiveUp,
}

impl From<Step> for Transition {
    fn from(step: Step) -> Self {
        match step {
            Step::Stage => Self::Stage,
            Step::Confirm => Self::Confirm,
            Step::GiveUp => Self::GiveUp,
        }
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is needed; NAME= deletes")?;
    Ok((name.into(), value.into()))
}

/// Runs the command.
///
/// # Errors
/// If the environment cannot be read or written, or a transition is refused.
pub(crate) fn run(args: &Args, json: bool) -> anyhow::Result<Exit> {
    let rules = if args.raw { Rules::Libubootenv } else { Rules::UBoot };
    let stored = BootEnv::open_namespace(&args.config, args.namespace.as_deref())?.with_rules(rules);
    let mut out = io::stdout().lock();
    match &args.command {
        Command::Print => {
            let variables = stored.variables()?;
            for (name, value) in variables.iter_bytes() {
                variable(&mut out, json, name, value)?;
            }
        }
        Command::Get { name } => {
            let variables = stored.variables()?;
            let value = variables.get_bytes(name).with_context(|| format!("{name} is not set"))?;
            if json {
                variable(&mut out, json, name.as_bytes(), value)?;
            } else {
                out.write_all(&[value, b"\n"].concat())?;
            }
        }
        Command::Set { settings } => {
            let changes: Vec<Change<'_>> =
                settings.iter().map(|(name, value)| (name.as_str(), Some(value.as_str()))).collect();
            let outcome = stored.apply(&changes)?;
            if json {
                writeln!(out, "{}", written(outcome))?;
            }
        }
        Command::Slot { transition } => slot(&stored, *transition, &mut out, json)?,
    }
    out.flush()?;
    Ok(Exit::Done)
}

fn slot(stored: &BootEnv, step: Option<Step>, out: &mut impl Write, json: bool) -> anyhow::Result<()> {
    let outcome = match step {
        None => Outcome::Unchanged,
        Some(step) => stored.update(|variables: &Variables| {
            let state = State::of(variables);
            let changes = Torizon::of(variables).changes(step.into());
            changes.with_context(|| format!("the update's state stays: {state}"))
        })?,
    };
    let state = State::of(&stored.variables()?);
    if json {
        let mut line = written(outcome);
        line["event"] = "slot".into();
        line["state"] = state.to_string().into();
        if let State::Trial { count, limit } = state {
            (line["count"], line["limit"]) = (count.into(), limit.into());
        }
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "{state}")?;
    }
    Ok(())
}

fn variable(out: &mut impl Write, json: bool, name: &[u8], value: &[u8]) -> io::Result<()> {
    if !json {
        return out.write_all(&[name, b"=", value, b"\n"].concat());
    }
    let text = String::from_utf8_lossy;
    writeln!(out, "{}", json!({ "event": "variable", "name": text(name), "value": text(value) }))
}

/// Which copy was written, or none.
fn written(outcome: Outcome) -> serde_json::Value {
    let (what, copy) = match outcome {
        Outcome::Unchanged => ("unchanged", None),
        Outcome::Repaired { copy } => ("repaired", Some(copy)),
        Outcome::Written { copy } => ("written", Some(copy)),
    };
    json!({ "event": "bootenv", "outcome": what, "copy": copy })
}
