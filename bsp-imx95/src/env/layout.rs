use super::{Error, MAX_SIZE};
use crc::{CRC_32_ISO_HDLC, Crc};

static CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// How the environment lies in its storage (`include/env_internal.h` of U-Boot).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// One copy: little-endian CRC-32 of the data, then the data. A torn write loses everything.
    Single,
    /// Two copies, each with one byte of flags between CRC and data; each write goes to the copy not in use.
    Redundant {
        /// What the flags mean.
        scheme: Scheme,
    },
}

/// How the flags of two whole copies say which is in use. The CRC does not cover the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// A counter that each write advances: eMMC, SD, plain files, NAND, UBI.
    Counter,
    /// 1 in use, 0 obsolete: parallel and serial NOR flash, where a bit can only be cleared in place.
    Boolean,
}

impl Layout {
    /// Number of copies: 1 or 2.
    #[must_use]
    pub const fn copies(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Redundant { .. } => 2,
        }
    }

    /// Bytes before the data: 4 (CRC), or 5 with the flags.
    #[must_use]
    pub const fn header_len(self) -> usize {
        match self {
            Self::Single => 4,
            Self::Redundant { .. } => 5,
        }
    }
}

/// The copy in use, as U-Boot chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// 0 or 1.
    pub index: usize,
    /// Flags of the chosen copy; 0 in a single layout.
    pub flags: u8,
    /// Which copies have the right CRC. With only one, the next torn write would lose the environment.
    pub whole: [bool; 2],
}

/// Chooses the copy in use, as U-Boot's `env_check_redund` and, for [`Scheme::Boolean`], `env/flash.c` do.
///
/// Each copy is given whole, header included.
///
/// # Errors
/// [`Error::NoValidCopy`] when no CRC is right, where U-Boot falls back to its compiled-in environment;
/// [`Error::Copies`], [`Error::Size`] and [`Error::SizesDiffer`] for copies that do not fit the layout.
pub fn choose(layout: Layout, copy0: &[u8], copy1: Option<&[u8]>) -> Result<Chosen, Error> {
    let first = Header::read(layout, copy0)?;
    let Layout::Redundant { scheme } = layout else {
        if copy1.is_some() {
            return Err(Error::Copies { expected: 1, given: 2 });
        }
        first.require()?;
        return Ok(Chosen { index: 0, flags: 0, whole: [true, false] });
    };
    let copy1 = copy1.ok_or(Error::Copies { expected: 2, given: 1 })?;
    if copy0.len() != copy1.len() {
        return Err(Error::SizesDiffer { first: copy0.len(), second: copy1.len() });
    }
    let second = Header::read(layout, copy1)?;
    let index = match (first.is_whole(), second.is_whole()) {
        (false, false) => return Err(first.error()),
        (true, false) => 0,
        (false, true) => 1,
        (true, true) => usize::from(second_is_newer(scheme, first.flags, second.flags)),
    };
    let flags = if index == 0 { first.flags } else { second.flags };
    Ok(Chosen { index, flags, whole: [first.is_whole(), second.is_whole()] })
}

fn second_is_newer(scheme: Scheme, first: u8, second: u8) -> bool {
    match (scheme, first, second) {
        // Only this exact pair wraps: copies alternate, so no other gap across zero can arise.
        (Scheme::Counter, 255, 0) => true,
        (Scheme::Counter, 0, 255) => false,
        (Scheme::Counter, ..) => second > first,
        (Scheme::Boolean, 0, 1) => true,
        // Erased flash. U-Boot prefers copy 0 when its flags are erased, libubootenv copy 1: U-Boot boots.
        (Scheme::Boolean, 0xff, _) | (Scheme::Boolean, 1, 0) => false,
        (Scheme::Boolean, _, 0xff) => true,
        (Scheme::Boolean, ..) => false,
    }
}

pub(super) struct Header {
    stored: u32,
    computed: u32,
    flags: u8,
}

impl Header {
    pub(super) fn read(layout: Layout, copy: &[u8]) -> Result<Self, Error> {
        let size = Error::Size { len: copy.len(), min: layout.header_len() + 1, max: MAX_SIZE };
        if copy.len() > MAX_SIZE {
            return Err(size);
        }
        let (header, data) = copy.split_at_checked(layout.header_len()).ok_or(size)?;
        let (stored, flags) = header.split_first_chunk::<4>().ok_or(size)?;
        if data.is_empty() {
            return Err(size);
        }
        Ok(Self {
            stored: u32::from_le_bytes(*stored),
            computed: checksum(data),
            flags: flags.first().copied().unwrap_or(0),
        })
    }

    fn is_whole(&self) -> bool {
        self.stored == self.computed
    }

    fn error(&self) -> Error {
        Error::NoValidCopy { stored: self.stored, computed: self.computed }
    }

    fn require(&self) -> Result<(), Error> {
        if self.is_whole() { Ok(()) } else { Err(self.error()) }
    }
}

pub(super) fn checksum(data: &[u8]) -> u32 {
    CRC32.checksum(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(flags: u8, data: u8) -> [u8; 6] {
        let [a, b, c, d] = checksum(&[data]).to_le_bytes();
        [a, b, c, d, flags, data]
    }

    fn chosen(scheme: Scheme, first: u8, second: u8) -> usize {
        let layout = Layout::Redundant { scheme };
        choose(layout, &copy(first, 0), Some(&copy(second, 0))).unwrap().index
    }

    #[test]
    fn chooses_by_counter_what_u_boot_and_libubootenv_choose() {
        // U-Boot 2025.01 with its environment on MMC and libubootenv 0.3.2 agreed on every pair.
        for (first, second, index) in [
            (0, 0, 0),
            (1, 1, 0),
            (7, 7, 0),
            (1, 2, 1),
            (2, 1, 0),
            (255, 0, 1),
            (0, 255, 0),
            (255, 1, 0),
            (1, 255, 1),
            (254, 255, 1),
            (255, 254, 0),
            (255, 255, 0),
            (128, 0, 0),
        ] {
            assert_eq!(chosen(Scheme::Counter, first, second), index, "flags {first}, {second}");
        }
    }

    #[test]
    fn chooses_the_active_copy_of_nor_flash() {
        for (first, second, index) in [
            (1, 0, 0),
            (0, 1, 1),
            (1, 1, 0),
            (0, 0, 0),
            (0xff, 0xff, 0),
            (0xff, 1, 0),
            (1, 0xff, 1),
            (7, 1, 0),
        ] {
            assert_eq!(chosen(Scheme::Boolean, first, second), index, "flags {first}, {second}");
        }
    }

    #[test]
    fn a_broken_copy_is_never_chosen() {
        let layout = Layout::Redundant { scheme: Scheme::Counter };
        let mut newer = copy(9, 0);
        newer[5] = 1;
        let chosen = choose(layout, &copy(1, 0), Some(&newer)).unwrap();
        assert_eq!(chosen, Chosen { index: 0, flags: 1, whole: [true, false] });
        let chosen = choose(layout, &newer, Some(&copy(1, 0))).unwrap();
        assert_eq!(chosen, Chosen { index: 1, flags: 1, whole: [false, true] });
        let computed = checksum(&[1]);
        let stored = checksum(&[0]);
        assert_eq!(choose(layout, &newer, Some(&newer)), Err(Error::NoValidCopy { stored, computed }));
    }

    #[test]
    fn refuses_copies_that_do_not_fit_the_layout() {
        let layout = Layout::Redundant { scheme: Scheme::Counter };
        assert_eq!(choose(layout, &copy(0, 0), None), Err(Error::Copies { expected: 2, given: 1 }));
        assert_eq!(
            choose(Layout::Single, &[0; 5], Some(&[0; 5])),
            Err(Error::Copies { expected: 1, given: 2 })
        );
        assert_eq!(choose(layout, &[0; 6], Some(&[0; 7])), Err(Error::SizesDiffer { first: 6, second: 7 }));
        let size = Err(Error::Size { len: 4, min: 5, max: MAX_SIZE });
        assert_eq!(choose(Layout::Single, &[0; 4], None), size);
    }
}
