//! The no_std proof: a static library for the host, in a workspace of its own, with its own panic handler.
//!
//! It links only if no crate below it pulls in `std`. That this is so is checked too: with a feature too
//! many, the same build must fail, and for the right reason.

use anyhow::{Result, bail, ensure};

use crate::command;
use crate::workspace::Workspace;

const MANIFEST: &str = "xtask/nostd-proof/Cargo.toml";

/// The features of a build, and what the compiler must say; nothing if it must succeed.
const BUILDS: &[(&str, Option<&str>)] = &[
    ("", None),
    ("alloc,allocator", None),
    ("alloc", Some("no global memory allocator found")),
    ("std", Some("found duplicate lang item `panic_impl`")),
];

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    for (features, complaint) in BUILDS {
        let mut build = workspace.cargo_in(MANIFEST, &["build", "--features", features]);
        match complaint {
            None => command::run(&mut build)?,
            Some(complaint) => {
                let output = command::output(&mut build)?;
                let said = String::from_utf8_lossy(&output.stderr);
                ensure!(!output.status.success(), "the build with `{features}` passes: it proves nothing");
                if !said.contains(complaint) {
                    bail!("the build with `{features}` must fail for `{complaint}`, but said:\n{said}");
                }
                println!("fails as it must: {complaint}");
            }
        }
    }
    Ok(())
}
