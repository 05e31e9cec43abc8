//! The scanner: one pass over the bytes, a bit per open object instead of recursion.

use super::images::Images;
use super::open::Open;
use super::plain::skip_plain;
use super::token::{check_number, check_string, check_word, skip_blank, skip_whitespace, unexpected};
use super::{JsonError, JsonErrorKind, Kind, Value};

/// Checks `document` from end to end and returns its one value.
///
/// # Errors
/// See [`JsonErrorKind`]; the offset is where the scan stopped.
pub fn parse(document: &[u8]) -> Result<Value<'_>, JsonError> {
    match scan(document) {
        // All of it is ASCII then.
        Ok(value) if value.known.plain && value.raw().len() == document.len() => Ok(value),
        scanned => match core::str::from_utf8(document) {
            Ok(_) => scanned,
            Err(error) => Err(JsonError { kind: JsonErrorKind::NotUtf8, offset: error.valid_up_to() }),
        },
    }
}

fn scan(document: &[u8]) -> Result<Value<'_>, JsonError> {
    let mut known = Known::default();
    let start = skip_whitespace(document, 0);
    let (end, plain) = check_value(document, start, 0, Until::End, &mut known)?;
    let rest = skip_whitespace(document, end);
    if rest != document.len() {
        return Err(JsonError { kind: JsonErrorKind::TrailingBytes, offset: rest });
    }
    Ok(Value { document, start, end, known: Known { plain, ..known } })
}

/// Checks the value at the start of `bytes`, inside of `depth` open objects and arrays: how long it is, and
/// whether it is plain. Its UTF-8 is not looked at.
pub(super) fn check_prefix(bytes: &[u8], depth: usize) -> Result<(usize, bool), JsonError> {
    if bytes.first() == Some(&b'"') {
        // Every key of a stream: no need to get ready for what is inside of a container.
        let mut plain = true;
        let end = check_string(bytes, 0, &mut plain)?;
        return Ok((end, plain));
    }
    check_value(bytes, 0, depth, Until::End, &mut Known::default())
}

/// Whether the value at the start of `bytes` is plain; looks no further than to the first byte that says no.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    matches!(check_value(bytes, 0, 0, Until::NotPlain, &mut Known::default()), Ok((_, true)))
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
    /// Start of the `targets` whose entries were all seen to be images'; 0 if there is none.
    images: u32,
}

/// What is worth remembering, in bytes.
const LONG: usize = 4096;

impl Known {
    /// Of a value that is plain, with nothing remembered.
    pub(super) fn plain() -> Self {
        Self { plain: true, ..Self::default() }
    }

    #[inline]
    fn remember(&mut self, start: usize, end: usize) {
        let length = end.saturating_sub(start);
        // Nearly all are short.
        if length > LONG {
            self.remember_long(start, end, length);
        }
    }

    fn remember_long(&mut self, start: usize, end: usize, length: usize) {
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) else { return };
        let known = |(start, end): (u32, u32)| usize::try_from(end - start).unwrap_or(usize::MAX);
        let [first, second] = &mut self.long;
        let shortest = if known(*first) < known(*second) { first } else { second };
        if length > known(*shortest) {
            *shortest = (start, end);
        }
    }

    pub(super) fn lists_images(&self, start: usize) -> bool {
        self.images != 0 && u32::try_from(start) == Ok(self.images)
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

impl<'a> Scanner<'a> {
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

    /// The kind of the next value and where it starts, or of the end of its container: then `None`.
    pub(super) fn peek_element(&mut self) -> (Option<Kind>, usize) {
        self.skip_separators();
        let kind = match self.peek() {
            Some(b'}' | b']') | None => None,
            Some(byte) => Some(Kind::of(byte)),
        };
        (kind, self.at)
    }

    /// Goes past one byte: a bracket that was peeked at.
    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    /// Goes past the next value without looking what it is.
    pub(super) fn skip_element(&mut self) {
        self.skip_separators();
        // What was checked does not end in the middle of a value.
        let _ = self.skip_value();
    }

    /// The bytes from `start` to where the scanner stands.
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
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
        loop {
            self.at = skip_plain(self.bytes, self.at);
            let Some(byte) = self.peek() else { return };
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

// The check itself: functions of where they stand in the bytes, so that the place stays in a register.

/// Checks the value at `at`, inside of `outside` open containers: where it ends, and whether it is plain.
fn check_value(
    bytes: &[u8],
    mut at: usize,
    outside: usize,
    until: Until,
    known: &mut Known,
) -> Result<(usize, bool), JsonError> {
    let mut open = Open::new(outside);
    let mut plain = true;
    let mut images = Images::default();
    'value: loop {
        at = skip_blank(bytes, at, &mut plain);
        if !plain && until == Until::NotPlain {
            return Ok((at, false));
        }
        let start = at;
        match bytes.get(at) {
            Some(b'"') => at = check_string(bytes, at, &mut plain)?,
            Some(b'{') => {
                at = open.push(true, at)?;
                images.entered(bytes, &open, true);
                at = skip_blank(bytes, at, &mut plain);
                if bytes.get(at) != Some(&b'}') {
                    at = check_key(bytes, at, &mut open, &mut plain)?;
                    continue 'value;
                }
            }
            Some(b'[') => {
                at = open.push(false, at)?;
                images.entered(bytes, &open, false);
                at = skip_blank(bytes, at, &mut plain);
                if bytes.get(at) != Some(&b']') {
                    continue 'value;
                }
            }
            Some(b'-' | b'0'..=b'9') => at = check_number(bytes, at, &mut plain)?,
            Some(b't') => at = check_word(bytes, at, b"true")?,
            Some(b'f') => at = check_word(bytes, at, b"false")?,
            Some(b'n') => at = check_word(bytes, at, b"null")?,
            _ => return Err(unexpected(bytes, at)),
        }
        if images.open
            && let Some(first) = bytes.get(start).filter(|first| !matches!(first, b'{' | b'['))
        {
            images.passed(bytes, &open, *first);
        }
        // Behind a value, or at the end of an empty container.
        while open.depth > 0 {
            at = skip_blank(bytes, at, &mut plain);
            let in_object = open.in_object();
            match bytes.get(at) {
                Some(b',') => {
                    at += 1;
                    if in_object {
                        at = check_key(bytes, at, &mut open, &mut plain)?;
                    }
                    continue 'value;
                }
                Some(byte) if *byte == if in_object { b'}' } else { b']' } => {
                    at += 1;
                    let all_images = images.open && images.left(&open);
                    let start = open.close();
                    if all_images {
                        known.images = u32::try_from(start).unwrap_or(0);
                    }
                    // Nobody walks around the document itself: it must not take the place of what is inside.
                    if open.depth > 0 {
                        known.remember(start, at);
                    }
                }
                _ => return Err(unexpected(bytes, at)),
            }
        }
        return Ok((at, plain));
    }
}

/// Goes past a key and its colon. It is plain only if it comes after the key before it.
#[inline]
fn check_key(bytes: &[u8], at: usize, open: &mut Open, plain: &mut bool) -> Result<usize, JsonError> {
    let start = skip_blank(bytes, at, plain);
    if bytes.get(start) != Some(&b'"') {
        return Err(unexpected(bytes, start));
    }
    let end = check_string(bytes, start, plain)?;
    *plain &= open.follows(bytes, start + 1, end - 1);
    let colon = skip_blank(bytes, end, plain);
    if bytes.get(colon) != Some(&b':') {
        return Err(unexpected(bytes, colon));
    }
    Ok(colon + 1)
}

#[cfg(test)]
mod tests {
    extern crate alloc;
    use super::*;
    use crate::json::MAX_DEPTH;
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
    fn entries_of_images_are_noticed_and_of_anything_else_nothing_is_said() {
        let noticed = |text: &str| {
            let value = parse(text.as_bytes()).unwrap();
            let targets = value.get("signed").unwrap().get("targets").unwrap();
            assert!(!value.lists_images() && !value.get("signed").unwrap().lists_images());
            targets.lists_images()
        };
        let listed = |entries: &str| {
            noticed(&alloc::format!(r#"{{"signed":{{"a":7,"targets":{entries},"z":{{"q":[]}}}}}}"#))
        };
        let good =
            r#"{"custom":{"a":[null,{"hashes":7}],"length":"x"},"hashes":{"sha256":"","x":"y"},"length":7}"#;
        assert!(listed("{}"));
        assert!(listed(&alloc::format!(r#"{{"a":{good},"b" : {good}}}"#)));
        for bad in [
            "null",
            "7",
            "\"x\"",
            "[]",
            "{}",
            r#"{"length":1}"#,
            r#"{"hashes":{"a":"b"}}"#,
            r#"{"hashes":{},"length":1}"#,
            r#"{"hashes":{"a":7},"length":1}"#,
            r#"{"hashes":{"a":"b","c":{}},"length":1}"#,
            r#"{"hashes":["a"],"length":1}"#,
            r#"{"hashes":"a","length":1}"#,
            r#"{"hashes":{"a":"b"},"length":-1}"#,
            r#"{"hashes":{"a":"b"},"length":"1"}"#,
            r#"{"hashes":{"a":"b"},"length":{"length":1}}"#,
            r#"{"custom":{"hashes":{"a":"b"}},"length":1}"#,
            r#"{"hashes":{"a":"b"},"custom":{"length":1}}"#,
        ] {
            for entries in [
                alloc::format!(r#"{{"a":{bad}}}"#),
                alloc::format!(r#"{{"a":{good},"b":{bad}}}"#),
                alloc::format!(r#"{{"a":{bad},"b":{good}}}"#),
            ] {
                assert!(!listed(&entries), "{entries}");
            }
        }
        assert!(!listed("[]") && !listed("null"));
        // What is called so elsewhere, or in other words, is not the metadata's.
        let elsewhere =
            alloc::format!(r#"{{"signed":{{"b":{{"targets":{{"a":{good}}}}},"targets":{{"a":7}}}}}}"#);
        assert!(!noticed(&elsewhere));
        let escaped = alloc::format!(r#"{{"signed":{{"t\u0061rgets":{{"a":{good}}}}}}}"#);
        assert!(!noticed(&escaped));
    }

    #[test]
    fn integers_reach_both_ends_of_64_bits() {
        parse(b"[18446744073709551615,-9223372036854775808,0,-0]").unwrap();
    }
}
