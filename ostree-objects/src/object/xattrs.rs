use core::cmp::Ordering;

use embedded_io::Write;

use crate::gvariant::{Array, Span, Tuple};
use crate::limits::{MAX_XATTR_NAME_BYTES, MAX_XATTR_VALUE_BYTES};
use crate::{Error, ErrorKind};

/// Extended attributes, `a(ayay)`: names and values, sorted by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XattrsRef<'a> {
    bytes: &'a [u8],
}

impl<'a> XattrsRef<'a> {
    /// No attributes.
    pub const EMPTY: XattrsRef<'static> = XattrsRef { bytes: &[] };

    /// Reads a serialised `a(ayay)`.
    ///
    /// # Errors
    /// If it is not in the normal form; a name is empty, too long or without NUL; a value is too long; or the
    /// names are not in strictly increasing order.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::from_span(Span::new(bytes))
    }

    pub(crate) fn from_span(span: Span<'a>) -> Result<Self, Error> {
        let array = Array::new(span, 1)?;
        let mut previous: Option<&[u8]> = None;
        for index in 0..array.len() {
            let element = array.get(index)?;
            let (name, value) = split(element)?;
            check_name(&name)?;
            if value.len() > MAX_XATTR_VALUE_BYTES {
                return Err(value.error(0, ErrorKind::XattrValue { bytes: value.len() }));
            }
            if previous.is_some_and(|previous| previous.cmp(name.bytes) != Ordering::Less) {
                return Err(name.error(0, ErrorKind::XattrOrder));
            }
            previous = Some(name.bytes);
        }
        Ok(Self { bytes: span.bytes })
    }

    /// Names (without NUL) and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let array = Array::new(Span::new(self.bytes), 1).ok();
        let count = array.as_ref().map_or(0, Array::len);
        (0..count).filter_map(move |index| {
            let (name, value) = split(array.as_ref()?.get(index).ok()?).ok()?;
            Some((name.bytes.split_last()?.1, value.bytes))
        })
    }

    /// The value of one attribute.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.iter().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The serialised form.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn write<W: Write>(&self, sink: &mut crate::gvariant::Writer<W>) -> Result<(), W::Error> {
        sink.bytes(self.bytes)
    }
}

fn split(element: Span<'_>) -> Result<(Span<'_>, Span<'_>), Error> {
    let mut tuple = Tuple::new(element, 1)?;
    let name = tuple.variable(1)?;
    let value = tuple.last(1)?;
    Ok((name, value))
}

fn check_name(name: &Span<'_>) -> Result<(), Error> {
    match name.bytes.split_last() {
        Some((0, text)) if !text.is_empty() && text.len() <= MAX_XATTR_NAME_BYTES && !text.contains(&0) => {
            Ok(())
        }
        _ => Err(name.error(0, ErrorKind::XattrName)),
    }
}

/// Owned extended attributes.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Xattrs {
    bytes: alloc::vec::Vec<u8>,
}

#[cfg(feature = "alloc")]
impl Xattrs {
    /// Attributes from names (without NUL) and values, in any order.
    ///
    /// # Errors
    /// If a name is empty, too long, has a NUL or is there twice, or a value is too long; the offset is that in
    /// the serialised form.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Result<Self, Error> {
        let mut pairs: alloc::vec::Vec<(&[u8], &[u8])> = pairs.into_iter().collect();
        pairs.sort_by_key(|(name, _)| *name);
        let mut bytes = alloc::vec::Vec::new();
        let mut writer = crate::gvariant::Writer::new(&mut bytes);
        let body = |name: &[u8], value: &[u8]| name.len().saturating_add(1).saturating_add(value.len());
        let len = |(name, value): &(&[u8], &[u8])| crate::gvariant::framed_len(body(name, value), 1);
        let Ok(()) = crate::gvariant::write_array(
            &mut writer,
            1,
            pairs.iter().copied(),
            len,
            |writer, (name, value)| {
                writer.bytes(name)?;
                writer.bytes(&[0])?;
                writer.bytes(value)?;
                let end = name.len().saturating_add(1);
                writer.offset(end, crate::gvariant::minimal_width(body(name, value), 1))
            },
        );
        XattrsRef::parse(&bytes)?;
        Ok(Self { bytes })
    }

    /// The borrowed form.
    #[must_use]
    pub fn as_ref(&self) -> XattrsRef<'_> {
        XattrsRef { bytes: &self.bytes }
    }
}

#[cfg(feature = "alloc")]
impl From<XattrsRef<'_>> for Xattrs {
    fn from(xattrs: XattrsRef<'_>) -> Self {
        Self { bytes: xattrs.bytes.into() }
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;

    #[test]
    fn sorts_and_frames_as_libostree_does() {
        let xattrs = Xattrs::new([(&b"user.foo"[..], &b"bar"[..]), (b"user.aaa", b"\0\xff")]).unwrap();
        assert_eq!(xattrs.as_ref().as_bytes(), b"user.aaa\0\0\xff\x09user.foo\0bar\x09\x0c\x19");
        assert_eq!(xattrs.as_ref().get(b"user.foo"), Some(&b"bar"[..]));
    }

    #[test]
    fn refuses_duplicates_disorder_and_bad_names() {
        let error = |kind, offset| Err(Error { kind, offset });
        assert_eq!(Xattrs::new([(&b"a"[..], &b"1"[..]), (b"a", b"2")]), error(ErrorKind::XattrOrder, 4));
        assert_eq!(Xattrs::new([(&b""[..], &b"1"[..])]), error(ErrorKind::XattrName, 0));
        assert_eq!(
            XattrsRef::parse(b"b\x001\x02a\x001\x02\x04\x08").map(Xattrs::from),
            error(ErrorKind::XattrOrder, 4)
        );
        assert_eq!(XattrsRef::parse(b"ab1\x02\x04").map(Xattrs::from), error(ErrorKind::XattrName, 0));
    }

    #[test]
    fn bounds_names_and_values() {
        let name = [b'n'; MAX_XATTR_NAME_BYTES + 1];
        assert_eq!(Xattrs::new([(&name[1..], &b""[..])]).map(|x| x.as_ref().iter().count()), Ok(1));
        assert_eq!(Xattrs::new([(&name[..], &b""[..])]).unwrap_err().kind, ErrorKind::XattrName);
        let value = alloc::vec![0; MAX_XATTR_VALUE_BYTES + 1];
        assert_eq!(Xattrs::new([(&b"n"[..], &value[1..])]).map(|x| x.as_ref().iter().count()), Ok(1));
        assert_eq!(
            Xattrs::new([(&b"n"[..], &value[..])]).unwrap_err().kind,
            ErrorKind::XattrValue { bytes: MAX_XATTR_VALUE_BYTES + 1 }
        );
    }
}
