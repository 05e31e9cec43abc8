//! Scalars that stand in the text as they are: they need no memory of their own.

use alloc::borrow::Cow;

use saphyr_parser::{Event, Marker, ScalarStyle};

/// The text that is parsed.
pub(super) struct Origin<'a> {
    text: &'a str,
    is_ascii: bool,
    /// A place up to which characters were counted.
    bytes: usize,
    characters: usize,
}

impl<'a> Origin<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, is_ascii: text.is_ascii(), bytes: 0, characters: 0 }
    }

    /// A scalar that begins at `start` as part of the text, if it has the same bytes there. The parser copies each
    /// one, because some differ from what is written: by escapes, or by lines that are joined.
    pub(super) fn borrow(&mut self, event: Event<'a>, start: &Marker) -> Event<'a> {
        let Event::Scalar(scalar, style, anchor, tag) = event else { return event };
        let quote = usize::from(matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted));
        let start = self.offset(start.index()).saturating_add(quote);
        let scalar = match self.text.get(start..start.saturating_add(scalar.len())) {
            Some(written) if *written == *scalar => Cow::Borrowed(written),
            _ => scalar,
        };
        Event::Scalar(scalar, style, anchor, tag)
    }

    /// The place of the character `index`, in bytes. Scalars come in their order, so each character is counted
    /// once.
    fn offset(&mut self, index: usize) -> usize {
        if self.is_ascii {
            return index;
        }
        let Some(more) = index.checked_sub(self.characters) else { return self.text.len() };
        let rest = self.text.get(self.bytes..).unwrap_or_default();
        let passed: usize = rest.chars().take(more).map(char::len_utf8).sum();
        self.bytes = self.bytes.saturating_add(passed);
        self.characters = index;
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;
    use crate::compose::tree::{Node, Value};
    use crate::compose::yaml::parse;

    /// The scalars of a list, and whether each is part of the text.
    fn scalars(text: &str) -> Vec<(String, bool)> {
        let Node { value: Value::List(items), .. } = parse(text, 0).unwrap() else { panic!("no list") };
        let scalar = |item: Node<'_>| match item.value {
            Value::Scalar(text, _) => (String::from(&*text), matches!(text, Cow::Borrowed(_))),
            _ => panic!("no scalar"),
        };
        items.into_iter().map(scalar).collect()
    }

    #[test]
    fn what_stands_in_the_text_as_it_is_is_borrowed() {
        let found = scalars("[ä, 'b c', \"d\\t\", '', 'it''s', \"é\"]");
        let found: Vec<_> = found.iter().map(|(text, part)| (text.as_str(), *part)).collect();
        let expected = [("ä", true), ("b c", true), ("d\t", false), ("", true), ("it's", false), ("é", true)];
        assert_eq!(found, expected);
        assert_eq!(scalars("- a\n  b\n- |\n  c\n"), [("a b".into(), false), ("c\n".into(), true)]);
    }

    #[test]
    fn a_byte_order_mark_and_comments_move_nothing() {
        for text in ["\u{feff}[x, y]", "# ä ü\n[x, # ö\n y]\n", "[x, # \u{1f600}\r\n y]\r\n"] {
            assert_eq!(scalars(text).iter().map(|(text, _)| text.as_str()).collect::<String>(), "xy");
        }
    }
}
