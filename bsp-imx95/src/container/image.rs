use super::bytes::{field, u32_at, u64_at};
use super::{ContainerRef, Error, ErrorKind, HashAlgorithm, Version};

/// Bytes of an image entry.
pub(super) const ENTRY_LEN: usize = 128;

/// An image: where its bytes are, where they go, and which hash they must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageEntry {
    /// Its place in the container's array, from 0.
    pub index: usize,
    /// Where its bytes begin, counted from the container.
    pub offset: u32,
    /// Its length in bytes. A dummy has none: it only names an address.
    pub size: u32,
    /// Where it is loaded to.
    pub load_address: u64,
    /// Where its execution begins.
    pub entry_point: u64,
    /// Type, core, kind of hash and more; in each version at other bits.
    pub flags: u32,
    /// Which CPU is started and in which mode, for the firmware that starts it.
    pub meta: u32,
    /// The stored hash, followed by zeros.
    pub hash: [u8; 64],
    /// The SHA-256 of the plain image, if it is encrypted.
    pub iv: [u8; 32],
    version: Version,
    container: usize,
}

impl ImageEntry {
    pub(super) fn read(entry: &[u8], index: usize, container: usize, version: Version) -> Self {
        Self {
            index,
            offset: u32_at(entry, 0),
            size: u32_at(entry, 4),
            load_address: u64_at(entry, 8),
            entry_point: u64_at(entry, 16),
            flags: u32_at(entry, 24),
            meta: u32_at(entry, 28),
            hash: field(entry, 32),
            iv: field(entry, 96),
            version,
            container,
        }
    }

    /// Where its bytes begin in the file; `None` if that is no address.
    #[must_use]
    pub fn offset_in_file(&self) -> Option<usize> {
        self.container.checked_add(usize::try_from(self.offset).ok()?)
    }

    /// Bits 3..0 of the flags; [`Self::type_name`] names it.
    #[must_use]
    pub const fn image_type(&self) -> u8 {
        self.bits(0, 0xf)
    }

    /// Bits 7..4 of the flags; [`Self::core_name`] names it.
    #[must_use]
    pub const fn core(&self) -> u8 {
        self.bits(4, 0xf)
    }

    /// The number of the kind of hash: bits 10..8, in version 2 bits 11..8.
    #[must_use]
    pub const fn hash_id(&self) -> u8 {
        self.bits(8, if matches!(self.version, Version::V2) { 0xf } else { 0x7 })
    }

    /// Whether its bytes are encrypted: bit 11, in version 2 bit 12. The hash is of the encrypted bytes.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.bits(if matches!(self.version, Version::V2) { 12 } else { 11 }, 1) == 1
    }

    /// What the type means on an i.MX95, by spsdk's name: it depends on the core.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match (self.core(), self.image_type()) {
            (6, 0x5) => "ele_as_image",
            (6, 0x6) => "ele",
            (9 | 10, 0xa) => "v2x_as_image",
            (9 | 10, 0xb) => "v2x_primary",
            (9 | 10, 0xc) => "v2x_secondary",
            (9 | 10, 0xd) => "v2x_rom_patch",
            (_, 0x3) => "executable",
            (_, 0x4) => "data",
            (_, 0x5) => "oei",
            (_, 0x7) => "provisioning_image",
            (_, 0x8) => "dek_validation_fcb_chk",
            (_, 0x9) => "provisioning_data",
            (_, 0xa) => "executable_fast_boot_image",
            (_, 0xd) => "oei_ddr",
            (_, 0xe) => "v2x_dummy",
            _ => "unknown",
        }
    }

    /// The core's name on an i.MX95, as spsdk has it.
    #[must_use]
    pub const fn core_name(&self) -> &'static str {
        match self.core() {
            0 => "dummy",
            1 => "cortex-m33",
            2 => "cortex-a55",
            6 => "ele",
            9 => "v2x-1",
            10 => "v2x-2",
            11 => "cortex-m7-1",
            14 => "ddr",
            _ => "unknown",
        }
    }

    /// Where it ends, counted from the container.
    pub(super) fn end(&self) -> Option<usize> {
        usize::try_from(self.offset).ok()?.checked_add(usize::try_from(self.size).ok()?)
    }

    const fn bits(&self, shift: u32, mask: u8) -> u8 {
        let [low, ..] = (self.flags >> shift).to_le_bytes();
        low & mask
    }
}

impl<'a> ContainerRef<'a> {
    /// The image's bytes.
    ///
    /// # Errors
    /// [`ErrorKind::ImageInHeader`], and [`ErrorKind::Truncated`] if they are not in the file.
    pub fn image_bytes(&self, image: &ImageEntry) -> Result<&'a [u8], Error> {
        let (offset, length) = (image.offset, self.length());
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if start < length && image.size > 0 {
            return Err(self.error(ErrorKind::ImageInHeader { image: image.index, offset, length }));
        }
        let end = image.end().unwrap_or(usize::MAX);
        if image.size == 0 {
            return Ok(&[]);
        }
        self.rest().get(start..end).ok_or_else(|| {
            let have = self.rest().len().saturating_sub(start);
            let at = self.offset().saturating_add(start);
            self.error(ErrorKind::Truncated { at, need: end.saturating_sub(start), have })
        })
    }

    /// Checks that the image has its hash. A dummy, which has no bytes, may also have none.
    ///
    /// # Errors
    /// As of [`Self::image_bytes`]; [`ErrorKind::HashAlgorithm`] and [`ErrorKind::BadHash`].
    pub fn check_image(&self, image: &ImageEntry) -> Result<(), Error> {
        let bytes = self.image_bytes(image)?;
        if bytes.is_empty() && image.hash == [0; 64] {
            return Ok(());
        }
        let id = image.hash_id();
        let Some(algorithm) = HashAlgorithm::from_id(id) else {
            return Err(self.error(ErrorKind::HashAlgorithm { image: image.index, id }));
        };
        if algorithm.digest(bytes).padded() == &image.hash {
            return Ok(());
        }
        let at = image.offset_in_file().unwrap_or(usize::MAX);
        Err(self.error(ErrorKind::BadHash { image: image.index, at, size: image.size }))
    }

    /// Checks that no two images share bytes and that each has its hash.
    ///
    /// # Errors
    /// [`ErrorKind::ImagesOverlap`], then as of [`Self::check_image`] for the first image that fails.
    pub fn check_images(&self) -> Result<(), Error> {
        // Before the hashes: no byte is hashed twice.
        self.check_overlaps()?;
        self.images().try_for_each(|image| self.check_image(&image))
    }

    /// Checks that no two images share bytes.
    ///
    /// # Errors
    /// [`ErrorKind::ImagesOverlap`].
    pub fn check_overlaps(&self) -> Result<(), Error> {
        for image in self.images().filter(|image| image.size > 0) {
            for other in self.images().take(image.index).filter(|other| other.size > 0) {
                let apart = |a: &ImageEntry, b: &ImageEntry| {
                    a.end().is_some_and(|end| usize::try_from(b.offset).is_ok_and(|start| end <= start))
                };
                if !apart(&image, &other) && !apart(&other, &image) {
                    let (first, second) = (other.index, image.index);
                    return Err(self.error(ErrorKind::ImagesOverlap { first, second }));
                }
            }
        }
        Ok(())
    }
}
