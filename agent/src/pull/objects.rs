//! Pulling a commit: the planner says which objects, this says from where, and keeps what is there already.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};

use anyhow::{Context, bail};
use ostree_objects::pull::{Planner, Request};
use ostree_objects::repo::{Repo, RepoError};
use ostree_objects::{Checksum, Limits, ObjectType, RepoMode};

use super::deltas;
use crate::http::Client;
use crate::report::{Event, Observer};

/// Most objects that are fetched at once: what libostree does, so that servers are ready for it.
const IN_FLIGHT: usize = 8;

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
        client.open_resuming(&url)?.with_context(|| format!("GET {url}: not found"))
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
    let planner = Planner::new(commit, Limits::DEFAULT);
    fetch_all(planner, observer, |request| {
        Ok(match present(repo, request, continues)? {
            Present::No => source.store(request, repo)?,
            Present::File => None,
            Present::Metadata(bytes) => Some(bytes),
        })
    })?;
    repo.set_complete(&commit)?;
    Ok(())
}

/// Has `obtain` get what the planner wants, [`IN_FLIGHT`] objects at once; it returns the bytes of metadata.
fn fetch_all(
    mut planner: Planner,
    observer: &mut dyn Observer,
    obtain: impl Fn(Request) -> anyhow::Result<Option<Vec<u8>>> + Sync,
) -> anyhow::Result<()> {
    let is_over = AtomicBool::new(false);
    let (ask, asked) = mpsc::channel::<Request>();
    let (answer, answers) = mpsc::channel();
    let asked = Mutex::new(asked);
    std::thread::scope(|scope| {
        for _ in 0..IN_FLIGHT {
            let (asked, obtain, is_over, answer) = (&asked, &obtain, &is_over, answer.clone());
            scope.spawn(move || {
                loop {
                    // Only the wait is inside of the lock.
                    let next = asked.lock().map(|asked| asked.recv());
                    let Ok(Ok(request)) = next else { return };
                    if is_over.load(Ordering::Relaxed) || answer.send((request, obtain(request))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(answer);
        // Dropped at the end, or early on an error: then the threads end.
        let ask = ask;
        let result = distribute(&mut planner, observer, &ask, &answers);
        is_over.store(result.is_err(), Ordering::Relaxed);
        result
    })
}

/// Hands out what the planner wants, and tells it what arrived.
fn distribute(
    planner: &mut Planner,
    observer: &mut dyn Observer,
    ask: &mpsc::Sender<Request>,
    answers: &mpsc::Receiver<(Request, anyhow::Result<Option<Vec<u8>>>)>,
) -> anyhow::Result<()> {
    let mut outstanding = 0_usize;
    loop {
        // As many again wait, so that no thread does.
        while outstanding < 2 * IN_FLIGHT {
            let Some(request) = planner.next_request() else { break };
            ask.send(request).context("no thread is left to fetch objects")?;
            outstanding += 1;
        }
        if outstanding == 0 {
            break;
        }
        let (request, obtained) = answers.recv().context("no thread is left to fetch objects")?;
        outstanding -= 1;
        match obtained? {
            Some(bytes) => planner.metadata_arrived(request, &bytes)?,
            None => planner.file_arrived(request)?,
        }
        let (done, total) = planner.progress();
        let (done, total) = (u64::try_from(done)?, u64::try_from(total)?);
        observer.event(Event::Progress { what: "objects", done, total, unit: "objects" });
    }
    if !planner.is_done() {
        bail!("the commit is not complete");
    }
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
