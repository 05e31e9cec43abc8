//! The real tools that tests ask: a missing one is a failure that names its package, never a skip.

use std::ffi::OsStr;
use std::process::{Command, Output};

mod packages;

pub use packages::{PACKAGES, is_installed, search_path};

/// A command that runs `tool`, with a locale and time zone that do not vary.
///
/// # Panics
/// If the tool is not installed: a claim about it cannot be tested without it.
#[must_use]
pub fn tool(name: &str) -> Command {
    assert!(
        is_installed(name),
        "the real tool `{name}` is not installed; on Debian: apt-get install {}",
        PACKAGES.iter().find(|(tool, ..)| *tool == name).map_or(name, |(_, package, _)| package),
    );
    let mut command = Command::new(name);
    command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env("PATH", search_path());
    command
}

/// Runs the tool with `arguments` and returns its standard output.
///
/// # Panics
/// If the tool is missing or exits other than 0; the message holds what it printed.
pub fn run<S: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = S>) -> Vec<u8> {
    let mut command = tool(name);
    command.args(arguments);
    success(&mut command)
}

/// Runs `command` and returns its standard output.
///
/// # Panics
/// If it cannot be started or exits other than 0; the message holds what it printed.
pub fn success(command: &mut Command) -> Vec<u8> {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert!(
        status.success(),
        "{command:?}: {status}\n{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    stdout
}
