use core::fmt;

use super::bytes::{Part, u8_at, u16_at, u32_at};
use super::image::{ENTRY_LEN, ImageEntry};
use super::{Block, Error, ErrorKind, MAX_IMAGES, SignatureBlockRef};

/// Bytes of the header before the image entries.
const HEADER_LEN: usize = 16;

/// The forms of a container: its header's version and tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Version byte 0, tag 0x87: i.MX8, i.MX91, i.MX93, i.MX95 A0.
    V1,
    /// Version byte 0, tag 0x82: version 1 inside a set of version 2, as the V2X firmware of an i.MX95 B0.
    V1InV2,
    /// Version byte 2, tag 0x87: i.MX95 B0 and its successors.
    V2,
}

impl Version {
    const fn of(version: u8, tag: u8) -> Option<Self> {
        match (version, tag) {
            (0, 0x87) => Some(Self::V1),
            (0, 0x82) => Some(Self::V1InV2),
            (2, 0x87) => Some(Self::V2),
            _ => None,
        }
    }

    /// 1 or 2.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V1 | Self::V1InV2 => 1,
            Self::V2 => 2,
        }
    }

    /// Bytes from one header of a set to the next, if the header is not longer: `CONTAINER_HDR_ALIGNMENT` in
    /// U-Boot's `include/imx_container.h`.
    #[must_use]
    pub const fn slot(self) -> usize {
        match self {
            Self::V1 => 0x400,
            Self::V1InV2 | Self::V2 => 0x4000,
        }
    }

    /// The version that the signature block must have.
    pub(super) const fn block(self) -> u8 {
        self.number() - 1
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::V1 => "1",
            Self::V1InV2 => "1 in 2",
            Self::V2 => "2",
        })
    }
}

/// Whose keys sign a container: bits 3..0 of its flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SrkSet {
    /// 0: it is not signed.
    None,
    /// 1: NXP's, for the firmware of the enclave and of V2X.
    Nxp,
    /// 2: those of the board's maker.
    Oem,
}

impl SrkSet {
    /// The number in the flags.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Nxp => 1,
            Self::Oem => 2,
        }
    }
}

/// A container in a file: header, image entries and signature block are sound, images and signatures are not
/// yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerRef<'a> {
    version: Version,
    /// From the container's start to the end of its signature block.
    header: Part<'a>,
    /// From the container's start to the end of the file.
    rest: &'a [u8],
    signature_block: SignatureBlockRef<'a>,
}

impl<'a> ContainerRef<'a> {
    /// Reads the container that begins at `at` in `file`.
    ///
    /// # Errors
    /// [`ErrorKind::NoContainer`] if nothing looks like one there; otherwise what is wrong with it.
    pub fn parse(file: &'a [u8], at: usize) -> Result<Self, Error> {
        let rest = file.get(at..).unwrap_or_default();
        let whole = Part { bytes: rest, at, container: at };
        let (version, tag) = (u8_at(rest, 0), u8_at(rest, 3));
        if rest.len() < HEADER_LEN {
            return Err(whole.error(ErrorKind::NoContainer { version, tag }));
        }
        let images = usize::from(u8_at(rest, 11));
        let block_offset = usize::from(u16_at(rest, 12));
        let Some(form) = Version::of(version, tag) else {
            // A changed bit in the tag must not make the container invisible.
            let block = whole.from(block_offset).and_then(|part| part.block(Block::SignatureBlock, 16));
            return Err(whole.error(if images > 0 && block_offset >= HEADER_LEN && block.is_ok() {
                ErrorKind::Header { version, tag }
            } else {
                ErrorKind::NoContainer { version, tag }
            }));
        };
        if images == 0 || images > MAX_IMAGES {
            return Err(whole.error(ErrorKind::ImageCount { images, limit: MAX_IMAGES }));
        }
        whole.reserved(14, 2)?;
        // As all tools write it: both are multiples of 8.
        let expected = HEADER_LEN + images * ENTRY_LEN;
        if block_offset != expected {
            return Err(whole.error(ErrorKind::SignatureBlockOffset { offset: block_offset, expected }));
        }
        let length = usize::from(u16_at(rest, 1));
        let header = whole.slice(0, length)?;
        let block = whole.from(block_offset)?.block(Block::SignatureBlock, 16)?;
        let end = block_offset + block.bytes.len();
        if end != length {
            return Err(whole.error(ErrorKind::Length { length, expected: end }));
        }
        let flags = Flags(u32_at(rest, 4));
        let signature_block = SignatureBlockRef::parse(block, form, flags)?;
        Ok(Self { version: form, header, rest, signature_block })
    }

    /// Where it begins, in bytes from the start of the file.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.header.container
    }

    /// Its form.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Bytes up to the end of the signature block.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.header.bytes.len()
    }

    /// The flags; [`Self::srk_set`], [`Self::used_key`] and [`Self::revoked_keys`] are some of them.
    #[must_use]
    pub fn flags(&self) -> u32 {
        u32_at(self.header.bytes, 4)
    }

    /// The version of the software in it. The ROM does not compare it when it boots from eMMC boot partitions.
    #[must_use]
    pub fn sw_version(&self) -> u16 {
        u16_at(self.header.bytes, 8)
    }

    /// The least count of burnt fuses with which it may still boot.
    #[must_use]
    pub fn fuse_version(&self) -> u8 {
        u8_at(self.header.bytes, 10)
    }

    /// Whose keys sign it.
    #[must_use]
    pub const fn srk_set(&self) -> SrkSet {
        self.signature_block.srk_set()
    }

    /// The index of the super root key that signs it.
    #[must_use]
    pub fn used_key(&self) -> u8 {
        Flags(self.flags()).used_key()
    }

    /// The keys that are revoked when it is loaded, a bit each.
    #[must_use]
    pub fn revoked_keys(&self) -> u8 {
        Flags(self.flags()).revoked_keys()
    }

    /// The images, in the order of their entries.
    #[must_use]
    pub fn images(&self) -> impl ExactSizeIterator<Item = ImageEntry> + use<'a> {
        let entries = self.header.bytes.get(HEADER_LEN..self.block_offset()).unwrap_or_default();
        let (container, version) = (self.offset(), self.version);
        entries
            .chunks_exact(ENTRY_LEN)
            .enumerate()
            .map(move |(index, entry)| ImageEntry::read(entry, index, container, version))
    }

    /// The signature block.
    #[must_use]
    pub const fn signature_block(&self) -> &SignatureBlockRef<'a> {
        &self.signature_block
    }

    /// The end of the container and its images, in bytes from the start of the file: U-Boot's
    /// `get_container_size`. `None` if that is no address.
    #[must_use]
    pub fn end(&self) -> Option<usize> {
        let mut end = self.length();
        for image in self.images() {
            end = end.max(image.end()?);
        }
        self.offset().checked_add(end)
    }

    /// The offset of the signature block in the container.
    pub(super) fn block_offset(&self) -> usize {
        usize::from(u16_at(self.header.bytes, 12))
    }

    /// The first `len` bytes of the container.
    #[cfg(feature = "ecdsa")]
    pub(super) fn prefix(&self, len: usize) -> &'a [u8] {
        self.header.bytes.get(..len).unwrap_or(self.header.bytes)
    }

    /// The bytes from the container's start to the end of the file.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) const fn error(&self, kind: ErrorKind) -> Error {
        self.header.error(kind)
    }
}

/// The flags in a header, as `FLAGS_*` of spsdk's `AHABContainerBase` cut them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flags(u32);

impl Flags {
    /// The set's number, if it is none.
    pub(super) fn srk_set(self) -> Result<SrkSet, u8> {
        match self.bits(0, 0xf) {
            0 => Ok(SrkSet::None),
            1 => Ok(SrkSet::Nxp),
            2 => Ok(SrkSet::Oem),
            other => Err(other),
        }
    }

    pub(super) fn used_key(self) -> u8 {
        self.bits(4, 0x3)
    }

    pub(super) fn revoked_keys(self) -> u8 {
        self.bits(8, 0xf)
    }

    fn bits(self, shift: u32, mask: u8) -> u8 {
        let [low, ..] = (self.0 >> shift).to_le_bytes();
        low & mask
    }
}
