//! `ota-agent ostree pull` and `pull-local`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use ostree_objects::repo::{LockKind, Remote, Repo, RepoError};
use ostree_objects::{Checksum, ObjectType};

use super::find::resolve;
use crate::http::{Client, GetError, Patience, Tls, TlsFiles};
use crate::pull::{Deleted, Deltas, ObjectSource, Options, Pulled, Refs, Trust, parse_key, pull_with};
use crate::report::{Event, Observer, Printer};

/// Fetch commits from an archive repository on a server
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the refs are kept: refs/remotes/NAME. What the repository's config says of a remote of this name holds:
    /// who must have signed, above all.
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// Fetch as many parents of each commit too; -1 means all that the server has.
    #[arg(long, value_name = "COUNT", default_value_t = 0, allow_negative_numbers = true)]
    depth: i64,
    /// Fetch only what is at or below this path; may be repeated. The commit stays marked as partial.
    #[arg(long, value_name = "PATH")]
    subpath: Vec<String>,
    /// Fetch only the commits, without what they consist of. They stay marked as partial.
    #[arg(long, conflicts_with = "subpath")]
    commit_metadata_only: bool,
    /// Keep the refs as branches of this repository, and fetch all branches of the server's summary if no REV is given.
    #[arg(long)]
    mirror: bool,
    /// Fetch object by object.
    #[arg(long)]
    disable_static_deltas: bool,
    /// Fail if no static delta fits.
    #[arg(long, conflicts_with = "disable_static_deltas")]
    require_static_deltas: bool,
    /// Refuse commits that none of these keys signed: ed25519=inline:KEY or ed25519=file:PATH, base64; may be repeated.
    #[arg(long, value_name = "KEY")]
    sign_verify: Vec<String>,
    /// Take refs only from the server's summary, which one of these keys must have signed too.
    #[arg(long)]
    sign_verify_summary: bool,
    /// Do not insist that a commit belongs to the branch by which it was found.
    #[arg(long)]
    disable_verify_bindings: bool,
    /// How long the server may send nothing before a request is tried again.
    #[arg(long, value_name = "SECONDS", default_value_t = Patience::PULL.stall.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3600))]
    stall_timeout: u64,
    /// How often a request is tried again.
    #[arg(long, value_name = "COUNT", default_value_t = Patience::PULL.retries, value_parser = clap::value_parser!(u32).range(..=100))]
    network_retries: u32,
    /// The repository's URL, or the name of a remote in the config.
    #[arg(value_name = "URL")]
    from: String,
    /// Refs, or commits by their checksum; if none is given the `branches` that the config says of the remote.
    #[arg(value_name = "REV")]
    revs: Vec<String>,
}

/// Copy commits from a repository on this machine
#[derive(Debug, clap::Args)]
pub(super) struct LocalArgs {
    /// Keep refs as those of a remote of this name, not as branches.
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// Copy as many parents of each commit too; -1 means all that are there.
    #[arg(long, value_name = "COUNT", default_value_t = 0, allow_negative_numbers = true)]
    depth: i64,
    /// Copy only the commits, without what they consist of. They stay marked as partial.
    #[arg(long)]
    commit_metadata_only: bool,
    /// Do not insist that a commit belongs to the branch by which it was found.
    #[arg(long)]
    disable_verify_bindings: bool,
    /// Compare every object with its name, which is always done.
    #[arg(long)]
    untrusted: bool,
    /// The other repository.
    #[arg(value_name = "SRC_REPO")]
    src: PathBuf,
    /// Refs or commits of it; all of its branches if none is given.
    #[arg(value_name = "REV")]
    revs: Vec<String>,
}

/// The name under which refs are kept if none is given.
const DEFAULT_REMOTE: &str = "origin";

/// A server, and how far it is trusted.
struct Server {
    name: String,
    url: String,
    client: Client,
    trust: Option<Trust>,
    trust_summary: Option<Trust>,
}

impl Server {
    fn new(repo: &Repo, args: &Args) -> anyhow::Result<Self> {
        let is_url = args.from.contains("://");
        let default = if is_url { DEFAULT_REMOTE } else { &args.from };
        let name = args.remote.as_deref().unwrap_or(default).to_owned();
        ensure!(is_url || name == args.from, "a remote of the config is named already: {}", args.from);
        let remote = repo.remote(&name)?;
        let url = match (&remote, is_url) {
            (_, true) => args.from.clone(),
            (Some(remote), false) => {
                remote.url.clone().with_context(|| format!("remote {name} has no url"))?
            }
            (None, false) => bail!("{name} is neither a URL nor a remote in the repository's config"),
        };
        let url = url.trim_end_matches('/').to_owned();
        let stall = Duration::from_secs(args.stall_timeout);
        let remote = remote.unwrap_or_default();
        let tls = tls(&remote).with_context(|| format!("remote {name}"))?;
        let client = Client::with(Patience { stall, retries: args.network_retries }, tls);
        let mut server = Self { name, url, client, trust: None, trust_summary: None };
        server.trust(&remote, args)?;
        Ok(server)
    }

    /// What the command line says of keys goes before what the config says; neither lessens the other.
    fn trust(&mut self, remote: &Remote, args: &Args) -> anyhow::Result<()> {
        ensure!(
            !remote.gpg_verify && !remote.gpg_verify_summary,
            "remote {} asks for OpenPGP signatures, which are not verified here: \
             set gpg-verify=false and sign-verify=true with an Ed25519 key",
            self.name
        );
        let trust = if args.sign_verify.is_empty() {
            if !remote.sign_verify && !remote.sign_verify_summary && !args.sign_verify_summary {
                return Ok(());
            }
            Trust::of_remote(remote, Path::new("/"))?
        } else {
            let keys = args.sign_verify.iter().map(|key| parse_key(key).with_context(|| key.clone()));
            Trust::new(keys.collect::<anyhow::Result<Vec<_>>>()?.concat())?
        };
        if remote.sign_verify_summary || args.sign_verify_summary {
            self.trust_summary = Some(trust.clone());
        }
        if remote.sign_verify || !args.sign_verify.is_empty() {
            self.trust = Some(trust);
        }
        Ok(())
    }

    /// A remote of the config, as far as its summary is concerned.
    fn of_summary(repo: &Repo, name: &str) -> anyhow::Result<Self> {
        let remote = repo.remote(name)?.with_context(|| format!("there is no remote {name}"))?;
        ensure!(
            !remote.gpg_verify_summary,
            "remote {name} asks for OpenPGP signatures of its summary, which are not verified here"
        );
        let url = remote.url.as_deref().with_context(|| format!("remote {name} has no url"))?;
        let url = url.trim_end_matches('/').to_owned();
        let trust_summary =
            if remote.sign_verify_summary { Some(Trust::of_remote(&remote, Path::new("/"))?) } else { None };
        let client = Client::with(Patience::PULL, tls(&remote).with_context(|| format!("remote {name}"))?);
        Ok(Self { name: name.to_owned(), url, client, trust: None, trust_summary })
    }

    fn refs(&self, needs_names: bool) -> anyhow::Result<Refs<'_>> {
        if self.trust_summary.is_some() || needs_names {
            Refs::of_summary(&self.client, &self.url, self.trust_summary.as_ref())
        } else {
            Ok(Refs::unsigned(&self.client, &self.url))
        }
    }
}

/// What the config says of the remote's connections.
fn tls(remote: &Remote) -> anyhow::Result<Tls> {
    let path = |text: &Option<String>| text.as_deref().map(PathBuf::from);
    let tls = Tls::read(&TlsFiles {
        authorities: path(&remote.tls_ca_path),
        certificate: path(&remote.tls_client_cert_path),
        key: path(&remote.tls_client_key_path),
    })?;
    Ok(if remote.tls_permissive { tls.permissive() } else { tls })
}

pub(super) fn run(repo: &Repo, args: &Args, json: bool) -> anyhow::Result<()> {
    let server = Server::new(repo, args)?;
    let refs = server.refs(args.mirror && args.revs.is_empty())?;
    let revs = match (args.revs.is_empty(), args.mirror) {
        (false, _) => args.revs.clone(),
        (true, true) => refs.names().map(str::to_owned).collect(),
        (true, false) => branches(repo, &server.name)?,
    };
    let source = ObjectSource::Server { client: server.client.clone(), url: server.url.clone() };
    let mut printer = Printer::new(json);
    let _lock = repo.lock(LockKind::Shared)?;
    for rev in revs {
        let commit = refs.resolve(&rev)?;
        let is_branch = Checksum::from_hex(rev.as_bytes()).is_err();
        let kept = if args.mirror { rev.clone() } else { format!("{}:{rev}", server.name) };
        let options = Options {
            trust: server.trust.as_ref(),
            branch: (is_branch && !args.disable_verify_bindings).then_some(rev.as_str()),
            subpaths: &args.subpath,
            metadata_only: args.commit_metadata_only,
            deltas: match (args.disable_static_deltas, args.require_static_deltas) {
                (true, _) => Deltas::Disable,
                (_, true) => Deltas::Require,
                _ => Deltas::Use,
            },
            base: if is_branch { repo.resolve_ref(&kept).ok() } else { None },
        };
        let pulled = with_parents(&source, repo, commit, args.depth, &options, &mut printer);
        tell(&mut printer, &rev, &commit, pulled.with_context(|| rev.clone())?);
        match (is_branch, args.mirror) {
            (false, _) => {}
            (true, true) => repo.set_ref(&rev, &commit)?,
            (true, false) => repo.set_remote_ref(&server.name, &rev, &commit)?,
        }
    }
    Ok(())
}

/// What the config says is pulled from a remote.
fn branches(repo: &Repo, remote: &str) -> anyhow::Result<Vec<String>> {
    let listed = repo.setting(&format!("remote \"{remote}\""), "branches")?.unwrap_or_default();
    let branches = listed.split(';').map(str::trim).filter(|branch| !branch.is_empty());
    let branches: Vec<String> = branches.map(str::to_owned).collect();
    ensure!(
        !branches.is_empty(),
        "what is to be pulled? Name a REV, or set branches of remote {remote} in the config"
    );
    Ok(branches)
}

/// The branches that the summary of a remote names.
pub(super) fn remote_refs(repo: &Repo, name: &str) -> anyhow::Result<Vec<(String, Checksum)>> {
    let server = Server::of_summary(repo, name)?;
    Ok(server.refs(true)?.iter().map(|(branch, commit)| (branch.to_owned(), commit)).collect())
}

/// The summary of a remote.
pub(super) fn remote_summary(repo: &Repo, name: &str) -> anyhow::Result<Vec<u8>> {
    let server = Server::of_summary(repo, name)?;
    Refs::summary_bytes(&server.client, &server.url, server.trust_summary.as_ref())
}

/// The commit, and as many of its parents as `depth` says, or all that the server has if it is negative.
fn with_parents(
    source: &ObjectSource,
    repo: &Repo,
    commit: Checksum,
    depth: i64,
    options: &Options<'_>,
    observer: &mut dyn Observer,
) -> anyhow::Result<Pulled> {
    let mut all = pull_with(source, repo, commit, options, observer)?;
    // A parent may be of another branch, and was not asked for by one; it shares most with its child.
    let older = |child| Options { branch: None, base: Some(child), ..options.clone() };
    let (mut child, mut left) = (commit, depth);
    while left != 0 {
        let Some(commit) = repo.parent(&child)? else { break };
        let pulled = match pull_with(source, repo, commit, &older(child), observer) {
            // History ends somewhere: libostree takes that as well, unless a commit that was deleted is said to leave a
            // tombstone and did not.
            Err(error) if is_absent(&error) && !repo.has(ObjectType::Commit, &commit)? => {
                if !error.is::<Deleted>() && source.promises_tombstones()? {
                    return Err(error.context(format!("parent {commit} has no tombstone either")));
                }
                break;
            }
            pulled => pulled.with_context(|| format!("parent {commit}"))?,
        };
        all.objects += pulled.objects;
        all.bytes += pulled.bytes;
        all.delta_parts += pulled.delta_parts;
        child = commit;
        left = left.saturating_sub(1);
    }
    Ok(all)
}

/// Whether the source said that it does not have what was asked for, or deleted it.
fn is_absent(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(GetError::Status { status: 404, .. }))
        || matches!(error.downcast_ref(), Some(RepoError::Missing { object_type: ObjectType::Commit, .. }))
        || error.is::<Deleted>()
}

fn tell(printer: &mut Printer, rev: &str, commit: &Checksum, pulled: Pulled) {
    let Pulled { objects, bytes, delta_parts } = pulled;
    let (rev, commit) = (rev.to_owned(), commit.to_string());
    printer.event(Event::Pulled { rev, commit, objects, bytes, delta_parts });
}

pub(super) fn local(repo: &Repo, args: &LocalArgs, json: bool) -> anyhow::Result<()> {
    let open = || Repo::open(&args.src).with_context(|| format!("opening {}", args.src.display()));
    let from = open()?;
    let revs = if args.revs.is_empty() { from.heads()?.into_keys().collect() } else { args.revs.clone() };
    ensure!(!revs.is_empty(), "{} has no branches", args.src.display());
    let source = ObjectSource::Local(open()?);
    let mut printer = Printer::new(json);
    let _lock = repo.lock(LockKind::Shared)?;
    for rev in &revs {
        let commit = resolve(&from, rev)?;
        // A revision of another form names a commit, and no ref that could be kept.
        let is_branch = from.resolve_ref(rev).is_ok_and(|of_ref| of_ref == commit) && !rev.contains(':');
        let kept = args.remote.as_ref().map_or_else(|| rev.clone(), |remote| format!("{remote}:{rev}"));
        let options = Options {
            branch: (is_branch && !args.disable_verify_bindings).then_some(rev.as_str()),
            metadata_only: args.commit_metadata_only,
            base: if is_branch { repo.resolve_ref(&kept).ok() } else { None },
            ..Options::default()
        };
        let pulled = with_parents(&source, repo, commit, args.depth, &options, &mut printer);
        tell(&mut printer, rev, &commit, pulled.with_context(|| rev.clone())?);
        // As the tool: what there is of the commit is no branch's head.
        if is_branch && !args.commit_metadata_only {
            repo.set_any_ref(&kept, &commit)?;
        }
    }
    Ok(())
}
