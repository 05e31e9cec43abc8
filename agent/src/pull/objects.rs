//! Object by object: the planner says which, this says from where, and keeps what is there already.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ostree_objects::pull::{Checkpoint, Planner, Request};
use ostree_objects::repo::{Repo, RepoError};
use ostree_objects::{Checksum, Limits, ObjectSize, ObjectType, RepoMode};

use super::{Admission, Deleted, ObjectSource, Pulled, part};
use crate::http::GetError;
use crate::report::{Event, Observer};

/// Most objects that are fetched at once: what libostree does, so that servers are ready for it.
const IN_FLIGHT: usize = 8;

/// After how much a checkpoint is made: what is hashed again at most when a pull goes on after a power cut.
pub const CHECKPOINT_OBJECTS: u64 = 4096;
/// As [`CHECKPOINT_OBJECTS`], in fetched bytes.
pub const CHECKPOINT_BYTES: u64 = 64 * 1024 * 1024;

/// How often progress is told at most.
const TELL_EVERY: Duration = Duration::from_millis(50);

/// What is fetched, and from where.
pub(super) struct Job<'a> {
    pub(super) source: &'a ObjectSource,
    pub(super) admission: &'a Admission<'a>,
    /// Whether an earlier pull was interrupted: what is there may lack its content.
    pub(super) continues: bool,
    /// What of it is durable nonetheless.
    pub(super) checkpoint: Option<Checkpoint>,
}

/// A request, and what the commit says of the object's size.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    request: Request,
    listed: Option<ObjectSize>,
}

/// What is in flight and what came, for all threads.
#[derive(Default)]
struct Counters {
    bytes: AtomicU64,
    objects: AtomicU64,
}

impl Job<'_> {
    /// Fetches what is missing; directories whose dirtrees are `shared` are not looked at.
    pub(super) fn run(
        &self,
        shared: BTreeSet<Checksum>,
        pulled: &mut Pulled,
        observer: &mut dyn Observer,
    ) -> anyhow::Result<()> {
        let options = self.admission.options;
        let planner = Planner::new(self.admission.commit, Limits::DEFAULT).without(shared);
        let mut planner = planner.only(options.subpaths.iter().map(String::as_str))?;
        let counters = Counters::default();
        let result = self.fetch(&mut planner, &counters, observer);
        pulled.objects += counters.objects.into_inner();
        pulled.bytes += counters.bytes.into_inner();
        if (result.is_err() || !options.subpaths.is_empty()) && !planner.checkpoint().is_empty() {
            // Whoever goes on need not hash it all.
            self.admission.repo.write_checkpoint(&self.admission.commit, &planner.checkpoint())?;
        }
        result
    }

    /// Has objects got, [`IN_FLIGHT`] at once.
    fn fetch(
        &self,
        planner: &mut Planner,
        counters: &Counters,
        observer: &mut dyn Observer,
    ) -> anyhow::Result<()> {
        let is_over = AtomicBool::new(false);
        let (ask, asked) = mpsc::channel::<Wanted>();
        let (answer, answers) = mpsc::channel();
        let asked = Mutex::new(asked);
        std::thread::scope(|scope| {
            for _ in 0..IN_FLIGHT {
                let (asked, is_over, answer) = (&asked, &is_over, answer.clone());
                scope.spawn(move || {
                    loop {
                        // Only the wait is inside of the lock.
                        let next = asked.lock().map(|asked| asked.recv());
                        let Ok(Ok(wanted)) = next else { return };
                        if is_over.load(Ordering::Relaxed)
                            || answer.send((wanted.request, self.obtain(wanted, counters))).is_err()
                        {
                            return;
                        }
                    }
                });
            }
            drop(answer);
            // Dropped at the end, or early on an error: then the threads end.
            let ask = ask;
            let result = self.distribute(planner, counters, observer, &ask, &answers);
            is_over.store(result.is_err(), Ordering::Relaxed);
            result
        })
    }

    /// Hands out what the planner wants, and tells it what arrived.
    fn distribute(
        &self,
        planner: &mut Planner,
        counters: &Counters,
        observer: &mut dyn Observer,
        ask: &mpsc::Sender<Wanted>,
        answers: &mpsc::Receiver<(Request, anyhow::Result<Option<Vec<u8>>>)>,
    ) -> anyhow::Result<()> {
        let mut outstanding = 0_usize;
        let mut told: Option<Instant> = None;
        let mut safe = (0, 0);
        let mut bytes_total = None;
        loop {
            // As many again wait, so that no thread does.
            while outstanding < 2 * IN_FLIGHT {
                let Some(request) = planner.next_request() else { break };
                let wanted = Wanted { request, listed: planner.listed(&request) };
                ask.send(wanted).context("no thread is left to fetch objects")?;
                outstanding += 1;
            }
            if outstanding == 0 {
                break;
            }
            let (request, obtained) = answers.recv().context("no thread is left to fetch objects")?;
            outstanding -= 1;
            match obtained? {
                Some(bytes) => {
                    planner.metadata_arrived(request, &bytes)?;
                    if request.object_type == ObjectType::Commit {
                        bytes_total = self.bytes_to_fetch(planner)?;
                    }
                }
                None => planner.file_arrived(request)?,
            }
            let bytes = counters.bytes.load(Ordering::Relaxed);
            let objects = counters.objects.load(Ordering::Relaxed);
            if told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                told = Some(Instant::now());
                tell(planner, bytes, bytes_total, observer)?;
            }
            if objects - safe.0 >= CHECKPOINT_OBJECTS || bytes - safe.1 >= CHECKPOINT_BYTES {
                safe = (objects, bytes);
                self.admission.repo.write_checkpoint(&self.admission.commit, &planner.checkpoint())?;
            }
            if self.admission.options.metadata_only {
                return Ok(());
            }
        }
        if !planner.is_done() {
            bail!("the commit is not complete");
        }
        tell(planner, counters.bytes.load(Ordering::Relaxed), bytes_total, observer)
    }

    /// What the commit says there is to fetch from a server, if all of it is wanted.
    fn bytes_to_fetch(&self, planner: &Planner) -> anyhow::Result<Option<u64>> {
        let options = self.admission.options;
        let (ObjectSource::Server { .. }, Some(sizes), []) = (self.source, planner.sizes(), options.subpaths)
        else {
            return Ok(None);
        };
        Ok(Some(self.admission.repo.sizes_needed(&sizes.as_ref())?.needed.archived))
    }

    /// Gets one object; returns the bytes of metadata.
    fn obtain(&self, wanted: Wanted, counters: &Counters) -> anyhow::Result<Option<Vec<u8>>> {
        let request = wanted.request;
        let repo = self.admission.repo;
        let found = match self.present(repo, request)? {
            Present::No => {
                let got = match self.store(wanted, counters) {
                    Err(error) if request.object_type == ObjectType::Commit && is_absent(&error) => {
                        let commit = request.checksum;
                        // Whatever stands in its place, it is not there.
                        let is_deleted = self.source.is_deleted(&commit).unwrap_or(false);
                        return Err(if is_deleted { Deleted { commit }.into() } else { error });
                    }
                    got => got?,
                };
                counters.objects.fetch_add(1, Ordering::Relaxed);
                return Ok(got);
            }
            Present::File => None,
            Present::Metadata(bytes) => Some(bytes),
        };
        if let (ObjectType::Commit, Some(bytes)) = (request.object_type, &found) {
            self.admission.admit(bytes)?;
        }
        Ok(found)
    }

    /// Fetches an object, and keeps it unless it is larger than the commit says.
    fn store(
        &self,
        Wanted { request, listed }: Wanted,
        counters: &Counters,
    ) -> anyhow::Result<Option<Vec<u8>>> {
        let Request { object_type, checksum } = request;
        let check_size = |size| listed.map_or(Ok(()), |listed| listed.check(size)).map_err(RepoError::from);
        let repo = self.admission.repo;
        let bytes = match (self.source, object_type) {
            (ObjectSource::Server { client, url }, ObjectType::File) => {
                let url = object_url(url, request);
                let (listed, may_go_on) = (listed.as_ref(), self.continues);
                part::fetch(client, &url, repo, &checksum, listed, may_go_on, &counters.bytes)?;
                return Ok(None);
            }
            (ObjectSource::Local(from), ObjectType::File) => {
                if let Some(listed) = &listed {
                    let facts = from.file_facts(&checksum)?;
                    let link = facts.target.as_ref().map(|target| u64::try_from(target.len())).transpose()?;
                    listed.check(link.unwrap_or(facts.size)).map_err(RepoError::from)?;
                }
                repo.import_file(from, &checksum)?;
                return Ok(None);
            }
            (ObjectSource::Server { client, url }, _) => {
                let url = object_url(url, request);
                let limit = u64::try_from(Limits::DEFAULT.metadata_bytes())?;
                let bytes = client.get(&url, limit)?.ok_or(GetError::Status { url, status: 404 })?;
                counters.bytes.fetch_add(u64::try_from(bytes.len())?, Ordering::Relaxed);
                bytes
            }
            (ObjectSource::Local(from), _) => from.load_metadata(object_type, &checksum)?,
        };
        if object_type == ObjectType::Commit {
            let actual = Checksum::of(&bytes);
            if actual != checksum {
                return Err(RepoError::Corrupt { object_type, expected: checksum, actual }.into());
            }
            self.admission.admit(&bytes)?;
        }
        check_size(u64::try_from(bytes.len())?)?;
        match self.source {
            ObjectSource::Local(from) => repo.import_metadata(from, object_type, &checksum, &bytes)?,
            ObjectSource::Server { .. } => drop(repo.write_metadata(object_type, Some(&checksum), &bytes)?),
        }
        Ok(Some(bytes))
    }

    /// Whether the repository has the object, with the right content if that has to be seen.
    fn present(&self, repo: &Repo, request: Request) -> anyhow::Result<Present> {
        let Request { object_type, checksum } = request;
        if !repo.has(object_type, &checksum)? {
            return Ok(Present::No);
        }
        let found = if object_type == ObjectType::File {
            let is_durable =
                || self.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.contains(&checksum));
            let checked = if self.continues && !is_durable() { repo.check_file(&checksum) } else { Ok(()) };
            checked.map(|()| Present::File)
        } else {
            repo.load_metadata(object_type, &checksum).map(Present::Metadata)
        };
        match found {
            // As after a power cut: then it is fetched again.
            Err(error) if error.is_of_object() => {
                repo.remove(object_type, &checksum)?;
                Ok(Present::No)
            }
            found => Ok(found?),
        }
    }
}

/// Whether the source said that it does not have what was asked for.
fn is_absent(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(GetError::Status { status: 404, .. }))
        || matches!(error.downcast_ref(), Some(RepoError::Missing { .. }))
}

enum Present {
    No,
    File,
    Metadata(Vec<u8>),
}

fn object_url(url: &str, request: Request) -> String {
    let path = request.checksum.loose_path(request.object_type, RepoMode::Archive);
    format!("{url}/objects/{}", path.as_str())
}

fn tell(
    planner: &Planner,
    bytes: u64,
    bytes_total: Option<u64>,
    observer: &mut dyn Observer,
) -> anyhow::Result<()> {
    let (done, total) = planner.progress();
    let (done, total) = (u64::try_from(done)?, u64::try_from(total)?);
    observer.event(Event::Pulling { done, total, bytes, bytes_total });
    Ok(())
}
