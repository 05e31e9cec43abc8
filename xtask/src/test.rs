//! `cargo xtask test`: the stages, each timed, and the table at the end.

mod features;
mod lints;
mod suites;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::workspace::Workspace;
use crate::{debian, firmware, fixtures, fuzz, nostd};

/// One stage: its name in the table, whether it needs Rust only, and what it does.
type Stage = (&'static str, Needs, fn(&Workspace, Scope) -> Result<()>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Rust,
    Tools,
}

/// How much of each stage is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What needs only Rust.
    Quick,
    /// All of it.
    Full,
}

const STAGES: &[Stage] = &[
    ("format", Needs::Rust, |workspace, _| lints::format(workspace)),
    ("clippy", Needs::Rust, |workspace, _| lints::clippy(workspace)),
    ("tests", Needs::Rust, suites::tests),
    ("benches", Needs::Rust, |workspace, _| suites::benches(workspace)),
    ("doc tests", Needs::Rust, |workspace, _| suites::doc_tests(workspace)),
    ("features", Needs::Rust, |workspace, _| features::every_combination(workspace)),
    ("no_std proof", Needs::Rust, |workspace, _| nostd::run(workspace)),
    ("docs", Needs::Rust, |workspace, _| lints::docs(workspace)),
    ("fixtures", Needs::Tools, |workspace, _| fixtures::run(workspace, true)),
    ("fuzz targets", Needs::Tools, |workspace, _| fuzz::replay_seeds(workspace)),
    ("firmware", Needs::Tools, |workspace, _| firmware::run(workspace, None)),
];

/// Runs all stages, also after one has failed, and fails if any did.
pub(crate) fn run(workspace: &Workspace, quick: bool) -> Result<()> {
    let scope = if quick { Scope::Quick } else { Scope::Full };
    if scope == Scope::Full {
        debian::provide_tools()?;
    }
    let start = Instant::now();
    let mut done = Vec::new();
    for (name, _, stage) in
        STAGES.iter().filter(|(_, needs, _)| scope == Scope::Full || *needs == Needs::Rust)
    {
        println!("\n== {name}");
        let begin = Instant::now();
        let result = stage(workspace, scope);
        if let Err(error) = &result {
            println!("error: {error:#}");
        }
        done.push((*name, begin.elapsed(), result.is_ok()));
    }
    print_table(&done, start.elapsed());
    let failed: Vec<&str> = done.iter().filter(|(.., passed)| !passed).map(|(name, ..)| *name).collect();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn print_table(done: &[(&str, Duration, bool)], total: Duration) {
    println!("\n{:<14} {:>8}  result", "stage", "seconds");
    for (name, time, passed) in done {
        println!("{name:<14} {:>8.1}  {}", time.as_secs_f64(), if *passed { "ok" } else { "FAILED" });
    }
    println!("{:<14} {:>8.1}", "total", total.as_secs_f64());
}
