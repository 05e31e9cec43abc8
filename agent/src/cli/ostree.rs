//! `ota-agent ostree`: repositories, with the arguments and lines of the real tool. One file a group of sub-commands.

mod checkout;
mod checksum;
mod commit;
mod config;
mod diff;
mod find;
mod ls;
mod maintain;
mod pull;
mod refs;
mod remote;
mod show;
mod size;
mod static_delta;
mod summary;

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::{Subcommand, ValueEnum};
use ostree_objects::RepoMode;
use ostree_objects::repo::Repo;
use serde_json::json;

use crate::cli::Exit;
use crate::output::say;
use find::resolve;

/// Make, read, check and copy OSTree repositories
///
/// Arguments and output are those of the `ostree` tool. A REV is a checksum or its first digits, a branch, REMOTE:REF,
/// or any of these with `^` behind it for its parent.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The repository, before or after the sub-command. If not given: the working directory if it is one, or what the
    /// environment variable OSTREE_REPO names, or /ostree/repo.
    #[arg(long, value_name = "DIR", global = true, display_order = 1000)]
    repo: Option<PathBuf>,
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
    Commit(commit::Args),
    Checkout(checkout::Args),
    Ls(ls::Args),
    Cat(ls::CatArgs),
    Show(show::Args),
    Log(show::LogArgs),
    Diff(diff::Args),
    Checksum(checksum::Args),
    Refs(refs::Args),
    Reset(refs::ResetArgs),
    RevParse(refs::RevParseArgs),
    Fsck(maintain::FsckArgs),
    Prune(maintain::PruneArgs),
    Pull(pull::Args),
    PullLocal(pull::LocalArgs),
    Remote(remote::Args),
    Config(config::Args),
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
}

impl Command {
    /// Why there is no form of the output for machines, if so.
    const fn without_json(&self) -> Option<&'static str> {
        match self {
            Self::Cat(_) => Some("cat prints files as they are"),
            Self::Ls(args) if args.prints_bytes() => {
                Some("--nul-filenames-only is a form for machines by itself")
            }
            Self::Show(args) if args.prints_values() => Some("values are printed in GVariant's text form"),
            Self::Log(args) if args.prints_values() => Some("values are printed in GVariant's text form"),
            Self::Remote(args) if args.prints_values() => Some("values are printed in GVariant's text form"),
            Self::Summary(args) if args.prints_values() => Some("values are printed in GVariant's text form"),
            Self::StaticDelta(static_delta::Command::Show { .. }) => {
                Some("static-delta show prints text for people")
            }
            _ => None,
        }
    }
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
    let Args { repo: named, command } = args;
    if let (true, Some(reason)) = (json, command.without_json()) {
        // In either form: whoever reads one object a line reads this.
        say!("{}", json!({ "event": "error", "message": format!("not with --json: {reason}") }));
        return Ok(Exit::Usage);
    }
    if let Command::Checksum(args) = &command {
        return checksum::run(args, json).map(|()| Exit::Done);
    }
    let path = find::repository(named)?;
    if let Command::Init { mode } = command {
        let mode = mode.repo_mode();
        // Whoever makes sure that there is one may do so again, as with the tool; in another mode it would not be it.
        match Repo::open(&path) {
            Ok(there) => ensure!(
                there.mode() == mode,
                "{} is a repository already, in mode {}",
                path.display(),
                there.mode().name()
            ),
            Err(_) => drop(Repo::init(&path, mode).with_context(|| format!("making {}", path.display()))?),
        }
        done(json, &json!({ "repo": path, "mode": mode.name() }));
        return Ok(Exit::Done);
    }
    let repo = Repo::open(&path).with_context(|| format!("opening {}", path.display()))?;
    match command {
        Command::Init { .. } | Command::Checksum(_) => {}
        Command::Commit(args) => commit::run(&repo, args, json)?,
        Command::Checkout(args) => checkout::run(&repo, &args, json)?,
        Command::Ls(args) => ls::run(&repo, &args, json)?,
        Command::Cat(args) => ls::cat(&repo, &args)?,
        Command::Show(args) => show::run(&repo, &args, json)?,
        Command::Log(args) => show::log(&repo, &args, json)?,
        Command::Diff(args) => diff::run(&repo, &args, json)?,
        Command::Refs(args) => refs::run(&repo, &args, json)?,
        Command::Reset(args) => refs::reset(&repo, &args, json)?,
        Command::RevParse(args) => refs::rev_parse(&repo, &args, json)?,
        Command::Fsck(args) => return maintain::fsck(&repo, args, json),
        Command::Prune(args) => maintain::prune(&repo, &args, json)?,
        Command::Pull(args) => pull::run(&repo, &args, json)?,
        Command::PullLocal(args) => pull::local(&repo, &args, json)?,
        Command::Remote(args) => remote::run(&repo, args, json)?,
        Command::Config(args) => config::run(&repo, args, json)?,
        Command::StaticDelta(command) => static_delta::run(&repo, command, json)?,
        Command::ApplyDelta { file } => static_delta::apply(&repo, &file, json)?,
        Command::Summary(args) => summary::summary(&repo, &args, json)?,
        Command::Sign(args) => summary::sign(&repo, &resolve(&repo, args.rev())?, &args, json)?,
    }
    Ok(Exit::Done)
}

/// What was done, for machines; people are told nothing, as by the real tool.
fn done(json: bool, what: &serde_json::Value) {
    if json {
        say!("{what}");
    }
}
