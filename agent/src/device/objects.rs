//! Pulling a commit: the planner says which objects, this says from where, and keeps what is there already.

use std::io::Read;

use anyhow::{Context, bail};
use ostree_objects::pull::{Planner, Request};
use ostree_objects::repo::{Repo, RepoError};
use ostree_objects::{Checksum, Limits, ObjectType, RepoMode};

use super::deltas;
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

impl ObjectSource {
    fn store(&self, request: Request, repo: &Repo) -> anyhow::Result<Option<Vec<u8>>> {
        let Request { object_type, checksum } = request;
        match (self, object_type) {
            (Self::Server { .. }, ObjectType::File) => {
                let mut content = self.open(request)?;
                repo.write_filez(&checksum, &mut content)?;
                Ok(None)
            }
            (Self::Server { client, .. }, _) => {
                let url = self.url(request);
                let limit = u64::try_from(Limits::DEFAULT.metadata_bytes())?;
                let bytes = client.get(&url, limit)?.with_context(|| format!("GET {url}: not found"))?;
                repo.write_metadata(object_type, Some(&checksum), &bytes)?;
                Ok(Some(bytes))
            }
            (Self::Local(from), ObjectType::File) => {
                let object = from.open_file(&checksum)?;
                repo.write_file(&object.header.as_ref(), Some(&checksum), object.content)?;
                Ok(None)
            }
            (Self::Local(from), _) => {
                let bytes = from.load_metadata(object_type, &checksum)?;
                repo.write_metadata(object_type, Some(&checksum), &bytes)?;
                Ok(Some(bytes))
            }
        }
    }

    fn open(&self, request: Request) -> anyhow::Result<impl Read + use<>> {
        let Self::Server { client, .. } = self else { bail!("a local object has no URL") };
        let url = self.url(request);
        client.open(&url)?.with_context(|| format!("GET {url}: not found"))
    }

    fn url(&self, request: Request) -> String {
        let path = request.checksum.loose_path(request.object_type, RepoMode::Archive);
        match self {
            Self::Server { url, .. } => format!("{url}/objects/{}", path.as_str()),
            Self::Local(_) => path.as_str().into(),
        }
    }
}

/// Brings `commit` and everything it needs into `repo`, by a static delta if the server has a fitting one, and object
/// by object what is missing then, which also shows that nothing is. What is there already is not fetched again; after an
/// interrupted pull its content is checked first, for a power cut may have taken it.
///
/// # Errors
/// If the source cannot be reached or lacks an object, or an object is refused.
pub fn pull(
    source: &ObjectSource,
    repo: &Repo,
    commit: Checksum,
    observer: &mut dyn Observer,
) -> anyhow::Result<()> {
    let continues = repo.is_partial(&commit)?;
    if !continues && repo.has(ObjectType::Commit, &commit)? {
        return Ok(());
    }
    repo.set_partial(&commit)?;
    if let ObjectSource::Server { client, url } = source
        && !repo.has(ObjectType::Commit, &commit)?
    {
        deltas::apply(client, url, repo, commit, observer)?;
    }
    let mut planner = Planner::new(commit, Limits::DEFAULT);
    while let Some(request) = planner.next_request() {
        let present = present(repo, request, continues)?;
        let bytes = match present {
            Present::No => source.store(request, repo)?,
            Present::File => None,
            Present::Metadata(bytes) => Some(bytes),
        };
        match bytes {
            Some(bytes) => planner.metadata_arrived(request, &bytes)?,
            None => planner.file_arrived(request)?,
        }
        let (done, total) = planner.progress();
        let (done, total) = (u64::try_from(done)?, u64::try_from(total)?);
        observer.event(Event::Progress { what: "objects", done, total, unit: "objects" });
    }
    if !planner.is_done() {
        bail!("commit {commit} is not complete");
    }
    repo.set_complete(&commit)?;
    Ok(())
}

enum Present {
    No,
    File,
    Metadata(Vec<u8>),
}

/// Whether the repository has the object, with the right content if that has to be seen.
fn present(repo: &Repo, request: Request, is_doubtful: bool) -> anyhow::Result<Present> {
    let Request { object_type, checksum } = request;
    if !repo.has(object_type, &checksum)? {
        return Ok(Present::No);
    }
    let found = if object_type == ObjectType::File {
        let checked = if is_doubtful { repo.check_file(&checksum) } else { Ok(()) };
        checked.map(|()| Present::File)
    } else {
        repo.load_metadata(object_type, &checksum).map(Present::Metadata)
    };
    match found {
        Err(RepoError::Corrupt { .. } | RepoError::Malformed { .. }) => {
            repo.remove(object_type, &checksum)?;
            Ok(Present::No)
        }
        found => Ok(found?),
    }
}
