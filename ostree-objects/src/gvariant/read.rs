use super::{align, minimal_width, offset_width};
use crate::{Checksum, Error, ErrorKind, StringRule};

/// Some bytes of an object, and where they start in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Span<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// An error that concerns byte `offset` of this span.
    pub(crate) const fn error(&self, offset: usize, kind: ErrorKind) -> Error {
        Error { kind, offset: self.at.saturating_add(offset) }
    }

    /// The bytes from `start` up to `end`; `None` if that is no range inside.
    pub(crate) fn slice(&self, start: usize, end: usize) -> Option<Self> {
        Some(Self { bytes: self.bytes.get(start..end)?, at: self.at.checked_add(start)? })
    }

    /// The framing offset of `width` bytes at `at`, little-endian on every machine.
    fn offset(&self, at: usize, width: usize) -> Result<usize, Error> {
        let mut value = [0; 8];
        let stored = at.checked_add(width).and_then(|end| self.bytes.get(at..end));
        match (value.get_mut(..width), stored) {
            (Some(low), Some(stored)) => low.copy_from_slice(stored),
            _ => return Err(self.error(0, ErrorKind::Truncated { needed: width, available: self.len() })),
        }
        let value = u64::from_le_bytes(value);
        usize::try_from(value).map_err(|_| self.error(at, ErrorKind::FramingOffset { value }))
    }

    /// The end of the padding that starts at `position`.
    fn skip_padding(&self, position: usize, alignment: usize) -> Result<usize, Error> {
        let aligned = align(position, alignment);
        let padding = self.bytes.get(position..aligned).ok_or_else(|| {
            self.error(position, ErrorKind::Truncated { needed: aligned - position, available: 0 })
        })?;
        match padding.iter().position(|byte| *byte != 0) {
            None => Ok(aligned),
            Some(index) => Err(self.error(position + index, ErrorKind::Padding { value: padding[index] })),
        }
    }

    /// The text of a value of type `s`.
    pub(crate) fn string(&self) -> Result<&'a str, Error> {
        let (text, rule) = match self.bytes.split_last() {
            Some((0, text)) => (text, StringRule::InnerNul),
            _ => return Err(self.error(0, ErrorKind::String(StringRule::NoNul))),
        };
        if let Some(offset) = text.iter().position(|byte| *byte == 0) {
            return Err(self.error(offset, ErrorKind::String(rule)));
        }
        core::str::from_utf8(text)
            .map_err(|error| self.error(error.valid_up_to(), ErrorKind::String(StringRule::NotUtf8)))
    }

    /// The checksum in a value of type `ay`.
    pub(crate) fn checksum(&self) -> Result<Checksum, Error> {
        let bytes = self.bytes.try_into();
        bytes.map(Checksum).map_err(|_| self.error(0, ErrorKind::ChecksumLength { actual: self.len() }))
    }
}

/// Reads the members of a tuple in their order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tuple<'a> {
    span: Span<'a>,
    /// Where the next member starts, before its padding.
    position: usize,
    /// Where the members end and the framing offsets start.
    body: usize,
    /// The end of the framing offset that is read next; they are stored last first.
    table: usize,
    width: usize,
}

impl<'a> Tuple<'a> {
    /// A tuple with that number of framing offsets: one for each member of variable size but the last member.
    pub(crate) fn new(span: Span<'a>, offsets: usize) -> Result<Self, Error> {
        let width = offset_width(span.len());
        let needed = offsets.saturating_mul(width);
        let Some(body) = span.len().checked_sub(needed) else {
            return Err(span.error(0, ErrorKind::Truncated { needed, available: span.len() }));
        };
        check_width(&span, body, offsets, width)?;
        Ok(Self { span, position: 0, body, table: span.len(), width })
    }

    /// The next member, of a fixed size.
    pub(crate) fn fixed(&mut self, alignment: usize, size: usize) -> Result<Span<'a>, Error> {
        let start = self.span.skip_padding(self.position, alignment)?;
        let end = start.saturating_add(size);
        if end > self.body {
            let available = self.body.saturating_sub(start);
            return Err(self.span.error(start, ErrorKind::Truncated { needed: size, available }));
        }
        self.member(start, end)
    }

    /// The next member, `N` bytes without alignment of their own.
    pub(crate) fn array<const N: usize>(&mut self, alignment: usize) -> Result<[u8; N], Error> {
        let span = self.fixed(alignment, N)?;
        span.bytes
            .try_into()
            .map_err(|_| span.error(0, ErrorKind::Truncated { needed: N, available: span.len() }))
    }

    /// The next member, four bytes that OSTree keeps in big-endian order.
    pub(crate) fn be_u32(&mut self) -> Result<u32, Error> {
        self.array(4).map(u32::from_be_bytes)
    }

    /// The next member, eight bytes that OSTree keeps in big-endian order.
    pub(crate) fn be_u64(&mut self) -> Result<u64, Error> {
        self.array(8).map(u64::from_be_bytes)
    }

    /// The next member, of variable size and not the last of the tuple.
    pub(crate) fn variable(&mut self, alignment: usize) -> Result<Span<'a>, Error> {
        let at = self.table.saturating_sub(self.width);
        let end = self.span.offset(at, self.width)?;
        self.table = at;
        let start = self.span.skip_padding(self.position, alignment)?;
        if end < start || end > self.body {
            return Err(self.span.error(at, offset_error(end)));
        }
        self.member(start, end)
    }

    /// The last member, of variable size: all that is left.
    pub(crate) fn last(&mut self, alignment: usize) -> Result<Span<'a>, Error> {
        let start = self.span.skip_padding(self.position, alignment)?;
        if start > self.body {
            return Err(self
                .span
                .error(start, ErrorKind::Truncated { needed: start - self.body, available: 0 }));
        }
        self.member(start, self.body)
    }

    /// Checks that nothing but padding up to `alignment` is left; 1 for a tuple of variable size.
    pub(crate) fn finish(mut self, alignment: usize) -> Result<(), Error> {
        self.position = self.span.skip_padding(self.position, alignment)?;
        match self.body.checked_sub(self.position) {
            Some(0) => Ok(()),
            bytes => {
                Err(self.span.error(self.position, ErrorKind::TrailingData { bytes: bytes.unwrap_or(0) }))
            }
        }
    }

    fn member(&mut self, start: usize, end: usize) -> Result<Span<'a>, Error> {
        self.position = end;
        self.span.slice(start, end).ok_or_else(|| self.span.error(start, offset_error(end)))
    }
}

/// The elements of an array whose elements have no fixed size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Array<'a> {
    span: Span<'a>,
    alignment: usize,
    count: usize,
    /// Where the elements end and the framing offsets start.
    body: usize,
    width: usize,
}

impl<'a> Array<'a> {
    /// No elements.
    #[cfg(feature = "alloc")]
    pub(crate) const EMPTY: Array<'static> =
        Array { span: Span::new(&[]), alignment: 1, count: 0, body: 0, width: 1 };

    pub(crate) fn new(span: Span<'a>, alignment: usize) -> Result<Self, Error> {
        let len = span.len();
        if len == 0 {
            return Ok(Self { span, alignment, count: 0, body: 0, width: 1 });
        }
        let width = offset_width(len);
        let last = len.saturating_sub(width);
        let body = span.offset(last, width)?;
        if body > last || !(len - body).is_multiple_of(width) {
            return Err(span.error(last, offset_error(body)));
        }
        let count = (len - body) / width;
        check_width(&span, body, count, width)?;
        Ok(Self { span, alignment, count, body, width })
    }

    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// All of it, framing offsets included.
    #[cfg(feature = "alloc")]
    pub(crate) const fn bytes(&self) -> &'a [u8] {
        self.span.bytes
    }

    /// Element `index`. Reading each of them once checks the whole array.
    pub(crate) fn get(&self, index: usize) -> Result<Span<'a>, Error> {
        let previous = match index.checked_sub(1) {
            Some(previous) => self.offset(previous)?,
            None => 0,
        };
        let end = self.offset(index)?;
        let start = self.span.skip_padding(previous.min(self.body), self.alignment)?;
        let element = if end > self.body { None } else { self.span.slice(start, end) };
        element.ok_or_else(|| self.span.error(self.table(index), offset_error(end)))
    }

    fn table(&self, index: usize) -> usize {
        self.body.saturating_add(index.saturating_mul(self.width))
    }

    fn offset(&self, index: usize) -> Result<usize, Error> {
        self.span.offset(self.table(index), self.width)
    }
}

fn check_width(span: &Span<'_>, body: usize, offsets: usize, width: usize) -> Result<(), Error> {
    let expected = minimal_width(body, offsets);
    if offsets != 0 && width != expected {
        return Err(span.error(body, ErrorKind::OffsetWidth { actual: width, expected }));
    }
    Ok(())
}

fn offset_error(value: usize) -> ErrorKind {
    ErrorKind::FramingOffset { value: u64::try_from(value).unwrap_or(u64::MAX) }
}
