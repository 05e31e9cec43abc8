use core::fmt;

use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// The hashes that are computed here. Their numbers are those of `AHABSignHashAlgorithm` in spsdk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// 0, 32 bytes.
    Sha256,
    /// 1, 48 bytes: what `mkimage` takes.
    Sha384,
    /// 2, 64 bytes.
    Sha512,
}

impl HashAlgorithm {
    /// The algorithm with this number. SM3 (3), SHA-3 (4 to 6) and SHAKE (8, 9) exist but are not computed here.
    #[must_use]
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            0 => Some(Self::Sha256),
            1 => Some(Self::Sha384),
            2 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The hash of `bytes`.
    #[must_use]
    pub fn digest(self, bytes: &[u8]) -> Digest {
        match self {
            Self::Sha256 => Digest::new(&Sha256::digest(bytes)),
            Self::Sha384 => Digest::new(&Sha384::digest(bytes)),
            Self::Sha512 => Digest::new(&Sha512::digest(bytes)),
        }
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}

/// A hash, with the zeros behind it with which containers fill 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    padded: [u8; 64],
    len: usize,
}

impl Digest {
    fn new(hash: &[u8]) -> Self {
        let mut padded = [0; 64];
        for (to, from) in padded.iter_mut().zip(hash) {
            *to = *from;
        }
        Self { padded, len: hash.len() }
    }

    /// The hash alone.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.padded.get(..self.len).unwrap_or(&self.padded)
    }

    /// The hash as a container stores it.
    #[must_use]
    pub const fn padded(&self) -> &[u8; 64] {
        &self.padded
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({self})")
    }
}
