//! `ota-agent ostree`: repositories, with the arguments and lines of the real tool.

mod show;
mod static_delta;
mod summary;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
use ostree_objects::repo::{
    CheckoutOptions, CommitOptions, Damage, EntryObjects, Repo, RepoError, TreeEntry,
};
use ostree_objects::{Checksum, DirMetaRef, ObjectType, RepoMode};

use crate::cli::Exit;
use crate::device::{ObjectSource, pull};
use crate::http::Client;
use crate::report::Printer;

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
    Commit(CommitArgs),
    /// Check a commit out into a new directory, in user mode
    Checkout {
        /// As a plain user: without owners and extended attributes. The only way so far.
        #[arg(long, short = 'U')]
        user: bool,
        /// Copy files even where they could be linked.
        #[arg(long, short = 'C')]
        copy: bool,
        /// The commit or ref.
        rev: String,
        /// Where; it must not exist.
        dest: PathBuf,
    },
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
    Fsck,
    /// Fetch commits from an archive repository on a server
    Pull {
        /// Where the refs are kept: refs/remotes/NAME.
        #[arg(long, value_name = "NAME", default_value = "origin")]
        remote: String,
        /// The repository's URL.
        url: String,
        /// Refs, or commits by their checksum.
        #[arg(required = true)]
        revs: Vec<String>,
    },
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
    /// What a device without root keeps.
    BareUser,
}

#[derive(Debug, clap::Args)]
struct CommitArgs {
    /// The branch that the commit becomes the head of.
    #[arg(long, short)]
    branch: String,
    /// One line that says what it is.
    #[arg(long, short, default_value = "")]
    subject: String,
    /// When it was made, in seconds since 1970; now if not given.
    #[arg(long, value_name = "SEC")]
    timestamp: Option<String>,
    /// The owner of everything in it.
    #[arg(long, default_value_t = 0)]
    owner_uid: u32,
    /// The group of everything in it.
    #[arg(long, default_value_t = 0)]
    owner_gid: u32,
    /// A string of the commit's metadata; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    add_metadata_string: Vec<String>,
    /// The directory.
    tree: PathBuf,
}

/// The largest ref that a server may send, in bytes.
const MAX_REF_BYTES: u64 = 128;

/// Runs the command.
///
/// # Errors
/// If the repository refuses, or a server cannot be reached.
pub(crate) fn run(args: Args, json: bool) -> anyhow::Result<Exit> {
    let Args { repo: path, command } = args;
    if let Command::Init { mode } = command {
        let mode = match mode {
            Mode::Archive => RepoMode::Archive,
            Mode::BareUser => RepoMode::BareUser,
        };
        Repo::init(&path, mode).with_context(|| format!("making {}", path.display()))?;
        return Ok(Exit::Done);
    }
    let repo = Repo::open(&path).with_context(|| format!("opening {}", path.display()))?;
    match command {
        Command::Init { .. } => {}
        Command::Commit(args) => println!("{}", commit(&repo, args)?),
        Command::Checkout { user: _, copy, rev, dest } => checkout(&repo, &rev, &dest, copy)?,
        Command::Ls { recursive, checksum, rev } => list(&repo, &resolve(&repo, &rev)?, recursive, checksum)?,
        Command::Show { rev } => show::print(&repo, &resolve(&repo, &rev)?)?,
        Command::Diff { old, new } => {
            let diff = repo.diff(&resolve(&repo, &old)?, &resolve(&repo, &new)?)?;
            for (letter, paths) in [('M', diff.modified), ('D', diff.removed), ('A', diff.added)] {
                for path in paths {
                    println!("{letter}    {path}");
                }
            }
        }
        Command::Fsck => return fsck(&repo),
        Command::Pull { remote, url, revs } => {
            let client = Client::new();
            for rev in revs {
                let commit = remote_rev(&client, &url, &rev)?;
                let source = ObjectSource::Server { client: client.clone(), url: url.clone() };
                pull(&source, &repo, commit, &mut Printer::new(json)).with_context(|| rev.clone())?;
                if Checksum::from_hex(rev.as_bytes()).is_err() {
                    repo.set_remote_ref(&remote, &rev, &commit)?;
                }
            }
        }
        Command::PullLocal { src, revs } => {
            for rev in revs {
                let from = Repo::open(&src).with_context(|| format!("opening {}", src.display()))?;
                let commit = resolve(&from, &rev)?;
                pull(&ObjectSource::Local(from), &repo, commit, &mut Printer::new(json))
                    .with_context(|| rev.clone())?;
                if Checksum::from_hex(rev.as_bytes()).is_err() {
                    repo.set_ref(&rev, &commit)?;
                }
            }
        }
        Command::StaticDelta(command) => static_delta::run(&repo, command)?,
        Command::ApplyDelta { file } => static_delta::apply(&repo, &file)?,
        Command::Summary(args) => summary::summary(&repo, &args)?,
        Command::Sign(args) => summary::sign(&repo, &resolve(&repo, args.rev())?, &args)?,
        Command::RevParse { rev } => println!("{}", resolve(&repo, &rev)?),
    }
    Ok(Exit::Done)
}

fn resolve(repo: &Repo, rev: &str) -> anyhow::Result<Checksum> {
    repo.resolve(rev).with_context(|| rev.to_owned())
}

fn commit(repo: &Repo, args: CommitArgs) -> anyhow::Result<Checksum> {
    let timestamp = match &args.timestamp {
        Some(text) => text.trim_start_matches('@').parse().with_context(|| format!("--timestamp={text}"))?,
        None => crate::clock::unix_now(),
    };
    let mut metadata = Vec::new();
    for text in &args.add_metadata_string {
        let (key, value) = text.split_once('=').with_context(|| format!("{text}: not KEY=VALUE"))?;
        metadata.push((key.to_owned(), value.to_owned()));
    }
    let parent = match repo.resolve(&args.branch) {
        Ok(head) => Some(head),
        Err(RepoError::NoRef) => None,
        Err(error) => return Err(error.into()),
    };
    let options = CommitOptions {
        uid: args.owner_uid,
        gid: args.owner_gid,
        branch: Some(args.branch),
        subject: args.subject,
        timestamp,
        parent,
        metadata,
    };
    repo.commit(&args.tree, &options).with_context(|| format!("committing {}", args.tree.display()))
}

fn checkout(repo: &Repo, rev: &str, dest: &Path, copy: bool) -> anyhow::Result<()> {
    let commit = resolve(repo, rev)?;
    let name = dest.file_name().and_then(|name| name.to_str()).context("the destination has no name")?;
    let parent = match dest.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let at = File::open(parent).with_context(|| format!("opening {}", parent.display()))?;
    repo.checkout(&commit, &at, name, CheckoutOptions { copy })
        .with_context(|| format!("checking out into {}", dest.display()))
}

fn list(repo: &Repo, commit: &Checksum, recursive: bool, checksums: bool) -> anyhow::Result<()> {
    let root = repo.root(commit)?;
    if recursive {
        return repo.walk(root, |entry| print_entry(repo, entry, checksums));
    }
    print_entry(repo, &root, checksums)?;
    repo.entries(&root)?.iter().try_for_each(|entry| print_entry(repo, entry, checksums))
}

/// One line, as `ostree ls` prints it.
fn print_entry(repo: &Repo, entry: &TreeEntry, checksums: bool) -> anyhow::Result<()> {
    let path = &entry.path;
    match entry.objects {
        EntryObjects::Directory { tree, meta } => {
            let bytes = repo.load_metadata(ObjectType::DirMeta, &meta)?;
            let parsed = DirMetaRef::parse(&bytes)?;
            let sums = if checksums { format!("{tree} {meta} ") } else { String::new() };
            let (mode, uid, gid) = (parsed.mode() & 0o7777, parsed.uid(), parsed.gid());
            println!("d{mode:05o} {uid} {gid} {:6} {sums}{path}", 0);
        }
        EntryObjects::File { checksum } => {
            let object = repo.open_file(&checksum)?;
            let header = object.header.as_ref();
            let sums = if checksums { format!("{checksum} ") } else { String::new() };
            let (mode, uid, gid) = (header.mode() & 0o7777, header.uid(), header.gid());
            match header.symlink_target() {
                Some(target) => println!("l{mode:05o} {uid} {gid} {:6} {sums}{path} -> {target}", 0),
                None => println!("-{mode:05o} {uid} {gid} {:6} {sums}{path}", object.size),
            }
        }
    }
    Ok(())
}

fn fsck(repo: &Repo) -> anyhow::Result<Exit> {
    let report = repo.fsck()?;
    for commit in &report.partial {
        println!("partial commit {commit}: not checked");
    }
    for Damage { request, error } in &report.damaged {
        println!("{} {}: {error}", request.object_type.name(), request.checksum);
    }
    println!("{} commits, {} objects good, {} damaged", report.commits, report.good, report.damaged.len());
    Ok(if report.damaged.is_empty() { Exit::Done } else { Exit::Failed })
}

/// The commit that `rev` stands for on the server.
fn remote_rev(client: &Client, url: &str, rev: &str) -> anyhow::Result<Checksum> {
    if let Ok(checksum) = Checksum::from_hex(rev.as_bytes()) {
        return Ok(checksum);
    }
    let path = format!("{url}/refs/heads/{}", crate::http::encode_path(rev));
    let Some(bytes) = client.get(&path, MAX_REF_BYTES)? else { bail!("{url} has no ref {rev}") };
    Checksum::from_hex(bytes.trim_ascii_end()).with_context(|| path)
}
