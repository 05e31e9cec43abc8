//! The sizes that a commit says its objects have, `ostree.sizes` (`ostree-core.c`, `read_sizes_entry`).

#[cfg(feature = "alloc")]
mod owned;

#[cfg(feature = "alloc")]
pub use owned::{Sizes, SizesError};

use core::cmp::Ordering;

use crate::gvariant::{Array, Span};
use crate::limits::MAX_SIZES_ENTRY_BYTES;
use crate::{Checksum, Error, ErrorKind, ObjectType, varint};

/// The key in a commit's metadata; its value is of type `aay`.
pub(crate) const SIZES_KEY: &str = "ostree.sizes";

/// The sizes of a commit's objects, in the order of their checksums: `aay`, each a checksum, the two numbers and the
/// type of an [`ObjectSize`].
///
/// A commit need not list all of its objects: old ones list files alone, and libostree leaves out what it took from a
/// checkout by its links. libostree reads entries in any order and twice, and numbers that are padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizesRef<'a> {
    entries: Array<'a>,
}

/// What a commit says of an object's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectSize {
    /// The object.
    pub checksum: Checksum,
    /// What it takes in an archive, in bytes: a `.filez` with its header, or the metadata as it is. It depends on who
    /// compressed it: the same file may take more or less in another archive.
    pub archived: u64,
    /// What it has in itself, in bytes: a file's content, a symbolic link's target, or the metadata. Nothing of the
    /// same checksum has another size.
    pub unpacked: u64,
    /// A file, dirtree or dirmeta; commits of before 2020 do not say, and list files alone.
    pub object_type: Option<ObjectType>,
}

/// Sums of sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SizesTotal {
    /// How many objects.
    pub objects: usize,
    /// Their bytes in an archive; [`u64::MAX`] if they are more than that.
    pub archived: u64,
    /// Their bytes in themselves; [`u64::MAX`] if they are more than that.
    pub unpacked: u64,
}

/// An object is larger than its commit says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {checksum} has {actual} bytes, where its commit says {listed}", .object_type.name())]
pub struct BeyondSizes {
    /// Its type.
    pub object_type: ObjectType,
    /// Its name.
    pub checksum: Checksum,
    /// Its size as the commit lists it, in bytes.
    pub listed: u64,
    /// The size that it has or declares, in bytes.
    pub actual: u64,
}

impl ObjectSize {
    /// The type, which is that of a file if the commit does not say.
    #[must_use]
    pub const fn object_type(&self) -> ObjectType {
        match self.object_type {
            Some(object_type) => object_type,
            None => ObjectType::File,
        }
    }

    /// Whether an object of `actual` bytes (a file's content, a symbolic link's target, or the metadata) is as large as
    /// listed, or smaller.
    ///
    /// # Errors
    /// If it is larger.
    pub const fn check(&self, actual: u64) -> Result<(), BeyondSizes> {
        let Self { checksum, unpacked: listed, .. } = *self;
        if actual > listed {
            return Err(BeyondSizes { object_type: self.object_type(), checksum, listed, actual });
        }
        Ok(())
    }

    fn read(span: Span<'_>) -> Result<Self, Error> {
        let available = span.len();
        if available > MAX_SIZES_ENTRY_BYTES {
            let bytes = available.saturating_sub(MAX_SIZES_ENTRY_BYTES);
            return Err(span.error(MAX_SIZES_ENTRY_BYTES, ErrorKind::TrailingData { bytes }));
        }
        let (checksum, _) = span
            .bytes
            .split_first_chunk::<32>()
            .ok_or_else(|| span.error(0, ErrorKind::Truncated { needed: 32, available }))?;
        let mut at = 32;
        let mut number = || {
            let rest = span.bytes.get(at..).unwrap_or_default();
            let number = varint::read(rest).filter(|number| !number.is_padded);
            let number = number.ok_or_else(|| span.error(at, ErrorKind::Varint))?;
            at = at.saturating_add(number.len);
            Ok::<u64, Error>(number.value)
        };
        let (archived, unpacked) = (number()?, number()?);
        let object_type = match span.bytes.get(at..).unwrap_or_default() {
            [] => None,
            [number] => Some(
                ObjectType::from_number(*number)
                    .filter(|object_type| has_size(*object_type))
                    .ok_or_else(|| span.error(at, ErrorKind::SizesObjectType { number: *number }))?,
            ),
            [_, rest @ ..] => {
                let kind = ErrorKind::TrailingData { bytes: rest.len() };
                return Err(span.error(at.saturating_add(1), kind));
            }
        };
        Ok(Self { checksum: Checksum(*checksum), archived, unpacked, object_type })
    }
}

/// Whether a commit lists sizes of such objects (`ostree-repo-commit.c`, `repo_store_size_entry`).
const fn has_size(object_type: ObjectType) -> bool {
    matches!(object_type, ObjectType::File | ObjectType::DirTree | ObjectType::DirMeta)
}

impl SizesTotal {
    /// Counts an object; sums stop at the largest number.
    pub const fn add(&mut self, size: &ObjectSize) {
        self.objects = self.objects.saturating_add(1);
        self.archived = self.archived.saturating_add(size.archived);
        self.unpacked = self.unpacked.saturating_add(size.unpacked);
    }
}

impl<'a> SizesRef<'a> {
    /// Reads the value, `aay`; [`CommitRef::sizes`](crate::CommitRef::sizes) reads that of a commit.
    ///
    /// # Errors
    /// If it is not in the normal form, checksums are not in strictly increasing order, a number is not, a type is none
    /// that has a size, or something follows.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::read(Span::new(bytes))
    }

    pub(crate) fn read(span: Span<'a>) -> Result<Self, Error> {
        let entries = Array::new(span, 1)?;
        let mut previous = None;
        for index in 0..entries.len() {
            let entry = entries.get(index)?;
            let size = ObjectSize::read(entry)?;
            if previous >= Some(size.checksum) {
                return Err(entry.error(0, ErrorKind::SizesOrder));
            }
            previous = Some(size.checksum);
        }
        Ok(Self { entries })
    }

    /// How many objects are listed.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    /// The sizes, in the order of the checksums.
    pub fn iter(&self) -> impl Iterator<Item = ObjectSize> + use<'a> {
        let entries = self.entries;
        // `read` has read each of them once.
        (0..entries.len()).filter_map(move |index| entries.get(index).and_then(ObjectSize::read).ok())
    }

    /// The size of an object; `None` if it is not listed.
    #[must_use]
    pub fn get(&self, object_type: ObjectType, checksum: &Checksum) -> Option<ObjectSize> {
        let (mut low, mut high) = (0, self.entries.len());
        while low < high {
            let middle = low.midpoint(high);
            let size = self.entries.get(middle).and_then(ObjectSize::read).ok()?;
            match size.checksum.cmp(checksum) {
                Ordering::Less => low = middle.saturating_add(1),
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some(size).filter(|size| size.object_type() == object_type),
            }
        }
        None
    }

    /// The sums of all that is listed.
    #[must_use]
    pub fn total(&self) -> SizesTotal {
        let mut total = SizesTotal::default();
        self.iter().for_each(|size| total.add(&size));
        total
    }

    /// As [`ObjectSize::check`]; what is not listed may have any size.
    ///
    /// # Errors
    /// If it is larger.
    pub fn check(
        &self,
        object_type: ObjectType,
        checksum: &Checksum,
        actual: u64,
    ) -> Result<(), BeyondSizes> {
        self.get(object_type, checksum).map_or(Ok(()), |size| size.check(actual))
    }
}

#[cfg(test)]
mod tests;
