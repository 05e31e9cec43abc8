//! The scanner: one pass over the bytes, a bit per open object instead of recursion.

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
    scanner.check_value()?;
    let end = scanner.at;
    scanner.skip_whitespace();
    if scanner.at != document.len() {
        return Err(scanner.error(JsonErrorKind::TrailingBytes));
    }
    Ok(Value { document, start, end })
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
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
        Self { bytes, at }
    }

    /// The next value of a container whose syntax was checked; `None` at its end.
    pub(super) fn next_element(&mut self) -> Option<Value<'a>> {
        self.skip_separators();
        let start = self.at;
        self.skip_value()?;
        Some(Value { document: self.bytes, start, end: self.at })
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
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
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
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }

    fn check_value(&mut self) -> Result<(), JsonError> {
        // Bit `depth - 1` says whether the container at that depth is an object.
        let mut objects = 0_u32;
        let mut depth = 0_usize;
        let mut expect = Expect::Element;
        loop {
            self.skip_whitespace();
            let byte = self.peek().ok_or_else(|| self.error(JsonErrorKind::UnexpectedEnd))?;
            let in_object = depth > 0 && objects & (1 << (depth - 1)) != 0;
            let closes = matches!(byte, b'}' if in_object) || matches!(byte, b']' if depth > 0 && !in_object);
            match (byte, expect) {
                (b',', Expect::CommaOrEnd) => {
                    self.at += 1;
                    if in_object {
                        self.check_key()?;
                    }
                    expect = Expect::Element;
                    continue;
                }
                (_, Expect::FirstOrEnd | Expect::CommaOrEnd) if closes => {
                    self.at += 1;
                    depth -= 1;
                }
                (_, Expect::CommaOrEnd) => return Err(self.error(JsonErrorKind::UnexpectedByte(byte))),
                (_, Expect::FirstOrEnd) if in_object => {
                    self.check_key()?;
                    expect = Expect::Element;
                    continue;
                }
                (b'{' | b'[', _) => {
                    if depth == MAX_DEPTH {
                        return Err(self.error(JsonErrorKind::TooDeep));
                    }
                    let bit = 1 << depth;
                    objects = if byte == b'{' { objects | bit } else { objects & !bit };
                    depth += 1;
                    self.at += 1;
                    expect = Expect::FirstOrEnd;
                    continue;
                }
                (b'"', _) => self.check_string()?,
                (b'-' | b'0'..=b'9', _) => self.check_number()?,
                (b't', _) => self.check_word(b"true")?,
                (b'f', _) => self.check_word(b"false")?,
                (b'n', _) => self.check_word(b"null")?,
                _ => return Err(self.error(JsonErrorKind::UnexpectedByte(byte))),
            }
            if depth == 0 {
                return Ok(());
            }
            expect = Expect::CommaOrEnd;
        }
    }

    /// A key and its colon.
    fn check_key(&mut self) -> Result<(), JsonError> {
        self.skip_whitespace();
        self.require(b'"')?;
        self.check_string()?;
        self.skip_whitespace();
        self.require(b':')?;
        self.at += 1;
        Ok(())
    }

    fn check_string(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(self.error(JsonErrorKind::UnexpectedEnd)),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.check_escape()?,
                Some(byte) if byte < 0x20 => return Err(self.error(JsonErrorKind::UnexpectedByte(byte))),
                Some(_) => self.at += 1,
            }
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

    fn check_number(&mut self) -> Result<(), JsonError> {
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
        let text =
            core::str::from_utf8(self.bytes.get(start..self.at).unwrap_or_default()).unwrap_or_default();
        if text.parse::<u64>().is_err() && text.parse::<i64>().is_err() {
            return Err(JsonError { kind: JsonErrorKind::IntegerRange, offset: start });
        }
        Ok(())
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

    fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn error(&self, kind: JsonErrorKind) -> JsonError {
        JsonError { kind, offset: self.at.min(self.bytes.len()) }
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
    fn integers_reach_both_ends_of_64_bits() {
        parse(b"[18446744073709551615,-9223372036854775808,0,-0]").unwrap();
    }
}
