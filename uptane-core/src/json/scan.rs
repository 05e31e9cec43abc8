//! The scanner: one pass over the bytes, a bit per open object instead of recursion.

use super::plain::plain_run;
use super::{JsonError, JsonErrorKind, MAX_DEPTH, Value};

/// Checks `document` from end to end and returns its one value.
///
/// # Errors
/// See [`JsonErrorKind`]; the offset is where the scan stopped.
pub fn parse(document: &[u8]) -> Result<Value<'_>, JsonError> {
    if let Err(error) = core::str::from_utf8(document) {
        return Err(JsonError { kind: JsonErrorKind::NotUtf8, offset: error.valid_up_to() });
    }
    let mut scanner = Scanner::new(document, 0);
    scanner.skip_whitespace();
    let start = scanner.at;
    let plain = scanner.check_value(0, Until::End)?;
    let end = scanner.at;
    scanner.skip_whitespace();
    if scanner.at != document.len() {
        return Err(scanner.error(JsonErrorKind::TrailingBytes));
    }
    Ok(Value { document, start, end, known: Known { plain, ..scanner.known } })
}

/// Checks the value at the start of `bytes`, inside of `depth` open objects and arrays: how long it is, and
/// whether it is plain. Its UTF-8 is not looked at.
pub(super) fn check_prefix(bytes: &[u8], depth: usize) -> Result<(usize, bool), JsonError> {
    let mut scanner = Scanner::new(bytes, 0);
    let plain = scanner.check_value(depth, Until::End)?;
    Ok((scanner.at, plain))
}

/// Whether the value at the start of `bytes` is plain; looks no further than to the first byte that says no.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    Scanner::new(bytes, 0).check_value(0, Until::NotPlain) == Ok(true)
}

/// What one scan of a document learned, so that it need not be scanned for it again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// The bytes are canonical as they stand, in every form: no white space, members in order, ASCII without
    /// escapes.
    pub(super) plain: bool,
    /// Start and end of the two longest objects or arrays inside, if longer than [`LONG`]: walking over the
    /// members around them need not read them. Every value holds this, on the small stack of an ECU: 32 bits each,
    /// and beyond 4 GiB nothing is remembered.
    long: [(u32, u32); 2],
}

/// What is worth remembering, in bytes.
const LONG: u32 = 4096;

impl Known {
    fn remember(&mut self, start: usize, end: usize) {
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) else { return };
        let length = |(start, end): (u32, u32)| end - start;
        let [first, second] = &mut self.long;
        let shortest = if length(*first) < length(*second) { first } else { second };
        if end - start > length(*shortest).max(LONG) {
            *shortest = (start, end);
        }
    }

    fn end_of(&self, start: usize) -> Option<usize> {
        let start = u32::try_from(start).ok()?;
        let long = self.long.iter().find(|long| long.0 == start && long.1 != 0)?;
        usize::try_from(long.1).ok()
    }
}

/// How far a check reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// To the end of the value.
    End,
    /// To the first byte that makes it not plain.
    NotPlain,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    known: Known,
}

/// What may come next inside the innermost open object or array.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// Right after the opening bracket: a first element or the closing bracket.
    FirstOrEnd,
    /// After a comma or a colon: an element.
    Element,
    /// After an element: a comma or the closing bracket.
    CommaOrEnd,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, known: Known::default() }
    }

    /// A scanner of the inside of a container whose document was checked.
    pub(super) fn inside(bytes: &'a [u8], at: usize, known: Known) -> Self {
        Self { bytes, at, known }
    }

    /// The next value of a container whose syntax was checked; `None` at its end.
    pub(super) fn next_element(&mut self) -> Option<Value<'a>> {
        self.skip_separators();
        let start = self.at;
        self.skip_value()?;
        Some(Value { document: self.bytes, start, end: self.at, known: self.known })
    }

    /// Skips white space, commas and colons of a container whose syntax was checked.
    fn skip_separators(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r' | b',' | b':') = self.peek() {
            self.at += 1;
        }
    }

    /// Skips one checked value: counts brackets outside of strings.
    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => self.skip_string(),
                b'{' | b'[' => match self.known.end_of(self.at) {
                    Some(end) => self.at = end,
                    None => {
                        depth += 1;
                        self.at += 1;
                        continue;
                    }
                },
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => {
                    self.at += 1;
                    continue;
                }
                _ => {
                    self.at += 1;
                    while let Some(b'0'..=b'9' | b'a'..=b'z' | b'-') = self.peek() {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn skip_string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.next_special() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }

    /// Goes to the next byte of a string that is not printable ASCII, or is a quote or a backslash.
    fn next_special(&mut self) -> Option<u8> {
        self.at += plain_run(self.bytes.get(self.at..).unwrap_or_default());
        self.peek()
    }

    /// Checks one value inside of `outside` open containers; whether it is plain.
    fn check_value(&mut self, outside: usize, until: Until) -> Result<bool, JsonError> {
        let mut open = Open::new(outside);
        let mut plain = true;
        let mut expect = Expect::Element;
        loop {
            plain &= !self.skip_whitespace();
            if !plain && until == Until::NotPlain {
                return Ok(false);
            }
            let byte = self.peek().ok_or_else(|| self.error(JsonErrorKind::UnexpectedEnd))?;
            let in_object = open.in_object();
            let closes = match byte {
                b'}' => in_object,
                b']' => open.depth > 0 && !in_object,
                _ => false,
            };
            match (byte, expect) {
                (b',', Expect::CommaOrEnd) => {
                    self.at += 1;
                    if in_object {
                        plain &= self.check_key(&mut open)?;
                    }
                    expect = Expect::Element;
                    continue;
                }
                (_, Expect::FirstOrEnd | Expect::CommaOrEnd) if closes => {
                    self.at += 1;
                    let start = open.close();
                    // Nobody walks around the document itself: it must not take the place of what is inside.
                    if open.depth > 0 {
                        self.known.remember(start, self.at);
                    }
                }
                (_, Expect::CommaOrEnd) => return Err(self.error(JsonErrorKind::UnexpectedByte(byte))),
                (_, Expect::FirstOrEnd) if in_object => {
                    plain &= self.check_key(&mut open)?;
                    expect = Expect::Element;
                    continue;
                }
                (b'{' | b'[', _) => {
                    if !open.push(byte == b'{', self.at) {
                        return Err(self.error(JsonErrorKind::TooDeep));
                    }
                    self.at += 1;
                    expect = Expect::FirstOrEnd;
                    continue;
                }
                (b'"', _) => plain &= self.check_string()?,
                (b'-' | b'0'..=b'9', _) => plain &= self.check_number()?,
                (b't', _) => self.check_word(b"true")?,
                (b'f', _) => self.check_word(b"false")?,
                (b'n', _) => self.check_word(b"null")?,
                _ => return Err(self.error(JsonErrorKind::UnexpectedByte(byte))),
            }
            if open.depth == 0 {
                return Ok(plain);
            }
            expect = Expect::CommaOrEnd;
        }
    }

    /// A key and its colon; whether it is plain and comes after the key before it.
    fn check_key(&mut self, open: &mut Open) -> Result<bool, JsonError> {
        let mut plain = !self.skip_whitespace();
        self.require(b'"')?;
        let start = self.at + 1;
        plain &= self.check_string()?;
        plain &= open.follows(self.bytes, start, self.at - 1);
        plain &= !self.skip_whitespace();
        self.require(b':')?;
        self.at += 1;
        Ok(plain)
    }

    /// Whether the string is plain: printable ASCII without escapes.
    fn check_string(&mut self) -> Result<bool, JsonError> {
        self.at += 1;
        let mut plain = true;
        loop {
            match self.next_special() {
                None => return Err(self.error(JsonErrorKind::UnexpectedEnd)),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(plain);
                }
                Some(b'\\') => self.check_escape()?,
                Some(byte) if byte < 0x20 => return Err(self.error(JsonErrorKind::UnexpectedByte(byte))),
                Some(_) => self.at += 1,
            }
            plain = false;
        }
    }

    fn check_escape(&mut self) -> Result<(), JsonError> {
        let bad = self.error(JsonErrorKind::BadEscape);
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => match self.unit().ok_or(bad)? {
                0xd800..0xdc00 => {
                    let low = self.unit().ok_or(bad)?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err(bad);
                    }
                }
                0xdc00..0xe000 => return Err(bad),
                _ => {}
            },
            _ => return Err(bad),
        }
        Ok(())
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 6)?.strip_prefix(b"\\u")?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        self.at += 6;
        u32::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
    }

    /// Whether the number is plain: `-0` is the one that is not.
    fn check_number(&mut self) -> Result<bool, JsonError> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let digits = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        match (self.bytes.get(digits..self.at).unwrap_or_default(), self.peek()) {
            ([], byte) => {
                let kind = byte.map_or(JsonErrorKind::UnexpectedEnd, JsonErrorKind::UnexpectedByte);
                return Err(self.error(kind));
            }
            ([b'0', next, ..], _) => {
                return Err(JsonError { kind: JsonErrorKind::UnexpectedByte(*next), offset: digits + 1 });
            }
            (_, Some(b'.' | b'e' | b'E')) => return Err(self.error(JsonErrorKind::NotAnInteger)),
            _ => {}
        }
        let text = self.bytes.get(start..self.at).unwrap_or_default();
        // 18 digits and a sign are always within 64 bits.
        if text.len() > 18 {
            let text = core::str::from_utf8(text).unwrap_or_default();
            if text.parse::<u64>().is_err() && text.parse::<i64>().is_err() {
                return Err(JsonError { kind: JsonErrorKind::IntegerRange, offset: start });
            }
        }
        Ok(text != b"-0")
    }

    fn check_word(&mut self, word: &[u8]) -> Result<(), JsonError> {
        for &expected in word {
            self.require(expected)?;
            self.at += 1;
        }
        Ok(())
    }

    fn require(&self, expected: u8) -> Result<(), JsonError> {
        match self.peek() {
            Some(byte) if byte == expected => Ok(()),
            Some(byte) => Err(self.error(JsonErrorKind::UnexpectedByte(byte))),
            None => Err(self.error(JsonErrorKind::UnexpectedEnd)),
        }
    }

    /// Whether there was any.
    fn skip_whitespace(&mut self) -> bool {
        let start = self.at;
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        self.at != start
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn error(&self, kind: JsonErrorKind) -> JsonError {
        JsonError { kind, offset: self.at.min(self.bytes.len()) }
    }
}

/// The open objects and arrays of one scan.
struct Open {
    /// Those around the value that is scanned.
    outside: usize,
    depth: usize,
    /// Bit `depth - 1` says whether the container at that depth is an object.
    objects: u32,
    starts: [usize; MAX_DEPTH],
    /// The last key of each, as a range of the document.
    keys: [(usize, usize); MAX_DEPTH],
}

impl Open {
    fn new(outside: usize) -> Self {
        Self { outside, depth: 0, objects: 0, starts: [0; MAX_DEPTH], keys: [(0, 0); MAX_DEPTH] }
    }

    fn in_object(&self) -> bool {
        self.depth > 0 && self.objects & (1 << (self.depth - 1)) != 0
    }

    /// `false` if that is too deep.
    fn push(&mut self, object: bool, start: usize) -> bool {
        if self.outside + self.depth >= MAX_DEPTH {
            return false;
        }
        let bit = 1 << self.depth;
        self.objects = if object { self.objects | bit } else { self.objects & !bit };
        if let (Some(at), Some(key)) = (self.starts.get_mut(self.depth), self.keys.get_mut(self.depth)) {
            (*at, *key) = (start, (0, 0));
        }
        self.depth += 1;
        true
    }

    /// Where the innermost one started.
    fn close(&mut self) -> usize {
        self.depth -= 1;
        self.starts.get(self.depth).copied().unwrap_or_default()
    }

    /// Takes the next key of the innermost object; whether its bytes come after those of the key before.
    fn follows(&mut self, document: &[u8], start: usize, end: usize) -> bool {
        let Some(last) = self.keys.get_mut(self.depth.wrapping_sub(1)) else { return false };
        let (from, to) = core::mem::replace(last, (start, end));
        // No key starts at 0: a quote stands before it.
        from == 0 || document.get(from..to) < document.get(start..end)
    }
}

#[cfg(test)]
mod tests {
    extern crate alloc;
    use super::*;
    use alloc::string::String;

    fn refused(document: &[u8]) -> (JsonErrorKind, usize) {
        let error = parse(document).unwrap_err();
        (error.kind, error.offset)
    }

    #[test]
    fn refuses_what_is_not_json_and_says_where() {
        use JsonErrorKind::*;
        for (document, kind, offset) in [
            (&b""[..], UnexpectedEnd, 0),
            (b"{", UnexpectedEnd, 1),
            (b"{\"a\"}", UnexpectedByte(b'}'), 4),
            (b"{\"a\":1,}", UnexpectedByte(b'}'), 7),
            (b"[1,]", UnexpectedByte(b']'), 3),
            (b"[1 2]", UnexpectedByte(b'2'), 3),
            (b"[}", UnexpectedByte(b'}'), 1),
            (b"{]", UnexpectedByte(b']'), 1),
            (b"]", UnexpectedByte(b']'), 0),
            (b"{1:2}", UnexpectedByte(b'1'), 1),
            (b"01", UnexpectedByte(b'1'), 1),
            (b"-", UnexpectedEnd, 1),
            (b"1.5", NotAnInteger, 1),
            (b"[1e3]", NotAnInteger, 2),
            (b"18446744073709551616", IntegerRange, 0),
            (b"-9223372036854775809", IntegerRange, 0),
            (b"tru", UnexpectedEnd, 3),
            (b"trux", UnexpectedByte(b'x'), 3),
            (b"\"a\nb\"", UnexpectedByte(b'\n'), 2),
            (b"\"\\x\"", BadEscape, 1),
            (b"\"\\ud800\"", BadEscape, 1),
            (b"\"\\ud800\\u0041\"", BadEscape, 1),
            (b"\"\\udc00\"", BadEscape, 1),
            (b"\"\\u00g0\"", BadEscape, 1),
            (b"\"\xff\"", NotUtf8, 1),
            (b"{} {}", TrailingBytes, 3),
            (b"// c\n{}", UnexpectedByte(b'/'), 0),
        ] {
            assert_eq!(refused(document), (kind, offset), "{}", String::from_utf8_lossy(document));
        }
    }

    #[test]
    fn nesting_stops_at_the_limit_and_not_before() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        parse(nested(MAX_DEPTH).as_bytes()).unwrap();
        assert_eq!(refused(nested(MAX_DEPTH + 1).as_bytes()), (JsonErrorKind::TooDeep, MAX_DEPTH));
    }

    #[test]
    fn walks_around_the_longest_two_inside_of_a_document_read_neither() {
        let listed = alloc::format!("[{}0]", "0,".repeat(4096));
        let text = alloc::format!(r#"{{"a":1,"signed":{{"b":2,"targets":{listed}}}}}"#);
        let value = parse(text.as_bytes()).unwrap();
        let (signed, targets) = (text.find("{\"b").unwrap(), text.find('[').unwrap());
        assert_eq!(value.known.end_of(signed), Some(text.len() - 1));
        assert_eq!(value.known.end_of(targets), Some(text.len() - 2));
        assert_eq!(value.known.end_of(0), None);
    }

    #[test]
    fn integers_reach_both_ends_of_64_bits() {
        parse(b"[18446744073709551615,-9223372036854775808,0,-0]").unwrap();
    }
}
