//! Static deltas on a server: finding the one that fits, and applying it. Whatever is wrong with a delta, the commit
//! can still be had object by object.

use anyhow::Context;
use ostree_objects::delta::{
    Budget, DeltaError, DeltaIndexRef, DeltaName, PartHeaderRef, SignedSuperblockRef, SuperblockRef,
};
use ostree_objects::repo::{Repo, RepoError};
use ostree_objects::summary::SummaryRef;
use ostree_objects::{Checksum, CommitRef, ObjectType};

use super::{Admission, Deltas, Pulled};
use crate::http::Client;
use crate::report::{Event, Observer};

/// Largest index or summary that is fetched to find a delta, in bytes: room for 100,000 deltas.
const MAX_LIST_BYTES: u64 = 32 * 1024 * 1024;

/// Largest superblock that is fetched, in bytes, with the parts that are in it.
const MAX_FETCHED_SUPERBLOCK_BYTES: u64 = 64 * 1024 * 1024;

/// Why a delta was not applied.
#[derive(Debug)]
enum Failure {
    /// It is of no use: the objects are fetched one by one.
    Useless(anyhow::Error),
    /// The repository failed.
    Repo(RepoError),
    /// The commit may not come in, however it comes.
    Refused(anyhow::Error),
}

/// A server, by the client to ask it with and the repository's URL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server<'a> {
    pub(super) client: &'a Client,
    pub(super) url: &'a str,
}

impl From<DeltaError> for Failure {
    fn from(error: DeltaError) -> Self {
        Self::Useless(error.into())
    }
}

impl From<RepoError> for Failure {
    fn from(error: RepoError) -> Self {
        Self::Repo(error)
    }
}

/// Applies the delta to the commit that fits, if there is one, and returns the commit that it starts from.
///
/// # Errors
/// If the repository fails or the commit is refused. A delta that is missing or of no use is an error only if one is
/// required.
pub(super) fn apply(
    server: Server<'_>,
    admission: &Admission<'_>,
    use_of: Deltas,
    pulled: &mut Pulled,
    observer: &mut dyn Observer,
) -> anyhow::Result<Option<Checksum>> {
    let found = find(server, admission.repo, &admission.commit);
    let applied = found.and_then(|found| match found {
        Some(found) => fetch_and_apply(server, admission, found, pulled, observer).map(|()| found.0.from),
        None if use_of == Deltas::Require => {
            Err(Failure::Useless(anyhow::anyhow!("{} has none that fits", server.url)))
        }
        None => Ok(None),
    });
    match applied {
        Ok(from) => Ok(from),
        Err(Failure::Repo(error)) => Err(error.into()),
        Err(Failure::Refused(error)) => Err(error),
        Err(Failure::Useless(error)) if use_of == Deltas::Require => {
            Err(error.context("a static delta is required"))
        }
        Err(Failure::Useless(error)) => {
            let text = format!("without a static delta, object by object: {error:#}");
            observer.event(Event::Note { text });
            Ok(None)
        }
    }
}

/// The best delta to `commit`: from the newest commit that is here, or from nothing if no commit is here.
fn find(
    server: Server<'_>,
    repo: &Repo,
    commit: &Checksum,
) -> Result<Option<(DeltaName, Checksum)>, Failure> {
    let mut best: Option<(u64, (DeltaName, Checksum))> = None;
    let mut scratch = None;
    for delta in listed(server, commit).map_err(Failure::Useless)? {
        let Some(from) = delta.0.from else {
            scratch = Some(delta);
            continue;
        };
        if !repo.has(ObjectType::Commit, &from)? || repo.is_partial(&from)? {
            continue;
        }
        let bytes = repo.load_metadata(ObjectType::Commit, &from)?;
        let time = CommitRef::parse(&bytes).map_or(0, |commit| commit.timestamp());
        if best.as_ref().is_none_or(|(other, _)| *other < time) {
            best = Some((time, delta));
        }
    }
    match (best, scratch) {
        (Some((_, delta)), _) => Ok(Some(delta)),
        // Beside another commit, what is missing is likely less than everything.
        (None, Some(delta)) if repo.commits()?.is_empty() => Ok(Some(delta)),
        _ => Ok(None),
    }
}

/// The deltas to `commit` that the server lists: in the index of that commit, or in the summary.
fn listed(
    Server { client, url }: Server<'_>,
    commit: &Checksum,
) -> anyhow::Result<Vec<(DeltaName, Checksum)>> {
    let fits = |(name, _): &(DeltaName, Checksum)| name.to == *commit;
    let path = format!("{url}/{}", DeltaName::index_path(commit));
    if let Some(bytes) = client.get(&path, MAX_LIST_BYTES)? {
        let index = DeltaIndexRef::parse(&bytes).context(path)?;
        return Ok(index.deltas().iter().filter(fits).collect());
    }
    let path = format!("{url}/summary");
    let Some(bytes) = client.get(&path, MAX_LIST_BYTES)? else { return Ok(Vec::new()) };
    let summary = SummaryRef::parse(&bytes).context(path)?;
    Ok(summary.deltas().iter().filter(fits).collect())
}

fn fetch_and_apply(
    Server { client, url }: Server<'_>,
    admission: &Admission<'_>,
    (name, checksum): (DeltaName, Checksum),
    pulled: &mut Pulled,
    observer: &mut dyn Observer,
) -> Result<(), Failure> {
    let path = format!("{url}/{}", name.superblock_path());
    let bytes = client.get(&path, MAX_FETCHED_SUPERBLOCK_BYTES).map_err(Failure::Useless)?;
    let bytes = bytes.with_context(|| format!("GET {path}: not found")).map_err(Failure::Useless)?;
    let length = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    pulled.bytes += length(&bytes);
    let actual = Checksum::of(&bytes);
    if actual != checksum {
        let error = anyhow::anyhow!("GET {path}: a superblock with checksum {actual}, not {checksum}");
        return Err(Failure::Useless(error));
    }
    // The commit is pinned: signatures of a delta say nothing that its checksum does not.
    let superblock = if SignedSuperblockRef::is_signed(&bytes) {
        SignedSuperblockRef::parse(&bytes).map_err(DeltaError::Malformed)?.superblock()
    } else {
        &bytes
    };
    let delta = SuperblockRef::parse(superblock).map_err(DeltaError::Malformed)?;
    if delta.name() != name {
        return Err(Failure::Useless(anyhow::anyhow!("GET {path}: another delta, {}", delta.name())));
    }
    let actual = Checksum::of(delta.commit_bytes());
    if actual != name.to {
        return Err(DeltaError::OtherCommit { expected: name.to, actual }.into());
    }
    admission.admit(delta.commit_bytes()).map_err(Failure::Refused)?;
    let budget = Budget::default();
    let most = u64::try_from(budget.unpacked_bytes).unwrap_or(u64::MAX);
    let total = u64::try_from(delta.parts().len()).unwrap_or(u64::MAX);
    let part = |number: usize, header: &PartHeaderRef<'_>| {
        let done = u64::try_from(number).unwrap_or(u64::MAX);
        observer.event(Event::Progress { what: "delta", done, total, unit: "parts" });
        let path = format!("{url}/{}/{number}", name.directory());
        let part = client.get(&path, header.size.min(most)).map_err(Failure::Useless)?;
        pulled.bytes += part.as_deref().map_or(0, length);
        pulled.delta_parts += 1;
        Ok::<_, Failure>(part)
    };
    admission.repo.apply_delta(&delta, Some(&name.to), budget, part)?;
    observer.event(Event::Progress { what: "delta", done: total, total, unit: "parts" });
    Ok(())
}
