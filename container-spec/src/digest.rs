//! Content digests: `algorithm:encoded`, the identity of everything an image is made of.
//!
//! Grammar and registered algorithms: OCI image-spec, `descriptor.md`, section "Digests".

use core::fmt;
use core::str::FromStr;

use nom::Parser;
use nom::bytes::complete::take_while1;
use nom::character::complete::one_of;
use nom::combinator::recognize;
use nom::multi::many0_count;
use nom::sequence::pair;

mod sha256;

pub use sha256::{Mismatch, Sha256, Verifier};

/// The algorithms whose encoding is checked; `Other` follows the grammar only and can never be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// `sha256`: 64 lower-case hexadecimal digits.
    Sha256,
    /// `sha384`: 96 lower-case hexadecimal digits (not in the OCI registry, but known to Docker).
    Sha384,
    /// `sha512`: 128 lower-case hexadecimal digits.
    Sha512,
    /// Any other algorithm that follows the grammar.
    Other,
}

impl Algorithm {
    /// The number of hexadecimal digits of the encoded part, if it is fixed.
    #[must_use]
    pub const fn hex_len(self) -> Option<usize> {
        match self {
            Self::Sha256 => Some(64),
            Self::Sha384 => Some(96),
            Self::Sha512 => Some(128),
            Self::Other => None,
        }
    }

    fn of(name: &str) -> Self {
        match name {
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => Self::Other,
        }
    }
}

/// A digest that follows the grammar; for a registered algorithm length and alphabet hold too.
///
/// ```
/// use container_spec::digest::{Algorithm, Digest};
///
/// let digest = Digest::parse("sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564").unwrap();
/// assert_eq!((digest.algorithm(), digest.algorithm_name()), (Algorithm::Other, "sha256+b64u"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest<'a> {
    algorithm: &'a str,
    encoded: &'a str,
}

impl<'a> Digest<'a> {
    /// Parses the whole of `text`.
    ///
    /// # Errors
    /// Where the grammar is broken, or where the encoded part does not suit a registered algorithm.
    pub fn parse(text: &'a str) -> Result<Self, DigestError> {
        let fail = |at, kind| Err(DigestError { at, kind });
        if text.is_empty() {
            return fail(0, DigestErrorKind::Empty);
        }
        let Ok((rest, algorithm)) = algorithm(text) else {
            return fail(0, DigestErrorKind::BadAlgorithm);
        };
        let colon = algorithm.len();
        let Some(encoded) = rest.strip_prefix(':') else {
            let kind = if rest.is_empty() { DigestErrorKind::NoColon } else { DigestErrorKind::BadAlgorithm };
            return fail(colon, kind);
        };
        let start = colon + 1;
        if encoded.is_empty() {
            return fail(start, DigestErrorKind::NoValue);
        }
        if let Some(bad) =
            encoded.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '=' | '_' | '-')))
        {
            return fail(start + bad, DigestErrorKind::BadValue);
        }
        if let Some(expected) = Algorithm::of(algorithm).hex_len() {
            if encoded.len() != expected {
                return fail(start, DigestErrorKind::WrongLength { expected, actual: encoded.len() });
            }
            if let Some(bad) = encoded.find(|c: char| !matches!(c, '0'..='9' | 'a'..='f')) {
                return fail(start + bad, DigestErrorKind::BadValue);
            }
        }
        Ok(Self { algorithm, encoded })
    }

    /// The algorithm, as far as this crate knows it.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        Algorithm::of(self.algorithm)
    }

    /// The text before the colon.
    #[must_use]
    pub const fn algorithm_name(&self) -> &'a str {
        self.algorithm
    }

    /// The text after the colon.
    #[must_use]
    pub const fn encoded(&self) -> &'a str {
        self.encoded
    }

    /// The same digest as 32 bytes, if it is a SHA-256: the only algorithm that devices verify.
    #[must_use]
    pub fn sha256(&self) -> Option<Sha256> {
        (self.algorithm() == Algorithm::Sha256).then(|| Sha256::from_hex(self.encoded)).flatten()
    }
}

impl fmt::Display for Digest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.encoded)
    }
}

impl FromStr for Sha256 {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digest = Digest::parse(text)?;
        digest.sha256().ok_or(DigestError { at: 0, kind: DigestErrorKind::NotSha256 })
    }
}

/// `component (separator component)*`, components of lower-case letters and digits.
fn algorithm(text: &str) -> nom::IResult<&str, &str> {
    let component = || take_while1(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    recognize(pair(component(), many0_count(pair(one_of("+._-"), component())))).parse(text)
}

/// What is wrong with a digest, and at which byte of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("digest, byte {at}: {kind}")]
pub struct DigestError {
    /// Offset in bytes from the start of the digest.
    pub at: usize,
    /// What is wrong there.
    pub kind: DigestErrorKind,
}

/// The ways in which a text is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestErrorKind {
    /// There is no text.
    #[error("it is empty")]
    Empty,
    /// The algorithm has a character outside `a-z0-9`, or a separator without a neighbour.
    #[error("the algorithm is lower-case letters and digits, joined by one of + . _ -")]
    BadAlgorithm,
    /// There is no `:` after the algorithm.
    #[error("a `:` and the value are missing")]
    NoColon,
    /// Nothing follows the `:`.
    #[error("the value after `:` is missing")]
    NoValue,
    /// A character that the value cannot hold.
    #[error("this character cannot be part of the value")]
    BadValue,
    /// A registered algorithm with a value that is too short or too long.
    #[error("the value has {actual} characters where the algorithm has {expected}")]
    WrongLength {
        /// Hexadecimal digits of the algorithm.
        expected: usize,
        /// Characters that are there.
        actual: usize,
    },
    /// A valid digest of another algorithm, where only SHA-256 will do.
    #[error("only sha256 is accepted here")]
    NotSha256,
}
