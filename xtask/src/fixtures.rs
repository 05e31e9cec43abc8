//! Fixtures: bytes that real tools made, and the scripts that made them.
//!
//! A script is called `record-*.sh` and lies in the directory of its fixtures. It takes one argument, the
//! directory to write into, and gives the same bytes each time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::command;
use crate::workspace::Workspace;

/// Where a crate keeps its fixtures.
const PLACES: [&str; 2] = ["fixtures", "tests/fixtures"];

/// Records every fixture anew; with `check`, elsewhere, and fails where the bytes differ from the tracked ones.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Result<()> {
    let scripts = scripts(&workspace.root)?;
    ensure!(!scripts.is_empty(), "no record-*.sh found");
    let mut differing = Vec::new();
    for script in &scripts {
        let kept = script.parent().context("a script has a directory")?;
        if check {
            let fresh = tempfile::tempdir()?;
            record(workspace, script, fresh.path())?;
            differing.extend(differences(fresh.path(), kept, script)?);
        } else {
            record(workspace, script, kept)?;
        }
    }
    if !differing.is_empty() {
        bail!("recording gives other bytes now:\n  {}", differing.join("\n  "));
    }
    Ok(())
}

fn record(workspace: &Workspace, script: &Path, directory: &Path) -> Result<()> {
    let shown = script.strip_prefix(&workspace.root).unwrap_or(script);
    command::run(Command::new("bash").current_dir(&workspace.root).arg(shown).arg(directory))
}

/// The files that `script` wrote into `fresh` and that `kept` has not, or not like that.
fn differences(fresh: &Path, kept: &Path, script: &Path) -> Result<Vec<String>> {
    let mut differing = Vec::new();
    let recorded = entries(fresh)?;
    ensure!(!recorded.is_empty(), "{} recorded nothing", script.display());
    for path in recorded {
        let tracked = kept.join(path.file_name().context("an entry has a name")?);
        let bytes =
            fs::read(&path).with_context(|| format!("{}: only files are compared", path.display()))?;
        if fs::read(&tracked).ok() != Some(bytes) {
            differing.push(tracked.display().to_string());
        }
    }
    Ok(differing)
}

/// All `record-*.sh` of the workspace, in order.
fn scripts(root: &Path) -> Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    for package in entries(root)? {
        for directory in PLACES.map(|place| package.join(place)).iter().filter(|path| path.is_dir()) {
            scripts.extend(entries(directory)?.into_iter().filter(|path| is_script(path)));
        }
    }
    Ok(scripts)
}

fn is_script(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("record-") && name.ends_with(".sh")
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let read = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    let mut entries = read.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}
