//! Strings of a checked document, read through their escapes.

use core::cmp::Ordering;

/// A string's bytes between its quotes, escapes as written.
#[derive(Clone, Copy, Debug)]
pub struct JsonStr<'a> {
    raw: &'a [u8],
}

impl<'a> JsonStr<'a> {
    /// `raw` was checked by the scanner: its escapes are whole and it is UTF-8.
    pub(super) fn checked(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// The text without escapes, if it was written without: then it needs no buffer.
    #[must_use]
    pub fn plain(self) -> Option<&'a str> {
        core::str::from_utf8(self.unescaped()?).ok()
    }

    /// The bytes of the text, if it was written without escapes.
    fn unescaped(self) -> Option<&'a [u8]> {
        if self.raw.contains(&b'\\') { None } else { Some(self.raw) }
    }

    /// The characters, escapes resolved.
    #[must_use]
    pub fn chars(self) -> Chars<'a> {
        Chars { rest: self.raw }
    }

    /// Whether this is `text`.
    #[must_use]
    pub fn eq_text(self, text: &str) -> bool {
        match self.unescaped() {
            Some(bytes) => bytes == text.as_bytes(),
            None => self.chars().eq(text.chars()),
        }
    }

    /// Order by code points, which is the order of UTF-8 bytes as well.
    #[must_use]
    pub fn order(self, other: Self) -> Ordering {
        match (self.unescaped(), other.unescaped()) {
            (Some(a), Some(b)) => a.cmp(b),
            _ => self.chars().cmp(other.chars()),
        }
    }

    /// Writes the text into `out` and returns it; `None` if it does not fit.
    pub fn copy_to(self, out: &mut [u8]) -> Option<&str> {
        let mut used = 0;
        for character in self.chars() {
            let end = used + character.len_utf8();
            character.encode_utf8(out.get_mut(used..end)?);
            used = end;
        }
        core::str::from_utf8(out.get(..used)?).ok()
    }

    /// The text.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_text(self) -> alloc::string::String {
        self.chars().collect()
    }

    /// The bytes that lower- or upper-case hex digits stand for, if the string is exactly `N` of them.
    #[must_use]
    pub fn hex<const N: usize>(self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        (self.raw.len() == N * 2 && base16ct::mixed::decode(self.raw, &mut bytes).is_ok()).then_some(bytes)
    }
}

/// The characters of a string; see [`JsonStr::chars`].
#[derive(Clone, Debug)]
pub struct Chars<'a> {
    rest: &'a [u8],
}

impl Chars<'_> {
    fn unit(&mut self) -> u32 {
        // `rest` starts with `\uXXXX`.
        let digits = self.rest.get(2..6).and_then(|digits| core::str::from_utf8(digits).ok());
        self.rest = self.rest.get(6..).unwrap_or_default();
        digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0)
    }
}

impl Iterator for Chars<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match *self.rest {
            [] => None,
            [b'\\', b'u', ..] => {
                let unit = self.unit();
                let code = if (0xd800..0xdc00).contains(&unit) {
                    // The scanner made sure that the other half follows.
                    0x1_0000 + ((unit & 0x3ff) << 10) + (self.unit() & 0x3ff)
                } else {
                    unit
                };
                Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
            }
            [b'\\', escape, ref rest @ ..] => {
                self.rest = rest;
                Some(match escape {
                    b'b' => '\u{8}',
                    b'f' => '\u{c}',
                    b'n' => '\n',
                    b'r' => '\r',
                    b't' => '\t',
                    other => char::from(other),
                })
            }
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                Some(char::from(byte))
            }
            [byte, ..] => {
                let length = if byte >= 0xf0 {
                    4
                } else if byte >= 0xe0 {
                    3
                } else {
                    2
                };
                let (head, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                core::str::from_utf8(head).ok()?.chars().next()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn reads_through_every_escape() {
        let value = parse("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00é😀\"".as_bytes()).unwrap();
        let text = "a\"\\/\u{8}\u{c}\n\r\té😀é😀";
        assert!(value.string().unwrap().eq_text(text));
        let mut buffer = [0; 64];
        assert_eq!(value.string().unwrap().copy_to(&mut buffer), Some(text));
        assert_eq!(value.string().unwrap().copy_to(&mut [0; 20]), None);
    }

    #[test]
    fn hex_is_taken_in_either_case_and_in_full_only() {
        let hex = |text: &str| parse(text.as_bytes()).unwrap().string().unwrap().hex::<2>();
        assert_eq!(hex("\"00fF\""), Some([0, 0xff]));
        assert_eq!(hex("\"00f\""), None);
        assert_eq!(hex("\"00fff\""), None);
        assert_eq!(hex("\"00fg\""), None);
    }
}
