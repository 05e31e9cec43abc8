use core::fmt;
use core::str::FromStr;

use base64ct::{Base64Unpadded, Encoding};
use sha2::{Digest, Sha256};

use crate::{ObjectType, RepoMode};

/// A SHA-256, the name of an object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum(pub [u8; 32]);

/// A checksum as 64 lower-case hexadecimal digits, on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex([u8; 64]);

/// The path of a loose object below `objects/`, such as `44/6a0e….dirmeta`, on the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoosePath(heapless::String<LOOSE_PATH_BYTES>);

/// Two digits, a slash, 62 digits, a dot and the longest extension, `file-xattrs-link` or `tombstone-commit`.
const LOOSE_PATH_BYTES: usize = 2 + 1 + 62 + 1 + 16;

/// Why a text is not a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChecksumError {
    /// It is not 64 bytes long.
    #[error("a checksum has 64 hexadecimal digits, not {bytes}")]
    Length {
        /// Its length in bytes.
        bytes: usize,
    },
    /// It has something other than `0`–`9` and `a`–`f`.
    #[error("byte {offset} is not a lower-case hexadecimal digit")]
    Digit {
        /// Where, in bytes.
        offset: usize,
    },
}

impl Checksum {
    /// The SHA-256 of `bytes`: the name of a commit, dirtree or dirmeta with these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// If there are more or fewer, or others.
    pub fn from_hex(hex: &[u8]) -> Result<Self, ChecksumError> {
        if hex.len() != 64 {
            return Err(ChecksumError::Length { bytes: hex.len() });
        }
        let mut bytes = [0; 32];
        let digit = |byte: &u8| !matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match (hex.iter().position(digit), base16ct::lower::decode(hex, &mut bytes)) {
            (None, Ok(_)) => Ok(Self(bytes)),
            (offset, _) => Err(ChecksumError::Digit { offset: offset.unwrap_or_default() }),
        }
    }

    /// The 64 digits.
    #[must_use]
    pub fn to_hex(&self) -> Hex {
        let mut digits = [b'0'; 64];
        // The buffer has two digits a byte, the one thing that could be wrong.
        let _ = base16ct::lower::encode(&self.0, &mut digits);
        Hex(digits)
    }

    /// The 43 characters of libostree's "modified base64", which names static deltas: `_` for `/`, no padding.
    #[must_use]
    pub fn to_mbase64(&self) -> heapless::String<43> {
        let mut buffer = [0; 43];
        // The buffer has exactly what 32 bytes need.
        let encoded = Base64Unpadded::encode(&self.0, &mut buffer).unwrap_or_default();
        encoded.chars().map(|digit| if digit == '/' { '_' } else { digit }).collect()
    }

    /// Reads what [`to_mbase64`](Self::to_mbase64) gives, and nothing else.
    #[must_use]
    pub fn from_mbase64(text: &str) -> Option<Self> {
        let mut buffer = [0; 43];
        if text.len() != buffer.len() || text.contains('/') {
            return None;
        }
        for (to, from) in buffer.iter_mut().zip(text.bytes()) {
            *to = if from == b'_' { b'/' } else { from };
        }
        let mut bytes = [0; 32];
        let decoded = Base64Unpadded::decode(buffer, &mut bytes).ok()?;
        (decoded.len() == 32).then_some(Self(bytes))
    }

    /// Where such an object is below `objects/` in a repository of that mode.
    #[must_use]
    pub fn loose_path(&self, object_type: ObjectType, mode: RepoMode) -> LoosePath {
        let hex = self.to_hex();
        let (directory, rest) = hex.as_str().split_at(2);
        let mut path = heapless::String::new();
        for part in [directory, "/", rest, ".", object_type.extension(mode)] {
            // `LOOSE_PATH_BYTES` is the sum of the longest parts.
            let _ = path.push_str(part);
        }
        LoosePath(path)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_hex().as_str())
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({self})")
    }
}

impl FromStr for Checksum {
    type Err = ChecksumError;

    fn from_str(text: &str) -> Result<Self, ChecksumError> {
        Self::from_hex(text.as_bytes())
    }
}

impl Hex {
    /// The digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Digits are ASCII.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hex({self})")
    }
}

impl LoosePath {
    /// The path, two components.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The directory, two digits.
    #[must_use]
    pub fn directory(&self) -> &str {
        self.0.get(..2).unwrap_or_default()
    }

    /// The name in that directory.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.get(3..).unwrap_or_default()
    }
}

impl fmt::Display for LoosePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT_755: &str = "446a0ef11b7cc167f3b603e585c7eeeeb675faa412d5ec73f62988eb0b6c5488";

    #[test]
    fn names_objects_as_libostree_does() {
        // The dirmeta root:root 040755, which nearly every repository has.
        let checksum = Checksum::of(&hex_literal::hex!("00000000 00000000 000041ed"));
        assert_eq!(checksum.to_hex().as_str(), ROOT_755);
        assert_eq!(ROOT_755.parse(), Ok(checksum));
        let path = checksum.loose_path(ObjectType::DirMeta, RepoMode::BareUser);
        assert_eq!(path.as_str().strip_prefix("44/"), Some(path.file_name()));
        assert_eq!(path.file_name().strip_prefix(&ROOT_755[2..]), Some(".dirmeta"));
    }

    #[test]
    fn has_room_for_the_longest_extension() {
        for number in 1..=9 {
            let object_type = ObjectType::from_number(number).unwrap();
            for mode in [RepoMode::Archive, RepoMode::BareUser] {
                let path = Checksum([0xab; 32]).loose_path(object_type, mode);
                assert!(path.as_str().ends_with(object_type.extension(mode)), "{path}");
                assert_eq!(ObjectType::from_extension(object_type.extension(mode), mode), Some(object_type));
            }
        }
    }

    #[test]
    fn refuses_other_digits_and_lengths() {
        assert_eq!(Checksum::from_hex(b"44"), Err(ChecksumError::Length { bytes: 2 }));
        let upper = ROOT_755.to_ascii_uppercase();
        assert_eq!(Checksum::from_hex(upper.as_bytes()), Err(ChecksumError::Digit { offset: 3 }));
    }
}
