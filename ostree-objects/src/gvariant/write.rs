use embedded_io::Write;

#[cfg(feature = "alloc")]
use super::align;
use super::minimal_width;

/// Writes one message into any sink, and knows how far it has come.
#[derive(Debug)]
pub(crate) struct Writer<W> {
    sink: W,
    position: usize,
}

impl<W: Write> Writer<W> {
    pub(crate) const fn new(sink: W) -> Self {
        Self { sink, position: 0 }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), W::Error> {
        self.position = self.position.saturating_add(bytes.len());
        self.sink.write_all(bytes)
    }

    /// A value of type `s`.
    pub(crate) fn string(&mut self, text: &str) -> Result<(), W::Error> {
        self.bytes(text.as_bytes())?;
        self.bytes(&[0])
    }

    pub(crate) fn be_u32(&mut self, value: u32) -> Result<(), W::Error> {
        self.bytes(&value.to_be_bytes())
    }

    /// A framing offset: little-endian on every machine.
    pub(crate) fn offset(&mut self, value: usize, width: usize) -> Result<(), W::Error> {
        let bytes = u64::try_from(value).unwrap_or(u64::MAX).to_le_bytes();
        self.bytes(bytes.get(..width).unwrap_or(&bytes))
    }
}

#[cfg(feature = "alloc")]
impl<W: Write> Writer<W> {
    pub(crate) const fn position(&self) -> usize {
        self.position
    }

    /// Padding up to a multiple of `alignment`, from the start of the message.
    pub(crate) fn pad(&mut self, alignment: usize) -> Result<(), W::Error> {
        let padding = align(self.position, alignment).saturating_sub(self.position);
        self.bytes([0; 8].get(..padding).unwrap_or_default())
    }
}

/// The size of a container with `count` framing offsets after a body of `body` bytes.
pub(crate) fn framed_len(body: usize, count: usize) -> usize {
    body.saturating_add(count.saturating_mul(minimal_width(body, count)))
}

/// Writes an array whose elements have no fixed size; `len` is an element's size without padding.
#[cfg(feature = "alloc")]
pub(crate) fn write_array<W: Write, T>(
    writer: &mut Writer<W>,
    alignment: usize,
    elements: impl Iterator<Item = T> + Clone,
    len: impl Fn(&T) -> usize,
    mut write: impl FnMut(&mut Writer<W>, T) -> Result<(), W::Error>,
) -> Result<(), W::Error> {
    let end_after = |end: usize, element: &T| align(end, alignment).saturating_add(len(element));
    let (body, count) = elements
        .clone()
        .fold((0, 0_usize), |(end, count), element| (end_after(end, &element), count.saturating_add(1)));
    let width = minimal_width(body, count);
    for element in elements.clone() {
        writer.pad(alignment)?;
        write(writer, element)?;
    }
    let mut end = 0;
    for element in elements {
        end = end_after(end, &element);
        writer.offset(end, width)?;
    }
    Ok(())
}

/// A sink that only counts.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counter {
    pub(crate) bytes: usize,
}

#[cfg(feature = "alloc")]
impl embedded_io::ErrorType for Counter {
    type Error = core::convert::Infallible;
}

#[cfg(feature = "alloc")]
impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.bytes = self.bytes.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}
