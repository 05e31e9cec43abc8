//! Counters in words of 32 bits.

use super::{BootCount, ByteOrder, Error, MAGIC, fits, fixed, put};

const UPPER: u32 = 0xffff_0000;

/// Count and magic number, a word each: eight bytes of memory that keeps its content over a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generic {
    /// Order of the bytes in a word.
    pub order: ByteOrder,
}

impl BootCount for Generic {
    fn max(&self) -> u32 {
        u32::MAX
    }

    fn load(&self, record: &[u8]) -> Result<u32, Error> {
        let [a, b, c, d, magic @ ..] = fixed::<8>(record)?;
        let found = self.order.word(magic);
        if found == MAGIC {
            Ok(self.order.word([a, b, c, d]))
        } else {
            Err(Error::Magic { found, expected: MAGIC })
        }
    }

    fn store(&self, record: &mut [u8], count: u32) -> Result<bool, Error> {
        let ([a, b, c, d], [e, f, g, h]) = (self.order.bytes(count), self.order.bytes(MAGIC));
        put(record, [a, b, c, d, e, f, g, h])
    }
}

/// One word, half of it magic number: a register that keeps its content over a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SingleWord {
    /// Order of the bytes in the word.
    pub order: ByteOrder,
}

impl BootCount for SingleWord {
    fn max(&self) -> u32 {
        0xffff
    }

    fn load(&self, record: &[u8]) -> Result<u32, Error> {
        marked(self.order.word(fixed(record)?), MAGIC & UPPER, UPPER)
    }

    fn store(&self, record: &mut [u8], count: u32) -> Result<bool, Error> {
        put(record, self.order.bytes((MAGIC & UPPER) | fits(count, self.max())?))
    }
}

/// The count in `word` if it is marked by `magic` in the bits of `mask`.
fn marked(word: u32, magic: u32, mask: u32) -> Result<u32, Error> {
    if word & mask == magic {
        Ok(word & !mask)
    } else {
        Err(Error::Magic { found: word & mask, expected: magic })
    }
}

/// Scratch register of the real-time clock of AM33xx: version, whether an update is on trial, count.
///
/// U-Boot counts from 0 unless an update is on trial; who stages one sets the second byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nvmem {
    /// Order of the bytes in the word.
    pub order: ByteOrder,
}

impl Nvmem {
    const MAGIC: u32 = 0xb0 << 24;
    const VERSION: u32 = 2 << 16;
    const ON_TRIAL: u32 = 0xff << 8;
}

impl BootCount for Nvmem {
    fn max(&self) -> u32 {
        0xff
    }

    /// The version is not looked at, as in U-Boot.
    fn load(&self, record: &[u8]) -> Result<u32, Error> {
        let word = self.order.word(fixed(record)?);
        marked(word, Self::MAGIC, 0xff << 24).map(|word| word & 0xff)
    }

    fn store(&self, record: &mut [u8], count: u32) -> Result<bool, Error> {
        let on_trial = self.order.word(fixed(record)?) & Self::ON_TRIAL;
        let count = if on_trial == 0 { 0 } else { fits(count, self.max())? };
        put(record, self.order.bytes(Self::MAGIC | Self::VERSION | on_trial | count))
    }
}

/// A system controller's register of four bytes, little-endian, or one half of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Syscon {
    /// Four bytes at offset 0.
    Word,
    /// Two bytes at offset 0.
    LowHalf,
    /// Two bytes at offset 2.
    HighHalf,
}

impl Syscon {
    /// Bits of the register that are the counter's, and how far they are shifted.
    const fn place(self) -> (u32, u32) {
        match self {
            Self::Word => (u32::MAX, 0),
            Self::LowHalf => (0xffff, 0),
            Self::HighHalf => (UPPER, 16),
        }
    }

    /// Magic number, and the bits that it has.
    const fn mark(self) -> (u32, u32) {
        match self {
            Self::Word => (MAGIC & UPPER, UPPER),
            Self::LowHalf | Self::HighHalf => ((MAGIC >> 16) & 0xff00, 0xff00),
        }
    }
}

impl BootCount for Syscon {
    fn max(&self) -> u32 {
        if *self == Self::Word { 0xffff } else { 0xff }
    }

    fn load(&self, record: &[u8]) -> Result<u32, Error> {
        let ((place, shift), (magic, mask)) = (self.place(), self.mark());
        marked((u32::from_le_bytes(fixed(record)?) & place) >> shift, magic, mask)
    }

    fn store(&self, record: &mut [u8], count: u32) -> Result<bool, Error> {
        let ((place, shift), (magic, _)) = (self.place(), self.mark());
        let others = u32::from_le_bytes(fixed(record)?) & !place;
        put(record, (others | (magic | fits(count, self.max())?) << shift).to_le_bytes())
    }
}

/// Persistent register of the Zynq UltraScale+ power management: the count in its low byte, and no mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZynqMp;

impl BootCount for ZynqMp {
    fn max(&self) -> u32 {
        0xff
    }

    /// The whole register, as U-Boot reads it: the upper bits are not the counter's, but count.
    fn load(&self, record: &[u8]) -> Result<u32, Error> {
        fixed(record).map(u32::from_le_bytes)
    }

    fn store(&self, record: &mut [u8], count: u32) -> Result<bool, Error> {
        let others = u32::from_le_bytes(fixed(record)?) & !0xff;
        put(record, (others | fits(count, self.max())?).to_le_bytes())
    }
}

/// A place in RAM, trusted only if the patterns behind it are whole; of 32-bit machines.
///
/// On a 64-bit machine such as i.MX95 **this driver of U-Boot never counts**: it compares words that were
/// extended with their sign to ones that were not, and reads 0 always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ram;

impl Ram {
    /// Length in bytes of the record: count, magic number, a word that is not used, the pattern.
    pub const LEN: usize = 4 * (Self::START + Self::WORDS);
    const WORDS: usize = 1000;
    const START: usize = 3;
    const PATTERN: [u32; 5] = [0, u32::MAX, 0xff00_ff00, 0x0f0f_0f0f, 0xf0f0_f0f0];

    fn pattern() -> impl Iterator<Item = [u8; 4]> {
        Self::PATTERN.iter().cycle().take(Self::WORDS).map(|word| word.to_le_bytes())
    }
}

impl BootCount for Ram {
    fn max(&self) -> u32 {
        u32::MAX
    }

    /// The magic number is not looked at, as in U-Boot, and a count of 0 needs no pattern.
    fn load(&self, record: &[u8]) -> Result<u32, Error> {
        let length = Error::Length { expected: Self::LEN, given: record.len() };
        let (words, []) = record.as_chunks::<4>() else { return Err(length) };
        let (Some(count), Some(pattern)) = (words.first(), words.get(Self::START..)) else {
            return Err(length);
        };
        if pattern.len() != Self::WORDS {
            return Err(length);
        }
        let count = u32::from_le_bytes(*count);
        match pattern.iter().zip(Self::pattern()).position(|(found, expected)| *found != expected) {
            Some(index) if count != 0 => Err(Error::Pattern { index }),
            _ => Ok(count),
        }
    }

    fn store(&self, record: &mut [u8], count: u32) -> Result<bool, Error> {
        if record.len() != Self::LEN {
            return Err(Error::Length { expected: Self::LEN, given: record.len() });
        }
        let (words, _) = record.as_chunks_mut::<4>();
        for (word, new) in words.iter_mut().zip([count, MAGIC]) {
            *word = new.to_le_bytes();
        }
        for (word, pattern) in words.iter_mut().skip(Self::START).zip(Self::pattern()) {
            *word = pattern;
        }
        Ok(true)
    }
}
