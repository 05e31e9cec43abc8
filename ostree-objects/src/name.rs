#[cfg(feature = "alloc")]
use alloc::string::String;
use core::fmt;

use crate::limits::MAX_NAME_BYTES;

/// The name of one file or directory: never empty, `.`, `..`, with a `/` or NUL, or longer than 255 bytes.
///
/// The only way from an object's bytes to a path component, so that no check can be forgotten.
/// Stricter than libostree, which accepts the empty name and any length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<'a>(&'a str);

/// Why a name is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It has no bytes.
    #[error("is empty")]
    Empty,
    /// It is longer than [`MAX_NAME_BYTES`].
    #[error("has {bytes} bytes, more than {MAX_NAME_BYTES}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It is `.` or `..`.
    #[error("is a dot or two dots")]
    Dots,
    /// It has a `/`.
    #[error("has a slash")]
    Slash,
    /// It has a NUL.
    #[error("has a NUL")]
    Nul,
    /// It is not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
}

impl<'a> Name<'a> {
    /// Checks a name.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn new(name: &'a str) -> Result<Self, NameError> {
        match name.as_bytes() {
            [] => Err(NameError::Empty),
            b"." | b".." => Err(NameError::Dots),
            bytes if bytes.len() > MAX_NAME_BYTES => Err(NameError::TooLong { bytes: bytes.len() }),
            bytes if bytes.contains(&b'/') => Err(NameError::Slash),
            bytes if bytes.contains(&0) => Err(NameError::Nul),
            _ => Ok(Self(name)),
        }
    }

    /// Checks the bytes of a name, as a directory listing gives them.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn from_bytes(name: &'a [u8]) -> Result<Self, NameError> {
        core::str::from_utf8(name).map_err(|_| NameError::NotUtf8).and_then(Self::new)
    }

    /// The name as text.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// An owned [`Name`].
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameBuf(String);

#[cfg(feature = "alloc")]
impl NameBuf {
    /// The borrowed form.
    #[must_use]
    pub fn as_name(&self) -> Name<'_> {
        Name(&self.0)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(feature = "alloc")]
impl From<Name<'_>> for NameBuf {
    fn from(name: Name<'_>) -> Self {
        Self(name.0.into())
    }
}

#[cfg(feature = "alloc")]
impl core::borrow::Borrow<str> for NameBuf {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_could_leave_a_directory() {
        for (name, error) in [
            ("", NameError::Empty),
            (".", NameError::Dots),
            ("..", NameError::Dots),
            ("a/b", NameError::Slash),
            ("/", NameError::Slash),
            ("a\0b", NameError::Nul),
        ] {
            assert_eq!(Name::new(name), Err(error), "{name:?}");
        }
        assert_eq!(Name::from_bytes(b"\xff"), Err(NameError::NotUtf8));
        for name in ["...", ".wh.x", "a\nb", " "] {
            assert_eq!(Name::new(name).map(Name::as_str), Ok(name));
        }
    }

    #[test]
    fn accepts_255_bytes_and_refuses_256() {
        let long = [b'n'; 256];
        assert_eq!(Name::from_bytes(&long[..255]).map(|name| name.as_str().len()), Ok(255));
        assert_eq!(Name::from_bytes(&long), Err(NameError::TooLong { bytes: 256 }));
    }
}
