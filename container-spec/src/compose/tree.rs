//! A YAML document as a tree that remembers where each value stands.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::place::Position;

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// Without quotes: it may be a number, a truth value or nothing.
    Plain,
    /// Quoted, a block, or the result of a substitution: always text.
    Text,
}

/// The tags that mean something in a Compose file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tag {
    /// None was written.
    #[default]
    None,
    /// `!`: text whatever it looks like.
    NonSpecific,
    /// `!!str`
    Str,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!bool`
    Bool,
    /// `!!null`
    Null,
    /// `!!seq` or `!!map`, on a collection of that kind.
    Collection,
    /// `!reset`: a property of an earlier file is removed.
    Reset,
    /// `!override`: a property of an earlier file is replaced, not merged.
    Override,
    /// `!!timestamp`
    Timestamp,
    /// `!!binary`, `!!set`, `!!omap` and other tags of YAML 1.1 that Compose has no use for.
    Other,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// What it is.
    pub value: Value<'a>,
    /// Where it starts.
    pub at: Position,
    /// The tag written before it.
    pub tag: Tag,
    /// The same number for every copy that an alias made.
    pub(crate) id: u32,
}

/// A scalar, a list or a mapping.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// Text and style.
    Scalar(Cow<'a, str>, Style),
    /// Entries in order.
    List(Vec<Node<'a>>),
    /// Keys, all scalar and different, with their values, in order.
    Mapping(Vec<(Node<'a>, Node<'a>)>),
}

impl<'a> Node<'a> {
    pub(crate) fn text(text: impl Into<Cow<'a, str>>, at: Position) -> Self {
        Self { value: Value::Scalar(text.into(), Style::Text), at, tag: Tag::None, id: 0 }
    }

    /// The same value, without borrowing from its text. No deeper than the tree, which is bounded by
    /// [`MAX_DEPTH`](super::limits::MAX_DEPTH).
    pub(crate) fn into_owned(self) -> Node<'static> {
        let value = match self.value {
            Value::Scalar(text, style) => Value::Scalar(Cow::Owned(text.into_owned()), style),
            Value::List(items) => Value::List(items.into_iter().map(Node::into_owned).collect()),
            Value::Mapping(entries) => Value::Mapping(
                entries.into_iter().map(|(key, value)| (key.into_owned(), value.into_owned())).collect(),
            ),
        };
        Node { value, at: self.at, tag: self.tag, id: self.id }
    }

    /// Removes the entry `key` of a mapping and returns it.
    pub(crate) fn remove(&mut self, key: &str) -> Option<(Node<'a>, Node<'a>)> {
        let Value::Mapping(entries) = &mut self.value else { return None };
        let index = entries.iter().position(|(k, _)| k.as_scalar() == Some(key))?;
        Some(entries.remove(index))
    }

    /// The text of a scalar.
    #[must_use]
    pub fn as_scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping.
    #[must_use]
    pub fn entries(&self) -> &[(Node<'a>, Node<'a>)] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The value of `key`, if this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.entries().iter().find(|(k, _)| k.as_scalar() == Some(key)).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node<'a>> {
        match &mut self.value {
            Value::Mapping(entries) => {
                entries.iter_mut().find(|(k, _)| k.as_scalar() == Some(key)).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// Whether it is nothing: an empty value, `~` or `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    /// What a scalar is by the core schema of YAML 1.2.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match (&self.value, self.tag) {
            (Value::List(_), _) => Kind::List,
            (Value::Mapping(_), _) => Kind::Mapping,
            (Value::Scalar(..), Tag::Str | Tag::NonSpecific) => Kind::Text,
            (Value::Scalar(..), Tag::Int) => Kind::Integer,
            (Value::Scalar(..), Tag::Float) => Kind::Float,
            (Value::Scalar(..), Tag::Bool) => Kind::Bool,
            (Value::Scalar(..), Tag::Null) => Kind::Null,
            (Value::Scalar(_, Style::Text), _) => Kind::Text,
            (Value::Scalar(text, Style::Plain), _) => Kind::of_plain(text),
        }
    }
}

/// The types of YAML 1.2's core schema (chapter 10.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer,
    /// A number with a point or an exponent, infinity, or not a number.
    Float,
    /// Any other scalar.
    Text,
    /// A list.
    List,
    /// A mapping.
    Mapping,
}

impl Kind {
    /// The type of a scalar without quotes.
    #[must_use]
    pub fn of_plain(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Self::Bool,
            ".nan" | ".NaN" | ".NAN" => return Self::Float,
            _ => {}
        }
        let first = text.as_bytes().first().copied().unwrap_or_default();
        if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
            return Self::Text;
        }
        if let Some(octal) = text.strip_prefix("0o") {
            return Self::integer_if(octal, |b| matches!(b, b'0'..=b'7'));
        }
        if let Some(hex) = text.strip_prefix("0x") {
            return Self::integer_if(hex, |b| b.is_ascii_hexdigit());
        }
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
            return Self::Float;
        }
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
            return Self::Text;
        }
        match exponent {
            Some(exponent) => {
                let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
                if exponent.is_empty() || !digits(exponent) { Self::Text } else { Self::Float }
            }
            None if mantissa.contains('.') => Self::Float,
            None => Self::Integer,
        }
    }

    fn integer_if(digits: &str, good: impl Fn(u8) -> bool) -> Self {
        if !digits.is_empty() && digits.bytes().all(good) { Self::Integer } else { Self::Text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_types_of_the_core_schema() {
        for (kind, texts) in [
            (Kind::Null, &["", "~", "null", "NULL"][..]),
            (Kind::Bool, &["true", "False"]),
            (Kind::Integer, &["0", "-19", "+1", "0o17", "0xFf", "007"]),
            (Kind::Float, &["0.", ".5", "-1.5e-3", "12e03", ".inf", "-.INF", ".nan"]),
            (Kind::Text, &["yes", "0o8", "0x", "1.2.3", "-", ".", "+.nan", "1e", "8080:80", "nullx", "e5"]),
        ] {
            for text in texts {
                assert_eq!(Kind::of_plain(text), kind, "{text}");
            }
        }
    }
}
