//! Why a server's answer was not had.

use std::io;
use std::time::Duration;

use super::MIN_BYTES_PER_SECOND;

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
    /// The server sent nothing for as long as it is waited for, or less than [`MIN_BYTES_PER_SECOND`].
    #[error("GET {url}: nothing came for {} s, or less than {MIN_BYTES_PER_SECOND} bytes a second", .stall.as_secs_f64())]
    Stalled {
        /// What was asked for.
        url: String,
        /// How long it was waited for.
        stall: Duration,
    },
    /// The server is not who it should be, or does not take us for who we are.
    #[error("GET {url}: {}{source}", advice(.source))]
    Untrusted {
        /// What was asked for.
        url: String,
        /// What is wrong.
        source: rustls::Error,
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
        if is_stall(&error) {
            return Self::Stalled { url, stall };
        }
        match distrust(&error) {
            Some(source) => Self::Untrusted { url, source: source.clone() },
            None => Self::Failed { url, source: error },
        }
    }

    /// Whether the same request may be answered later.
    pub(super) const fn may_pass(&self) -> bool {
        match self {
            Self::Status { status, .. } => passes(*status),
            Self::Stalled { .. } => true,
            Self::Untrusted { .. } => false,
            Self::Failed { source, .. } => matches!(
                source,
                ureq::Error::Io(_) | ureq::Error::HostNotFound | ureq::Error::ConnectionFailed
            ),
        }
    }
}

/// What TLS has against the server, or the server against us. A connection that ends in the middle is neither.
fn distrust(error: &ureq::Error) -> Option<&rustls::Error> {
    match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref().and_then(|inner| {
            inner.downcast_ref().or_else(|| inner.downcast_ref::<ureq::Error>().and_then(distrust))
        }),
        _ => None,
    }
}

/// Words before those of the error, which say who refuses whom.
const fn advice(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(_) => "the server's certificate is not trusted: ",
        rustls::Error::AlertReceived(_) => "the server ended it: ",
        _ => "TLS: ",
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
