use core::fmt;

use super::bytes::{Part, field, u8_at, u16_at};
use super::{Block, Digest, Error, ErrorKind, HashAlgorithm, Version};

/// Bytes before a record's key, or its hash.
const RECORD_HEADER: usize = 12;
/// A record of version 2: header and hash.
const RECORD_V2_LEN: usize = RECORD_HEADER + 64;
/// Records in a table: the fuses can revoke four keys.
const RECORDS: u8 = 4;

/// What a key is for. Numbers and sizes are those of `AHABSignAlgorithm` and `KEY_SIZES` in spsdk's `ahab_srk.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256.
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// ECDSA on P-521.
    EcdsaP521,
    /// RSA, PKCS#1 v1.5 or PSS.
    Rsa,
    /// SM2.
    Sm2,
    /// Dilithium or ML-DSA.
    MlDsa,
    /// LMS.
    Lms,
}

impl Algorithm {
    /// The algorithm, if these numbers and lengths go together.
    fn of(id: u8, hash: u8, size: u8, first: u16, second: u16) -> Option<Self> {
        let hashes = matches!(hash, 0..=6 | 8 | 9);
        let algorithm = match (id, size, first, second) {
            (0x27, 1, 32, 32) => Self::EcdsaP256,
            (0x27, 2, 48, 48) => Self::EcdsaP384,
            (0x27, 3, 66, 66) => Self::EcdsaP521,
            (0x21 | 0x22, 5, 256, 1..=4) => Self::Rsa,
            (0x21 | 0x22, 6, 384, 1..=4) => Self::Rsa,
            (0x21 | 0x22, 7, 512, 1..=4) => Self::Rsa,
            (0x28, 8, 32, 32) => Self::Sm2,
            (0xd1 | 0xd2, 9, 1952, 0) | (0xd1 | 0xd2, 10, 2592, 0) => Self::MlDsa,
            (0xd3, 11, 56, 0) | (0xd3, 12, 48, 0) => Self::Lms,
            _ => return None,
        };
        hashes.then_some(algorithm)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::EcdsaP256 => "ECDSA P-256",
            Self::EcdsaP384 => "ECDSA P-384",
            Self::EcdsaP521 => "ECDSA P-521",
            Self::Rsa => "RSA",
            Self::Sm2 => "SM2",
            Self::MlDsa => "ML-DSA",
            Self::Lms => "LMS",
        })
    }
}

/// A table of four super root keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SrkTableRef<'a> {
    table: &'a [u8],
    /// In version 2: the data of the key in use.
    data: Option<&'a [u8]>,
    used: u8,
    version: Version,
}

impl<'a> SrkTableRef<'a> {
    /// Reads the table at the start of `part`, and in version 2 the key's data behind it. Also returns how
    /// many bytes both have.
    pub(super) fn parse(part: Part<'a>, version: Version, used: u8) -> Result<(Self, usize), Error> {
        let whole = part.inverted_block(Block::SrkTable, 4)?;
        let (expected_version, tag) = (if version == Version::V2 { 0x43 } else { 0x42 }, 0xd7);
        let found = u8_at(whole.bytes, 3);
        if found != expected_version {
            let kind = ErrorKind::Block { block: Block::SrkTable, at: whole.at, version: found, tag };
            return Err(whole.error(kind));
        }
        let mut offset = 4;
        let mut first = None;
        for index in 0..RECORDS {
            let record = whole.from(offset)?.inverted_block(Block::SrkRecord, RECORD_HEADER)?;
            let record = SrkRecordRef::parse(record, index, version)?;
            if *first.get_or_insert(record.kind()) != record.kind() {
                return Err(whole.error(ErrorKind::MixedKeys { record: index }));
            }
            offset += record.bytes.len();
        }
        let length = whole.bytes.len();
        if offset != length {
            let (block, at) = (Block::SrkTable, whole.at);
            return Err(whole.error(ErrorKind::BlockLength { block, at, length, expected: offset }));
        }
        let table = Self { table: whole.bytes, data: None, used, version };
        if version != Version::V2 {
            return Ok((table, length));
        }
        let data = part.from(length)?.block(Block::SrkData, 8)?;
        table.check_data(data)?;
        Ok((Self { data: Some(data.bytes), ..table }, length + data.bytes.len()))
    }

    /// The hash that the fuses must hold: SHA-256 of the table, in version 2 SHA-512.
    #[must_use]
    pub fn hash(&self) -> Digest {
        if self.version == Version::V2 { HashAlgorithm::Sha512 } else { HashAlgorithm::Sha256 }
            .digest(self.table)
    }

    /// The four records.
    pub fn records(&self) -> impl Iterator<Item = SrkRecordRef<'a>> + use<'a> {
        // All have the kind of the first, but an RSA exponent can be shorter.
        let mut rest = self.table.get(4..).unwrap_or_default();
        core::iter::from_fn(move || {
            let (bytes, behind) = rest.split_at_checked(usize::from(u16_at(rest, 1)))?;
            rest = behind;
            (bytes.len() >= RECORD_HEADER).then_some(SrkRecordRef { bytes })
        })
    }

    /// The key that signs the container.
    #[must_use]
    pub fn used_key(&self) -> Option<KeyRef<'a>> {
        let record = self.records().nth(usize::from(self.used))?;
        let parameters = match self.data {
            Some(data) => data.get(8..),
            None => record.bytes.get(RECORD_HEADER..),
        };
        let (first, second) = parameters?.split_at_checked(usize::from(record.first()))?;
        Some(KeyRef { algorithm: record.algorithm()?, hash_id: record.hash_id(), first, second })
    }

    /// That the data are those of the key in use.
    fn check_data(&self, data: Part<'_>) -> Result<(), Error> {
        let (record, used) = (u8_at(data.bytes, 4), self.used);
        if record != used {
            return Err(data.error(ErrorKind::KeyRecord { record, used }));
        }
        data.reserved(5, 3)?;
        let Some(found) = self.records().nth(usize::from(used)) else {
            return Err(data.error(ErrorKind::KeyRecord { record, used }));
        };
        let expected = 8 + usize::from(found.first()) + usize::from(found.second());
        let length = data.bytes.len();
        if length != expected {
            let (block, at) = (Block::SrkData, data.at);
            return Err(data.error(ErrorKind::BlockLength { block, at, length, expected }));
        }
        // A hash that is not computed here comes with a signature that is not checked here either.
        let hash = HashAlgorithm::from_id(found.hash_id()).map(|algorithm| algorithm.digest(data.bytes));
        match (hash, found.bytes.get(RECORD_HEADER..)) {
            (Some(hash), Some(stored)) if hash.padded() != stored => {
                Err(data.error(ErrorKind::KeyHash { record }))
            }
            _ => Ok(()),
        }
    }
}

/// One of the four keys of a table: the key itself, in version 2 its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SrkRecordRef<'a> {
    bytes: &'a [u8],
}

impl<'a> SrkRecordRef<'a> {
    fn parse(part: Part<'a>, index: u8, version: Version) -> Result<Self, Error> {
        let record = Self { bytes: part.bytes };
        let (algorithm, hash, size) = (record.algorithm_id(), record.hash_id(), record.size());
        let (first, second) = (record.first(), record.second());
        if record.algorithm().is_none() {
            return Err(part.error(ErrorKind::Key { record: index, algorithm, hash, size, first, second }));
        }
        part.reserved(6, 1)?;
        let expected = match version {
            Version::V2 => RECORD_V2_LEN,
            Version::V1 | Version::V1InV2 => RECORD_HEADER + usize::from(first) + usize::from(second),
        };
        let length = part.bytes.len();
        if length != expected {
            let (block, at) = (Block::SrkRecord, part.at);
            return Err(part.error(ErrorKind::BlockLength { block, at, length, expected }));
        }
        Ok(record)
    }

    /// What the key is for.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        Algorithm::of(self.algorithm_id(), self.hash_id(), self.size(), self.first(), self.second())
    }

    /// The number of the hash that is signed.
    #[must_use]
    pub fn hash_id(&self) -> u8 {
        u8_at(self.bytes, 4)
    }

    /// Bit 7: the key is of a certificate authority.
    #[must_use]
    pub fn flags(&self) -> u8 {
        u8_at(self.bytes, 7)
    }

    /// What must be the same in all records of a table.
    fn kind(&self) -> [u8; 4] {
        [self.algorithm_id(), self.hash_id(), self.size(), self.flags()]
    }

    fn algorithm_id(&self) -> u8 {
        u8_at(self.bytes, 3)
    }

    fn size(&self) -> u8 {
        u8_at(self.bytes, 5)
    }

    fn first(&self) -> u16 {
        u16::from_le_bytes(field(self.bytes, 8))
    }

    fn second(&self) -> u16 {
        u16::from_le_bytes(field(self.bytes, 10))
    }
}

/// A public key; its parameters are big-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyRef<'a> {
    /// What it is for.
    pub algorithm: Algorithm,
    /// The number of the hash that is signed.
    pub hash_id: u8,
    /// X of a point, the modulus of an RSA key, or a whole key of another kind.
    pub first: &'a [u8],
    /// Y of a point, the exponent of an RSA key, or nothing.
    pub second: &'a [u8],
}
