use super::bytes::{Part, u8_at, u16_at, u32_at};
use super::header::Flags;
use super::{Block, Error, ErrorKind, SrkSet, SrkTableRef, Version};

/// Bytes of the block before its parts.
const BLOCK_HEADER: usize = 16;

/// The block behind the image entries: keys, signatures and the wrapped decryption key.
///
/// Its four offsets are, in this order, of certificate, keys, signature and blob. U-Boot's
/// `include/imx8image.h` names them in another order; `include/imx_container.h` and spsdk have them so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureBlockRef<'a> {
    srk_set: SrkSet,
    tables: [Option<SrkTableRef<'a>>; 2],
    signatures: [Option<SignatureRef<'a>>; 2],
    certificate: Option<&'a [u8]>,
    blob: Option<BlobRef<'a>>,
    /// Where the signature begins, in the block: all before it is signed.
    signed: usize,
}

impl<'a> SignatureBlockRef<'a> {
    pub(super) fn parse(part: Part<'a>, version: Version, flags: Flags) -> Result<Self, Error> {
        let (found, tag) = (u8_at(part.bytes, 0), u8_at(part.bytes, 3));
        if found != version.block() {
            let block = Block::SignatureBlock;
            return Err(part.error(ErrorKind::Block { block, at: part.at, version: found, tag }));
        }
        let srk_set = flags.srk_set().map_err(|set| part.error(ErrorKind::SrkSet { set }))?;
        let is_signed = srk_set != SrkSet::None;
        let [certificate, srk, signature, blob] = [4, 6, 8, 10].map(|at| usize::from(u16_at(part.bytes, at)));
        for (block, offset) in [(Block::SrkTable, srk), (Block::Signature, signature)] {
            if is_signed != (offset != 0) {
                let (set, present) = (srk_set.number(), offset != 0);
                return Err(part.error(ErrorKind::Presence { set, block, present }));
            }
        }
        let mut read = Self {
            srk_set,
            tables: [None; 2],
            signatures: [None; 2],
            certificate: None,
            blob: None,
            signed: signature,
        };
        let mut parts = Parts { part, version, end: BLOCK_HEADER };
        if is_signed {
            let (key, mask) = (flags.used_key(), flags.revoked_keys());
            if mask >> key & 1 == 1 {
                return Err(part.error(ErrorKind::Revoked { key, mask }));
            }
            read.tables = parts.tables(srk, key)?;
            read.signatures = parts.signatures(signature, read.tables.iter().flatten().count())?;
        }
        if certificate != 0 {
            if !is_signed {
                let (set, block) = (srk_set.number(), Block::Certificate);
                return Err(part.error(ErrorKind::Presence { set, block, present: true }));
            }
            let begin = parts.next(Block::Certificate, certificate)?;
            read.certificate = Some(parts.take(begin.block(Block::Certificate, 16)?).bytes);
        }
        if blob != 0 {
            let begin = parts.next(Block::Blob, blob)?;
            let bytes = parts.take(begin.block(Block::Blob, 8)?).bytes;
            read.blob = Some(BlobRef { bytes, key_id: u32_at(part.bytes, 12) });
        } else {
            part.reserved(12, 4)?;
        }
        let length = part.bytes.len();
        // NXP's signing tool may align the end too.
        if length != parts.end && length != parts.end.next_multiple_of(8) {
            let (block, at) = (Block::SignatureBlock, part.at);
            return Err(part.error(ErrorKind::BlockLength { block, at, length, expected: parts.end }));
        }
        part.reserved(parts.end, length - parts.end)?;
        Ok(read)
    }

    /// Whose keys sign the container.
    #[must_use]
    pub const fn srk_set(&self) -> SrkSet {
        self.srk_set
    }

    /// The tables of super root keys: none if the container is not signed, two with a second signature.
    pub fn srk_tables(&self) -> impl Iterator<Item = SrkTableRef<'a>> + use<'a> {
        self.tables.into_iter().flatten()
    }

    /// The signatures, in the order of the tables whose keys made them.
    pub fn signatures(&self) -> impl Iterator<Item = SignatureRef<'a>> + use<'a> {
        self.signatures.into_iter().flatten()
    }

    /// The certificate, with its header. It is not looked into: a container that has one is reported as not
    /// checked.
    #[must_use]
    pub const fn certificate(&self) -> Option<&'a [u8]> {
        self.certificate
    }

    /// The wrapped key that decrypts the images.
    #[must_use]
    pub const fn blob(&self) -> Option<BlobRef<'a>> {
        self.blob
    }

    /// Where the first signature begins, in bytes from the block.
    #[cfg(feature = "ecdsa")]
    pub(super) const fn signed(&self) -> usize {
        self.signed
    }
}

/// The parts of a block, taken one after the other.
struct Parts<'a> {
    part: Part<'a>,
    version: Version,
    /// Where the parts taken so far end.
    end: usize,
}

impl<'a> Parts<'a> {
    /// The rest of the block from `offset` on, which must be where the next part can be.
    fn next(&self, block: Block, offset: usize) -> Result<Part<'a>, Error> {
        // spsdk: parts are aligned to 64 bits in version 1 (`CONTAINER_ALIGNMENT`) and dense in version 2.
        let expected = if self.version == Version::V2 { self.end } else { self.end.next_multiple_of(8) };
        if offset != expected {
            return Err(self.part.error(ErrorKind::BlockOffset { block, offset, expected }));
        }
        self.part.reserved(self.end, expected - self.end)?;
        self.part.from(offset)
    }

    /// Marks `taken` as read.
    fn take(&mut self, taken: Part<'a>) -> Part<'a> {
        self.end = taken.at - self.part.at + taken.bytes.len();
        taken
    }

    fn tables(&mut self, offset: usize, used: u8) -> Result<[Option<SrkTableRef<'a>>; 2], Error> {
        let begin = self.next(Block::SrkTable, offset)?;
        if self.version != Version::V2 {
            let (table, len) = SrkTableRef::parse(begin, self.version, used)?;
            self.take(begin.slice(0, len)?);
            return Ok([Some(table), None]);
        }
        let array = begin.block(Block::SrkTableArray, 8)?;
        array.reserved(5, 3)?;
        let (first, len) = SrkTableRef::parse(array.from(8)?, self.version, used)?;
        let mut tables = [Some(first), None];
        let mut end = 8 + len;
        // One table, or a second one for a second signature.
        if u8_at(array.bytes, 4) == 2 {
            let (second, len) = SrkTableRef::parse(array.from(end)?, self.version, used)?;
            tables = [Some(first), Some(second)];
            end += len;
        }
        let length = array.bytes.len();
        if end != length || !matches!(u8_at(array.bytes, 4), 1 | 2) {
            let (block, at) = (Block::SrkTableArray, array.at);
            return Err(array.error(ErrorKind::BlockLength { block, at, length, expected: end }));
        }
        self.take(array);
        Ok(tables)
    }

    fn signatures(&mut self, offset: usize, count: usize) -> Result<[Option<SignatureRef<'a>>; 2], Error> {
        let mut signatures = [None; 2];
        let mut offset = offset;
        for (index, signature) in (0..2).zip(signatures.iter_mut().take(count)) {
            let begin = self.next(Block::Signature, offset)?;
            let taken = self.take(begin.block(Block::Signature, 8)?);
            let value = u8_at(taken.bytes, 4);
            // 0x10 would be a CMAC by the device's own key, which the i.MX9 application processors do not have.
            if value != 0 {
                return Err(taken.error(ErrorKind::SignatureType { index, value }));
            }
            taken.reserved(5, 3)?;
            *signature = Some(SignatureRef { index, bytes: taken.bytes.get(8..).unwrap_or_default() });
            // The second one directly follows the first.
            offset = self.end;
        }
        Ok(signatures)
    }
}

/// A signature of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignatureRef<'a> {
    /// 0 for the first, 1 for the second.
    pub index: u8,
    /// r and s of ECDSA, big-endian, or the signature of another algorithm.
    pub bytes: &'a [u8],
}

/// The wrapped decryption key. No signature covers it: it is made on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobRef<'a> {
    /// With its header.
    pub bytes: &'a [u8],
    /// The identifier with which it was wrapped.
    pub key_id: u32,
}
