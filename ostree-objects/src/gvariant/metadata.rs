//! Dictionaries of metadata, `a{sv}`: of commits, beside commits, in static deltas and summaries.

#[cfg(feature = "alloc")]
use alloc::string::String;

#[cfg(feature = "alloc")]
use embedded_io::Write;

use super::check::split_variant;
use super::{Array, Span, Tuple, VariantRef, read_variant};
#[cfg(feature = "alloc")]
use super::{Counter, Variant, Writer, align, minimal_width, write_array};
use crate::{Error, ErrorKind};

/// A dictionary of metadata, `a{sv}`.
#[derive(Clone, Copy, Debug)]
pub struct MetadataRef<'a> {
    entries: Array<'a>,
}

impl<'a> MetadataRef<'a> {
    pub(crate) fn read(span: Span<'a>) -> Result<Self, Error> {
        let entries = Array::new(span, 8)?;
        for index in 0..entries.len() {
            let entry = entries.get(index)?;
            let (key, _) = read_entry(entry)?;
            if key.is_empty() {
                return Err(entry.error(0, ErrorKind::EmptyKey));
            }
        }
        Ok(Self { entries })
    }

    /// The entries, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, VariantRef<'a>)> + use<'a> {
        let entries = self.entries;
        // `read` has read each of them once.
        (0..entries.len()).filter_map(move |index| read_entry(entries.get(index).ok()?).ok())
    }

    /// The value of `key`; of two, the first.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<VariantRef<'a>> {
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The type string of the value of `key`, and its bytes with their place; of two, the first.
    pub(crate) fn find(&self, key: &str) -> Option<(&'a [u8], Span<'a>)> {
        let entries = self.entries;
        (0..entries.len()).find_map(move |index| {
            let mut tuple = Tuple::new(entries.get(index).ok()?, 1).ok()?;
            let name = tuple.variable(1).ok()?.string().ok()?;
            // `read` has read each of them once.
            let value = if name == key { tuple.last(8).ok() } else { None };
            split_variant(&value?).ok()
        })
    }
}

/// `{sv}`: a dictionary entry, whose value is aligned to 8.
fn read_entry(entry: Span<'_>) -> Result<(&str, VariantRef<'_>), Error> {
    let mut tuple = Tuple::new(entry, 1)?;
    let key = tuple.variable(1)?.string()?;
    let value = read_variant(&tuple.last(8)?)?;
    Ok((key, value))
}

/// Writes an `a{sv}`, which the writer must have reached at a multiple of 8. A NUL in a key ends it.
#[cfg(feature = "alloc")]
pub(crate) fn write_metadata<W: Write>(
    writer: &mut Writer<W>,
    entries: &[(String, Variant)],
) -> Result<(), W::Error> {
    write_array(
        writer,
        8,
        entries.iter().map(|(key, value)| (until_nul(key), value)),
        |(key, value)| entry_len(key, value),
        |writer, (key, value)| write_entry(writer, key, value),
    )
}

/// The size of a `{sv}` without padding after it.
#[cfg(feature = "alloc")]
fn entry_len(key: &str, value: &Variant) -> usize {
    let mut counter = Counter::default();
    let Ok(()) = write_entry(&mut Writer::new(&mut counter), key, value);
    counter.bytes
}

/// Writes a `{sv}`. Its own padding counts from its start, which `write_array` has aligned to 8.
#[cfg(feature = "alloc")]
fn write_entry<W: Write>(writer: &mut Writer<W>, key: &str, value: &Variant) -> Result<(), W::Error> {
    let start = writer.position();
    writer.string(key)?;
    let key_end = writer.position() - start;
    writer.pad(8)?;
    let variant = value.as_ref();
    writer.bytes(variant.bytes())?;
    writer.bytes(&[0])?;
    writer.bytes(variant.type_string().as_bytes())?;
    let body = align(key_end, 8).saturating_add(value.boxed_len());
    writer.offset(key_end, minimal_width(body, 1))
}

/// GVariant strings end at the first NUL.
#[cfg(feature = "alloc")]
pub(crate) fn until_nul(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default()
}
