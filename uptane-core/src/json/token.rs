//! Strings, numbers, words and white space: what the scanner goes past between brackets.

use super::plain::skip_plain;
use super::{JsonError, JsonErrorKind};

/// Goes past the string whose first quote is at `at`. It is plain if it is printable ASCII without escapes.
#[inline]
pub(super) fn check_string(bytes: &[u8], at: usize, plain: &mut bool) -> Result<usize, JsonError> {
    let end = skip_plain(bytes, at + 1);
    if bytes.get(end) == Some(&b'"') {
        return Ok(end + 1);
    }
    *plain = false;
    check_rest_of_string(bytes, end)
}

#[cold]
fn check_rest_of_string(bytes: &[u8], mut at: usize) -> Result<usize, JsonError> {
    loop {
        at = skip_plain(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = check_escape(bytes, at)?,
            Some(0x20..) => at += 1,
            _ => return Err(unexpected(bytes, at)),
        }
    }
}

fn check_escape(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    let bad = |at| JsonError { kind: JsonErrorKind::BadEscape, offset: at };
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => match unit(bytes, at).ok_or(bad(at))? {
            0xd800..0xdc00 => match unit(bytes, at + 6) {
                Some(0xdc00..0xe000) => Ok(at + 12),
                _ => Err(bad(at)),
            },
            0xdc00..0xe000 => Err(bad(at)),
            _ => Ok(at + 6),
        },
        _ => Err(bad(at)),
    }
}

/// The UTF-16 unit that `\uXXXX` at `at` stands for.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u32::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}

/// Goes past a number. It is plain if it is not `-0`.
#[inline]
pub(super) fn check_number(bytes: &[u8], start: usize, plain: &mut bool) -> Result<usize, JsonError> {
    let digits = start + usize::from(bytes.get(start) == Some(&b'-'));
    let mut at = digits;
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    match (bytes.get(digits..at).unwrap_or_default(), bytes.get(at)) {
        ([], _) => return Err(unexpected(bytes, at)),
        ([b'0', _, ..], _) => return Err(unexpected(bytes, digits + 1)),
        (_, Some(b'.' | b'e' | b'E')) => {
            return Err(JsonError { kind: JsonErrorKind::NotAnInteger, offset: at });
        }
        _ => {}
    }
    let text = bytes.get(start..at).unwrap_or_default();
    // 18 digits and a sign are always within 64 bits.
    if text.len() > 18 {
        let text = core::str::from_utf8(text).unwrap_or_default();
        if text.parse::<u64>().is_err() && text.parse::<i64>().is_err() {
            return Err(JsonError { kind: JsonErrorKind::IntegerRange, offset: start });
        }
    }
    *plain &= text != b"-0";
    Ok(at)
}

pub(super) fn check_word(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, JsonError> {
    let rest = bytes.get(at..).unwrap_or_default();
    let same = rest.iter().zip(word).take_while(|(byte, expected)| byte == expected).count();
    if same == word.len() { Ok(at + same) } else { Err(unexpected(bytes, at + same)) }
}

/// Goes past white space, after which nothing is plain.
#[inline]
pub(super) fn skip_blank(bytes: &[u8], at: usize, plain: &mut bool) -> usize {
    if !bytes.get(at).is_some_and(|byte| is_blank(*byte)) {
        return at;
    }
    *plain = false;
    skip_whitespace(bytes, at)
}

pub(super) fn skip_whitespace(bytes: &[u8], at: usize) -> usize {
    at + bytes.get(at..).unwrap_or_default().iter().take_while(|byte| is_blank(**byte)).count()
}

#[inline]
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The byte at `at` cannot stand there, or there is none.
#[cold]
pub(super) fn unexpected(bytes: &[u8], at: usize) -> JsonError {
    let kind =
        bytes.get(at).map_or(JsonErrorKind::UnexpectedEnd, |byte| JsonErrorKind::UnexpectedByte(*byte));
    JsonError { kind, offset: at.min(bytes.len()) }
}
