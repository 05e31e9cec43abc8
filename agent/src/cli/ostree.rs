//! `ota-agent ostree`: repositories, with the arguments and lines of the real tool.

mod checkout;
mod commit;
mod ls;
mod pull;
mod show;
mod static_delta;
mod summary;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use ostree_objects::repo::{Damage, PruneOptions, PruneReport, Repo};
use ostree_objects::{Checksum, RepoMode};

use crate::cli::Exit;
use crate::output::say;

/// Make, read, check and copy OSTree repositories
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The repository.
    #[arg(long, value_name = "DIR")]
    repo: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an empty repository
    Init {
        /// How objects are stored.
        #[arg(long, value_enum, default_value_t = Mode::BareUser)]
        mode: Mode,
    },
    /// Commit a directory and print the commit's checksum
    Commit(commit::Args),
    /// Check a commit out
    Checkout(checkout::Args),
    /// List the tree of a commit
    Ls {
        /// Everything below, not the root's entries alone.
        #[arg(long, short = 'R')]
        recursive: bool,
        /// Print checksums too.
        #[arg(long, short = 'C')]
        checksum: bool,
        /// The commit or ref.
        rev: String,
    },
    /// Print what a commit says
    Show {
        /// Print how large the commit says its objects are, and those that are not here.
        #[arg(long)]
        print_sizes: bool,
        /// The commit or ref.
        rev: String,
    },
    /// Print how the trees of two commits differ
    Diff {
        /// The first commit or ref.
        old: String,
        /// The second one.
        new: String,
    },
    /// Compare every object with its name; exits 1 on damage
    Fsck {
        /// Remove what is damaged and mark its commits as partial: a pull fetches it again.
        #[arg(long)]
        delete: bool,
    },
    /// Remove what no commit needs
    Prune {
        /// Keep the commits that refs lead to, not every one that is there.
        #[arg(long)]
        refs_only: bool,
        /// How many parents of each are kept; all if not given.
        #[arg(long, value_name = "COUNT")]
        depth: Option<usize>,
        /// Only say what would be removed.
        #[arg(long)]
        no_prune: bool,
        /// First delete this commit, which no ref may lead to. A tombstone says so from now on in the place of each commit
        /// that is deleted.
        #[arg(long, value_name = "COMMIT", conflicts_with = "no_prune")]
        delete_commit: Option<String>,
    },
    Pull(pull::Args),
    /// Copy commits from a repository on this machine
    PullLocal {
        /// The other repository.
        src: PathBuf,
        /// Refs, or commits by their checksum.
        #[arg(required = true)]
        revs: Vec<String>,
    },
    /// List, show, make and apply static deltas
    #[command(subcommand)]
    StaticDelta(static_delta::Command),
    /// Apply a static delta: the same as static-delta apply-offline
    ApplyDelta {
        /// The superblock, or the directory that it is in.
        file: PathBuf,
    },
    Summary(summary::SummaryArgs),
    Sign(summary::SignArgs),
    /// Print the checksum that a ref stands for
    RevParse {
        /// The commit or ref.
        rev: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    /// What is served over HTTP: each object compressed.
    #[value(alias = "archive-z2")]
    Archive,
    /// What a device keeps: each file as it is checked out; needs root.
    Bare,
    /// What is kept without root: owners and extended attributes in an attribute.
    BareUser,
    /// Without owners, extended attributes and set-id bits.
    BareUserOnly,
}

impl Mode {
    const fn repo_mode(self) -> RepoMode {
        match self {
            Self::Archive => RepoMode::Archive,
            Self::Bare => RepoMode::Bare,
            Self::BareUser => RepoMode::BareUser,
            Self::BareUserOnly => RepoMode::BareUserOnly,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// If the repository refuses, or a server cannot be reached.
pub(crate) fn run(args: Args, json: bool) -> anyhow::Result<Exit> {
    let Args { repo: path, command } = args;
    if let Command::Init { mode } = command {
        Repo::init(&path, mode.repo_mode()).with_context(|| format!("making {}", path.display()))?;
        return Ok(Exit::Done);
    }
    let repo = Repo::open(&path).with_context(|| format!("opening {}", path.display()))?;
    match command {
        Command::Init { .. } => {}
        Command::Commit(args) => say!("{}", commit::run(&repo, args)?),
        Command::Checkout(args) => checkout::run(&repo, &args)?,
        Command::Ls { recursive, checksum, rev } => {
            ls::run(&repo, &resolve(&repo, &rev)?, recursive, checksum)?;
        }
        Command::Show { print_sizes: true, rev } => show::print_sizes(&repo, &resolve(&repo, &rev)?)?,
        Command::Show { print_sizes: false, rev } => show::print(&repo, &resolve(&repo, &rev)?)?,
        Command::Diff { old, new } => {
            let diff = repo.diff(&resolve(&repo, &old)?, &resolve(&repo, &new)?)?;
            for (letter, paths) in [('M', diff.modified), ('D', diff.removed), ('A', diff.added)] {
                for path in paths {
                    say!("{letter}    {path}");
                }
            }
        }
        Command::Fsck { delete } => return fsck(&repo, delete),
        Command::Prune { refs_only, depth, no_prune, delete_commit } => {
            if let Some(text) = delete_commit {
                let commit = Checksum::from_hex(text.as_bytes()).with_context(|| text.clone())?;
                repo.delete_commit(&commit)?;
            }
            let report = repo.prune(&PruneOptions { refs_only, depth, dry_run: no_prune })?;
            print_prune(&report, no_prune);
        }
        Command::Pull(args) => pull::run(&repo, &args, json)?,
        Command::PullLocal { src, revs } => pull::local(&repo, &src, &revs, json)?,
        Command::StaticDelta(command) => static_delta::run(&repo, command)?,
        Command::ApplyDelta { file } => static_delta::apply(&repo, &file)?,
        Command::Summary(args) => summary::summary(&repo, &args)?,
        Command::Sign(args) => summary::sign(&repo, &resolve(&repo, args.rev())?, &args)?,
        Command::RevParse { rev } => say!("{}", resolve(&repo, &rev)?),
    }
    Ok(Exit::Done)
}

fn resolve(repo: &Repo, rev: &str) -> anyhow::Result<Checksum> {
    repo.resolve(rev).with_context(|| rev.to_owned())
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

fn fsck(repo: &Repo, delete: bool) -> anyhow::Result<Exit> {
    let report = repo.fsck()?;
    for commit in &report.partial {
        say!("partial commit {commit}: not checked");
    }
    for Damage { request, error } in &report.damaged {
        say!("{} {}: {error}", request.object_type.name(), request.checksum);
    }
    for bad in &report.refs {
        say!("{}: {}", bad.path, bad.error);
    }
    if delete {
        for Damage { request, .. } in report.damaged.iter().filter(|damage| !damage.error.is_of_object()) {
            say!("{} {} stays: it may be whole", request.object_type.name(), request.checksum);
        }
        for commit in repo.remove_damaged(&report)? {
            say!("commit {commit} is partial now: pull it again");
        }
    }
    say!("{} commits, {} objects good, {} damaged", report.commits, report.good, report.damaged.len());
    Ok(if report.damaged.is_empty() && report.refs.is_empty() { Exit::Done } else { Exit::Failed })
}
