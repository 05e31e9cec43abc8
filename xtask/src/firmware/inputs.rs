//! What the firmware carries in its flash: metadata of the demonstration, a commit of the recorded OSTree
//! repository, two copies of an environment that the real `fw_setenv` wrote.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command;
use crate::workspace::Workspace;

/// Bytes of one copy of the environment.
const COPY_BYTES: u32 = 0x200;

/// Fills `directory` with what `firmware/build.rs` reads.
pub(super) fn gather(workspace: &Workspace, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory)?;
    let scratch = tempfile::tempdir()?;
    environment(scratch.path(), &directory.join("environment.bin"))?;
    commit(workspace, scratch.path(), directory)
}

/// Two writes into a redundant environment: the second goes to the other copy and makes it the newer one.
fn environment(scratch: &Path, output: &Path) -> Result<()> {
    let image = scratch.join("environment.bin");
    fs::write(&image, vec![0; usize::try_from(2 * COPY_BYTES)?])?;
    let line = |offset| format!("{} {offset:#x} {COPY_BYTES:#x} {COPY_BYTES:#x} 1\n", image.display());
    let config = scratch.join("fw_env.config");
    fs::write(&config, line(0) + &line(COPY_BYTES))?;
    // The environment to start from, as both copies are still bad: an empty one.
    let defaults = scratch.join("defaults");
    fs::write(&defaults, "")?;
    for settings in ["bootlimit=3\nslot=a\n", "slot=b\n"] {
        let script = scratch.join("settings");
        fs::write(&script, settings)?;
        let mut set = Command::new("fw_setenv");
        command::quiet(set.arg("-c").arg(&config).arg("-f").arg(&defaults).arg("-s").arg(&script))?;
    }
    fs::copy(&image, output)?;
    Ok(())
}

/// The commit object of the recorded repository, and its name.
fn commit(workspace: &Workspace, scratch: &Path, directory: &Path) -> Result<()> {
    let archive = workspace.path("agent/fixtures/os-v1.tar");
    command::quiet(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(scratch))?;
    let name = fs::read_to_string(scratch.join("refs/heads/os/imx95/main")).context("os/imx95/main")?;
    let name = name.trim();
    ensure!(name.len() == 64, "os/imx95/main is not a checksum: {name}");
    let (folder, rest) = name.split_at(2);
    fs::copy(scratch.join(format!("objects/{folder}/{rest}.commit")), directory.join("commit.bin"))?;
    Ok(fs::write(directory.join("commit-name.txt"), name)?)
}
