//! Image references: `[domain/]path[:tag][@digest]`.
//!
//! Grammar, limits and the rules for short names are those of `github.com/distribution/reference`
//! (`reference.go`, `regexp.go`, `normalize.go`), which Docker and every registry use.

use core::fmt;

use crate::digest::{Algorithm, Digest, DigestError};

mod grammar;
mod normalized;

pub use normalized::Normalized;

/// Longest path of a repository, in bytes, without its domain: `RepositoryNameTotalLengthMax`.
pub const MAX_PATH_BYTES: usize = 255;

/// Longest tag, in bytes.
pub const MAX_TAG_BYTES: usize = 128;

/// A reference as it was written. [`Normalized`] says what it means.
///
/// ```
/// use container_spec::reference::Reference;
///
/// let reference = Reference::parse("test.com:5000/repo:tag").unwrap();
/// assert_eq!(reference.domain(), Some("test.com:5000"));
/// assert_eq!((reference.path(), reference.tag()), ("repo", Some("tag")));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reference<'a> {
    domain: Option<&'a str>,
    path: &'a str,
    tag: Option<&'a str>,
    digest: Option<Digest<'a>>,
}

impl<'a> Reference<'a> {
    /// Parses the whole of `text`.
    ///
    /// # Errors
    /// With the byte at which the grammar is broken.
    pub fn parse(text: &'a str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError { at: 0, kind: ReferenceErrorKind::Empty });
        }
        let (name, rest) = grammar::split_name(text);
        let (domain, path) = match grammar::domain_and_path(name) {
            Ok(parts) => parts,
            Err(at) => {
                let has_upper = name.bytes().any(|b| b.is_ascii_uppercase());
                // Lower-casing in place of a copy: the grammar is asked to take capitals for small letters.
                let kind = if has_upper && grammar::is_name_ignoring_case(name) {
                    ReferenceErrorKind::UpperCase
                } else {
                    ReferenceErrorKind::BadName
                };
                return Err(ReferenceError { at, kind });
            }
        };
        if path.len() > MAX_PATH_BYTES {
            let at = name.len() - path.len();
            return Err(ReferenceError { at, kind: ReferenceErrorKind::PathTooLong { len: path.len() } });
        }
        let (tag, digest) = grammar::tag_and_digest(rest)
            .map_err(|(at, kind)| ReferenceError { at: name.len() + at, kind })?;
        Ok(Self { domain, path, tag, digest })
    }

    /// The registry that is written before the path, if one is.
    #[must_use]
    pub const fn domain(&self) -> Option<&'a str> {
        self.domain
    }

    /// The repository within the registry.
    #[must_use]
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// The tag: a name that can mean another image tomorrow.
    #[must_use]
    pub const fn tag(&self) -> Option<&'a str> {
        self.tag
    }

    /// The digest that pins the image. When there is one, the tag is a comment.
    #[must_use]
    pub const fn digest(&self) -> Option<Digest<'a>> {
        self.digest
    }
}

impl fmt::Display for Reference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(domain) = self.domain {
            write!(f, "{domain}/")?;
        }
        f.write_str(self.path)?;
        write_tag_and_digest(f, self.tag, self.digest)
    }
}

fn write_tag_and_digest(
    f: &mut fmt::Formatter<'_>,
    tag: Option<&str>,
    digest: Option<Digest<'_>>,
) -> fmt::Result {
    if let Some(tag) = tag {
        write!(f, ":{tag}")?;
    }
    if let Some(digest) = digest {
        write!(f, "@{digest}")?;
    }
    Ok(())
}

/// What is wrong with a reference, and at which byte of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("image reference, byte {at}: {kind}")]
pub struct ReferenceError {
    /// Offset in bytes from the start of the reference.
    pub at: usize,
    /// What is wrong there.
    pub kind: ReferenceErrorKind,
}

/// The ways in which a text is no reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceErrorKind {
    /// There is no text.
    #[error("it is empty")]
    Empty,
    /// The name breaks the grammar of domain and path.
    #[error("this is not a repository name")]
    BadName,
    /// Only the capitals are wrong.
    #[error("a repository name is lower case")]
    UpperCase,
    /// The path is longer than [`MAX_PATH_BYTES`].
    #[error("the path has {len} bytes, at most {MAX_PATH_BYTES} are allowed")]
    PathTooLong {
        /// Length of the path in bytes.
        len: usize,
    },
    /// The tag is empty, too long, or has a character that a tag cannot hold.
    #[error("a tag is 1 to {MAX_TAG_BYTES} letters, digits, `_`, `.` and `-`, not starting with `.` or `-`")]
    BadTag,
    /// What follows `@` is no digest.
    #[error("{0}")]
    BadDigest(DigestError),
    /// A well-formed digest of an algorithm that no registry offers.
    #[error("the digest's algorithm is none of sha256, sha384, sha512")]
    UnsupportedAlgorithm,
    /// 64 hexadecimal digits: an image id, which is not a name.
    #[error("64 hexadecimal digits are an image id, not a name")]
    IsIdentifier,
}

fn supported(digest: Digest<'_>) -> bool {
    !matches!(digest.algorithm(), Algorithm::Other)
}
