//! `cargo xtask firmware`: the Cortex-M7 program, built without a heap and run in QEMU. Then the same
//! program with spoilt metadata, which it must refuse.

mod inputs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};

use crate::command;
use crate::workspace::Workspace;

const TARGET: &str = "thumbv7em-none-eabihf";

/// QEMU's board with a Cortex-M7.
const MACHINE: &str = "mps2-an500";

/// Seconds after which a hanging program is killed. It needs less than one.
const TIMEOUT: &str = "60";

/// Which input is spoilt, the text in it of which one byte is changed, and what the program must then say.
const SPOILT: &[(&str, &str, &str)] = &[];

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let directory = workspace.target.join("firmware");
    let good = directory.join("inputs");
    inputs::gather(workspace, &good)?;
    let output = boot(&build(workspace, &directory, &good)?)?;
    ensure!(output.status.success(), "the firmware: {}", output.status);

    for (input, text, complaint) in SPOILT {
        let spoilt = directory.join("spoilt-inputs");
        copy(&good, &spoilt)?;
        spoil(&spoilt.join(input), text)?;
        println!("now with one byte of {input} changed");
        let output = boot(&build(workspace, &directory, &spoilt)?)?;
        if output.status.code() != Some(1) {
            bail!("with one byte of {input} changed: {} instead of exit status 1", output.status);
        }
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(said.contains(complaint), "it refused, but not with `{complaint}`");
    }
    Ok(())
}

/// Builds the program with `inputs` in its flash. Debian's compiler, because it comes with the source of
/// `core`, and unstable options are allowed to it, because `core` is built with one.
fn build(workspace: &Workspace, directory: &Path, inputs: &Path) -> Result<PathBuf> {
    let mut cargo = Command::new("/usr/bin/cargo");
    // What the cargo and rustup that started us say about themselves must not reach another cargo.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_foreign = ["CARGO", "RUST"].iter().any(|prefix| text.starts_with(prefix));
        if (is_foreign && text != "CARGO_HOME") || text == "LD_LIBRARY_PATH" {
            cargo.env_remove(&name);
        }
    }
    cargo
        .current_dir(workspace.path("firmware"))
        .args(["build", "--release", "-Zbuild-std=core", "--target", TARGET])
        .env("PATH", path_with_usr_bin_first()?)
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", directory)
        .env("CARGO_TARGET_THUMBV7EM_NONE_EABIHF_LINKER", "arm-none-eabi-ld")
        .env("FIRMWARE_INPUTS", inputs);
    command::run(&mut cargo)?;
    Ok(directory.join(TARGET).join("release/firmware"))
}

/// Runs the program and shows what it says.
fn boot(program: &Path) -> Result<Output> {
    let mut qemu = Command::new("timeout");
    qemu.args([TIMEOUT, "qemu-system-arm", "-M", MACHINE, "-nographic"]);
    qemu.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(program);
    let output = command::output(&mut qemu)?;
    print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok(output)
}

fn path_with_usr_bin_first() -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let parts = std::iter::once(PathBuf::from("/usr/bin")).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(parts)?)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Changes the last byte of the first `text` in the file: a digit or letter into another one.
fn spoil(file: &Path, text: &str) -> Result<()> {
    let mut bytes = fs::read(file)?;
    let position = bytes.windows(text.len()).position(|window| window == text.as_bytes());
    let start = position.with_context(|| format!("{} has no {text}", file.display()))?;
    bytes[start + text.len() - 1] ^= 1;
    Ok(fs::write(file, bytes)?)
}
