//! `checkout`, with the options of the real tool.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ostree_objects::repo::{CheckoutOptions, Links, Ownership, Repo, Union};
use serde_json::json;

use super::{done, resolve};

/// Check a commit out
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools)] // Each is an option of its own.
pub(super) struct Args {
    /// As a plain user: without owners, extended attributes and set-id bits.
    #[arg(long, visible_alias = "user-mode", short = 'U')]
    user: bool,
    /// Copy files even where they could be linked.
    #[arg(long, visible_alias = "force-copy", short = 'C')]
    copy: bool,
    /// Link every file to the repository's; fail where that is not possible.
    #[arg(long, visible_alias = "require-hardlinks", short = 'H', conflicts_with = "copy")]
    link: bool,
    /// Fill a directory that is there; replace files.
    #[arg(long, group = "unions")]
    union: bool,
    /// Fill a directory that is there; keep files that are there.
    #[arg(long, group = "unions")]
    union_add: bool,
    /// Fill a directory that is there; files that are there must be the same.
    #[arg(long, group = "unions")]
    union_identical: bool,
    /// Files `.wh.NAME` remove NAME, as in layers of container images.
    #[arg(long)]
    whiteouts: bool,
    /// The directory of the commit that is checked out.
    #[arg(long, value_name = "PATH", default_value = "/")]
    subpath: String,
    /// The commit or ref.
    rev: String,
    /// Where; it must not exist, except for a union. REV if not given.
    dest: Option<PathBuf>,
}

pub(super) fn run(repo: &Repo, args: &Args, json: bool) -> anyhow::Result<()> {
    let commit = resolve(repo, &args.rev)?;
    let dest = &args.dest.clone().unwrap_or_else(|| args.rev.clone().into());
    let name = dest.file_name().and_then(|name| name.to_str()).context("the destination has no name")?;
    let parent = match dest.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let at = File::open(parent).with_context(|| format!("opening {}", parent.display()))?;
    let options = CheckoutOptions {
        links: match (args.copy, args.link) {
            (true, _) => Links::Never,
            (_, true) => Links::Required,
            _ => Links::Allowed,
        },
        ownership: if args.user { Ownership::User } else { Ownership::Committed },
        union: match (args.union, args.union_add, args.union_identical) {
            (true, ..) => Union::Files,
            (_, true, _) => Union::Add,
            (.., true) => Union::Identical,
            _ => Union::None,
        },
        whiteouts: args.whiteouts,
        subpath: &args.subpath,
        ..CheckoutOptions::default()
    };
    repo.checkout(&commit, &at, name, options)
        .with_context(|| format!("checking out into {}", dest.display()))?;
    done(json, &json!({ "commit": commit.to_string(), "path": dest }));
    Ok(())
}
