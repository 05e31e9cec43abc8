//! Format, lints, documentation: what is judged without running anything.

use anyhow::Result;

use crate::command;
use crate::workspace::{OTHER_WORKSPACES, Workspace};

pub(super) fn format(workspace: &Workspace) -> Result<()> {
    command::run(&mut workspace.cargo(&["fmt", "--all", "--check"]))?;
    for manifest in OTHER_WORKSPACES {
        command::run(&mut workspace.cargo(&["fmt", "--check", "--manifest-path", manifest]))?;
    }
    Ok(())
}

/// Everything with default features, then each library in its lower tiers. There only the library
/// itself: its tests depend on `testkit`, which turns `std` on again.
pub(super) fn clippy(workspace: &Workspace) -> Result<()> {
    const DENY: [&str; 3] = ["--", "-D", "warnings"];
    command::run(workspace.cargo(&["clippy", "--workspace", "--all-targets"]).args(DENY))?;
    for library in &workspace.libraries {
        for tier in [&[][..], &["--features", "alloc"]] {
            let mut clippy = workspace.cargo(&["clippy", "--lib", "--no-default-features"]);
            command::run(clippy.args(["--package", &library.name]).args(tier).args(DENY))?;
        }
    }
    Ok(())
}

pub(super) fn docs(workspace: &Workspace) -> Result<()> {
    command::run(workspace.cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-Dwarnings"))
}
