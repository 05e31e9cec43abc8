//! Running other programs: each command line is printed before it runs, and none reads standard input.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Prints and runs `command`; fails unless it exits 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    announce(command);
    let status = command.stdin(Stdio::null()).status().with_context(|| cannot_start(command))?;
    if !status.success() {
        bail!("{}: {status}", line(command));
    }
    Ok(())
}

/// Prints and runs `command` and returns what it printed and how it ended, whatever that was.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    announce(command);
    command.stdin(Stdio::null()).output().with_context(|| cannot_start(command))
}

/// Runs `command` without a word and returns its standard output; fails unless it exits 0.
pub(crate) fn quiet(command: &mut Command) -> Result<Vec<u8>> {
    let output = command.stdin(Stdio::null()).output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        bail!("{}: {}\n{}", line(command), output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}

fn announce(command: &Command) {
    println!("+ {}", line(command));
}

fn cannot_start(command: &Command) -> String {
    format!("{} cannot be started", command.get_program().to_string_lossy())
}

/// The command as a shell would show it: variables that it sets, program, arguments.
fn line(command: &Command) -> String {
    let set = command.get_envs().filter_map(|(name, value)| {
        value.map(|value| format!("{}={}", name.to_string_lossy(), quoted(value)))
    });
    let program = std::iter::once(command.get_program())
        .map(|program| std::path::Path::new(program).file_name().unwrap_or(program));
    set.chain(program.chain(command.get_args()).map(quoted)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    if word.is_empty() || word.contains([' ', '"', '(']) { format!("'{word}'") } else { word.into_owned() }
}
