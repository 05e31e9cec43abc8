//! The command line: one file a sub-command, all of them with `--json` and the same exit codes.

mod boot_image;
mod bootenv;
mod compose;
mod containers;
mod demo;
mod device;
mod etc_merge;
mod ostree;
mod uptane;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::output::say;
use crate::update::journal::Source;

/// How a command ended; the numbers are a contract that scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: the command did what it says.
    Done,
    /// 1: it failed, and said why.
    Failed,
    /// 2: the command line was not understood.
    Usage,
    /// 3: there was nothing to do.
    NothingToDo,
    /// 4: done, and a reboot takes it into use.
    RebootNeeded,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NothingToDo => 3,
            Exit::RebootNeeded => 4,
        })
    }
}

/// Verified, atomic and reversible updates for OSTree-based devices.
#[derive(Debug, Parser)]
#[command(
    name = "ota-agent",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 nothing to do, 4 reboot needed."
)]
struct Cli {
    /// The device's configuration, for the commands that act on a device.
    #[arg(long, value_name = "FILE", default_value = crate::config::DEFAULT_PATH)]
    config: PathBuf,
    /// Print one JSON object a line instead of text for people.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    /// Make keys, trust the installed Root metadata, register the ECUs
    Provision,
    /// Look for updates again and again; ends with 4 when one waits for a reboot
    Run(device::RunArgs),
    /// Take the next step of an update, as far as it goes without a reboot
    Update,
    /// Update from a Lockbox, offline
    OfflineUpdate(device::LockboxArgs),
    /// Print where the device stands
    Status,
    /// Confirm the system on trial without asking the health command
    Confirm,
    /// Give the update in progress up, or make the other deployment the default
    Rollback,
    Ostree(ostree::Args),
    Bootenv(bootenv::Args),
    BootImage(boot_image::Args),
    EtcMerge(etc_merge::Args),
    Compose(compose::Args),
    Containers(containers::Args),
    /// Sign and verify Uptane and TUF metadata
    #[command(subcommand)]
    Uptane(uptane::Command),
    /// Print the signed vehicle manifest
    Manifest {
        /// Send it to the Director instead
        #[arg(long)]
        send: bool,
    },
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    start_log();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to report a failure of printing to.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    let json = cli.json;
    let exit = match run(cli) {
        Ok(exit) => exit,
        Err(error) => {
            if json {
                say!("{}", serde_json::json!({ "event": "error", "message": format!("{error:#}") }));
            } else {
                eprintln!("{}: error: {error:#}", Cli::command().get_name());
            }
            Exit::Failed
        }
    };
    // What was to be printed and was not is a failure, whatever was done.
    if crate::output::finish() { exit.into() } else { Exit::Failed.into() }
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    let Cli { config, json, command } = cli;
    match command {
        Command::Demo(args) => demo::run(args, json),
        Command::Provision => device::provision(&config, json),
        Command::Run(args) => device::run(&config, args.interval(), json),
        Command::Update => device::update(&config, &Source::Servers, json),
        Command::OfflineUpdate(args) => device::offline_update(&config, &args.directory, json),
        Command::Status => device::status(&config, json),
        Command::Confirm => device::confirm(&config, json),
        Command::Rollback => device::rollback(&config, json),
        Command::Compose(args) => compose::run(args, json),
        Command::Containers(args) => containers::run(&args, json),
        Command::Ostree(args) => ostree::run(args, json),
        Command::Bootenv(args) => bootenv::run(&args, json),
        Command::BootImage(args) => boot_image::run(&args, json),
        Command::EtcMerge(args) => etc_merge::run(args, json),
        Command::Uptane(command) => uptane::run(&command, json),
        Command::Manifest { send } => device::manifest(&config, send, json),
    }
}

/// Logs go to standard error, as the environment variable `RUST_LOG` says: `warn`, or `warn,ota_agent=debug`.
fn start_log() {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::prelude::*;
    let wanted = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    tracing_subscriber::registry().with(lines).with(filter).init();
}
