//! One walk over a value that was checked: each byte is passed once, however deep what is looked at lies. Looking up
//! member by member would pass the inner ones again for every object around them.

use super::scan::Scanner;
use super::{JsonError, JsonErrorKind, JsonStr, Kind, Value};

/// Stands in front of a value, inside of the objects that were entered.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    scanner: Scanner<'a>,
}

impl<'a> Walk<'a> {
    /// In front of `value`.
    pub(crate) fn of(value: Value<'a>) -> Self {
        let document = value.document.get(..value.end).unwrap_or_default();
        Self { scanner: Scanner::inside(document, value.start, value.known) }
    }

    /// Enters the object that comes next; where it starts.
    pub(crate) fn enter(&mut self) -> Result<usize, JsonError> {
        let start = self.expect(Kind::Object, "an object")?;
        self.scanner.step();
        Ok(start)
    }

    /// The next key of the object that was entered, or past its end: then `None`.
    pub(crate) fn key(&mut self) -> Option<JsonStr<'a>> {
        let (kind, start) = self.scanner.peek_element();
        if kind.is_none() {
            self.scanner.step();
            return None;
        }
        self.scanner.skip_element();
        let raw = self.scanner.since(start);
        Some(JsonStr::checked(raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default()))
    }

    /// Goes past any value.
    pub(crate) fn skip(&mut self) {
        self.scanner.skip_element();
    }

    /// Goes past a string.
    pub(crate) fn string(&mut self) -> Result<(), JsonError> {
        self.expect(Kind::String, "a string")?;
        self.scanner.skip_element();
        Ok(())
    }

    /// Goes past an integer that is not negative.
    pub(crate) fn unsigned(&mut self) -> Result<(), JsonError> {
        let offset = self.expect(Kind::Integer, "an integer")?;
        self.scanner.skip_element();
        // The check of the syntax saw to the upper end.
        if self.scanner.since(offset).starts_with(b"-") {
            return Err(JsonError { kind: JsonErrorKind::Negative, offset });
        }
        Ok(())
    }

    fn expect(&mut self, expected: Kind, name: &'static str) -> Result<usize, JsonError> {
        match self.scanner.peek_element() {
            (Some(kind), start) if kind == expected => Ok(start),
            (_, offset) => Err(JsonError { kind: JsonErrorKind::WrongType(name), offset }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn a_walk_goes_into_what_it_enters_and_around_everything_else() {
        let value = parse(br#" { "a" : {"x":[{}, "}"]} , "b":{ "c":7,"d":"" },"e":0}"#).unwrap();
        let mut walk = Walk::of(value);
        walk.enter().unwrap();
        assert!(walk.key().unwrap().eq_text("a"));
        walk.skip();
        assert!(walk.key().unwrap().eq_text("b"));
        walk.enter().unwrap();
        assert!(walk.key().unwrap().eq_text("c"));
        walk.unsigned().unwrap();
        assert!(walk.key().unwrap().eq_text("d"));
        walk.string().unwrap();
        assert!(walk.key().is_none());
        assert!(walk.key().unwrap().eq_text("e"));
        walk.unsigned().unwrap();
        assert!(walk.key().is_none());
    }

    #[test]
    fn what_is_of_another_type_is_refused_where_it_stands() {
        let refused = |text: &str, read: fn(&mut Walk<'_>) -> Result<(), JsonError>| {
            let mut walk = Walk::of(parse(text.as_bytes()).unwrap());
            walk.enter().unwrap();
            walk.key().unwrap();
            let error = read(&mut walk).unwrap_err();
            (error.kind, error.offset)
        };
        for negative in [r#"{"a":-1}"#, r#"{"a":-0}"#] {
            assert_eq!(refused(negative, |walk| walk.unsigned()), (JsonErrorKind::Negative, 5));
        }
        assert_eq!(
            refused(r#"{"a": "1"}"#, |walk| walk.unsigned()),
            (JsonErrorKind::WrongType("an integer"), 6)
        );
        assert_eq!(refused(r#"{"a":null}"#, |walk| walk.string()), (JsonErrorKind::WrongType("a string"), 5));
        let enter = |walk: &mut Walk<'_>| walk.enter().map(drop);
        assert_eq!(refused(r#"{"a":[]}"#, enter), (JsonErrorKind::WrongType("an object"), 5));
    }
}
