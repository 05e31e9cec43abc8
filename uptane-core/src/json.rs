//! JSON as signed metadata uses it: scanned in place, without recursion and without a copy.
//!
//! A [`Value`] is a span of a document that [`parse`] has checked from end to end: nesting at most
//! [`MAX_DEPTH`], integers only, UTF-8, nothing after the value. Keys are compared as text, so that an escaped
//! spelling of a key is the same key. A key that is looked up twice present is refused; the canonical writer
//! ([`crate::canonical`]) refuses every repeated key, and every signed document passes through it.

mod images;
mod open;
mod plain;
pub(crate) mod reader;
mod scan;
mod string;
mod token;
pub(crate) mod walk;

pub use reader::{MAX_OPEN_KEYS_BYTES, MIN_WINDOW_BYTES};
pub use scan::parse;
pub use string::{Chars, JsonStr};

use scan::{Known, Scanner};

/// Deepest nesting of objects and arrays that is read.
pub const MAX_DEPTH: usize = 32;

/// Why a document is not JSON that this crate reads, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {kind}")]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// Where, in bytes from the start of the document.
    pub offset: usize,
}

/// What is wrong with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// The document ends in the middle.
    #[error("the document ends in the middle")]
    UnexpectedEnd,
    /// A byte that cannot stand there.
    #[error("unexpected byte 0x{0:02x}")]
    UnexpectedByte(u8),
    /// Something follows the document's one value.
    #[error("bytes after the end of the document")]
    TrailingBytes,
    /// Objects and arrays nest deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// A number with a fraction or an exponent: its canonical form is not defined.
    #[error("a number that is not an integer")]
    NotAnInteger,
    /// An integer beyond 64 bits.
    #[error("an integer beyond 64 bits")]
    IntegerRange,
    /// An integer with a minus where none may be: not even 0 is written so.
    #[error("a negative integer")]
    Negative,
    /// An object that says nothing.
    #[error("an object without members")]
    Empty,
    /// A `\` followed by something that is no escape, or half of a surrogate pair.
    #[error("a bad escape in a string")]
    BadEscape,
    /// The document is not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// A key is twice in one object.
    #[error("a key that is already in this object")]
    DuplicateKey,
    /// The value has another type than its place asks for.
    #[error("not {0}")]
    WrongType(&'static str),
    /// A member is missing.
    #[error("no member {0:?}")]
    Missing(&'static str),
    /// An object whose members are out of order has more of them than the caller's index holds.
    #[error("more members out of order than the index of {0} holds")]
    IndexFull(usize),
}

/// What a value is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    Object,
    /// `[`
    Array,
    /// `"`
    String,
    /// An integer.
    Integer,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
}

impl Kind {
    /// Of the value that begins with `byte`.
    fn of(byte: u8) -> Self {
        match byte {
            b'{' => Self::Object,
            b'[' => Self::Array,
            b'"' => Self::String,
            b't' | b'f' => Self::Bool,
            b'n' => Self::Null,
            _ => Self::Integer,
        }
    }
}

/// One value of a checked document.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    document: &'a [u8],
    start: usize,
    end: usize,
    known: Known,
}

impl<'a> Value<'a> {
    /// The value that `plain` is, which was checked and is plain from end to end.
    fn checked(plain: &'a [u8]) -> Self {
        Self { document: plain, start: 0, end: plain.len(), known: Known::plain() }
    }

    /// The value's bytes, as they stand in the document.
    #[must_use]
    pub fn raw(self) -> &'a [u8] {
        self.document.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether the bytes are canonical as they stand, in every form: no white space, members in order and none
    /// twice, ASCII without escapes.
    pub(crate) fn is_plain(self) -> bool {
        self.known.plain || scan::is_plain(self.raw())
    }

    /// Whether this is the `targets` of the document's `signed`, and each entry was seen to have a length and hashes.
    pub(crate) fn lists_images(self) -> bool {
        self.known.lists_images(self.start)
    }

    /// Where the value starts in the document.
    #[must_use]
    pub fn offset(self) -> usize {
        self.start
    }

    /// What the value is.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.raw().first().map_or(Kind::Null, |byte| Kind::of(*byte))
    }

    /// The members of an object, in the document's order.
    ///
    /// # Errors
    /// If this is no object.
    pub fn members(self) -> Result<Members<'a>, JsonError> {
        self.expect(Kind::Object, "an object")?;
        Ok(Members { scanner: self.inside() })
    }

    /// The members with their keys as values, quotes included.
    pub(crate) fn members_with_keys(self) -> Result<impl Iterator<Item = (Value<'a>, Value<'a>)>, JsonError> {
        let mut scanner = self.members()?.scanner;
        Ok(core::iter::from_fn(move || Some((scanner.next_element()?, scanner.next_element()?))))
    }

    /// The value from `start` to `end` of the same document, which was checked there before.
    pub(crate) fn at(self, start: usize, end: usize) -> Value<'a> {
        Value { document: self.document, start, end, known: self.known }
    }

    /// The elements of an array.
    ///
    /// # Errors
    /// If this is no array.
    pub fn elements(self) -> Result<Elements<'a>, JsonError> {
        self.expect(Kind::Array, "an array")?;
        Ok(Elements { scanner: self.inside() })
    }

    /// The member `key`, if there is one.
    ///
    /// # Errors
    /// If this is no object, or holds the key twice.
    pub fn find(self, key: &str) -> Result<Option<Value<'a>>, JsonError> {
        let mut found = None;
        for (name, value) in self.members()? {
            if name.eq_text(key) && found.replace(value).is_some() {
                return Err(JsonError { kind: JsonErrorKind::DuplicateKey, offset: value.start });
            }
        }
        Ok(found)
    }

    /// The member `key`.
    ///
    /// # Errors
    /// If this is no object, or the key is absent or there twice.
    pub fn get(self, key: &'static str) -> Result<Value<'a>, JsonError> {
        self.find(key)?.ok_or_else(|| self.error(JsonErrorKind::Missing(key)))
    }

    /// The string.
    ///
    /// # Errors
    /// If this is none.
    pub fn string(self) -> Result<JsonStr<'a>, JsonError> {
        self.expect(Kind::String, "a string")?;
        let raw = self.raw();
        Ok(JsonStr::checked(raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default()))
    }

    /// The integer, which is not negative.
    ///
    /// # Errors
    /// If this is no integer of 0 to 2^64 - 1.
    pub fn unsigned(self) -> Result<u64, JsonError> {
        self.expect(Kind::Integer, "an integer")?;
        let digits = core::str::from_utf8(self.raw()).unwrap_or_default();
        if digits.starts_with('-') {
            return Err(self.error(JsonErrorKind::Negative));
        }
        digits.parse().map_err(|_| self.error(JsonErrorKind::IntegerRange))
    }

    /// The truth value.
    ///
    /// # Errors
    /// If this is none.
    pub fn boolean(self) -> Result<bool, JsonError> {
        self.expect(Kind::Bool, "true or false")?;
        Ok(self.raw() == b"true")
    }

    /// An error at this value.
    #[must_use]
    pub fn error(self, kind: JsonErrorKind) -> JsonError {
        JsonError { kind, offset: self.start }
    }

    fn expect(self, kind: Kind, name: &'static str) -> Result<(), JsonError> {
        if self.kind() == kind { Ok(()) } else { Err(self.error(JsonErrorKind::WrongType(name))) }
    }

    /// The first element or key of this object or array that begins at `at` or behind it, an offset in the document.
    pub(crate) fn element_from(self, at: usize) -> Option<Value<'a>> {
        self.inside_from(at).next_element()
    }

    /// Where the value ends in the document.
    pub(crate) fn end(self) -> usize {
        self.end
    }

    fn inside(self) -> Scanner<'a> {
        self.inside_from(self.start + 1)
    }

    fn inside_from(self, at: usize) -> Scanner<'a> {
        let inside = self.document.get(..self.end.saturating_sub(1)).unwrap_or_default();
        Scanner::inside(inside, at, self.known)
    }
}

/// The members of an object; see [`Value::members`].
#[derive(Clone, Debug)]
pub struct Members<'a> {
    scanner: Scanner<'a>,
}

impl<'a> Iterator for Members<'a> {
    type Item = (JsonStr<'a>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.scanner.next_element()?;
        let value = self.scanner.next_element()?;
        Some((key.string().ok()?, value))
    }
}

/// The elements of an array; see [`Value::elements`].
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    scanner: Scanner<'a>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.scanner.next_element()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_elements_come_in_the_documents_order() {
        let value = parse(br#" { "b" : [1, -2 , "x"], "a":{"c":null} } "#).unwrap();
        let mut members = value.members().unwrap();
        let (key, list) = members.next().unwrap();
        assert!(key.eq_text("b"));
        let mut raws = list.elements().unwrap().map(Value::raw);
        assert_eq!(
            [raws.next(), raws.next(), raws.next(), raws.next()],
            [Some(&b"1"[..]), Some(b"-2"), Some(b"\"x\""), None]
        );
        let (key, object) = members.next().unwrap();
        assert!(key.eq_text("a"));
        assert_eq!(object.get("c").unwrap().kind(), Kind::Null);
        assert!(members.next().is_none());
    }

    #[test]
    fn a_key_spelled_with_an_escape_is_the_same_key() {
        let value = parse(br#"{"a":1,"\u0061":2}"#).unwrap();
        assert_eq!(value.find("a").unwrap_err().kind, JsonErrorKind::DuplicateKey);
    }

    #[test]
    fn errors_name_the_place_and_what_was_asked() {
        let value = parse(br#"{"version":"1"}"#).unwrap();
        let version = value.get("version").unwrap();
        let error = version.unsigned().unwrap_err();
        assert_eq!(error, JsonError { kind: JsonErrorKind::WrongType("an integer"), offset: 11 });
        assert_eq!(value.get("expires").unwrap_err().kind, JsonErrorKind::Missing("expires"));
    }
}
