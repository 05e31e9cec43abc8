//! `checksum`: which object a file would be.

use std::path::PathBuf;

use anyhow::Context;
use ostree_objects::repo::{CommitOptions, checksum_of_path};
use serde_json::json;

use crate::output::say;

/// Print the checksum of a file as an object; of a directory that of its own metadata
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Leave extended attributes out.
    #[arg(long)]
    ignore_xattrs: bool,
    /// The file, symbolic link or directory.
    path: PathBuf,
}

pub(super) fn run(args: &Args, json: bool) -> anyhow::Result<()> {
    let options = CommitOptions { skip_xattrs: args.ignore_xattrs, ..CommitOptions::default() };
    let checksum = checksum_of_path(&args.path, &options).with_context(|| args.path.display().to_string())?;
    if json {
        say!("{}", json!({ "path": args.path, "checksum": checksum.to_string() }));
    } else {
        say!("{checksum}");
    }
    Ok(())
}
