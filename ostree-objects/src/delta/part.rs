use crate::gvariant::{Array, Span, Tuple};
use crate::{Error, ErrorKind, XattrsRef};

/// How a part is compressed: its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// `0`: not at all.
    None,
    /// `x`: as an `.xz` stream.
    Xz,
}

impl Compression {
    /// The byte that stands for it.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Xz => b'x',
        }
    }

    /// The compression that `byte` stands for. `g` (gzip) is in libostree's documentation and was never written.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::None),
            b'x' => Some(Self::Xz),
            _ => None,
        }
    }
}

/// Owner and mode of a file that a part makes, `(uuu)` in big-endian order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMode {
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The mode with its type bits.
    pub mode: u32,
}

/// A part without its compression: `(a(uuu)aa(ayay)ayay)`.
#[derive(Clone, Copy, Debug)]
pub struct PartRef<'a> {
    modes: &'a [u8],
    xattrs: Array<'a>,
    payload: &'a [u8],
    operations: &'a [u8],
}

/// Bytes of a `(uuu)`.
const MODE_BYTES: usize = 12;

impl<'a> PartRef<'a> {
    /// Reads a part that is not compressed (any more), without the byte that said how.
    ///
    /// # Errors
    /// If it is not in the normal form. Sets of extended attributes are looked at when they are used.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut tuple = Tuple::new(Span::new(bytes), 3)?;
        let modes = tuple.variable(4)?;
        if !modes.len().is_multiple_of(MODE_BYTES) {
            let kind = ErrorKind::FixedSize { unit: MODE_BYTES, actual: modes.len() };
            return Err(modes.error(0, kind));
        }
        let xattrs = Array::new(tuple.variable(1)?, 1)?;
        let payload = tuple.variable(1)?.bytes;
        let operations = tuple.last(1)?.bytes;
        Ok(Self { modes: modes.bytes, xattrs, payload, operations })
    }

    /// How many owners and modes there are.
    #[must_use]
    pub const fn modes(&self) -> usize {
        self.modes.len() / MODE_BYTES
    }

    /// Owner and mode number `index`.
    #[must_use]
    pub fn mode(&self, index: usize) -> Option<FileMode> {
        let start = index.checked_mul(MODE_BYTES)?;
        let (uid, rest) = self.modes.get(start..)?.split_first_chunk()?;
        let (gid, rest) = rest.split_first_chunk()?;
        let (mode, _) = rest.split_first_chunk()?;
        let [uid, gid, mode] = [uid, gid, mode].map(|bytes| u32::from_be_bytes(*bytes));
        Some(FileMode { uid, gid, mode })
    }

    /// How many sets of extended attributes there are.
    #[must_use]
    pub const fn xattr_sets(&self) -> usize {
        self.xattrs.len()
    }

    /// Set `index` of extended attributes.
    ///
    /// # Errors
    /// If the set is not canonical. `None` if there is none of that number.
    #[must_use]
    pub fn xattrs(&self, index: usize) -> Option<Result<XattrsRef<'a>, Error>> {
        (index < self.xattrs.len()).then(|| self.xattrs.get(index).and_then(XattrsRef::from_span))
    }

    /// The bytes that operations refer to.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The operations, one after the other.
    #[must_use]
    pub const fn operations(&self) -> &'a [u8] {
        self.operations
    }
}
