//! `diff`: how two trees differ, of commits or of directories on disk.

use std::path::Path;

use anyhow::{Context, ensure};
use ostree_objects::RepoMode;
use ostree_objects::repo::{CommitOptions, DiskTree, Repo, TreeSide};
use serde_json::json;

use super::resolve;
use super::size::size;
use crate::output::say;

/// Print how two trees differ
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools)] // Each is an option of its own.
pub(super) struct Args {
    /// Print how much two commits have in common.
    #[arg(long)]
    stats: bool,
    /// Print how the trees differ, which is so without --stats.
    #[arg(long)]
    fs_diff: bool,
    /// Leave out extended attributes of files on disk.
    #[arg(long)]
    no_xattrs: bool,
    /// The owner of files on disk; as they are if not given.
    #[arg(long, value_name = "UID")]
    owner_uid: Option<u32>,
    /// The group of files on disk; as they are if not given.
    #[arg(long, value_name = "GID")]
    owner_gid: Option<u32>,
    /// A commit or ref, or a directory that starts with `/` or `./`; its parent is compared with it if it is the only one.
    #[arg(value_name = "REV_OR_DIR")]
    old: String,
    /// The other one.
    #[arg(value_name = "REV_OR_DIR")]
    new: Option<String>,
}

pub(super) fn run(repo: &Repo, args: &Args, json: bool) -> anyhow::Result<()> {
    let (old, new) = match &args.new {
        Some(new) => (args.old.clone(), new.clone()),
        None => {
            ensure!(!is_directory(&args.old), "{} is a directory: compared with what?", args.old);
            (format!("{}^", args.old), args.old.clone())
        }
    };
    if args.fs_diff || !args.stats {
        trees(repo, args, [&old, &new], json)?;
    }
    if args.stats {
        stats(repo, [&old, &new], json)?;
    }
    Ok(())
}

fn is_directory(name: &str) -> bool {
    name.starts_with('/') || name.starts_with("./")
}

fn trees(repo: &Repo, args: &Args, names: [&str; 2], json: bool) -> anyhow::Result<()> {
    let options = CommitOptions {
        uid: args.owner_uid,
        gid: args.owner_gid,
        // A repository of this mode has none to compare with.
        skip_xattrs: args.no_xattrs || repo.mode() == RepoMode::BareUserOnly,
        ..CommitOptions::default()
    };
    let mut disks = [None, None];
    for (disk, name) in disks.iter_mut().zip(names) {
        if is_directory(name) {
            *disk = Some(DiskTree::read(Path::new(name), &options).with_context(|| name.to_owned())?);
        }
    }
    let [old, new] = &disks;
    let diff = side(repo, old.as_ref(), names[0])?.diff(&side(repo, new.as_ref(), names[1])?)?;
    for (letter, paths) in [('M', diff.modified), ('D', diff.removed), ('A', diff.added)] {
        for path in paths {
            if json {
                say!("{}", json!({ "change": letter.to_string(), "path": path }));
            } else {
                say!("{letter}    {path}");
            }
        }
    }
    Ok(())
}

fn side<'a>(repo: &'a Repo, disk: Option<&'a DiskTree>, name: &str) -> anyhow::Result<TreeSide<'a>> {
    Ok(match disk {
        Some(tree) => TreeSide::disk(tree),
        None => TreeSide::commit(repo, &resolve(repo, name)?)?,
    })
}

fn stats(repo: &Repo, names: [&str; 2], json: bool) -> anyhow::Result<()> {
    let stats = repo.diff_stats(&resolve(repo, names[0])?, &resolve(repo, names[1])?)?;
    if json {
        let (old, new, common, bytes) = (stats.old, stats.new, stats.common, stats.common_bytes);
        say!(
            "{}",
            json!({ "old_objects": old, "new_objects": new, "common_objects": common, "common_bytes": bytes })
        );
    } else {
        say!("[A] Object Count: {}\n[B] Object Count: {}", stats.old, stats.new);
        say!("Common Object Count: {}\nCommon Object Size: {}", stats.common, size(stats.common_bytes));
    }
    Ok(())
}
