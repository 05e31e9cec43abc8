//! Why a driver did not merge.

use core::fmt;

use crate::error::Side;
use crate::path::PathText;

/// How much of a name a [`Short`] holds, in bytes: the longest user name that Linux tools allow.
pub const MAX_SHORT_BYTES: usize = 32;

/// The start of a name or key, to be told in an error.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Short {
    bytes: [u8; MAX_SHORT_BYTES],
    /// How many bytes the name has; more than fit: it is cut. One byte, as an error holds three of these.
    length: u8,
}

impl Short {
    /// The first [`MAX_SHORT_BYTES`] of `name`.
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        let mut bytes = [0; MAX_SHORT_BYTES];
        for (to, from) in bytes.iter_mut().zip(name) {
            *to = *from;
        }
        Self { bytes, length: u8::try_from(name.len()).unwrap_or(u8::MAX) }
    }

    /// The bytes that it holds.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&self.bytes)
    }

    fn is_cut(&self) -> bool {
        usize::from(self.length) > MAX_SHORT_BYTES
    }
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `PathText` shows no bytes as `.`.
        if self.length > 0 {
            PathText(self.as_bytes()).fmt(f)?;
        }
        f.write_str(if self.is_cut() { "…" } else { "" })
    }
}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Short({self})")
    }
}

/// Why a driver did not merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DriverConflict {
    /// A version is longer than [`MAX_DRIVER_BYTES`](crate::driver::MAX_DRIVER_BYTES).
    #[error("a version is longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A version is not of the format.
    #[error("line {line} of the {version} version is not of the format, or its name comes twice")]
    NotParsed {
        /// Which version.
        version: Side,
        /// The line, from 1.
        line: usize,
    },
    /// Both sides changed the same lines.
    #[error("both sides changed line {line} of the old default")]
    Lines {
        /// The first such line of the old default, from 1.
        line: usize,
    },
    /// The versions have too little in common to be compared in bounded time.
    #[error("the versions have too little in common")]
    TooDifferent,
    /// Both sides changed the same field of an entry, or added the entry with different fields.
    #[error("both sides changed field {field} of `{name}`")]
    Field {
        /// The entry's name.
        name: Short,
        /// The field, from 1 for the name.
        field: usize,
    },
    /// One side removed an entry that the other changed.
    #[error("`{name}` was removed by the {by} version and changed by the other")]
    EntryRemoved {
        /// The entry's name.
        name: Short,
        /// Who removed it.
        by: Side,
    },
    /// Two names would have one number.
    #[error("the id {id} would belong to `{local}` of this device and to `{new}` of the image")]
    IdCollision {
        /// The number.
        id: Short,
        /// The device's name for it.
        local: Short,
        /// The image's name for it.
        new: Short,
    },
    /// Both sides changed the values of one key.
    #[error("both sides changed `{key}` in section `{section}`")]
    Setting {
        /// The section, empty if there is none.
        section: Short,
        /// The key.
        key: Short,
    },
    /// The versions do not have as many sections of this name.
    #[error("the versions differ in how many sections `{name}` they have")]
    Sections {
        /// The section.
        name: Short,
    },
    /// The merged settings cannot be written in the device's order.
    #[error("the merged settings cannot be put into one order")]
    NotRepresentable,
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_name_of_the_limit_is_told_whole_and_a_longer_one_is_cut() {
        let name = [b'n'; MAX_SHORT_BYTES + 1];
        let fits = Short::new(&name[..MAX_SHORT_BYTES]);
        assert_eq!(
            (fits.as_bytes(), fits.to_string()),
            (&name[..MAX_SHORT_BYTES], "n".repeat(MAX_SHORT_BYTES))
        );
        let cut = Short::new(&name);
        assert_eq!(cut.to_string(), "n".repeat(MAX_SHORT_BYTES) + "…");
        assert_eq!(Short::new(&[b'n'; 1000]).as_bytes().len(), MAX_SHORT_BYTES);
        assert_eq!(Short::new(b"").to_string(), "");
    }

    #[test]
    fn an_error_is_small() {
        assert!(size_of::<DriverConflict>() <= 104, "{}", size_of::<DriverConflict>());
    }
}
