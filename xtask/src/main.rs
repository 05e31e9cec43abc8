//! The chores of this workspace: `cargo xtask …`.
// A program of the host: nothing here is ever `no_std`.
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod command;
mod debian;
mod fixtures;
mod fuzz;
mod nostd;
// The list that `testkit` reads too. Not a dependency: xtask must build when a library does not.
#[path = "../../testkit/src/tools/packages.rs"]
#[allow(unreachable_pub)] // It is public in `testkit`.
mod packages;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The chores of this workspace", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every check and every test; as root, first install the Debian packages that are missing
    Test {
        /// Only what needs Rust and nothing else: no test against a real tool, no fuzz targets, no firmware
        #[arg(long)]
        quick: bool,
    },
    /// Record the fixtures anew with the real tools
    Fixtures {
        /// Change nothing: fail if recording gives other bytes than those in the repository
        #[arg(long)]
        check: bool,
    },
    /// Build the no_std proof: a static library with its own panic handler, and that it proves something
    Nostd,
    /// Compare with other programs of the same kind; the comparison is a workspace of its own in benches/peers
    BenchPeers {
        /// Of which crate
        crate_name: Peers,
        /// Passed on: the sizes to compare at
        arguments: Vec<String>,
    },
    /// Run the fuzz targets, or one of them, from fuzz/seeds; new inputs go to fuzz/corpus
    Fuzz {
        /// The target's name; all targets if absent
        target: Option<String>,
        /// Seconds a target
        #[arg(long, default_value_t = 10)]
        seconds: u32,
    },
}

/// The crates whose peers can be linked and timed.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Peers {
    /// `uptane-core` beside `tough` and `tuf`
    Uptane,
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match task {
        Task::Test { quick } => test::run(&workspace, quick),
        Task::Fixtures { check } => fixtures::run(&workspace, check),
        Task::Nostd => nostd::run(&workspace),
        Task::BenchPeers { crate_name: Peers::Uptane, arguments } => {
            let run = ["run", "--quiet", "--release", "--"];
            command::run(workspace.cargo_in("benches/peers/Cargo.toml", &run).args(arguments))
        }
        Task::Fuzz { target, seconds } => fuzz::run(&workspace, target.as_deref(), seconds),
    }
}
