//! `ota-agent uptane`: metadata in directories, signed and verified.

mod files;
mod repo;
mod vectors;
mod verify;

use std::path::PathBuf;

use clap::Subcommand;
use uptane_core::UtcTime;

use crate::cli::Exit;
use crate::output::say;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Repo(repo::Args),
    /// Verify a repository's metadata at a given time
    Verify(VerifyArgs),
    /// Run the Uptane test vectors
    Vectors(VectorsArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Holds `director` and `image_repo`, or with --tuf one repository's metadata
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The time of the verification, YYYY-MM-DDTHH:MM:SSZ
    #[arg(long, value_name = "TIME", value_parser = time)]
    now: UtcTime,
    /// DIR is one plain TUF repository
    #[arg(long, conflicts_with = "lockbox")]
    tuf: bool,
    /// The Root metadata to trust, in the place of version 1
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Print this target's length and hashes
    #[arg(long, value_name = "NAME", conflicts_with = "roots_only")]
    target: Option<String>,
    /// Do not hold the Image repository's (or with --tuf the one repository's) Targets metadata in memory: verify it
    /// while it is read. What cannot be verified so is read as a whole, which is said on standard error
    #[arg(long, conflicts_with = "roots_only")]
    stream: bool,
    /// The largest Targets metadata that is taken, in bytes; with --stream the largest that is held in memory
    #[arg(long, value_name = "BYTES")]
    max_targets: Option<usize>,
    /// Walk and check the chain of Roots only
    #[arg(long)]
    roots_only: bool,
    /// Verify the Lockbox NAME in `director`
    #[arg(long, value_name = "NAME", conflicts_with = "roots_only")]
    lockbox: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct VectorsArgs {
    /// Holds `expected.json` and a directory for each vector
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The serial number of the vehicle's one ECU
    #[arg(long, value_name = "SERIAL", default_value = "123")]
    ecu: String,
    /// The hardware identifier of that ECU
    #[arg(long, value_name = "ID", default_value = "abc")]
    hardware: String,
}

pub(crate) fn run(command: &Command, json: bool) -> anyhow::Result<Exit> {
    match command {
        Command::Repo(args) => repo::run(args, json),
        Command::Verify(args) => verify::run(args, json),
        Command::Vectors(args) => vectors::run(args, json),
    }
}

fn time(text: &str) -> Result<UtcTime, uptane_core::time::TimeError> {
    UtcTime::parse(text.as_bytes())
}

/// Prints a fact: a line for people, or a JSON object.
fn print(json: bool, line: &str, object: &serde_json::Value) {
    if json { say!("{object}") } else { say!("{line}") }
}
