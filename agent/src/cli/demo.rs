//! `ota-agent demo`.

use std::path::PathBuf;

use anyhow::Context;

use crate::cli::Exit;
use crate::demo::{self, Options};
use crate::report::Printer;

/// Watch a simulated device being updated, rolled back, attacked and cut off from its power
///
/// It needs no root and no network beyond loopback. A factory signs releases and serves them; a device verifies,
/// deploys and boots them through a model of U-Boot that runs Torizon's boot script. At the end stands a table of
/// what was proven; exit code 1 if anything did not hold.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to play it; the directory must not exist, or be empty. Without it a temporary one is used.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Leave the directory behind, to look at: factory, device and stick.
    #[arg(long)]
    keep: bool,
    /// Another recorded OSTree repository instead of the one in this program, as a tar file.
    #[arg(long, value_name = "FILE")]
    fixture: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// If a step fails that the story does not expect to fail.
pub(crate) fn run(args: Args, json: bool) -> anyhow::Result<Exit> {
    let Args { dir: directory, keep, fixture } = args;
    let program = std::env::current_exe().context("finding this program")?;
    let held = demo::run(&Options { directory, keep, fixture, program }, &mut Printer::new(json))?;
    Ok(if held { Exit::Done } else { Exit::Failed })
}
