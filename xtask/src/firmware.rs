//! `cargo xtask firmware`: the Cortex-M7 program, built without a heap and run in QEMU. Then the same
//! program with one byte of its flash changed, for each thing that it must notice.

mod figures;
mod inputs;
mod spoilt;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};

use self::figures::Figures;
use crate::command;
use crate::workspace::Workspace;

const TARGET: &str = "thumbv7em-none-eabihf";

/// QEMU's board with a Cortex-M7.
const MACHINE: &str = "mps2-an500";

/// Seconds after which a hanging program is killed. It needs less than one.
const TIMEOUT: &str = "60";

/// Runs all of it with the metadata in `demo`, a directory that `ota-agent demo` has kept, or else in one
/// that the demonstration makes now.
pub(crate) fn run(workspace: &Workspace, demo: Option<&Path>) -> Result<()> {
    let directory = workspace.target.join("firmware");
    let inputs = directory.join("inputs");
    let expected = inputs::gather(workspace, demo, &directory, &inputs)?;
    let program = build(workspace, &directory, &inputs)?;

    let output = boot(&program)?;
    let said = text(&output);
    print!("{said}");
    ensure!(output.status.success(), "the firmware: {}", output.status);
    for line in expected {
        ensure!(said.lines().any(|one| one.starts_with(&line)), "the firmware did not say `{line}…`");
    }
    let figures = Figures::read(&said)?;
    figures.check()?;

    for case in spoilt::CASES {
        let spoilt = directory.join("spoilt-firmware");
        fs::write(&spoilt, case.spoil(&fs::read(&program)?, &inputs)?)?;
        check_spoilt(case, &boot(&spoilt)?).with_context(|| case.what)?;
    }
    println!("{} changes of a byte are noticed; {figures}", spoilt::CASES.len());
    Ok(())
}

fn check_spoilt(case: &spoilt::Case, output: &Output) -> Result<()> {
    let said = text(output);
    let Some(line) = said.lines().find(|line| line.contains(case.says)) else {
        bail!("the firmware does not say `{}` but:\n{said}", case.says);
    };
    ensure!(output.status.code() == Some(case.exit), "{}, where {} is right", output.status, case.exit);
    println!("{}: {line}", case.what);
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
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", directory)
        .env("CARGO_TARGET_THUMBV7EM_NONE_EABIHF_LINKER", "arm-none-eabi-ld")
        .env("FIRMWARE_INPUTS", inputs);
    command::run(&mut cargo)?;
    Ok(directory.join(TARGET).join("release/firmware"))
}

fn boot(program: &Path) -> Result<Output> {
    let mut qemu = Command::new("timeout");
    qemu.args([TIMEOUT, "qemu-system-arm", "-M", MACHINE, "-nographic"]);
    qemu.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(program);
    command::output(&mut qemu)
}

/// All that the program and QEMU said.
fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
