//! `cargo xtask bench-peers`: whole processes, ours and the peer's in turn, on a file system in memory where there
//! is one, because disks are noisy.

mod etc_merge;
mod ostree;
mod record;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::command;
use crate::workspace::Workspace;

/// Runs of each command; the median counts.
const RUNS: usize = 9;

/// Every comparison.
const ALL: [&str; 4] = ["compose", "etc-merge", "ostree", "uptane"];

pub(crate) fn run(
    workspace: &Workspace,
    what: Option<&str>,
    arguments: &[String],
    is_recorded: bool,
) -> Result<()> {
    if let Some(other) = what.filter(|what| !ALL.contains(what)) {
        anyhow::bail!("no comparison `{other}`; there are: {}", ALL.join(", "));
    }
    if is_recorded {
        for comparison in ALL.into_iter().filter(|name| what.is_none_or(|what| what == *name)) {
            record::run(workspace, comparison, arguments)?;
        }
        return Ok(());
    }
    match what {
        Some("uptane") => return uptane(workspace, arguments),
        Some("compose") => return compose(workspace, arguments),
        _ => {}
    }
    crate::debian::provide_tools()?;
    command::run(&mut workspace.cargo(&["build", "--release", "--package", "ota-agent"]))?;
    match what {
        Some("etc-merge") => etc_merge::run(&workspace.target.join("release/ota-agent")),
        Some("ostree") => ostree::run(workspace, &workspace.target.join("release/ota-agent"), arguments),
        _ => {
            etc_merge::run(&workspace.target.join("release/ota-agent"))?;
            ostree::run(workspace, &workspace.target.join("release/ota-agent"), &[])?;
            uptane(workspace, arguments)?;
            compose(workspace, arguments)
        }
    }
}

/// `uptane-core` beside `tough` and `tuf`: a workspace of its own, for what they depend on.
fn uptane(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let run = ["run", "--quiet", "--release"];
    command::run(workspace.cargo_in("benches/peers/Cargo.toml", &run).arg("--").args(arguments))
}

/// `container-spec` beside other readers of Compose files and the bare parser: in one process, a workspace of its own.
fn compose(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let run = ["run", "--quiet", "--release"];
    command::run(workspace.cargo_in("benches/peers/compose/Cargo.toml", &run).arg("--").args(arguments))
}

/// A directory in memory, or a temporary one.
fn scratch() -> Result<tempfile::TempDir> {
    let memory = PathBuf::from("/dev/shm");
    let builder = tempfile::Builder::new();
    Ok(if memory.is_dir() { builder.tempdir_in(memory)? } else { builder.tempdir()? })
}

/// One row: what was run, and its times.
struct Row {
    name: &'static str,
    times: Vec<Duration>,
}

impl Row {
    const fn new(name: &'static str) -> Self {
        Self { name, times: Vec::new() }
    }

    /// Runs the command once more; only its own time counts.
    fn time(&mut self, command: &mut Command) -> Result<()> {
        let start = Instant::now();
        let output = command::output(command)?;
        self.times.push(start.elapsed());
        anyhow::ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn median(&self) -> Duration {
        let mut times = self.times.clone();
        times.sort();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }
}

/// Medians, and how often the first row's time goes into each.
fn print(rows: &[Row]) {
    let first = rows.first().map_or(Duration::ZERO, Row::median);
    println!("\n{:<52} {:>10} {:>8}", "median of whole processes", "ms", "ratio");
    for row in rows {
        let median = row.median();
        let ratio = median.as_secs_f64() / first.as_secs_f64().max(f64::MIN_POSITIVE);
        println!("{:<52} {:>10.2} {ratio:>8.1}", row.name, median.as_secs_f64() * 1000.0);
    }
}
