//! Why a server's answer was not had.

use std::io;
use std::time::Duration;

/// The answer was larger than the caller allows.
#[derive(Debug, thiserror::Error)]
#[error("GET {url}: the answer exceeds the limit of {max_bytes} bytes")]
pub struct TooLarge {
    /// What was asked for.
    pub url: String,
    /// The most bytes the caller takes.
    pub max_bytes: u64,
}

/// Why there was no answer, or none of use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// The server answered with another status.
    #[error("GET {url}: the server answered {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// The server sent nothing for as long as it is waited for.
    #[error("GET {url}: nothing came for {} s", .stall.as_secs_f64())]
    Stalled {
        /// What was asked for.
        url: String,
        /// How long it was waited for.
        stall: Duration,
    },
    /// There is no connection, or it does not speak HTTP.
    #[error("GET {url}")]
    Failed {
        /// What was asked for.
        url: String,
        /// What is wrong.
        source: ureq::Error,
    },
}

impl GetError {
    pub(super) fn new(url: &str, stall: Duration, error: ureq::Error) -> Self {
        let url = url.to_owned();
        if is_stall(&error) { Self::Stalled { url, stall } } else { Self::Failed { url, source: error } }
    }

    /// Whether the same request may be answered later.
    pub(super) const fn may_pass(&self) -> bool {
        match self {
            Self::Status { status, .. } => passes(*status),
            Self::Stalled { .. } => true,
            Self::Failed { source, .. } => matches!(
                source,
                ureq::Error::Io(_) | ureq::Error::HostNotFound | ureq::Error::ConnectionFailed
            ),
        }
    }
}

/// Whether nothing came for too long. Readers hand such an error on inside of others.
fn is_stall(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Timeout(_) => true,
        ureq::Error::Io(error) => is_io_stall(error),
        _ => false,
    }
}

/// As [`GetError::Stalled`], of a body.
pub(super) fn is_io_stall(error: &io::Error) -> bool {
    let inner = error.get_ref();
    error.kind() == io::ErrorKind::TimedOut
        || inner.and_then(|inner| inner.downcast_ref()).is_some_and(is_stall)
        || inner.and_then(|inner| inner.downcast_ref()).is_some_and(is_io_stall)
}

/// Whether the status is one of a failure that passes (RFC 9110, clause 15.6; RFC 6585, clause 4).
pub(super) const fn passes(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}
