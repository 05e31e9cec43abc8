//! What the firmware carries in its flash: metadata of the demonstration's Director and the commit it
//! assigns, two copies of an environment that the real `fw_setenv` wrote, a commit that the real `ostree`
//! made.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command;
use crate::workspace::Workspace;

/// Where the demonstration's Director serves its metadata, in the demonstration's directory.
const DIRECTOR: &str = "factory/www/director";

/// Its OSTree repository.
const OSTREE: &str = "factory/www/ostree";

/// The configuration of the demonstration's device there.
const CONFIGURATION: &str = "device/agent.toml";

/// Bytes of one copy of the environment.
const COPY_BYTES: u32 = 0x200;

/// Settings of two writes of the environment, the older first: an update is staged, then tried twice.
const SETTINGS: [&str; 2] = ["bootlimit=3\nupgrade_available=1\nbootcount=0\n", "bootcount=2\n"];

/// Fills `inputs` with what `firmware/build.rs` reads, and returns what the program must say of it: how each
/// of some lines starts. The demonstration, if it has to run first, does so in `directory`.
pub(super) fn gather(
    workspace: &Workspace,
    demo: Option<&Path>,
    directory: &Path,
    inputs: &Path,
) -> Result<Vec<String>> {
    empty(inputs)?;
    let made = directory.join("demo");
    let demo = match demo {
        Some(demo) => demo,
        None => {
            run_demo(workspace, &made)?;
            &made
        }
    };
    let roots = metadata(&demo.join(DIRECTOR), inputs)?;
    let (serial, hardware_id) = ecu(&demo.join(CONFIGURATION), inputs)?;
    let assigned = assigned_commit(&inputs.join("targets.json"), &serial)?;
    copy_commit(&demo.join(OSTREE), &assigned, &inputs.join("assigned-commit.bin"))?;
    let scratch = tempfile::tempdir()?;
    environment(scratch.path(), &inputs.join("environment.bin"))?;
    let recorded = recorded_commit(workspace, scratch.path(), inputs)?;
    Ok(vec![
        "core: part 0xc27".to_owned(),
        format!("director: root version {roots} after {} rotations, targets version ", roots - 1),
        format!("ecu {serial} of {hardware_id}: "),
        format!("assigned commit {assigned}: "),
        "environment: copy 0 in use, 2 of 2 whole, ".to_owned(),
        "boot: trial 2/3, bootlimit 3".to_owned(),
        format!("recorded commit {recorded}: "),
        "memory: flash ".to_owned(),
    ])
}

/// Runs the demonstration and keeps its directory. Not with optimisation: that takes minutes to build, and
/// the tests have built it without.
fn run_demo(workspace: &Workspace, directory: &Path) -> Result<()> {
    empty(directory)?;
    let mut demo = workspace.cargo(&["run", "--quiet", "--package", "ota-agent", "--"]);
    demo.args(["demo", "--keep", "--json", "--dir"]).arg(directory).stderr(Stdio::inherit());
    let output = command::output(&mut demo)?;
    // What it tells is for its own test: here only a failure is of interest.
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the demonstration: {}\n{said}", output.status);
    Ok(())
}

/// The Director's Root files, the first of which the program trusts, and its Targets. Also the time of the
/// verification, now: metadata of a kept directory may have expired. Returns how many Root files there are.
fn metadata(director: &Path, inputs: &Path) -> Result<usize> {
    let copy = |from: &str, to: &str| {
        let from = director.join(from);
        fs::copy(&from, inputs.join(to)).with_context(|| from.display().to_string())
    };
    copy("1.root.json", "root.json")?;
    let mut roots = 1;
    loop {
        let newer = format!("{}.root.json", roots + 1);
        if !director.join(&newer).exists() {
            break;
        }
        copy(&newer, &newer)?;
        roots += 1;
    }
    copy("targets.json", "targets.json")?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("the clock is before 1970")?;
    fs::write(inputs.join("when.txt"), format!("{}\n", now.as_secs()))?;
    Ok(roots)
}

/// Serial number and hardware identifier of the Primary.
fn ecu(configuration: &Path, inputs: &Path) -> Result<(String, String)> {
    let shown = configuration.display();
    let text = fs::read_to_string(configuration).with_context(|| shown.to_string())?;
    let table: toml::Table = text.parse().with_context(|| shown.to_string())?;
    let member = |name: &str| {
        let value = table.get("ecu").and_then(|ecus| ecus.get("primary")?.get(name)?.as_str());
        value.map(str::to_owned).with_context(|| format!("{shown} has no text `{name}` in [ecu.primary]"))
    };
    let (serial, hardware_id) = (member("serial")?, member("hardware_id")?);
    fs::write(inputs.join("ecu.txt"), format!("{serial}\n{hardware_id}\n"))?;
    Ok((serial, hardware_id))
}

/// Two writes into a redundant environment: the first goes to copy 1, as `fw_setenv` takes copy 0 for the one
/// in use when both are bad; the second to copy 0, which makes that the newer one.
fn environment(scratch: &Path, output: &Path) -> Result<()> {
    let image = scratch.join("environment.bin");
    fs::write(&image, vec![0; usize::try_from(2 * COPY_BYTES)?])?;
    let line = |offset| format!("{} {offset:#x} {COPY_BYTES:#x} {COPY_BYTES:#x} 1\n", image.display());
    let config = scratch.join("fw_env.config");
    fs::write(&config, line(0) + &line(COPY_BYTES))?;
    // The environment to start from, as both copies are still bad: an empty one.
    let defaults = scratch.join("defaults");
    fs::write(&defaults, "")?;
    for settings in SETTINGS {
        let script = scratch.join("settings");
        fs::write(&script, settings)?;
        let mut set = Command::new("fw_setenv");
        command::quiet(set.arg("-c").arg(&config).arg("-f").arg(&defaults).arg("-s").arg(&script))?;
    }
    fs::copy(&image, output)?;
    Ok(())
}

/// The commit that the Director assigns to the ECU. The firmware finds that out by itself, and verifies it.
fn assigned_commit(targets: &Path, serial: &str) -> Result<String> {
    let document: Value = serde_json::from_slice(&fs::read(targets)?).context("the Director's Targets")?;
    let mut images = document["signed"]["targets"].as_object().into_iter().flat_map(|images| images.values());
    let image = images.find(|image| !image["custom"]["ecuIdentifiers"][serial].is_null());
    let sha256 = image.and_then(|image| image["hashes"]["sha256"].as_str());
    Ok(sha256.with_context(|| format!("the Director's Targets assign nothing to {serial}"))?.to_owned())
}

/// The commit object of the recorded repository, and its name, which is returned.
fn recorded_commit(workspace: &Workspace, scratch: &Path, inputs: &Path) -> Result<String> {
    let archive = workspace.path("agent/fixtures/os-v1.tar");
    command::quiet(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(scratch))?;
    let name = fs::read_to_string(scratch.join("refs/heads/os/imx95/main")).context("os/imx95/main")?;
    let name = name.trim();
    copy_commit(scratch, name, &inputs.join("recorded-commit.bin"))?;
    fs::write(inputs.join("recorded-commit.txt"), format!("{name}\n"))?;
    Ok(name.to_owned())
}

fn copy_commit(repository: &Path, name: &str, output: &Path) -> Result<()> {
    ensure!(name.len() == 64 && name.is_ascii(), "`{name}` does not name a commit");
    let (folder, rest) = name.split_at(2);
    let object = repository.join(format!("objects/{folder}/{rest}.commit"));
    fs::copy(&object, output).with_context(|| object.display().to_string())?;
    Ok(())
}

/// Makes `directory` anew, without what an earlier run left there.
fn empty(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => fs::create_dir_all(directory).with_context(|| directory.display().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_every_root_up_to_the_first_gap() {
        let (director, inputs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in ["1.root.json", "2.root.json", "4.root.json", "targets.json"] {
            fs::write(director.path().join(name), name).unwrap();
        }
        assert_eq!(metadata(director.path(), inputs.path()).unwrap(), 2);
        assert_eq!(fs::read_to_string(inputs.path().join("root.json")).unwrap(), "1.root.json");
        assert!(inputs.path().join("2.root.json").exists() && !inputs.path().join("4.root.json").exists());
    }

    #[test]
    fn the_assigned_commit_is_that_of_the_ecu_with_this_serial() {
        let directory = tempfile::tempdir().unwrap();
        let targets = directory.path().join("targets.json");
        let image = |ecu: &str, sha256: &str| {
            let custom = serde_json::json!({ "ecuIdentifiers": { ecu: {} } });
            serde_json::json!({ "custom": custom, "hashes": { "sha256": sha256 } })
        };
        let images = serde_json::json!({ "a": image("p-1", "aa"), "b": image("p-2", "bb") });
        let document = serde_json::json!({ "signed": { "targets": images } });
        fs::write(&targets, document.to_string()).unwrap();
        assert_eq!(assigned_commit(&targets, "p-2").unwrap(), "bb");
        let error = assigned_commit(&targets, "p-3").unwrap_err();
        assert_eq!(error.to_string(), "the Director's Targets assign nothing to p-3");
    }

    #[test]
    fn the_ecu_is_the_configurations_primary() {
        let directory = tempfile::tempdir().unwrap();
        let configuration = directory.path().join("agent.toml");
        let read = |text: &str| {
            fs::write(&configuration, text).unwrap();
            ecu(&configuration, directory.path())
        };
        let both =
            "[ecu.application]\nserial = \"a\"\n[ecu.primary]\nserial = \"p-1\"\nhardware_id = \"imx95\"\n";
        assert_eq!(read(both).unwrap(), ("p-1".to_owned(), "imx95".to_owned()));
        assert_eq!(fs::read_to_string(directory.path().join("ecu.txt")).unwrap(), "p-1\nimx95\n");
        let error = read("[ecu.primary]\nserial = 1\n").unwrap_err();
        let shown = configuration.display();
        assert_eq!(error.to_string(), format!("{shown} has no text `serial` in [ecu.primary]"));
    }
}
