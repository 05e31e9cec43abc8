//! The factory's server on loopback: files of a directory by GET, what devices report by PUT and POST.

use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::anyhow;
use tiny_http::{Method, Request, Response};

/// The most bytes of a report that are read.
const MAX_REPORT_BYTES: u64 = 1024 * 1024;
/// Requests answered at a time.
const WORKERS: usize = 4;
/// A withheld answer is given up after this long, so that a failed demonstration ends.
const MAX_HOLD: Duration = Duration::from_secs(20);

/// A running server; it stops when dropped.
#[derive(Debug)]
pub(super) struct Server {
    url: String,
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared {
    http: tiny_http::Server,
    root: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    received: Vec<Received>,
    /// The paths asked for, in order.
    log: Vec<String>,
    hold: Option<Hold>,
    held: bool,
}

/// Withhold the answer to the `remaining`-th request, from now, whose path starts with `prefix`.
#[derive(Debug)]
struct Hold {
    prefix: String,
    remaining: usize,
}

/// A report that a device sent.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) body: Vec<u8>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Server {
    /// Serves the files below `root` on a free port of the loopback address.
    pub(super) fn start(root: PathBuf) -> anyhow::Result<Self> {
        let http =
            tiny_http::Server::http(("127.0.0.1", 0)).map_err(|error| anyhow!("no server: {error}"))?;
        let url = format!("http://{}", http.server_addr());
        let shared = Arc::new(Shared { http, root, state: Mutex::default(), changed: Condvar::new() });
        let workers = (0..WORKERS)
            .map(|_| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    while let Ok(request) = shared.http.recv() {
                        // A client that goes away in the middle is what the power cut is about.
                        let _ = shared.answer(request);
                    }
                })
            })
            .collect();
        Ok(Self { url, shared, workers })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The reports received since the last call.
    pub(super) fn take_received(&self) -> Vec<Received> {
        std::mem::take(&mut self.shared.lock().received)
    }

    /// The paths asked for since the last call, in order.
    pub(super) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.lock().log)
    }

    /// Withholds the `nth` answer from now below `prefix`.
    pub(super) fn hold(&self, prefix: &str, nth: usize) {
        let mut state = self.shared.lock();
        state.hold = Some(Hold { prefix: prefix.into(), remaining: nth });
        state.held = false;
    }

    /// Waits until an answer is being withheld; `false` if `limit` passes first.
    pub(super) fn wait_held(&self, limit: Duration) -> bool {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, limit, |state| !state.held);
        waited.unwrap_or_else(PoisonError::into_inner).0.held
    }

    /// Lets the withheld answer go.
    pub(super) fn release(&self) {
        self.shared.lock().held = false;
        self.shared.changed.notify_all();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.release();
        for _ in &self.workers {
            self.shared.http.unblock();
        }
        for worker in self.workers.drain(..) {
            // A worker that panicked has already printed why.
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, mut request: Request) -> std::io::Result<()> {
        let path = decode(request.url());
        match request.method() {
            Method::Get => self.answer_file(request, &path),
            Method::Put | Method::Post => {
                let mut body = Vec::new();
                request.as_reader().take(MAX_REPORT_BYTES).read_to_end(&mut body)?;
                let mut state = self.lock();
                state.log.push(path.clone());
                state.received.push(Received { path, body });
                drop(state);
                request.respond(Response::empty(200))
            }
            _ => request.respond(Response::empty(405)),
        }
    }

    fn answer_file(&self, request: Request, path: &str) -> std::io::Result<()> {
        let file = self.file(path);
        let mut state = self.lock();
        state.log.push(path.into());
        if let Some(hold) = &mut state.hold
            && path.starts_with(&hold.prefix)
        {
            hold.remaining = hold.remaining.saturating_sub(1);
            if hold.remaining == 0 {
                state.hold = None;
                state.held = true;
                self.changed.notify_all();
                let waited = self.changed.wait_timeout_while(state, MAX_HOLD, |state| state.held);
                drop(waited);
                // The connection of a killed client: nobody is there to answer.
                return request.respond(Response::empty(503));
            }
        }
        drop(state);
        match file {
            Some(file) => request.respond(Response::from_file(file)),
            None => request.respond(Response::empty(404)),
        }
    }

    /// The file that `path` names below the root; never one outside it.
    fn file(&self, path: &str) -> Option<File> {
        let relative = Path::new(path.trim_start_matches('/'));
        if relative.components().any(|component| !matches!(component, Component::Normal(_))) {
            return None;
        }
        let path = self.root.join(relative);
        path.is_file().then(|| File::open(path).ok()).flatten()
    }
}

/// The path of `url` without its query, percent-decoded.
fn decode(url: &str) -> String {
    let path = url.split('?').next().unwrap_or_default().as_bytes();
    let mut decoded = Vec::with_capacity(path.len());
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        let escaped = (byte == b'%')
            .then(|| path.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Client;

    #[test]
    fn serves_the_files_of_its_directory_and_no_others() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("www")).unwrap();
        std::fs::write(directory.path().join("www/a b"), b"inside").unwrap();
        std::fs::write(directory.path().join("secret"), b"outside").unwrap();
        let server = Server::start(directory.path().join("www")).unwrap();
        let client = Client::new();
        let get = |path: &str| client.get(&format!("{}{path}", server.url()), 6);
        assert_eq!(get("/a%20b").unwrap().as_deref(), Some(&b"inside"[..]));
        assert_eq!(get("/none").unwrap(), None);
        assert_eq!(get("/%2e%2e/secret").unwrap(), None);
        assert_eq!(server.take_log(), ["/a b", "/none", "/../secret"]);
    }

    #[test]
    fn an_answer_beyond_the_limit_is_refused_with_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("f"), b"1234567").unwrap();
        let server = Server::start(directory.path().into()).unwrap();
        let url = format!("{}/f", server.url());
        assert_eq!(Client::new().get(&url, 7).unwrap().as_deref(), Some(&b"1234567"[..]));
        let error = Client::new().get(&url, 6).unwrap_err();
        assert_eq!(error.to_string(), format!("GET {url}: the answer exceeds the limit of 6 bytes"));
    }

    #[test]
    fn reports_are_kept_for_the_factory() {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::start(directory.path().into()).unwrap();
        Client::new().put_json(&format!("{}/director/manifest", server.url()), b"{}").unwrap();
        let received = server.take_received();
        assert_eq!((received[0].path.as_str(), &received[0].body[..]), ("/director/manifest", &b"{}"[..]));
        assert_eq!(server.take_received().len(), 0);
    }
}
