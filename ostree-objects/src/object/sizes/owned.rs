use alloc::vec::Vec;

use super::{ObjectSize, SizesRef, has_size};
use crate::gvariant::{Array, Span, Variant, Writer, write_array};
use crate::{Checksum, ObjectType, varint};

/// An owned [`SizesRef`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// In the form that [`SizesRef::parse`] reads.
    bytes: Vec<u8>,
}

/// Why sizes cannot be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SizesError {
    /// An object is there twice.
    #[error("{checksum} is listed twice")]
    Twice {
        /// Its name.
        checksum: Checksum,
    },
    /// An object is no file, dirtree or dirmeta.
    #[error("the size of a {}", .object_type.name())]
    ObjectType {
        /// Its type.
        object_type: ObjectType,
    },
}

impl Sizes {
    /// Sizes in any order.
    ///
    /// # Errors
    /// If an object is there twice, or of a type that has no size here.
    pub fn new(sizes: impl IntoIterator<Item = ObjectSize>) -> Result<Self, SizesError> {
        let mut sizes: Vec<ObjectSize> = sizes.into_iter().collect();
        sizes.sort_by_key(|size| size.checksum);
        let mut pairs = sizes.iter().zip(sizes.iter().skip(1));
        if let Some((one, _)) = pairs.find(|(one, other)| one.checksum == other.checksum) {
            return Err(SizesError::Twice { checksum: one.checksum });
        }
        let mut entries = Vec::with_capacity(sizes.len());
        for size in sizes {
            let mut entry = Vec::from(size.checksum.0);
            varint::write(size.archived, &mut entry);
            varint::write(size.unpacked, &mut entry);
            if let Some(object_type) = size.object_type {
                if !has_size(object_type) {
                    return Err(SizesError::ObjectType { object_type });
                }
                entry.push(object_type.number());
            }
            entries.push(entry);
        }
        let mut bytes = Vec::new();
        let Ok(()) = write_array(
            &mut Writer::new(&mut bytes),
            1,
            entries.iter(),
            |entry| entry.len(),
            |writer, entry| writer.bytes(entry),
        );
        Ok(Self { bytes })
    }

    /// The borrowed form.
    #[must_use]
    pub fn as_ref(&self) -> SizesRef<'_> {
        // The bytes are those that were read once, or written here.
        let entries = Array::new(Span::new(&self.bytes), 1).unwrap_or(Array::EMPTY);
        SizesRef { entries }
    }

    /// The value of `ostree.sizes` in a commit's metadata, of type `aay`.
    #[must_use]
    pub fn to_variant(&self) -> Variant {
        Variant::from_parts("aay", &self.bytes)
    }
}

impl From<SizesRef<'_>> for Sizes {
    fn from(sizes: SizesRef<'_>) -> Self {
        Self { bytes: sizes.entries.bytes().into() }
    }
}
