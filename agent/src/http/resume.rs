//! A body that goes on where a connection broke.

use std::io::{self, Read};

use super::error::is_io_stall;
use super::pace::least_in;
use super::{Client, GetError};

/// How often the rest of one body is asked for after a connection broke.
pub const MAX_RESUMES: usize = 32;

/// A body as a stream. When the connection breaks, the rest is asked for (RFC 9110 clause 14.2); what is read is only
/// as coherent as what the server keeps, so the caller checks the whole.
pub struct Resuming {
    client: Client,
    url: String,
    body: Box<dyn Read + Send>,
    /// Bytes that were read.
    position: u64,
    /// The body's length, if the server said it.
    length: Option<u64>,
    resumes: usize,
    /// How often too little came for as long as the client waits, since enough did.
    stalls: u32,
    /// Bytes that were read since.
    came: u64,
}

impl Client {
    /// The body at `url` as a stream that survives broken connections; `None` on 404.
    ///
    /// # Errors
    /// If the server cannot be reached or answers otherwise.
    pub fn open_resuming(&self, url: &str) -> anyhow::Result<Option<Resuming>> {
        self.open_resuming_from(url, 0)
    }

    /// As [`Self::open_resuming`], from byte `start` on if the server can do that: [`Resuming::position`] tells.
    ///
    /// # Errors
    /// If the server cannot be reached or answers otherwise.
    pub fn open_resuming_from(&self, url: &str, start: u64) -> anyhow::Result<Option<Resuming>> {
        let Some(part) = self.open_from(url, start)? else { return Ok(None) };
        let (client, url) = (self.clone(), url.to_owned());
        let length = part.length.map(|length| length.saturating_add(part.start));
        let (body, position) = (part.body, part.start);
        Ok(Some(Resuming { client, url, body, position, length, resumes: 0, stalls: 0, came: 0 }))
    }
}

impl Resuming {
    /// Which byte is read next.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// How long the whole is, if the server said it.
    #[must_use]
    pub const fn length(&self) -> Option<u64> {
        self.length
    }

    /// Asks for the rest. A server that sends everything again is skipped through.
    fn resume(&mut self) -> anyhow::Result<()> {
        let part = self.client.open_from(&self.url, self.position)?;
        let mut part = part.ok_or_else(|| anyhow::anyhow!("GET {}: not found any more", self.url))?;
        if let Some(skip) = self.position.checked_sub(part.start) {
            io::copy(&mut part.body.by_ref().take(skip), &mut io::sink())?;
        }
        self.body = part.body;
        Ok(())
    }
}

impl Read for Resuming {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let broken = match self.body.read(out) {
                Ok(0) if !out.is_empty() && self.length.is_some_and(|length| self.position < length) => {
                    io::Error::from(io::ErrorKind::UnexpectedEof)
                }
                Ok(count) => {
                    let read = u64::try_from(count).unwrap_or(0);
                    self.position = self.position.saturating_add(read);
                    self.came = self.came.saturating_add(read);
                    // A server that sends a little and stalls again is no better than one that stalls.
                    if self.came >= least_in(self.client.patience.stall) {
                        self.stalls = 0;
                    }
                    return Ok(count);
                }
                Err(error) => {
                    if is_io_stall(&error) {
                        if self.stalls == self.client.patience.retries {
                            let (url, stall) = (self.url.clone(), self.client.patience.stall);
                            let error = GetError::Stalled { url, stall };
                            return Err(io::Error::new(io::ErrorKind::TimedOut, error));
                        }
                        self.stalls += 1;
                        self.came = 0;
                    }
                    error
                }
            };
            loop {
                if self.resumes == MAX_RESUMES {
                    return Err(broken);
                }
                self.resumes += 1;
                if self.resume().is_ok() {
                    break;
                }
            }
        }
    }
}

impl std::fmt::Debug for Resuming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resuming")
            .field("url", &self.url)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
