#[cfg(feature = "alloc")]
use alloc::{string::String, vec::Vec};

use super::check::{check, split_variant};
use super::signature::is_single;
use super::{Array, Span};
use crate::{Error, ErrorKind};

/// A value of the commit's metadata: its type string and its bytes, in the normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariantRef<'a> {
    kind: &'a str,
    value: &'a [u8],
}

/// Reads and checks a value of type `v`.
pub(crate) fn read_variant<'a>(span: &Span<'a>) -> Result<VariantRef<'a>, Error> {
    let (kind, value) = split_variant(span)?;
    check(kind, value)?;
    // A checked type string is ASCII.
    let kind = core::str::from_utf8(kind).unwrap_or_default();
    Ok(VariantRef { kind, value: value.bytes })
}

impl<'a> VariantRef<'a> {
    /// A value of the type `kind` from its bytes.
    ///
    /// # Errors
    /// If `kind` is not exactly one valid type, or the bytes are no value of it in the normal form.
    pub fn new(kind: &'a str, bytes: &'a [u8]) -> Result<Self, Error> {
        let span = Span::new(bytes);
        if !is_single(kind.as_bytes()) {
            return Err(span.error(0, ErrorKind::TypeString));
        }
        check(kind.as_bytes(), span)?;
        Ok(Self { kind, value: bytes })
    }

    /// The GVariant type string, such as `s` or `a{sv}`.
    #[must_use]
    pub const fn type_string(&self) -> &'a str {
        self.kind
    }

    /// The serialised value.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.value
    }

    /// The text, if the type is `s`.
    #[must_use]
    pub fn as_str(&self) -> Option<&'a str> {
        if self.kind != "s" {
            return None;
        }
        Span::new(self.value).string().ok()
    }

    /// The texts, if the type is `as`.
    #[must_use]
    pub fn as_strings(&self) -> Option<impl Iterator<Item = &'a str> + use<'a>> {
        if self.kind != "as" {
            return None;
        }
        let array = Array::new(Span::new(self.value), 1).ok()?;
        Some((0..array.len()).filter_map(move |index| array.get(index).ok()?.string().ok()))
    }

    /// The truth value, if the type is `b`.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match (self.kind, self.value) {
            ("b", [value]) => Some(*value != 0),
            _ => None,
        }
    }

    /// The bytes, if the type is `ay`.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        (self.kind == "ay").then_some(self.value)
    }

    /// The byte, if the type is `y`.
    #[must_use]
    pub fn as_byte(&self) -> Option<u8> {
        match (self.kind, self.value) {
            ("y", [value]) => Some(*value),
            _ => None,
        }
    }

    /// The byte strings, if the type is `aay`.
    #[must_use]
    pub fn as_byte_strings(&self) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
        if self.kind != "aay" {
            return None;
        }
        let array = Array::new(Span::new(self.value), 1).ok()?;
        Some((0..array.len()).filter_map(move |index| Some(array.get(index).ok()?.bytes)))
    }

    /// The dictionary, if the type is `a{sv}` and no key in it is empty.
    #[must_use]
    pub fn as_metadata(&self) -> Option<super::MetadataRef<'a>> {
        if self.kind != "a{sv}" {
            return None;
        }
        super::MetadataRef::read(Span::new(self.value)).ok()
    }

    /// The number, if the type is `t`, stored in big-endian order as OSTree does with times and sizes.
    #[must_use]
    pub fn as_be_u64(&self) -> Option<u64> {
        match self.kind {
            "t" => self.value.try_into().ok().map(u64::from_be_bytes),
            _ => None,
        }
    }
}

/// An owned [`VariantRef`].
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    kind: String,
    value: Vec<u8>,
}

/// Why a text cannot be a value of type `s`: it has a NUL.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a NUL at byte {offset} of a text")]
pub struct VariantError {
    /// Where, in bytes.
    pub offset: usize,
}

#[cfg(feature = "alloc")]
impl Variant {
    /// A value of type `s`.
    ///
    /// # Errors
    /// If the text has a NUL.
    pub fn string(text: &str) -> Result<Self, VariantError> {
        Ok(Self { kind: "s".into(), value: nul_terminated(text)? })
    }

    /// A value of type `as`.
    ///
    /// # Errors
    /// If one of the texts has a NUL.
    pub fn strings<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, VariantError> {
        let texts: Vec<Vec<u8>> = texts.into_iter().map(nul_terminated).collect::<Result<_, _>>()?;
        let mut value = Vec::new();
        let mut writer = super::Writer::new(&mut value);
        let Ok(()) = super::write_array(
            &mut writer,
            1,
            texts.iter(),
            |text| text.len(),
            |writer, text| writer.bytes(text),
        );
        Ok(Self { kind: "as".into(), value })
    }

    /// A value of type `b`.
    #[must_use]
    pub fn boolean(value: bool) -> Self {
        Self { kind: "b".into(), value: [u8::from(value)].into() }
    }

    /// A value of type `ay`.
    #[must_use]
    pub fn bytes(value: &[u8]) -> Self {
        Self { kind: "ay".into(), value: value.into() }
    }

    /// A value of type `t` in big-endian order, as OSTree stores times and sizes.
    #[must_use]
    pub fn be_u64(value: u64) -> Self {
        Self { kind: "t".into(), value: value.to_be_bytes().into() }
    }

    /// A value in the normal form of the type `kind`.
    pub(crate) fn from_parts(kind: &str, value: &[u8]) -> Self {
        Self { kind: kind.into(), value: value.into() }
    }

    /// A value of type `y`.
    #[must_use]
    pub fn byte(value: u8) -> Self {
        Self { kind: "y".into(), value: [value].into() }
    }

    /// A value of type `aay`.
    #[must_use]
    pub fn byte_strings<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let values: Vec<&[u8]> = values.into_iter().collect();
        let mut value = Vec::new();
        let Ok(()) = super::write_array(
            &mut super::Writer::new(&mut value),
            1,
            values.into_iter(),
            |bytes| bytes.len(),
            |writer, bytes| writer.bytes(bytes),
        );
        Self { kind: "aay".into(), value }
    }

    /// A value of type `a{sv}`, in the order of `entries`. A NUL in a key ends it.
    #[must_use]
    pub fn metadata(entries: &[(String, Self)]) -> Self {
        let mut value = Vec::new();
        let Ok(()) = super::write_metadata(&mut super::Writer::new(&mut value), entries);
        Self { kind: "a{sv}".into(), value }
    }

    /// The borrowed form.
    #[must_use]
    pub fn as_ref(&self) -> VariantRef<'_> {
        VariantRef { kind: &self.kind, value: &self.value }
    }

    /// The size of a value of type `v` with this in it, in bytes.
    pub(crate) fn boxed_len(&self) -> usize {
        self.value.len().saturating_add(1).saturating_add(self.kind.len())
    }
}

#[cfg(feature = "alloc")]
impl From<VariantRef<'_>> for Variant {
    fn from(variant: VariantRef<'_>) -> Self {
        Self { kind: variant.kind.into(), value: variant.value.into() }
    }
}

#[cfg(feature = "alloc")]
fn nul_terminated(text: &str) -> Result<Vec<u8>, VariantError> {
    match text.bytes().position(|byte| byte == 0) {
        Some(offset) => Err(VariantError { offset }),
        None => Ok([text.as_bytes(), &[0]].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn kind_of(bytes: &[u8]) -> Result<&str, Error> {
        read_variant(&Span::new(bytes)).map(|variant| variant.type_string())
    }

    /// Values as GLib 2.74 serialises them (`GLib.Variant(…).get_data_as_bytes()`).
    #[test]
    fn reads_values_of_many_types() {
        for (bytes, kind) in [
            (&b"hi\0\0s"[..], "s"),
            (b"a\0bc\0\x02\x05\0as", "as"),
            (b"\x01\0b", "b"),
            (b"\x01\x02\x03\0ay", "ay"),
            (b"\0\0\0\0\0\0\0\x2a\0t", "t"),
            (b"k\0\0\0\0\0\0\0v\0\0s\x02\x0d\0a{sv}", "a{sv}"),
            (b"\x01\0\0\0\x02\0\0\0\0(yu)", "(yu)"),
            (b"\0\0()", "()"),
            (b"\0mu", "mu"),
            (b"\x05\0\0\0\0mu", "mu"),
            (b"x\0\0\0ms", "ms"),
            (b"x\0\0s\0v", "v"),
            (b"/a/b\0\0o", "o"),
            (b"a{sv}\0\0g", "g"),
        ] {
            assert_eq!(kind_of(bytes), Ok(kind), "{bytes:?}");
        }
    }

    #[test]
    fn refuses_what_is_not_in_normal_form() {
        for (bytes, kind, offset) in [
            (&b"hi\0s"[..], ErrorKind::String(crate::StringRule::NoNul), 0),
            (b"\x02\0b", ErrorKind::Boolean { value: 2 }, 0),
            (b"\x01\x02\0u", ErrorKind::FixedSize { unit: 4, actual: 2 }, 0),
            (b"\x01\0\x07\0\x02\0\0\0\0(yu)", ErrorKind::Padding { value: 7 }, 2),
            (b"a\0bc\0\x05\x02\0as", ErrorKind::FramingOffset { value: 98 }, 2),
            (b"x", ErrorKind::TypeString, 0),
            (b"x\0\0zz", ErrorKind::TypeString, 3),
            (b"a\0", ErrorKind::TypeString, 2),
            (b"\x02\x01\0ab", ErrorKind::Boolean { value: 2 }, 0),
        ] {
            assert_eq!(kind_of(bytes), Err(Error { kind, offset }), "{bytes:?}");
        }
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn writes_what_it_reads() {
        let strings = Variant::strings(["a", "bc"]).unwrap();
        assert_eq!(strings.as_ref().bytes(), b"a\0bc\0\x02\x05");
        assert!(strings.as_ref().as_strings().unwrap().eq(["a", "bc"]));
        assert_eq!(Variant::string("x\0y"), Err(VariantError { offset: 1 }));
        assert_eq!(Variant::be_u64(7).as_ref().as_be_u64(), Some(7));
        assert_eq!(Variant::strings([]).unwrap().as_ref().bytes(), b"");
    }
}
