//! The compressor of zlib itself, which is C: commits that list sizes (`ostree.sizes`) have the checksum that libostree
//! gives them only if each object has the size that zlib gives it. Distributions that replace zlib by zlib-ng have tools
//! that list other sizes.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// How much is handed over at once, in bytes, as by GLib's `GConverterOutputStream`: when zlib's window slides depends on
/// it, and so do its bytes.
const INPUT_BYTES: usize = 8192;

/// Compresses all of `reader` into `writer` as raw deflate, with the very bytes that libostree stores at
/// [`DEFAULT_LEVEL`](super::DEFAULT_LEVEL). [`deflate`](super::deflate()) is faster, and its result of another size.
///
/// # Errors
/// As of both.
pub fn deflate(mut reader: impl Read, writer: impl Write) -> io::Result<()> {
    let mut encoder = DeflateEncoder::new(writer, Compression::new(super::DEFAULT_LEVEL.into()));
    let mut piece = [0; INPUT_BYTES];
    loop {
        let mut filled = 0;
        while let Some(space) = piece.get_mut(filled..).filter(|space| !space.is_empty()) {
            match reader.read(space) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if filled == 0 {
            return encoder.finish().map(drop);
        }
        encoder.write_all(piece.get(..filled).unwrap_or_default())?;
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// Python's `zlib.compressobj(6, zlib.DEFLATED, -15, 8)` gives these; `tests/peer/sizes.rs` asks the real tool.
    #[test]
    fn small_content_is_as_zlib_has_it() {
        let packed = |content: &[u8]| {
            let mut out = Vec::new();
            deflate(content, &mut out).unwrap();
            out
        };
        assert_eq!(packed(b""), [3, 0]);
        assert_eq!(packed(b"hello\n"), *b"\xcb\x48\xcd\xc9\xc9\xe7\x02\x00");
        assert_eq!(packed(&[0; 5000]).len(), 22);
    }
}
