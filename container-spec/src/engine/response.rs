//! What an answer means: the status, the error in it, and the errors that a stream of status 200 hides.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

use super::Method;
use crate::compose::Word;

/// Largest body that is read into memory, in bytes. Answers about one thing have some kilobytes.
pub const MAX_BODY_BYTES: usize = 16 << 20;

/// Longest line of a stream, in bytes: lines hold a status, never data.
pub const MAX_LINE_BYTES: usize = 64 << 10;

/// What went wrong, by what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// 400: the request is wrong, and will be again.
    BadRequest,
    /// 403: it may not be done: a network cannot be removed that containers are in.
    Forbidden,
    /// 404: there is no such container, image, network or volume.
    NotFound,
    /// 409: the name is taken, or what is to be removed is in use.
    Conflict,
    /// 500 and above: the engine failed.
    Engine,
    /// The registry of a pull wants credentials, or others. Engines tell it by words alone, with several statuses.
    Credentials,
    /// An error in a stream that began with status 200.
    InStream,
    /// A stream that ended within a line.
    CutOff,
    /// The body is not what this request is answered with.
    Malformed,
    /// More than [`MAX_BODY_BYTES`], or a line of more than [`MAX_LINE_BYTES`].
    TooLong,
    /// Any other status.
    Status,
}

/// An answer that is no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine answered {status}: {message}")]
pub struct ResponseError {
    /// The status of HTTP.
    pub status: u16,
    /// What it means.
    pub failure: Failure,
    /// What the engine said about it.
    pub message: Word,
}

/// What a success changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It was done now.
    Now,
    /// 304: it was so before: a stopped container stopped, a running one started.
    Already,
}

#[derive(Debug, Deserialize)]
struct Message {
    message: String,
}

/// Reads the status and the error of an answer that is no stream.
///
/// # Errors
/// For every status that is no success, with what the engine said.
pub fn check(status: u16, body: &[u8]) -> Result<Done, ResponseError> {
    let failure = match status {
        200..=299 => return Ok(Done::Now),
        304 => return Ok(Done::Already),
        400 => Failure::BadRequest,
        403 => Failure::Forbidden,
        404 => Failure::NotFound,
        409 => Failure::Conflict,
        500..=599 => Failure::Engine,
        _ => Failure::Status,
    };
    let message = serde_json::from_slice::<Message>(body);
    let message = message.as_ref().map_or("no message", |message| message.message.as_str());
    Err(ResponseError { status, failure, message: Word::new(message) })
}

/// As [`check`]; what is to be removed and is not there counts as removed, because a step may be repeated.
///
/// # Errors
/// As [`check`].
pub fn check_repeatable(method: Method, status: u16, body: &[u8]) -> Result<Done, ResponseError> {
    match (method, check(status, body)) {
        (Method::Delete, Err(error)) if error.failure == Failure::NotFound => Ok(Done::Already),
        (_, answer) => answer,
    }
}

/// Reads an answer that is one JSON value.
///
/// # Errors
/// As [`check`]; and if the body is too long or has another form.
pub fn json<'b, T: Deserialize<'b>>(status: u16, body: &'b [u8]) -> Result<T, ResponseError> {
    check(status, body)?;
    let failed = |failure, message| ResponseError { status, failure, message: Word::new(message) };
    if body.len() > MAX_BODY_BYTES {
        return Err(failed(Failure::TooLong, "the answer is too long"));
    }
    serde_json::from_slice(body).map_err(|_| failed(Failure::Malformed, "the answer has another form"))
}

/// One line of a stream.
#[derive(Debug, Default, Deserialize)]
struct Line {
    #[serde(default)]
    stream: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default, rename = "progressDetail")]
    progress: Option<Progress>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default, rename = "errorDetail")]
    error_detail: Option<Message>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Progress {
    #[serde(default)]
    current: u64,
    #[serde(default)]
    total: u64,
}

/// What a stream tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// How far a layer is, in bytes.
    Progress {
        /// The layer.
        id: String,
        /// Bytes that are done.
        done: u64,
        /// Bytes of the layer, 0 if unknown.
        total: u64,
    },
    /// A line of text.
    Text(String),
    /// An image that was loaded: a name, or `sha256:…` if it has none.
    Loaded(String),
}

/// Reads the stream of a pull or a load, piece by piece.
///
/// ```
/// use container_spec::engine::response::{Failure, Stream};
///
/// let mut stream = Stream::new(200);
/// let told = stream.feed(b"{\"errorDetail\":{\"message\":\"unexpected EOF\"},\"error\":\"unexpected EOF\"}\n");
/// assert_eq!(told.unwrap_err().failure, Failure::InStream);
/// ```
#[derive(Debug)]
pub struct Stream {
    status: u16,
    line: Vec<u8>,
    failed: Option<ResponseError>,
}

impl Stream {
    /// Nothing is read yet of an answer with this status.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self { status, line: Vec::new(), failed: None }
    }

    /// Reads the next bytes and returns what the lines that they end tell.
    ///
    /// # Errors
    /// If a line tells of an error, is no JSON object or is too long; then again at every later call.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Told>, ResponseError> {
        let mut told = Vec::new();
        let mut rest = bytes;
        while let Some(index) = rest.iter().position(|&b| b == b'\n') {
            let (piece, after) = rest.split_at(index);
            self.push(piece)?;
            rest = after.get(1..).unwrap_or_default();
            let line = core::mem::take(&mut self.line);
            told.extend(self.line(&line)?);
        }
        self.push(rest)?;
        Ok(told)
    }

    /// The stream is at its end.
    ///
    /// # Errors
    /// If it told of an error, or ended within a line.
    pub fn finish(mut self) -> Result<Vec<Told>, ResponseError> {
        // The last line needs no end.
        let line = core::mem::take(&mut self.line);
        let whole = self.failed.is_some() || line.is_empty() || serde_json::from_slice::<Line>(&line).is_ok();
        if !whole && (200..300).contains(&self.status) {
            return self.fail(Failure::CutOff, "the answer ended within a line");
        }
        Ok(self.line(&line)?.into_iter().collect())
    }

    fn fail<T>(&mut self, failure: Failure, message: &str) -> Result<T, ResponseError> {
        let error = ResponseError { status: self.status, failure, message: Word::new(message) };
        Err(*self.failed.get_or_insert(error))
    }

    fn push(&mut self, piece: &[u8]) -> Result<(), ResponseError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.line.len() + piece.len() > MAX_LINE_BYTES {
            return self.fail(Failure::TooLong, "a line of the answer is too long");
        }
        self.line.extend_from_slice(piece);
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<Option<Told>, ResponseError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        if !(200..300).contains(&self.status) {
            let message = serde_json::from_slice::<Message>(line);
            if let Ok(Message { message }) = &message
                && wants_credentials(message)
            {
                return self.fail(Failure::Credentials, message);
            }
            return check(self.status, line).map(|_| None);
        }
        let Ok(line) = serde_json::from_slice::<Line>(line) else {
            return self.fail(Failure::Malformed, "a line of the answer is no JSON object");
        };
        if let Some(error) = line.error_detail.map(|detail| detail.message).or(line.error) {
            let wants = wants_credentials(&error);
            return self.fail(if wants { Failure::Credentials } else { Failure::InStream }, &error);
        }
        let text = line.stream.or(line.status).unwrap_or_default();
        let text = text.trim();
        for loaded in ["Loaded image: ", "Loaded image ID: "] {
            if let Some(image) = text.strip_prefix(loaded) {
                return Ok(Some(Told::Loaded(image.into())));
            }
        }
        Ok(match (line.progress, line.id) {
            (Some(progress), Some(id)) if progress.current > 0 => {
                Some(Told::Progress { id, done: progress.current, total: progress.total })
            }
            _ if text.is_empty() => None,
            _ => Some(Told::Text(text.into())),
        })
    }
}

/// Whether this is what an engine says when a registry refuses it: `distribution/errors.go` of moby, and the error codes of
/// `registry/api/errcode` of distribution, which it hands on.
fn wants_credentials(message: &str) -> bool {
    [
        "unauthorized: ",
        "no basic auth credentials",
        "pull access denied for ",
        "denied: requested access to the resource",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// Reads the whole stream of a pull or a load.
///
/// # Errors
/// As [`Stream`].
pub fn read_stream(status: u16, body: &[u8]) -> Result<Vec<Told>, ResponseError> {
    let mut stream = Stream::new(status);
    let mut told = stream.feed(body)?;
    told.extend(stream.finish()?);
    Ok(told)
}
