//! The chores of this workspace: `cargo xtask …`.
// A program of the host: nothing here is ever `no_std`.
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod command;
mod debian;
mod firmware;
mod fixtures;
mod fuzz;
mod nostd;
// The list that `testkit` reads too. Not a dependency: xtask must build when a library does not.
#[path = "../../testkit/src/tools/packages.rs"]
#[allow(unreachable_pub)] // It is public in `testkit`.
mod packages;
mod peers;
mod test;
mod workspace;

use std::path::PathBuf;
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
    /// Build the Cortex-M7 program and run it in QEMU; then with one byte changed, which it must notice
    ///
    /// Prints what the program verified and how much flash and stack that takes, and fails over the limits.
    Firmware {
        /// Take the Director's metadata and commit from DIR, which `ota-agent demo --dir DIR --keep` has left,
        /// instead of running the demonstration first
        #[arg(long, value_name = "DIR")]
        demo: Option<PathBuf>,
    },
    /// Time whole processes beside the real tools and print a table of medians
    BenchPeers {
        /// Which comparison; all if absent
        what: Option<String>,
        /// Write the figures to benches/figures as well, with the machine and the versions
        #[arg(long)]
        record: bool,
        /// Passed on to the comparison
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
        Task::Firmware { demo } => firmware::run(&workspace, demo.as_deref()),
        Task::BenchPeers { what, record, arguments } => {
            peers::run(&workspace, what.as_deref(), &arguments, record)
        }
        Task::Fuzz { target, seconds } => fuzz::run(&workspace, target.as_deref(), seconds),
    }
}
