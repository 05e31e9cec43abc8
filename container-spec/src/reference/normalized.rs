//! What a short name means: `normalize.go`.

use core::fmt;

use super::{Reference, ReferenceError, ReferenceErrorKind, grammar, write_tag_and_digest};
use crate::digest::{Digest, Sha256};

const DEFAULT_DOMAIN: &str = "docker.io";
const LEGACY_DOMAIN: &str = "index.docker.io";
const OFFICIAL: &str = "library";
const DEFAULT_TAG: &str = "latest";

/// A reference with its registry spelled out, as Docker reads it.
///
/// ```
/// use container_spec::reference::Normalized;
/// use std::string::ToString;
///
/// let image = Normalized::parse("torizon/weston:3").unwrap();
/// assert_eq!(image.to_string(), "docker.io/torizon/weston:3");
/// assert_eq!(Normalized::parse("redis").unwrap().to_string(), "docker.io/library/redis");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Normalized<'a> {
    domain: Option<&'a str>,
    official: bool,
    path: &'a str,
    tag: Option<&'a str>,
    digest: Option<Digest<'a>>,
}

impl<'a> Normalized<'a> {
    /// Parses the whole of `text` as Docker's `ParseNormalizedNamed` does.
    ///
    /// # Errors
    /// With the byte at which the grammar is broken.
    pub fn parse(text: &'a str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError { at: 0, kind: ReferenceErrorKind::Empty });
        }
        if is_identifier(text) {
            return Err(ReferenceError { at: 0, kind: ReferenceErrorKind::IsIdentifier });
        }
        let (domain, remainder) = split_domain(text);
        let offset = text.len() - remainder.len();
        match domain {
            // The domain is written: the text is parsed as it stands.
            Some(written) if written != DEFAULT_DOMAIN && written != LEGACY_DOMAIN => {
                let upper = remainder.split(':').next().unwrap_or(remainder);
                if let Some(at) = upper.find(|c: char| c.is_ascii_uppercase()) {
                    let at = offset + at;
                    return Err(ReferenceError { at, kind: ReferenceErrorKind::UpperCase });
                }
                let Reference { domain, path, tag, digest } = Reference::parse(text)?;
                Ok(Self { domain, official: false, path, tag, digest })
            }
            _ => Self::on_default_domain(remainder, offset),
        }
    }

    /// `remainder` starts at byte `offset` of the text and belongs to Docker Hub.
    fn on_default_domain(remainder: &'a str, offset: usize) -> Result<Self, ReferenceError> {
        let (path, rest) = grammar::split_name(remainder);
        let fail = |at, kind| Err(ReferenceError { at: offset + at, kind });
        match grammar::remote_name(path) {
            Ok(("", _)) => {}
            result => {
                let at = result.map_or(0, |(rest, _)| path.len() - rest.len());
                if let Some(upper) = path.find(|c: char| c.is_ascii_uppercase()) {
                    return fail(upper, ReferenceErrorKind::UpperCase);
                }
                return fail(at, ReferenceErrorKind::BadName);
            }
        }
        let official = !path.contains('/');
        let len = path.len() + if official { OFFICIAL.len() + 1 } else { 0 };
        if len > super::MAX_PATH_BYTES {
            return fail(0, ReferenceErrorKind::PathTooLong { len });
        }
        let (tag, digest) = grammar::tag_and_digest(rest)
            .map_err(|(at, kind)| ReferenceError { at: offset + path.len() + at, kind })?;
        // Written out or not, an official image is the same value.
        let short = path.strip_prefix("library/").filter(|rest| !rest.contains('/'));
        let (official, path) = short.map_or((official, path), |short| (true, short));
        Ok(Self { domain: Some(DEFAULT_DOMAIN), official, path, tag, digest })
    }

    /// The registry. Empty for the few names that Docker splits as a domain but that are none
    /// (`foo_bar.com/baz`).
    #[must_use]
    pub fn domain(&self) -> &'a str {
        self.domain.unwrap_or_default()
    }

    /// The tag as written.
    #[must_use]
    pub const fn tag(&self) -> Option<&'a str> {
        self.tag
    }

    /// The digest as written.
    #[must_use]
    pub const fn digest(&self) -> Option<Digest<'a>> {
        self.digest
    }

    /// The digest if it pins the image to a SHA-256, the only algorithm that is verified on a device.
    #[must_use]
    pub fn pinned(&self) -> Option<Sha256> {
        self.digest.and_then(|digest| digest.sha256())
    }

    /// The repository: domain and path, without tag and digest.
    #[must_use]
    pub const fn repository(&self) -> Self {
        Self { tag: None, digest: None, ..*self }
    }

    /// The path within the registry, `library/` included.
    #[must_use]
    pub const fn path(&self) -> RemotePath<'a> {
        RemotePath { official: self.official, path: self.path }
    }

    /// What an engine pulls: the digest alone if there is one, else the tag, `latest` by default
    /// (Docker's `ParseDockerRef`).
    #[must_use]
    pub const fn to_pull(&self) -> Self {
        match (self.digest, self.tag) {
            (Some(_), _) => Self { tag: None, ..*self },
            (None, None) => Self { tag: Some(DEFAULT_TAG), ..*self },
            (None, Some(_)) => *self,
        }
    }

    /// The shortest way to write the same reference.
    #[must_use]
    pub fn familiar(&self) -> Familiar<'a> {
        Familiar(*self)
    }
}

impl fmt::Display for Normalized<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(domain) = self.domain {
            write!(f, "{domain}/")?;
        }
        write!(f, "{}", self.path())?;
        write_tag_and_digest(f, self.tag, self.digest)
    }
}

/// A path within a registry; `Display` writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemotePath<'a> {
    official: bool,
    path: &'a str,
}

impl fmt::Display for RemotePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.official {
            write!(f, "{OFFICIAL}/")?;
        }
        f.write_str(self.path)
    }
}

/// A reference as Docker shows it; `Display` writes it. Where that would mean another image, or none (`docker.io/a.b/c`,
/// whose first component then is a domain, or 64 digits, which then are an image id), it is written in full; Docker's own
/// `FamiliarString` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Familiar<'a>(Normalized<'a>);

impl fmt::Display for Familiar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reference = &self.0;
        match reference.domain {
            Some(DEFAULT_DOMAIN) if self.is_ambiguous() => {
                write!(f, "{DEFAULT_DOMAIN}/{}", reference.path())?
            }
            Some(DEFAULT_DOMAIN) => f.write_str(reference.path)?,
            Some(domain) => write!(f, "{domain}/{}", reference.path)?,
            None => f.write_str(reference.path)?,
        }
        write_tag_and_digest(f, reference.tag, reference.digest)
    }
}

impl Familiar<'_> {
    /// Whether the path alone is read as something else.
    fn is_ambiguous(&self) -> bool {
        let Normalized { path, tag, digest, .. } = self.0;
        split_domain(path).0.is_some() || (is_identifier(path) && tag.is_none() && digest.is_none())
    }
}

/// Whether `text` is 64 lower-case hexadecimal digits, which mean an image id.
fn is_identifier(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The first component if it can only be a domain, and what follows it.
fn split_domain(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((first, rest))
            if first == "localhost"
                || first.contains(['.', ':'])
                || first.bytes().any(|b| b.is_ascii_uppercase()) =>
        {
            (Some(first), rest)
        }
        _ => (None, text),
    }
}
