//! Versions of the API, and the choice of one that both sides speak.

use core::fmt;

/// A version of the API: `1.41`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiVersion {
    /// The number before the point.
    pub major: u16,
    /// The number after it.
    pub minor: u16,
}

/// The oldest version that these requests are written for: that of Docker 19.03.
pub const MIN_API: ApiVersion = ApiVersion { major: 1, minor: 40 };

/// The newest version that these requests are written for.
pub const MAX_API: ApiVersion = ApiVersion { major: 1, minor: 56 };

/// Why there is no common version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NegotiationError {
    /// The engine did not say a version.
    #[error("the engine's API version is not of the form 1.41")]
    Malformed,
    /// The engine is too old.
    #[error("the engine speaks API {offered}, at least {MIN_API} is needed")]
    TooOld {
        /// The newest version of the engine.
        offered: ApiVersion,
    },
    /// The engine no longer speaks what these requests are written for.
    #[error("the engine speaks API {oldest} and later, these requests are of {MAX_API}")]
    TooNew {
        /// The oldest version of the engine.
        oldest: ApiVersion,
    },
}

impl ApiVersion {
    /// Parses `1.41`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            if digits { text.parse().ok() } else { None }
        };
        Some(Self { major: number(major)?, minor: number(minor)? })
    }

    /// The version to speak with an engine: `newest` is the header `Api-Version` of its answer to `/_ping`,
    /// and `oldest` is `MinAPIVersion` of `/version`, if that was asked.
    ///
    /// # Errors
    /// If there is none that both speak.
    pub fn negotiate(newest: &str, oldest: Option<&str>) -> Result<Self, NegotiationError> {
        let offered = Self::parse(newest.trim()).ok_or(NegotiationError::Malformed)?;
        if offered < MIN_API {
            return Err(NegotiationError::TooOld { offered });
        }
        if let Some(oldest) = oldest {
            let oldest = Self::parse(oldest.trim()).ok_or(NegotiationError::Malformed)?;
            if oldest > MAX_API {
                return Err(NegotiationError::TooNew { oldest });
            }
        }
        Ok(offered.min(MAX_API))
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
