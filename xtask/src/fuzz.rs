//! Fuzz targets, with stable Rust and libFuzzer alone: the instrumentation is LLVM's, no sanitizer is needed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::command;
use crate::workspace::Workspace;

const MANIFEST: &str = "fuzz/Cargo.toml";

/// What makes libFuzzer see which branches an input takes.
const INSTRUMENTATION: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// Builds every target without instrumentation and runs it once over each of its seeds.
pub(crate) fn replay_seeds(workspace: &Workspace) -> Result<()> {
    let targets = targets(workspace)?;
    if targets.is_empty() {
        println!("no targets");
        return Ok(());
    }
    command::run(&mut workspace.cargo_in(MANIFEST, &["build", "--bins"]))?;
    for target in targets {
        let seeds = seeds(workspace, &target)?;
        let output = command::quiet(Command::new(workspace.target.join("debug").join(&target)).args(&seeds));
        output.with_context(|| format!("a seed of {target} breaks its property"))?;
        println!("{target}: {} seeds", seeds.len());
    }
    Ok(())
}

/// Fuzzes each target, or the one named, for `seconds`.
pub(crate) fn run(workspace: &Workspace, only: Option<&str>, seconds: u32) -> Result<()> {
    let mut targets = targets(workspace)?;
    if let Some(name) = only {
        ensure!(targets.contains(name), "no fuzz target `{name}`; there are: {}", joined(&targets));
        targets = BTreeSet::from([name.to_owned()]);
    }
    let host = host_triple()?;
    // With `--target`, the flags are not used for build scripts, which could not be linked with them.
    let mut build = workspace.cargo_in(MANIFEST, &["build", "--release", "--bins", "--target", &host]);
    command::run(
        build.env("CARGO_TARGET_DIR", workspace.target.join("fuzz")).env("RUSTFLAGS", INSTRUMENTATION),
    )?;
    let mut broken = Vec::new();
    for target in targets {
        let corpus = workspace.path("fuzz/corpus").join(&target);
        let artifacts = workspace.path("fuzz/artifacts").join(&target);
        fs::create_dir_all(&corpus)?;
        fs::create_dir_all(&artifacts)?;
        let mut fuzz = Command::new(workspace.target.join("fuzz").join(&host).join("release").join(&target));
        fuzz.arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", artifacts.display()));
        fuzz.args(["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0"]);
        fuzz.arg(corpus).arg(workspace.path("fuzz/seeds").join(&target));
        if let Err(error) = command::run(&mut fuzz) {
            println!("error: {error:#}");
            broken.push(target);
        }
    }
    if !broken.is_empty() {
        bail!("broken: {}; the inputs are in fuzz/artifacts", broken.join(", "));
    }
    Ok(())
}

/// The targets, each a file in fuzz/fuzz_targets and a binary of fuzz/Cargo.toml.
fn targets(workspace: &Workspace) -> Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    if !workspace.path("fuzz/fuzz_targets").exists() {
        return Ok(files);
    }
    for entry in fs::read_dir(workspace.path("fuzz/fuzz_targets")).context("fuzz/fuzz_targets")? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("rs")) {
            files.insert(path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    let binaries = workspace.binaries_of(MANIFEST)?;
    ensure!(
        files == binaries,
        "fuzz/fuzz_targets and the [[bin]] tables of {MANIFEST} differ in: {}",
        joined(files.symmetric_difference(&binaries))
    );
    Ok(files)
}

/// The target's seeds; a target without any is refused, it would be shown to compile and no more.
fn seeds(workspace: &Workspace, target: &str) -> Result<Vec<PathBuf>> {
    let directory = workspace.path("fuzz/seeds").join(target);
    let read = fs::read_dir(&directory).with_context(|| format!("fuzz/seeds/{target}"))?;
    let seeds = read.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    ensure!(!seeds.is_empty(), "fuzz/seeds/{target} is empty");
    Ok(seeds)
}

fn host_triple() -> Result<String> {
    let version = String::from_utf8(command::quiet(Command::new("rustc").arg("-vV"))?)?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

fn joined<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
