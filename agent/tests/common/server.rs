//! A server of the files below a directory, on the loopback interface.

use std::path::Path;
use std::sync::{Arc, Mutex};

/// Serves until it is dropped, and remembers what was asked for. Paths are not decoded: quoted names are the names
/// of the files.
pub(crate) struct Server {
    server: Arc<tiny_http::Server>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    #[allow(dead_code, reason = "one of the two test binaries says what is answered to what is not there")]
    pub(crate) fn new(directory: &Path) -> Self {
        Self::with_absent(directory, 404)
    }

    /// Answers `absent` to what is not there.
    pub(crate) fn with_absent(directory: &Path, absent: u16) -> Self {
        let server = Arc::new(tiny_http::Server::http("127.0.0.1:0").unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answering, log, directory) = (Arc::clone(&server), Arc::clone(&asked), directory.to_owned());
        std::thread::spawn(move || {
            for request in answering.incoming_requests() {
                let name = request.url().trim_start_matches('/').to_owned();
                let path = directory.join(&name);
                // Of a target's name the space alone is quoted here, whose file has it.
                let plain = directory.join(name.replace("%20", " "));
                log.lock().unwrap().push(name);
                let response = match std::fs::read(path).or_else(|_| std::fs::read(plain)) {
                    Ok(bytes) => tiny_http::Response::from_data(bytes),
                    Err(_) => tiny_http::Response::from_data(Vec::new()).with_status_code(absent),
                };
                // A client that went away needs no answer.
                let _ = request.respond(response);
            }
        });
        Self { server, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.server_addr())
    }

    /// What was asked for since the last call.
    #[allow(dead_code, reason = "one of the two test binaries does not ask")]
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.server.unblock();
    }
}
