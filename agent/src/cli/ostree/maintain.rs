//! `fsck` and `prune`.

use anyhow::Context;
use ostree_objects::Checksum;
use ostree_objects::repo::{Damage, PruneOptions, PruneReport, Repo};
use serde_json::json;

use crate::cli::Exit;
use crate::output::say;

/// Compare every object with its name; exits 1 on damage
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct FsckArgs {
    /// Print what is damaged only.
    #[arg(long, short)]
    quiet: bool,
    /// Do not stop at the first damage: it never does.
    #[arg(long, short)]
    all: bool,
    /// Remove what is damaged and mark its commits as partial: a pull fetches it again.
    #[arg(long)]
    delete: bool,
}

/// Remove what no commit needs
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PruneArgs {
    /// Keep the commits that refs lead to, not every one that is there.
    #[arg(long)]
    refs_only: bool,
    /// How many parents of each are kept; -1, or none given, keeps all.
    #[arg(long, value_name = "COUNT", allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(-1..))]
    depth: Option<i64>,
    /// Only say what would be removed.
    #[arg(long)]
    no_prune: bool,
    /// First delete this commit, which no ref may lead to. A tombstone says so from now on in the place of each commit
    /// that is deleted.
    #[arg(long, value_name = "COMMIT", conflicts_with = "no_prune")]
    delete_commit: Option<String>,
}

pub(super) fn prune(repo: &Repo, args: &PruneArgs, json: bool) -> anyhow::Result<()> {
    let PruneArgs { refs_only, depth, no_prune, ref delete_commit } = *args;
    if let Some(text) = delete_commit {
        let commit = Checksum::from_hex(text.as_bytes()).with_context(|| text.clone())?;
        repo.delete_commit(&commit)?;
    }
    let depth = depth.and_then(|depth| usize::try_from(depth).ok());
    let report = repo.prune(&PruneOptions { refs_only, depth, dry_run: no_prune })?;
    if json {
        let (total, unneeded, bytes) = (report.total, report.unneeded.len(), report.bytes);
        say!("{}", json!({ "total": total, "unneeded": unneeded, "bytes": bytes, "removed": !no_prune }));
    } else {
        print_prune(&report, no_prune);
    }
    Ok(())
}

/// The lines of the real tool, with the bytes as a plain number.
fn print_prune(report: &PruneReport, is_dry: bool) {
    say!("Total objects: {}", report.total);
    match (report.unneeded.len(), is_dry) {
        (0, _) => say!("No unreachable objects"),
        (count, true) => say!("Would delete: {count} objects, freeing {} bytes", report.bytes),
        (count, false) => say!("Deleted {count} objects, {} bytes freed", report.bytes),
    }
}

pub(super) fn fsck(repo: &Repo, args: FsckArgs, json: bool) -> anyhow::Result<Exit> {
    let FsckArgs { quiet, delete, all: _ } = args;
    let note = |what: &str, name: &dyn core::fmt::Display, message: String| {
        if json {
            say!(
                "{}",
                json!({ "event": "damage", "what": what, "name": name.to_string(), "message": message })
            );
        } else {
            say!("{}", message);
        }
    };
    let report = repo.fsck()?;
    for commit in &report.partial {
        if json {
            say!("{}", json!({ "event": "partial", "commit": commit.to_string() }));
        } else if !quiet {
            say!("partial commit {commit}: not checked");
        }
    }
    for Damage { request, error } in &report.damaged {
        let (what, checksum) = (request.object_type.name(), request.checksum);
        note(what, &checksum, format!("{what} {checksum}: {error}"));
    }
    for bad in &report.refs {
        note("ref", &bad.path, format!("{}: {}", bad.path, bad.error));
    }
    if delete {
        for Damage { request, .. } in report.damaged.iter().filter(|damage| !damage.error.is_of_object()) {
            let (what, checksum) = (request.object_type.name(), request.checksum);
            note(what, &checksum, format!("{what} {checksum} stays: it may be whole"));
        }
        for commit in repo.remove_damaged(&report)? {
            note("commit", &commit, format!("commit {commit} is partial now: pull it again"));
        }
    }
    let (commits, good, damaged) = (report.commits, report.good, report.damaged.len());
    if json {
        say!("{}", json!({ "event": "checked", "commits": commits, "good": good, "damaged": damaged }));
    } else if !quiet {
        say!("{commits} commits, {good} objects good, {damaged} damaged");
    }
    Ok(if report.damaged.is_empty() && report.refs.is_empty() { Exit::Done } else { Exit::Failed })
}
