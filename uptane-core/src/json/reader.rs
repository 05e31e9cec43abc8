//! The scanner over a stream: one window of the caller's, however long the document is.
//!
//! A value that fits the window is checked and passed on as a whole, by the very scanner that reads slices. An
//! object or array that does not fit is entered, and its elements are treated alike. What comes out is the
//! document's bytes ([`Output::raw`]) beside its canonical form ([`Output::canonical`]).

use core::cmp::Ordering;

use embedded_io::Read;

use super::scan::check_prefix;
use super::{JsonError, JsonErrorKind, JsonStr, MAX_DEPTH, Value, parse};
use crate::canonical::{self, Form, MemberIndex, Sink};
use crate::stream::{Failure, Unsuited};

/// Smallest window that is worked with, in bytes.
pub const MIN_WINDOW_BYTES: usize = 64;

/// Most bytes that the keys of all open objects may have together: one key each is kept, to see that they are in
/// order.
pub const MAX_OPEN_KEYS_BYTES: usize = 1024;

/// The longest text that could look wrong only because the window ends in the middle of it: a surrogate pair.
const LONGEST_ESCAPE: usize = 12;

/// Takes what a [`Reader`] passes on.
pub(crate) trait Output {
    /// Bytes of the document that are not canonical as they stand.
    fn raw(&mut self, bytes: &[u8]);
    /// Bytes of the canonical form that are not in the document like that.
    fn canonical(&mut self, bytes: &[u8]);
    /// Bytes of both.
    fn both(&mut self, bytes: &[u8]);
}

/// An object or array that was entered.
#[derive(Debug)]
pub(crate) struct Level {
    object: bool,
    first: bool,
    /// Where its last key starts among the open keys; `None` before the first.
    key: Option<usize>,
    /// Where its keys start among the open keys.
    base: usize,
    /// Whether its members may come in any order: whoever entered it sees to that.
    pub(crate) any_order: bool,
}

impl Level {
    /// An object that another reader entered: this one starts at a member of it.
    pub(crate) fn resumed() -> Self {
        Self { object: true, first: true, key: None, base: 0, any_order: true }
    }
}

/// How the next value can be had.
enum Loaded {
    /// In the window, of this length; the flag says whether it is plain.
    Whole(usize, bool),
    /// It is an object or array that does not fit.
    Long,
}

/// See the module.
pub(crate) struct Reader<'s, R, O, I> {
    source: &'s mut R,
    pub(crate) output: O,
    window: &'s mut [u8],
    index: &'s mut I,
    form: Form,
    /// What is in the window: `pending..at` was read and is canonical as it stands, but was not passed on yet.
    pending: usize,
    at: usize,
    filled: usize,
    /// Where the window starts in the document.
    offset: u64,
    limit: u64,
    ended: bool,
    /// Open objects and arrays around the next value.
    pub(crate) depth: usize,
    keys: heapless::Vec<u8, MAX_OPEN_KEYS_BYTES>,
    /// Whether a value had characters that the forms write differently.
    pub(crate) forms_differ: bool,
}

type Outcome<T, R> = Result<T, Failure<<R as embedded_io::ErrorType>::Error>>;

impl<'s, R: Read, O: Output, I: MemberIndex> Reader<'s, R, O, I> {
    /// A reader that starts at byte `offset` of a document of at most `limit` bytes.
    pub(crate) fn new(
        source: &'s mut R,
        output: O,
        (window, index): (&'s mut [u8], &'s mut I),
        form: Form,
        (offset, limit): (u64, u64),
    ) -> Outcome<Self, R> {
        if window.len() < MIN_WINDOW_BYTES {
            return Err(Unsuited::TooLong { limit: window.len() }.into());
        }
        let (pending, at, filled, depth) = (0, 0, 0, 0);
        let (ended, keys, forms_differ) = (false, heapless::Vec::new(), false);
        Ok(Self {
            source,
            output,
            window,
            index,
            form,
            pending,
            at,
            filled,
            offset,
            limit,
            ended,
            depth,
            keys,
            forms_differ,
        })
    }

    /// Where the next byte stands in the document.
    pub(crate) fn position(&self) -> u64 {
        self.offset.saturating_add(u64::try_from(self.at).unwrap_or(u64::MAX))
    }

    /// Passes on everything that was read.
    pub(crate) fn flush(&mut self) {
        let bytes = self.window.get(self.pending..self.at).unwrap_or_default();
        if !bytes.is_empty() {
            self.output.both(bytes);
        }
        self.pending = self.at;
    }

    /// Refuses anything but white space up to the end.
    pub(crate) fn finish(&mut self) -> Outcome<(), R> {
        if self.peek()?.is_some() {
            return Err(self.error(JsonErrorKind::TrailingBytes));
        }
        self.flush();
        Ok(())
    }

    /// The next byte that is no white space; `None` at the end.
    pub(crate) fn peek(&mut self) -> Outcome<Option<u8>, R> {
        loop {
            let rest = self.window.get(self.at..self.filled).unwrap_or_default();
            let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
            let next = rest.get(blank).copied();
            if blank > 0 {
                self.skip(blank);
            }
            if next.is_some() || self.ended {
                return Ok(next);
            }
            self.fill()?;
        }
    }

    /// Enters the object that comes next.
    pub(crate) fn enter_object(&mut self) -> Outcome<Level, R> {
        match self.peek()? {
            Some(b'{') => self.enter(true),
            None => Err(self.error(JsonErrorKind::UnexpectedEnd)),
            Some(_) => {
                let other = self.error(JsonErrorKind::WrongType("an object"));
                self.value(|_| ())?;
                Err(other)
            }
        }
    }

    fn enter(&mut self, object: bool) -> Outcome<Level, R> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(JsonErrorKind::TooDeep));
        }
        self.depth += 1;
        self.at += 1;
        Ok(Level { object, first: true, key: None, base: self.keys.len(), any_order: false })
    }

    /// Goes to the next element of `level`, past its key; `false` at its end.
    pub(crate) fn next(&mut self, level: &mut Level) -> Outcome<bool, R> {
        let more = self.separator(level)?;
        if more && level.object {
            self.member_key(level)?;
        }
        Ok(more)
    }

    /// Goes past the comma in front of the next element of `level`, or past its end: then `false`.
    pub(crate) fn separator(&mut self, level: &mut Level) -> Outcome<bool, R> {
        let byte = self.require()?;
        if byte == if level.object { b'}' } else { b']' } {
            self.at += 1;
            self.depth -= 1;
            self.keys.truncate(level.base);
            return Ok(false);
        }
        if !core::mem::replace(&mut level.first, false) {
            if byte != b',' {
                return Err(self.error(JsonErrorKind::UnexpectedByte(byte)));
            }
            self.at += 1;
        }
        Ok(true)
    }

    /// Reads a key and its colon.
    pub(crate) fn member_key(&mut self, level: &mut Level) -> Outcome<(), R> {
        let byte = self.require()?;
        if byte != b'"' {
            return Err(self.error(JsonErrorKind::UnexpectedByte(byte)));
        }
        let Loaded::Whole(length, plain) = self.load()? else { return Err(self.too_long()) };
        let bytes = self.window.get(self.at..self.at + length).unwrap_or_default();
        // What is plain is ASCII.
        if !plain && core::str::from_utf8(bytes).is_err() {
            return Err(self.error(JsonErrorKind::NotUtf8));
        }
        let raw = bytes.get(1..length.saturating_sub(1)).unwrap_or_default();
        let last = level.key.and_then(|start| self.keys.get(start..));
        let order = last.map(|last| JsonStr::checked(last).order(JsonStr::checked(raw)));
        match order {
            Some(Ordering::Equal) => return Err(self.error(JsonErrorKind::DuplicateKey)),
            Some(Ordering::Greater) if !level.any_order => {
                return Err(Unsuited::OutOfOrder { offset: self.position() }.into());
            }
            _ => {}
        }
        self.keys.truncate(level.base);
        if self.keys.extend_from_slice(raw).is_err() {
            return Err(Unsuited::TooLong { limit: MAX_OPEN_KEYS_BYTES }.into());
        }
        level.key = Some(level.base);
        self.pass(length, plain)?;
        match self.require()? {
            b':' => self.at += 1,
            byte => return Err(self.error(JsonErrorKind::UnexpectedByte(byte))),
        }
        Ok(())
    }

    /// The key that [`Self::next`] went past.
    pub(crate) fn key(&self, level: &Level) -> JsonStr<'_> {
        JsonStr::checked(self.keys.get(level.base..).unwrap_or_default())
    }

    /// The key's bytes as the document writes them, without quotes.
    pub(crate) fn raw_key(&self, level: &Level) -> &[u8] {
        self.keys.get(level.base..).unwrap_or_default()
    }

    /// Reads the next value, which must fit the window, and passes it on.
    pub(crate) fn value<T>(&mut self, read: impl FnOnce(Value<'_>) -> T) -> Outcome<T, R> {
        self.value_beside(|value, _| read(value))
    }

    /// As [`Self::value`], with what it is passed on to afterwards.
    pub(crate) fn value_beside<T>(&mut self, read: impl FnOnce(Value<'_>, &mut O) -> T) -> Outcome<T, R> {
        let Loaded::Whole(length, plain) = self.load()? else { return Err(self.too_long()) };
        let position = self.position();
        let bytes = self.window.get(self.at..self.at + length).unwrap_or_default();
        let value = if plain {
            // `load` checked its syntax, and plain bytes are ASCII.
            Value::checked(bytes)
        } else {
            parse(bytes).map_err(|error| Failure::Json(shift(error, position)))?
        };
        let read = read(value, &mut self.output);
        self.pass(length, plain)?;
        Ok(read)
    }

    /// As [`Self::value`], with where the value starts in the document.
    pub(crate) fn value_at<T>(&mut self, read: impl FnOnce(Value<'_>, u64) -> T) -> Outcome<T, R> {
        self.peek()?;
        let position = self.position();
        self.value(|value| read(value, position))
    }

    /// Passes the next value on, however long it is.
    pub(crate) fn copy(&mut self) -> Outcome<(), R> {
        let mut open: heapless::Vec<Level, MAX_DEPTH> = heapless::Vec::new();
        loop {
            match self.load()? {
                Loaded::Whole(length, plain) => self.pass(length, plain)?,
                Loaded::Long => {
                    let object = self.peek()? == Some(b'{');
                    let level = self.enter(object)?;
                    // `enter` refused what nests deeper than the stack.
                    open.push(level).map_err(|_| self.error(JsonErrorKind::TooDeep))?;
                }
            }
            loop {
                let Some(level) = open.last_mut() else { return Ok(()) };
                if self.next(level)? {
                    break;
                }
                open.pop();
            }
        }
    }

    fn require(&mut self) -> Outcome<u8, R> {
        self.peek()?.ok_or_else(|| self.error(JsonErrorKind::UnexpectedEnd))
    }

    /// Gets the next value into the window, if it fits.
    fn load(&mut self) -> Outcome<Loaded, R> {
        self.peek()?;
        loop {
            let rest = self.window.get(self.at..self.filled).unwrap_or_default();
            let all = self.ended || rest.len() == self.window.len();
            let long = match check_prefix(rest, self.depth) {
                // Digits may follow a number that ends where the window does.
                Ok((length, plain)) if self.ended || length < rest.len() || !is_number(rest) => {
                    return Ok(Loaded::Whole(length, plain));
                }
                Ok(_) => true,
                Err(error) if all => {
                    let cut = match error.kind {
                        JsonErrorKind::UnexpectedEnd => true,
                        JsonErrorKind::BadEscape => error.offset + LONGEST_ESCAPE > rest.len(),
                        // What follows its digits may be worse than that there are too many of them.
                        JsonErrorKind::IntegerRange => runs_to_the_end(rest, error.offset),
                        _ => false,
                    };
                    if self.ended || !cut {
                        return Err(Failure::Json(shift(error, self.position())));
                    }
                    true
                }
                Err(_) => false,
            };
            if all && long {
                return match rest.first() {
                    Some(b'{' | b'[') => Ok(Loaded::Long),
                    _ => Err(self.too_long()),
                };
            }
            self.fill()?;
        }
    }

    /// Passes on a value of `length` bytes that [`Self::load`] found.
    fn pass(&mut self, length: usize, plain: bool) -> Outcome<(), R> {
        if plain {
            self.at += length;
            return Ok(());
        }
        self.flush();
        let position = self.position();
        let bytes = self.window.get(self.at..self.at + length).unwrap_or_default();
        let refused = |error: JsonError| match error.kind {
            JsonErrorKind::IndexFull(limit) => Failure::from(Unsuited::IndexFull { limit }),
            _ => Failure::Json(shift(error, position)),
        };
        let value = parse(bytes).map_err(refused)?;
        self.forms_differ |= !bytes.is_ascii() || bytes.contains(&b'\\');
        canonical::write(value, self.form, self.index, &mut CanonicalOnly(&mut self.output))
            .map_err(refused)?;
        self.output.raw(bytes);
        self.at += length;
        self.pending = self.at;
        Ok(())
    }

    /// Skips `count` bytes that have no place in the canonical form.
    fn skip(&mut self, count: usize) {
        self.flush();
        self.output.raw(self.window.get(self.at..self.at + count).unwrap_or_default());
        self.at += count;
        self.pending = self.at;
    }

    /// Reads on: makes room, then reads until the window is full or the document ends.
    fn fill(&mut self) -> Outcome<(), R> {
        self.flush();
        self.window.copy_within(self.at..self.filled, 0);
        self.offset = self.position();
        (self.filled, self.at, self.pending) = (self.filled - self.at, 0, 0);
        while let Some(room) = self.window.get_mut(self.filled..).filter(|room| !room.is_empty()) {
            let read = self.source.read(room).map_err(Failure::Io)?;
            if read == 0 {
                self.ended = true;
                break;
            }
            self.filled += read;
            if self.offset.saturating_add(u64::try_from(self.filled).unwrap_or(u64::MAX)) > self.limit {
                return Err(Failure::TooLarge { limit: self.limit });
            }
        }
        Ok(())
    }

    fn too_long(&self) -> Failure<R::Error> {
        Unsuited::TooLong { limit: self.window.len() }.into()
    }

    fn error(&self, kind: JsonErrorKind) -> Failure<R::Error> {
        Failure::Json(shift(JsonError { kind, offset: 0 }, self.position()))
    }
}

fn is_number(value: &[u8]) -> bool {
    matches!(value.first(), Some(b'-' | b'0'..=b'9'))
}

/// Whether the number at `start` goes on up to the end of `bytes`.
fn runs_to_the_end(bytes: &[u8], start: usize) -> bool {
    bytes.iter().skip(start).all(|byte| matches!(byte, b'-' | b'0'..=b'9'))
}

/// What is wrong in a value, as a place in the document that it starts in at `position`.
pub(crate) fn shift(error: JsonError, position: u64) -> JsonError {
    let position = usize::try_from(position).unwrap_or(usize::MAX);
    JsonError { offset: error.offset.saturating_add(position), ..error }
}

/// The canonical side of an output, as a sink.
struct CanonicalOnly<'o, O>(&'o mut O);

impl<O: Output> Sink for CanonicalOnly<'_, O> {
    fn write(&mut self, bytes: &[u8]) {
        self.0.canonical(bytes);
    }
}

/// A sink that gets the canonical form, and forgets how the document wrote it.
pub(crate) struct CanonicalTo<'o, S>(pub(crate) &'o mut S);

impl<S: Sink> Output for CanonicalTo<'_, S> {
    fn raw(&mut self, _: &[u8]) {}

    fn canonical(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    fn both(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
}
