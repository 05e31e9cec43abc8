//! `.filez`: an archive repository's file objects. A framed header, then raw deflate of the content.

#[cfg(feature = "zlib")]
mod zlib;

#[cfg(feature = "zlib")]
pub use zlib::deflate as deflate_as_zlib;

use alloc::{boxed::Box, vec};
use std::io::{self, Read, Write};

use zlib_rs::{Deflate, DeflateFlush, InflateFlush, Status};

use crate::object::FRAME_BYTES;
use crate::{FileHeader, FilezHeaderRef};

/// The level that libostree compresses with unless told otherwise.
pub const DEFAULT_LEVEL: u8 = 6;

const BUFFER_BYTES: usize = 64 * 1024;

/// Deflate's window: 32 KiB, as a power of two.
const WINDOW_BITS: u8 = 15;

/// Reads the header of a `.filez`, and leaves `reader` at the compressed content.
///
/// # Errors
/// As of the reader; malformed headers are [`io::ErrorKind::InvalidData`] with an [`crate::Error`] inside.
pub fn read_header(reader: &mut impl Read) -> io::Result<(u64, FileHeader)> {
    let mut frame = [0; FRAME_BYTES];
    reader.read_exact(&mut frame)?;
    let mut bytes = vec![0; FilezHeaderRef::len_from_frame(frame).map_err(invalid)?];
    reader.read_exact(&mut bytes)?;
    let header = FilezHeaderRef::parse(&bytes).map_err(invalid)?;
    Ok((header.size, header.file.into()))
}

pub(crate) fn invalid(error: crate::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Inflates exactly the declared size: one byte more or less, or bytes after the end, are an error.
pub struct Inflate<R> {
    reader: R,
    state: zlib_rs::Inflate,
    buffer: Box<[u8]>,
    filled: usize,
    used: usize,
    left: u64,
    ended: bool,
}

impl<R: Read> Inflate<R> {
    /// Inflates `size` bytes from `reader`.
    pub fn new(reader: R, size: u64) -> Self {
        Self {
            reader,
            state: zlib_rs::Inflate::new(false, WINDOW_BITS),
            buffer: vec![0; BUFFER_BYTES].into(),
            filled: 0,
            used: 0,
            left: size,
            ended: false,
        }
    }

    fn step(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.used == self.filled {
                (self.used, self.filled) = (0, self.reader.read(&mut self.buffer)?);
            }
            let input = self.buffer.get(self.used..self.filled).unwrap_or_default();
            let at_end = input.is_empty();
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(input, out, InflateFlush::NoFlush);
            self.used += count(self.state.total_in() - before_in);
            let written = count(self.state.total_out() - before_out);
            match status {
                Ok(Status::StreamEnd) => {
                    self.ended = true;
                    return Ok(written);
                }
                Ok(_) if written > 0 => return Ok(written),
                Ok(_) if !at_end => {}
                _ => return Err(bad("the compressed content is damaged or ends in the middle")),
            }
        }
    }

    fn check_end(&mut self) -> io::Result<()> {
        if !self.ended && self.step(&mut [0])? > 0 {
            return Err(bad("more content than the header declares"));
        }
        if self.used < self.filled || self.reader.read(&mut [0])? > 0 {
            return Err(bad("bytes after the end of the compressed content"));
        }
        Ok(())
    }
}

impl<R: Read> Read for Inflate<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            if !out.is_empty() {
                self.check_end()?;
            }
            return Ok(0);
        }
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        let Some(out) = out.get_mut(..room) else { return Ok(0) };
        if self.ended {
            return Err(bad("less content than the header declares"));
        }
        let written = self.step(out)?;
        self.left -= u64::try_from(written).unwrap_or(0);
        if written == 0 && room > 0 {
            return Err(bad("less content than the header declares"));
        }
        Ok(written)
    }
}

impl<R> core::fmt::Debug for Inflate<R> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("Inflate").field("left", &self.left).finish_non_exhaustive()
    }
}

/// Compresses all of `reader` into `writer` as raw deflate.
///
/// # Errors
/// As of both.
pub fn deflate(mut reader: impl Read, mut writer: impl Write, level: u8) -> io::Result<()> {
    let mut state = Deflate::new(level.min(9).into(), false, WINDOW_BITS);
    let (mut input, mut output) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
    loop {
        let read = reader.read(&mut input)?;
        let flush = if read == 0 { DeflateFlush::Finish } else { DeflateFlush::NoFlush };
        let mut rest = input.get(..read).unwrap_or_default();
        loop {
            let (before_in, before_out) = (state.total_in(), state.total_out());
            let status = state.compress(rest, &mut output, flush);
            rest = rest.get(count(state.total_in() - before_in)..).unwrap_or_default();
            let written = count(state.total_out() - before_out);
            writer.write_all(output.get(..written).unwrap_or_default())?;
            match status {
                Ok(Status::StreamEnd) => return Ok(()),
                Ok(_) if rest.is_empty() && read > 0 && written < output.len() => break,
                Ok(_) => {}
                Err(_) => return Err(bad("the content cannot be compressed")),
            }
        }
    }
}

/// How many bytes of a buffer one step used.
fn count(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn bad(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn inflated(bytes: &[u8], size: u64) -> Result<Vec<u8>, alloc::string::String> {
        let mut out = Vec::new();
        Inflate::new(bytes, size).read_to_end(&mut out).map_err(|error| alloc::format!("{error}"))?;
        Ok(out)
    }

    #[test]
    fn content_of_every_size_comes_back() {
        for size in [0, 1, 100, BUFFER_BYTES, 3 * BUFFER_BYTES + 17] {
            let content: Vec<u8> = (0..size).map(|at| u8::try_from(at * at % 251).unwrap()).collect();
            let mut bytes = Vec::new();
            deflate(&content[..], &mut bytes, DEFAULT_LEVEL).unwrap();
            assert_eq!(inflated(&bytes, u64::try_from(size).unwrap()).unwrap(), content);
        }
    }

    #[test]
    fn refuses_more_or_less_than_declared_and_what_follows() {
        let mut bytes = Vec::new();
        deflate(&b"twelve bytes"[..], &mut bytes, DEFAULT_LEVEL).unwrap();
        assert_eq!(inflated(&bytes, 11).unwrap_err(), "more content than the header declares");
        assert_eq!(inflated(&bytes, 13).unwrap_err(), "less content than the header declares");
        assert_eq!(
            inflated(&bytes[..bytes.len() - 2], 12).unwrap_err(),
            "the compressed content is damaged or ends in the middle"
        );
        bytes.push(0);
        assert_eq!(inflated(&bytes, 12).unwrap_err(), "bytes after the end of the compressed content");
    }
}
