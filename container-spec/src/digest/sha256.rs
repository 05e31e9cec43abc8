//! SHA-256 as a value, and the check of a byte stream against it.

use core::fmt;

use sha2::Digest as _;

/// A SHA-256 digest: written and serialised as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Computes the digest of `data`.
    #[must_use]
    pub fn of(data: &[u8]) -> Self {
        Self(sha2::Sha256::digest(data).into())
    }

    /// The digest with these 64 lower-case hexadecimal digits, without a prefix.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let decoded = base16ct::lower::decode(hex, &mut bytes).ok()?;
        (decoded.len() == 32).then_some(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Writes the 64 hexadecimal digits into `out` and returns them as text.
    pub fn write_hex<'o>(&self, out: &'o mut [u8; 64]) -> &'o str {
        base16ct::lower::encode_str(&self.0, out).unwrap_or_default()
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        f.write_str(self.write_hex(&mut [0; 64]))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Sha256 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Sha256 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Sha256;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("sha256: and 64 hexadecimal digits")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Sha256, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Hashes a stream and says at its end whether it was the expected one: digest and length.
#[derive(Clone, Debug)]
pub struct Verifier {
    hasher: sha2::Sha256,
    expected: Sha256,
    expected_len: Option<u64>,
    len: u64,
}

impl Verifier {
    /// Expects `digest`, and `len` bytes if that is known.
    #[must_use]
    pub fn new(digest: Sha256, len: Option<u64>) -> Self {
        Self { hasher: sha2::Sha256::new(), expected: digest, expected_len: len, len: 0 }
    }

    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// As soon as the stream is longer than expected, so that an endless one is not read to its end.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), Mismatch> {
        let added = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.len = self.len.saturating_add(added);
        match self.expected_len {
            Some(expected) if self.len > expected => Err(Mismatch::TooLong { expected }),
            _ => {
                self.hasher.update(bytes);
                Ok(())
            }
        }
    }

    /// The number of bytes so far.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether no byte came yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// If it was not the expected one.
    pub fn finish(self) -> Result<Sha256, Mismatch> {
        if let Some(expected) = self.expected_len
            && self.len != expected
        {
            return Err(Mismatch::TooShort { expected, actual: self.len });
        }
        let actual = Sha256(self.hasher.finalize().into());
        if actual == self.expected {
            Ok(actual)
        } else {
            Err(Mismatch::Digest { expected: self.expected, actual })
        }
    }
}

/// Bytes that are not the ones expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// More bytes than declared.
    #[error("more than the {expected} bytes declared")]
    TooLong {
        /// Declared length in bytes.
        expected: u64,
    },
    /// Fewer bytes than declared.
    #[error("{actual} bytes where {expected} are declared")]
    TooShort {
        /// Declared length in bytes.
        expected: u64,
        /// Length in bytes of what came.
        actual: u64,
    },
    /// Other content.
    #[error("{actual} where {expected} is expected")]
    Digest {
        /// The pinned digest.
        expected: Sha256,
        /// The digest of what came.
        actual: Sha256,
    },
}
