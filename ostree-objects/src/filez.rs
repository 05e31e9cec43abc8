//! `.filez`: an archive repository's file objects. A framed header, then raw deflate of the content.

use alloc::{boxed::Box, vec};
use std::io::{self, Read, Write};

use miniz_oxide::deflate::core::{CompressorOxide, create_comp_flags_from_zip_params};
use miniz_oxide::inflate::stream::InflateState;
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

use crate::object::FRAME_BYTES;
use crate::{FileHeader, FilezHeaderRef};

/// The level that libostree compresses with unless told otherwise.
pub const DEFAULT_LEVEL: u8 = 6;

const BUFFER_BYTES: usize = 64 * 1024;

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
    state: Box<InflateState>,
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
            state: InflateState::new_boxed(DataFormat::Raw),
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
            let flush = if at_end { MZFlush::Finish } else { MZFlush::None };
            let result = miniz_oxide::inflate::stream::inflate(&mut self.state, input, out, flush);
            self.used += result.bytes_consumed;
            match result.status {
                Ok(MZStatus::StreamEnd) => {
                    self.ended = true;
                    return Ok(result.bytes_written);
                }
                Ok(_) if result.bytes_written > 0 => return Ok(result.bytes_written),
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
        let count = self.step(out)?;
        self.left -= u64::try_from(count).unwrap_or(0);
        if count == 0 && room > 0 {
            return Err(bad("less content than the header declares"));
        }
        Ok(count)
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
    let flags = create_comp_flags_from_zip_params(level.into(), -15, 0);
    let mut state = Box::new(CompressorOxide::new(flags));
    let (mut input, mut output) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
    loop {
        let count = reader.read(&mut input)?;
        let flush = if count == 0 { MZFlush::Finish } else { MZFlush::None };
        let mut rest = input.get(..count).unwrap_or_default();
        loop {
            let result = miniz_oxide::deflate::stream::deflate(&mut state, rest, &mut output, flush);
            writer.write_all(output.get(..result.bytes_written).unwrap_or_default())?;
            rest = rest.get(result.bytes_consumed..).unwrap_or_default();
            match result.status {
                Ok(MZStatus::StreamEnd) => return Ok(()),
                Ok(_) | Err(miniz_oxide::MZError::Buf) if rest.is_empty() && count > 0 => break,
                Ok(_) => {}
                Err(_) => return Err(bad("the content cannot be compressed")),
            }
        }
    }
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
