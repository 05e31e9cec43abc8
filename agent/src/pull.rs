//! Pulling commits into a repository, from a server or another repository: what is trusted, by static delta or object by
//! object, and how a pull that was cut off goes on.

mod deltas;
mod objects;
mod part;
mod refs;
mod trust;

pub use objects::{CHECKPOINT_BYTES, CHECKPOINT_OBJECTS};
pub use part::MIN_PART_BYTES;
pub use refs::Refs;
pub use trust::{Refusal, Trust, parse_key};

use anyhow::Context;
use ostree_objects::repo::{LockKind, Repo, RepoError};
use ostree_objects::summary::SummaryRef;
use ostree_objects::{Checksum, DetachedRef, Limits, ObjectType, TombstoneRef};

use crate::http::Client;
use crate::report::{Event, Observer};

/// Where objects come from.
#[derive(Debug)]
pub enum ObjectSource {
    /// An archive repository on a server, by its URL.
    Server {
        /// The client to ask with.
        client: Client,
        /// The repository's URL.
        url: String,
    },
    /// A repository on this machine, such as the one of a Lockbox.
    Local(Repo),
}

/// Whether static deltas are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deltas {
    /// If the server has one that fits; if it is of no use, objects are fetched one by one.
    #[default]
    Use,
    /// Never.
    Disable,
    /// It is an error if there is none that fits, or it is of no use.
    Require,
}

/// How a commit is pulled.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// The keys of which one must have signed the commit; `None` if its checksum is trusted already.
    pub trust: Option<&'a Trust>,
    /// The branch that the commit was found by: if the commit is bound to branches, this must be one of them.
    pub branch: Option<&'a str>,
    /// Only what is at or below these paths. The commit then stays marked as partial.
    pub subpaths: &'a [String],
    /// Only the commit itself and what lies beside it. It then stays marked as partial.
    pub metadata_only: bool,
    /// Whether static deltas are used.
    pub deltas: Deltas,
    /// A commit that may be complete here already: directories that both share are not looked at again.
    pub base: Option<Checksum>,
}

/// Whoever has the source deleted the commit on purpose: there is a tombstone in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("commit {commit} was deleted from the source on purpose")]
pub struct Deleted {
    /// The commit.
    pub commit: Checksum,
}

/// What a pull brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Objects that were fetched, without those that a delta made.
    pub objects: u64,
    /// Bytes that were fetched, of deltas too.
    pub bytes: u64,
    /// Parts of a static delta that were applied.
    pub delta_parts: u64,
}

/// Brings `commit` and everything it needs into `repo`.
///
/// # Errors
/// As [`pull_with`].
pub fn pull(
    source: &ObjectSource,
    repo: &Repo,
    commit: Checksum,
    observer: &mut dyn Observer,
) -> anyhow::Result<Pulled> {
    pull_with(source, repo, commit, &Options::default(), observer)
}

/// Brings what the options want of `commit` into `repo`, by a static delta if the server has a fitting one, and object
/// by object what is missing then, which also shows that nothing is. What is there already is not fetched again; after
/// an interrupted pull the content of what was not durable is checked first, for a power cut may have taken it.
///
/// # Errors
/// If the commit is refused ([`Refusal`]): then nothing else was fetched and nothing of it is kept. If the source cannot be
/// reached or lacks an object, or an object is refused: what was fetched is kept, and the commit is marked as partial.
pub fn pull_with(
    source: &ObjectSource,
    repo: &Repo,
    commit: Checksum,
    options: &Options<'_>,
    observer: &mut dyn Observer,
) -> anyhow::Result<Pulled> {
    // Nobody may remove what no complete commit needs yet. Whoever sets a ref afterwards holds another until then.
    let _lock = repo.lock(LockKind::Shared)?;
    let is_there = repo.has(ObjectType::Commit, &commit)?;
    let continues = repo.is_partial(&commit)?;
    if is_there && !continues {
        admit_what_is_here(source, repo, commit, options)?;
        return Ok(Pulled::default());
    }
    let beside = source.beside(&commit)?;
    let admission = Admission { commit, beside: beside.as_deref(), repo, options };
    let mut pulled = Pulled::default();
    let mut base = options.base;
    let wants_content = options.subpaths.is_empty() && !options.metadata_only;
    if let ObjectSource::Server { client, url } = source
        && !is_there
        && wants_content
        && options.deltas != Deltas::Disable
    {
        let server = deltas::Server { client, url };
        let from = deltas::apply(server, &admission, options.deltas, &mut pulled, observer)?;
        base = from.or(base);
    }
    let shared = match base.map(|base| repo.trees(&base)).transpose() {
        // What is damaged is had again.
        Err(RepoError::Missing { .. } | RepoError::Corrupt { .. } | RepoError::Malformed { .. }) => None,
        shared => shared?,
    };
    let checkpoint = repo.read_checkpoint(&commit, &Limits::DEFAULT)?;
    let job = objects::Job { source, admission: &admission, continues, checkpoint };
    job.run(shared.unwrap_or_default(), &mut pulled, observer)?;
    if let Some(beside) = &beside {
        match DetachedRef::parse(beside) {
            Ok(_) => repo.write_detached(&commit, beside)?,
            Err(error) => {
                observer.event(Event::Note { text: format!("not kept beside the commit: {error}") })
            }
        }
    }
    if wants_content {
        repo.set_complete(&commit)?;
        repo.forget_interrupted()?;
    } else {
        repo.sync()?;
    }
    Ok(pulled)
}

/// A commit that was pulled before may have been trusted without a signature, or by another branch.
fn admit_what_is_here(
    source: &ObjectSource,
    repo: &Repo,
    commit: Checksum,
    options: &Options<'_>,
) -> anyhow::Result<()> {
    if options.trust.is_none() && options.branch.is_none() {
        return Ok(());
    }
    let bytes = repo.load_metadata(ObjectType::Commit, &commit)?;
    let beside = repo.read_detached(&commit)?;
    let check = |beside: Option<&[u8]>| trust::check(&commit, &bytes, beside, options);
    if check(beside.as_deref()).is_ok() {
        return Ok(());
    }
    let beside = source.beside(&commit)?;
    check(beside.as_deref())?;
    if let Some(beside) = beside {
        repo.write_detached(&commit, &beside)?;
    }
    Ok(())
}

/// What decides whether a commit may come in.
struct Admission<'a> {
    commit: Checksum,
    /// What lies beside it on the server, signatures among it.
    beside: Option<&'a [u8]>,
    repo: &'a Repo,
    options: &'a Options<'a>,
}

impl Admission<'_> {
    /// Checks the commit before anything of it is kept; marks it as partial.
    fn admit(&self, bytes: &[u8]) -> anyhow::Result<()> {
        trust::check(&self.commit, bytes, self.beside, self.options)?;
        Ok(self.repo.set_partial(&self.commit)?)
    }
}

impl ObjectSource {
    /// Whether a tombstone says there that a commit which is not there was deleted.
    fn is_deleted(&self, commit: &Checksum) -> anyhow::Result<bool> {
        match self {
            Self::Server { client, url } => {
                let path = commit.loose_path(ObjectType::TombstoneCommit, ostree_objects::RepoMode::Archive);
                let limit = u64::try_from(Limits::DEFAULT.metadata_bytes())?;
                let Some(bytes) = client.get(&format!("{url}/objects/{}", path.as_str()), limit)? else {
                    return Ok(false);
                };
                let tombstone = TombstoneRef::parse(&bytes).with_context(|| path.as_str().to_owned())?;
                Ok(tombstone.commit() == *commit)
            }
            Self::Local(from) => Ok(from.is_deleted(commit)?),
        }
    }

    /// Whether every commit that was deleted there is said to have a tombstone: what a server's summary says.
    ///
    /// # Errors
    /// If the server cannot be reached, or its summary is malformed.
    pub fn promises_tombstones(&self) -> anyhow::Result<bool> {
        let Self::Server { client, url } = self else { return Ok(false) };
        let path = format!("{url}/summary");
        let Some(bytes) = client.get(&path, refs::MAX_SUMMARY_BYTES)? else { return Ok(false) };
        Ok(SummaryRef::parse(&bytes).context(path)?.has_tombstones())
    }

    /// What lies beside a commit there.
    fn beside(&self, commit: &Checksum) -> anyhow::Result<Option<Vec<u8>>> {
        match self {
            Self::Server { client, url } => {
                let path = commit.loose_path(ObjectType::CommitMeta, ostree_objects::RepoMode::Archive);
                let limit = u64::try_from(Limits::DEFAULT.metadata_bytes())?;
                client.get(&format!("{url}/objects/{}", path.as_str()), limit)
            }
            Self::Local(from) => Ok(from.read_detached(commit)?),
        }
    }
}
