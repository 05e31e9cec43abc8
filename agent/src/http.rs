//! HTTP for everything the agent fetches and reports: every answer has a size limit, every wait an end.

mod error;
mod pace;
mod resume;
mod tls;

pub use error::{GetError, TooLarge};
pub use pace::MIN_BYTES_PER_SECOND;
pub use resume::{MAX_RESUMES, Resuming};
pub use tls::{Tls, TlsError, TlsFiles};

use std::io::Read;
use std::time::Duration;

use anyhow::{Context, bail};

/// How long the server may take to accept a connection.
const TIMEOUT_CONNECT: Duration = Duration::from_secs(10);

/// The pause before a request is tried again the first time; each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// The answer that says that a file is not there.
pub const ABSENT: &[u16] = &[404];

/// The answers that say that there is no newer Root: object stores that do not let their content be listed answer 403
/// to what is not there, and python-tuf takes both for it as well (TUF 1.0.34, clause 5.3.3).
pub const NO_NEWER_ROOT: &[u16] = &[403, 404];

/// How long a server is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long it may take to answer, or to send the next bytes, and to send less than [`MIN_BYTES_PER_SECOND`].
    pub stall: Duration,
    /// How often a request is tried again that was not answered, or with a failure that passes.
    pub retries: u32,
}

impl Patience {
    /// 30 seconds, and no second try: for what is asked for again anyway.
    pub const ONCE: Self = Self { stall: Duration::from_secs(30), retries: 0 };

    /// 30 seconds, and as many tries more as libostree makes (`DEFAULT_N_NETWORK_RETRIES`).
    pub const PULL: Self = Self { stall: Duration::from_secs(30), retries: 5 };
}

/// A client that keeps its connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: ureq::Agent,
    patience: Patience,
}

impl Client {
    /// A client that asks once, and trusts the authorities of the system.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Patience::ONCE, Tls::default())
    }

    /// A client with as much patience, that trusts whom `tls` names.
    #[must_use]
    pub fn with(patience: Patience, tls: Tls) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(patience.stall.min(TIMEOUT_CONNECT)))
            .timeout_recv_response(Some(patience.stall))
            .timeout_per_read(Some(patience.stall))
            .tls_config(tls.into_config())
            .user_agent(concat!("ota-agent/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), patience }
    }

    /// Asks as often as the client has patience for, while the failure is one that may pass.
    fn patiently<T>(&self, ask: impl Fn() -> Result<T, GetError>) -> Result<T, GetError> {
        let mut tries = 0;
        loop {
            let error = match ask() {
                Err(error) if tries < self.patience.retries && error.may_pass() => error,
                result => return result,
            };
            let pause = FIRST_PAUSE.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE);
            tracing::info!("trying again in {} ms: {error}", pause.as_millis());
            std::thread::sleep(pause);
            tries += 1;
        }
    }

    /// The answer to a GET of `url` from byte `start` on, unless it may be another one later.
    fn answer(&self, url: &str, start: u64) -> Result<ureq::http::Response<ureq::Body>, GetError> {
        let mut request = self.agent.get(url);
        if start > 0 {
            request = request.header("range", format!("bytes={start}-"));
        }
        match request.call() {
            Ok(response) if !error::passes(response.status().as_u16()) => Ok(response),
            Ok(response) => Err(GetError::Status { url: url.into(), status: response.status().as_u16() }),
            Err(error) => Err(GetError::new(url, self.patience.stall, error)),
        }
    }

    /// The body at `url`; `None` if the server answers 404.
    ///
    /// # Errors
    /// If the server cannot be reached, answers otherwise, or the body exceeds `max_bytes`.
    pub fn get(&self, url: &str, max_bytes: u64) -> anyhow::Result<Option<Vec<u8>>> {
        let body = self.patiently(|| {
            let Some(reader) = self.opened(url, ABSENT)? else { return Ok(None) };
            let mut body = Vec::new();
            // One byte more tells "exactly the limit" from "beyond it".
            let read = reader.take(max_bytes.saturating_add(1)).read_to_end(&mut body);
            read.map_err(|error| GetError::new(url, self.patience.stall, error.into()))?;
            Ok(Some(body))
        })?;
        let Some(body) = body else { return Ok(None) };
        if u64::try_from(body.len())? > max_bytes {
            return Err(TooLarge { url: url.into(), max_bytes }.into());
        }
        Ok(Some(body))
    }

    /// The body at `url` as a stream, for content that does not belong in memory; `None` on 404.
    ///
    /// # Errors
    /// If the server cannot be reached or answers otherwise.
    pub fn open(&self, url: &str) -> anyhow::Result<Option<impl Read + use<>>> {
        self.open_unless(url, ABSENT)
    }

    /// As [`Self::open`], but `None` on each of the answers `absent`.
    ///
    /// # Errors
    /// If the server cannot be reached or answers otherwise.
    pub fn open_unless(&self, url: &str, absent: &[u16]) -> anyhow::Result<Option<impl Read + use<>>> {
        Ok(self.patiently(|| self.opened(url, absent))?)
    }

    fn opened(&self, url: &str, absent: &[u16]) -> Result<Option<impl Read + use<>>, GetError> {
        let response = self.answer(url, 0)?;
        match response.status().as_u16() {
            200 => Ok(Some(self.body(response))),
            status if absent.contains(&status) => Ok(None),
            status => Err(GetError::Status { url: url.into(), status }),
        }
    }

    /// The body of an answer. Its reader limits it.
    fn body(&self, response: ureq::http::Response<ureq::Body>) -> impl Read + Send + use<> {
        let body = response.into_body().into_with_config().limit(u64::MAX).reader();
        pace::Paced::new(body, self.patience.stall)
    }

    /// The body at `url` from byte `start` on, or from an earlier one if the server cannot do that.
    fn open_from(&self, url: &str, start: u64) -> anyhow::Result<Option<Part>> {
        let response = self.patiently(|| self.answer(url, start))?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let length = header("content-length").and_then(|text| text.parse().ok());
        let start = match response.status().as_u16() {
            200 => 0,
            206 => {
                // `bytes FIRST-LAST/LENGTH`
                let range = header("content-range").and_then(|text| text.strip_prefix("bytes "));
                let first =
                    range.and_then(|range| range.split_once('-')).and_then(|(first, _)| first.parse().ok());
                let first: u64 = first.with_context(|| format!("GET {url}: a part without its range"))?;
                if first > start {
                    bail!("GET {url}: from byte {first}, not {start}");
                }
                first
            }
            404 => return Ok(None),
            // The body ends where the part would begin.
            416 if start > 0 => {
                return Ok(Some(Part { body: Box::new(std::io::empty()), start, length: Some(0) }));
            }
            status => return Err(GetError::Status { url: url.into(), status }.into()),
        };
        let body = Box::new(self.body(response));
        Ok(Some(Part { body, start, length }))
    }

    /// Sends `body`, which is JSON, with PUT.
    ///
    /// # Errors
    /// If the server cannot be reached or does not answer with success.
    pub fn put_json(&self, url: &str, body: &[u8]) -> anyhow::Result<()> {
        let request = self.agent.put(url).content_type("application/json");
        let response = request.send(body).with_context(|| format!("PUT {url}"))?;
        accepted("PUT", url, response.status().as_u16())
    }

    /// Sends `body`, which is JSON, with POST.
    ///
    /// # Errors
    /// If the server cannot be reached or does not answer with success.
    pub fn post_json(&self, url: &str, body: &[u8]) -> anyhow::Result<()> {
        let request = self.agent.post(url).content_type("application/json");
        let response = request.send(body).with_context(|| format!("POST {url}"))?;
        accepted("POST", url, response.status().as_u16())
    }
}

/// An answer, or a part of it.
struct Part {
    body: Box<dyn Read + Send>,
    /// Which byte of the whole it starts with.
    start: u64,
    /// How many bytes this answer has, if the server said it.
    length: Option<u64>,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

fn accepted(method: &str, url: &str, status: u16) -> anyhow::Result<()> {
    if (200..300).contains(&status) {
        return Ok(());
    }
    bail!("{method} {url}: the server answered {status}")
}

/// `name` as one path of a URL: what is not unreserved (RFC 3986 clause 2.3) or `/` is percent-encoded.
#[must_use]
pub fn encode_path(name: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::encode_path;

    #[test]
    fn encodes_what_a_path_may_not_hold() {
        assert_eq!(encode_path("os/main-a1.b~"), "os/main-a1.b~");
        assert_eq!(encode_path("a b?#%é"), "a%20b%3F%23%25%C3%A9");
    }
}
