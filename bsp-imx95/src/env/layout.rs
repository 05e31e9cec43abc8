use super::{Error, MAX_SIZE, Rules};
use crate::crc32;
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
///
/// | scheme | flags of copies 0 and 1 | U-Boot | libubootenv |
/// |---|---|---|---|
/// | any | equal | copy 0 | copy 0 |
/// | [`Counter`](Self::Counter) | 255 and 0, or 0 and 255 | the copy with 0 | the copy with 0 |
/// | [`Counter`](Self::Counter) | other | the greater | the greater |
/// | NOR | 1 and 0, or 0 and 1 | the copy with 1 | the copy with 1 |
/// | NOR | both erased (255) | copy 0 | **copy 1** |
/// | [`ParallelNor`](Self::ParallelNor) | one erased, the other not | the erased copy | the erased copy |
/// | [`ParallelNor`](Self::ParallelNor) | other | copy 0 | **the greater** |
/// | [`SerialNor`](Self::SerialNor) | 255 and 0, or 0 and 255 | the copy with 0 | **the erased copy** |
/// | [`SerialNor`](Self::SerialNor) | other | the greater | the greater |
///
/// Sources: `env_check_redund` in `env/common.c` and `env_flash_init` in `env/flash.c` of U-Boot,
/// `libuboot_load` in `src/uboot_env.c` of libubootenv. They differ only where a flags byte of NOR flash is
/// neither 0 nor 1, which neither writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// A counter that each write advances: eMMC, SD, plain files, NAND, UBI.
    Counter,
    /// 1 in use, 0 obsolete, as a bit of flash can only be cleared in place: parallel NOR (`env/flash.c`).
    ParallelNor,
    /// The same on serial NOR (`env/sf.c`), where U-Boot writes it so and reads it as a counter.
    SerialNor,
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

/// Chooses the copy in use, as U-Boot does. Each copy is given whole, header included.
///
/// A copy that cannot be read counts as one with a wrong CRC, zeros for instance; libubootenv then reads
/// nothing at all.
///
/// # Errors
/// [`Error::NoValidCopy`] when no CRC is right, where U-Boot falls back to its compiled-in environment;
/// [`Error::Copies`], [`Error::Size`] and [`Error::SizesDiffer`] for copies that do not fit the layout.
pub fn choose(layout: Layout, copy0: &[u8], copy1: Option<&[u8]>) -> Result<Chosen, Error> {
    choose_with(layout, copy0, copy1, Rules::UBoot)
}

/// As [`choose`], by the given rules.
///
/// # Errors
/// As of [`choose`].
pub fn choose_with(
    layout: Layout,
    copy0: &[u8],
    copy1: Option<&[u8]>,
    rules: Rules,
) -> Result<Chosen, Error> {
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
        (true, true) => usize::from(second_counts(scheme, rules, first.flags, second.flags)),
    };
    let flags = if index == 0 { first.flags } else { second.flags };
    Ok(Chosen { index, flags, whole: [first.is_whole(), second.is_whole()] })
}

fn second_counts(scheme: Scheme, rules: Rules, first: u8, second: u8) -> bool {
    match (scheme, rules, first, second) {
        // Only this exact pair wraps: copies alternate, so no other gap across zero can arise.
        (Scheme::Counter, _, 255, 0) | (Scheme::SerialNor, Rules::UBoot, 255, 0) => true,
        (Scheme::Counter, _, 0, 255) | (Scheme::SerialNor, Rules::UBoot, 0, 255) => false,
        (Scheme::Counter, ..) | (Scheme::SerialNor, Rules::UBoot, ..) => second > first,
        (Scheme::ParallelNor, Rules::UBoot, 0, 1) => true,
        (Scheme::ParallelNor, Rules::UBoot, 1, 0) | (Scheme::ParallelNor, Rules::UBoot, 0xff, _) => false,
        (Scheme::ParallelNor, Rules::UBoot, ..) => second == 0xff,
        (_, Rules::Libubootenv, _, 0xff) => true,
        (_, Rules::Libubootenv, 0xff, _) => false,
        (_, Rules::Libubootenv, ..) => second > first,
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
            computed: crc32(data),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(flags: u8, data: u8) -> [u8; 6] {
        let [a, b, c, d] = crc32(&[data]).to_le_bytes();
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
    fn chooses_the_active_copy_of_parallel_nor_flash() {
        // `env_flash_init` in env/flash.c.
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
            assert_eq!(chosen(Scheme::ParallelNor, first, second), index, "flags {first}, {second}");
        }
    }

    #[test]
    fn u_boot_and_libubootenv_differ_only_in_flags_that_neither_writes() {
        let mut differing = [0; 3];
        for (scheme, differing) in
            [Scheme::Counter, Scheme::ParallelNor, Scheme::SerialNor].into_iter().zip(&mut differing)
        {
            for (first, second) in (0..=255).flat_map(|first| (0..=255).map(move |second| (first, second))) {
                let by = |rules| second_counts(scheme, rules, first, second);
                if by(Rules::UBoot) != by(Rules::Libubootenv) {
                    *differing += 1;
                    assert!(first > 1 || second > 1, "{scheme:?}, flags {first}, {second}");
                }
            }
        }
        // Parallel NOR: both erased, and copy 1 greater with neither erased, but for 0 and 1. Serial NOR: both
        // erased, and an erased copy beside 0.
        let greater = 255 * 254 / 2;
        assert_eq!(differing, [0, 1 + greater - 1, 3], "update the table of `Scheme`");
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
        let computed = crc32(&[1]);
        let stored = crc32(&[0]);
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
