//! `commit`, with the options of the real tool.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use ostree_objects::Checksum;
use ostree_objects::repo::{CommitOptions, Repo, RepoError};
use serde_json::json;

use super::resolve;
use crate::output::say;

/// Commit a directory and print the commit's checksum
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools)] // Each is an option of its own.
pub(super) struct Args {
    /// The branch that the commit becomes the head of.
    #[arg(long, short, required_unless_present = "orphan")]
    branch: Option<String>,
    /// Make a commit that no branch leads to.
    #[arg(long, conflicts_with = "branch")]
    orphan: bool,
    /// One line that says what it is.
    #[arg(long, short, default_value = "")]
    subject: String,
    /// More lines.
    #[arg(long, short = 'm', default_value = "")]
    body: String,
    /// When it was made, in seconds since 1970; now if not given.
    #[arg(long, value_name = "SEC")]
    timestamp: Option<String>,
    /// The commit before it, a commit or ref, or `none`; the branch's head if not given.
    #[arg(long, value_name = "REV")]
    parent: Option<String>,
    /// The owner of everything in it; as on disk if not given.
    #[arg(long)]
    owner_uid: Option<u32>,
    /// The group of everything in it; as on disk if not given.
    #[arg(long)]
    owner_gid: Option<u32>,
    /// Everything is root's, modes are cut to 0755, no extended attributes.
    #[arg(long)]
    canonical_permissions: bool,
    /// Leave extended attributes out.
    #[arg(long)]
    no_xattrs: bool,
    /// Do not name the branch in the commit.
    #[arg(long)]
    no_bindings: bool,
    /// A further ref that the commit names; may be repeated.
    #[arg(long, value_name = "BRANCH")]
    bind_ref: Vec<String>,
    /// List the sizes of its objects in it; only in an archive.
    #[arg(long)]
    generate_sizes: bool,
    /// Do not read files that are links to the repository's, as in a checkout.
    #[arg(long)]
    link_checkout_speedup: bool,
    /// The same, and commit them as they are in the repository, whatever the other options say of owners.
    #[arg(long, short = 'I')]
    devino_canonical: bool,
    /// A string of the commit's metadata; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    add_metadata_string: Vec<String>,
    /// The directory, as `dir=PATH`; of the tool's other forms none is known here.
    #[arg(long = "tree", value_name = "dir=PATH", conflicts_with = "path")]
    tree: Option<String>,
    /// The directory; the working directory if not given.
    #[arg(value_name = "TREE")]
    path: Option<PathBuf>,
}

pub(super) fn run(repo: &Repo, args: Args, json: bool) -> anyhow::Result<()> {
    let directory = match (&args.tree, &args.path) {
        (Some(tree), _) => {
            let path = tree.strip_prefix("dir=");
            path.map(PathBuf::from).with_context(|| format!("--tree={tree}: only dir=PATH is known here"))?
        }
        (None, Some(path)) => path.clone(),
        (None, None) => PathBuf::from("."),
    };
    let timestamp = match &args.timestamp {
        Some(text) => text.trim_start_matches('@').parse().with_context(|| format!("--timestamp={text}"))?,
        None => crate::clock::unix_now(),
    };
    let mut metadata = Vec::new();
    for text in &args.add_metadata_string {
        let (key, value) = text.split_once('=').with_context(|| format!("{text}: not KEY=VALUE"))?;
        metadata.push((key.to_owned(), value.to_owned()));
    }
    for owner in [args.owner_uid, args.owner_gid].into_iter().flatten() {
        if args.canonical_permissions && owner != 0 {
            bail!("--canonical-permissions makes everything root's");
        }
    }
    let known_links = args.link_checkout_speedup || args.devino_canonical;
    let options = CommitOptions {
        uid: args.owner_uid,
        gid: args.owner_gid,
        canonical_permissions: args.canonical_permissions,
        skip_xattrs: args.no_xattrs,
        parent: parent(repo, args.parent.as_deref(), args.branch.as_deref())?,
        branch: args.branch,
        bind_refs: args.bind_ref,
        no_bindings: args.no_bindings,
        subject: args.subject,
        body: args.body,
        timestamp,
        generate_sizes: args.generate_sizes,
        known_links: known_links.then(|| repo.scan_links()).transpose()?.map(Arc::new),
        trust_links: args.devino_canonical,
        metadata,
    };
    let commit = repo.commit(&directory, &options);
    let commit = commit.with_context(|| format!("committing {}", directory.display()))?;
    if json {
        say!("{}", json!({ "commit": commit.to_string(), "branch": options.branch }));
    } else {
        say!("{commit}");
    }
    Ok(())
}

fn parent(repo: &Repo, named: Option<&str>, branch: Option<&str>) -> anyhow::Result<Option<Checksum>> {
    match (named, branch) {
        (Some("none"), _) | (None, None) => Ok(None),
        (Some(rev), _) => Ok(Some(resolve(repo, rev)?)),
        (None, Some(branch)) => match repo.resolve_ref(branch) {
            Ok(head) => Ok(Some(head)),
            Err(RepoError::NoRef) => Ok(None),
            Err(error) => Err(error.into()),
        },
    }
}
