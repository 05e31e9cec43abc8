//! Deflate as zlib itself does it at level 6: for the same content the same bytes, so that what a commit says an object
//! takes in an archive is what the real tool says (`commit --generate-sizes`, which compresses by zlib).
//!
//! Source: zlib's `deflate.c` (`deflate_slow`, `longest_match`, `fill_window`), as it is with `deflateInit2(6,
//! Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY)`, which is what GLib's `GZlibCompressor` asks for. Distributions that replace
//! zlib by zlib-ng have tools that give other bytes.

mod trees;

use alloc::vec;
use alloc::vec::Vec;
use std::io::{self, Read, Write};

use trees::Block;

/// How far back a match may be, and how much the window slides at once, in bytes.
const WINDOW_BYTES: usize = 32 * 1024;
/// The shortest and the longest match, in bytes.
const MIN_MATCH: usize = 3;
const MAX_MATCH: usize = 258;
/// What has to be known of the content to come, so that the longest match is found, in bytes.
const MIN_LOOKAHEAD: usize = MAX_MATCH + MIN_MATCH + 1;
/// How far back a match is looked for, in bytes.
const MAX_DISTANCE: usize = WINDOW_BYTES - MIN_LOOKAHEAD;
/// The shortest match is worth nothing from so far back, in bytes.
const TOO_FAR: usize = 4096;
/// How much is read at once, in bytes: what GLib hands over. It decides when the window slides.
const INPUT_BYTES: usize = 8192;
/// The hash of three bytes has so many bits.
const HASH_BITS: u32 = 15;

/// Level 6 of `configuration_table`: a match of so many bytes is taken, a search for a better one shortened, a match
/// that ends every search, and how many places are looked at.
const MAX_LAZY: usize = 16;
const GOOD_LENGTH: usize = 8;
const NICE_LENGTH: usize = 128;
const MAX_CHAIN: usize = 128;

/// Compresses all of `reader` into `writer` as raw deflate, with the very bytes that zlib gives at
/// [`DEFAULT_LEVEL`](super::DEFAULT_LEVEL). [`deflate`](super::deflate()) is faster, and its result of another size.
///
/// # Errors
/// As of both.
pub fn deflate(reader: impl Read, writer: impl Write) -> io::Result<()> {
    let mut deflater = Deflater {
        reader,
        writer,
        window: vec![0; 2 * WINDOW_BYTES],
        head: vec![0; 1 << HASH_BITS],
        previous: vec![0; WINDOW_BYTES],
        start: 0,
        lookahead: 0,
        block_start: Some(0),
        has_ended: false,
        block: Block::new(),
    };
    deflater.run()
}

struct Deflater<R, W> {
    reader: R,
    writer: W,
    window: Vec<u8>,
    /// The last place with each hash, in the window; 0 stands for none.
    head: Vec<u16>,
    /// The place before each place, modulo the window's size, with the same hash.
    previous: Vec<u16>,
    /// Where the content to come begins in the window, and how much of it is known.
    start: usize,
    lookahead: usize,
    /// Where the block begins in the window, if that is still there.
    block_start: Option<usize>,
    has_ended: bool,
    block: Block,
}

/// A match of content to come with content before it.
#[derive(Clone, Copy)]
struct Match {
    distance: usize,
    length: usize,
}

impl<R: Read, W: Write> Deflater<R, W> {
    /// `deflate_slow`: a match is taken only if the next place has no longer one.
    fn run(&mut self) -> io::Result<()> {
        let none = Match { distance: 0, length: MIN_MATCH - 1 };
        let mut found = none;
        // Whether the byte before `start` is not written yet.
        let mut is_pending = false;
        loop {
            if self.lookahead < MIN_LOOKAHEAD {
                self.fill()?;
                if self.lookahead == 0 {
                    break;
                }
            }
            let candidate = if self.lookahead >= MIN_MATCH { self.insert(self.start) } else { 0 };
            let before = found;
            found = none;
            if candidate != 0 && before.length < MAX_LAZY && self.start - candidate <= MAX_DISTANCE {
                found = self.longest(candidate, before.length);
                if found.length == MIN_MATCH && found.distance > TOO_FAR {
                    found.length = MIN_MATCH - 1;
                }
            }
            if before.length >= MIN_MATCH && found.length <= before.length {
                let last_insert = (self.start + self.lookahead).saturating_sub(MIN_MATCH);
                let is_full = self.block.matched(before.distance, before.length);
                self.lookahead -= before.length - 1;
                for _ in 0..before.length - 2 {
                    self.start += 1;
                    if self.start <= last_insert {
                        self.insert(self.start);
                    }
                }
                self.start += 1;
                is_pending = false;
                found = none;
                if is_full {
                    self.flush(false)?;
                }
                continue;
            }
            if is_pending {
                let is_full = self.literal();
                if is_full {
                    self.flush(false)?;
                }
            }
            is_pending = true;
            self.start += 1;
            self.lookahead -= 1;
        }
        if is_pending {
            self.literal();
        }
        self.flush(true)
    }

    /// The byte before `start` as it is.
    fn literal(&mut self) -> bool {
        let byte = self.start.checked_sub(1).and_then(|at| self.window.get(at)).copied();
        self.block.literal(byte.unwrap_or_default())
    }

    /// `fill_window`: slides the window if it is used up, and reads more.
    fn fill(&mut self) -> io::Result<()> {
        loop {
            if self.start >= WINDOW_BYTES + MAX_DISTANCE {
                self.slide();
            }
            if self.has_ended {
                return Ok(());
            }
            let end = self.start + self.lookahead;
            let room = (self.window.len() - end).min(INPUT_BYTES);
            let mut read = 0;
            while read < room {
                let space = self.window.get_mut(end + read..end + room).unwrap_or_default();
                match self.reader.read(space) {
                    Ok(0) => {
                        self.has_ended = true;
                        break;
                    }
                    Ok(count) => read += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.lookahead += read;
            if self.lookahead >= MIN_LOOKAHEAD {
                return Ok(());
            }
        }
    }

    fn slide(&mut self) {
        self.window.copy_within(WINDOW_BYTES.., 0);
        self.start -= WINDOW_BYTES;
        self.block_start = self.block_start.and_then(|start| start.checked_sub(WINDOW_BYTES));
        let by = u16::try_from(WINDOW_BYTES).unwrap_or(u16::MAX);
        for place in self.head.iter_mut().chain(&mut self.previous) {
            *place = place.saturating_sub(by);
        }
    }

    /// Notes the three bytes at `at`, and returns the last place that has the same hash; 0 if there is none.
    fn insert(&mut self, at: usize) -> usize {
        let Some([first, second, third]) = self.window.get(at..at + MIN_MATCH) else { return 0 };
        let hash = (usize::from(*first) << 10 ^ usize::from(*second) << 5 ^ usize::from(*third))
            & ((1 << HASH_BITS) - 1);
        let (Some(head), Some(previous)) =
            (self.head.get_mut(hash), self.previous.get_mut(at % WINDOW_BYTES))
        else {
            return 0;
        };
        *previous = *head;
        *head = u16::try_from(at).unwrap_or_default();
        usize::from(*previous)
    }

    /// `longest_match`: the first of the longest matches longer than `least`, from `candidate` back.
    fn longest(&self, candidate: usize, least: usize) -> Match {
        let mut best = Match { distance: 0, length: least };
        let scan =
            self.window.get(self.start..self.start + self.lookahead.min(MAX_MATCH)).unwrap_or_default();
        // No match is longer than what is known.
        if best.length >= self.lookahead {
            return Match { distance: 0, length: self.lookahead };
        }
        let chain = if least >= GOOD_LENGTH { MAX_CHAIN / 4 } else { MAX_CHAIN };
        let nice = NICE_LENGTH.min(self.lookahead);
        let limit = self.start.saturating_sub(MAX_DISTANCE);
        let mut at = candidate;
        for _ in 0..chain {
            let there = self.window.get(at..).unwrap_or_default();
            if there.get(best.length) == scan.get(best.length)
                && there.get(best.length - 1) == scan.get(best.length - 1)
            {
                let length = scan.iter().zip(there).take_while(|(one, other)| one == other).count();
                // The hash of other bytes may be the same.
                if length > best.length {
                    best = Match { distance: self.start - at, length };
                    if length >= nice {
                        break;
                    }
                }
            }
            at = usize::from(self.previous.get(at % WINDOW_BYTES).copied().unwrap_or_default());
            if at <= limit {
                break;
            }
        }
        best
    }

    fn flush(&mut self, is_last: bool) -> io::Result<()> {
        let content = self.block_start.and_then(|start| self.window.get(start..self.start));
        self.block.finish(content, is_last);
        self.block_start = Some(self.start);
        self.writer.write_all(self.block.written())?;
        self.block.forget_written();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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
