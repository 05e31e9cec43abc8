//! Debian packages: which are missing, and installing them when that is allowed.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Result, bail};

use crate::command;
use crate::packages::{PACKAGES, is_installed};

/// Makes sure that every tool is there. As root, installs what is missing; otherwise says how to.
pub(crate) fn provide_tools() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    println!("Debian packages that are missing:");
    for (package, tools) in &missing {
        for (tool, purpose) in tools {
            println!("  {package:<24} {tool}: {purpose}");
        }
    }
    let names: Vec<&str> = missing.keys().copied().collect();
    let install = format!("apt-get install --no-install-recommends {}", names.join(" "));
    if !rustix::process::geteuid().is_root() {
        bail!(
            "packages are missing. Run this as root, or run first:\n    sudo {install}\n\
             or `cargo xtask test --quick`, which needs only Rust"
        );
    }
    if !is_installed("apt-get") {
        bail!("this is not Debian: install what Debian has in {}", names.join(", "));
    }
    println!("installing them");
    command::run(Command::new("apt-get").args(["update", "-q"]))?;
    command::run(
        Command::new("apt-get")
            .args(["install", "-q", "-y", "--no-install-recommends"])
            .args(&names)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )?;
    let still: Vec<&str> = self::missing().into_values().flatten().map(|(tool, _)| tool).collect();
    if !still.is_empty() {
        bail!("not found although their packages are installed: {}", still.join(", "));
    }
    Ok(())
}

/// Missing tools with their purposes, by package.
fn missing() -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
    let mut missing: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (tool, package, purpose) in PACKAGES {
        if !is_installed(tool) {
            missing.entry(*package).or_default().push((*tool, *purpose));
        }
    }
    missing
}
