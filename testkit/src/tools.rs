//! The real tools that tests ask: a missing one is a failure that names its package, never a skip.

use std::ffi::OsStr;
use std::process::{Command, Output};

/// Debian's package for each tool that a test may ask.
pub const PACKAGES: &[(&str, &str)] = &[
    ("ostree", "ostree"),
    ("fw_printenv", "libubootenv-tool"),
    ("fw_setenv", "libubootenv-tool"),
    ("mkenvimage", "u-boot-tools"),
    ("mkimage", "u-boot-tools"),
    ("git", "git"),
    ("qemu-system-arm", "qemu-system-arm"),
];

/// A command that runs `tool`, with a locale and time zone that do not vary.
///
/// # Panics
/// If the tool is not installed: a claim about it cannot be tested without it.
#[must_use]
pub fn tool(name: &str) -> Command {
    assert!(
        is_installed(name),
        "the real tool `{name}` is not installed; on Debian: apt-get install {}",
        PACKAGES.iter().find(|(tool, _)| *tool == name).map_or(name, |(_, package)| package),
    );
    let mut command = Command::new(name);
    command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC").env("PATH", search_path());
    command
}

/// Whether `name` is found on the search path, `/usr/sbin` included.
#[must_use]
pub fn is_installed(name: &str) -> bool {
    std::env::split_paths(&search_path()).any(|directory| directory.join(name).is_file())
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

/// Debian keeps some tools in `/usr/sbin`, which a plain user's path lacks.
fn search_path() -> std::ffi::OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}
