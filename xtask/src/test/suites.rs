//! The test suites. Binaries are named by what they need: `peer` asks real tools, all others only Rust.

use anyhow::Result;

use super::Scope;
use crate::command;
use crate::packages::is_installed;
use crate::workspace::Workspace;

/// The name of the test binaries that ask real tools.
const PEER: &str = "peer";

/// Unit and integration tests; benches are compiled, and run once as tests.
pub(super) fn tests(workspace: &Workspace, scope: Scope) -> Result<()> {
    if is_installed("cargo-nextest") {
        let mut nextest = workspace.cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]);
        nextest.args(["--status-level", "fail", "--final-status-level", "fail", "--show-progress", "none"]);
        if scope == Scope::Quick {
            nextest.args(["-E", "not binary(peer)"]);
        }
        return command::run(&mut nextest);
    }
    let mut test =
        workspace.cargo(&["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--examples"]);
    for name in workspace.tests.iter().filter(|name| scope == Scope::Full || *name != PEER) {
        test.args(["--test", name]);
    }
    command::run(&mut test)
}

pub(super) fn doc_tests(workspace: &Workspace) -> Result<()> {
    command::run(&mut workspace.cargo(&["test", "--workspace", "--doc"]))
}

/// Each bench, once, not timed: it must still compile and hold.
pub(super) fn benches(workspace: &Workspace) -> Result<()> {
    command::run(&mut workspace.cargo(&["test", "--package", "ota-benches", "--benches"]))
}
