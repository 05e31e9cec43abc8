//! Values that many properties share.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::compose::decode::{Context, Decode};
use crate::compose::error::{ErrorKind, Expected};
use crate::compose::tree::{Kind, Node, Value};
use crate::duration::Duration;
use crate::reference::Normalized;
use crate::size::parse_bytes;

/// Texts, each at most once: `list_of_strings` of the schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Strings(pub Vec<String>);

impl Deref for Strings {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl Decode for Strings {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let (mut texts, mut seen) = (Vec::new(), BTreeSet::new());
        for item in cx.items(node)? {
            let Some(text) = cx.text(item) else { continue };
            if seen.insert(text) {
                texts.push(text.to_owned());
            } else {
                cx.error(item.at, ErrorKind::DuplicateItem, text);
            }
        }
        Some(Self(texts))
    }
}

/// One text or a list of them: `string_or_list` of the schema, and lists whose entries may be numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct List(pub Vec<String>);

impl Deref for List {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl Decode for List {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        match &node.value {
            Value::Scalar(..) if node.kind() == Kind::Text => {
                cx.scalar_text(node).map(|text| Self([text].into()))
            }
            Value::List(items) => Some(Self(items.iter().filter_map(|item| cx.scalar_text(item)).collect())),
            _ => {
                cx.wrong_type(node, Expected::TextOrList);
                None
            }
        }
    }
}

/// Names with values: `list_or_dict` of the schema, from `NAME=VALUE` lines or a mapping.
/// A name without a value takes it from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PairMap(pub BTreeMap<String, Option<String>>);

impl Deref for PairMap {
    type Target = BTreeMap<String, Option<String>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Decode for PairMap {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let mut pairs = BTreeMap::new();
        match &node.value {
            Value::Mapping(entries) => {
                for (key, value) in entries {
                    let text = if value.is_null() { None } else { Some(cx.scalar_text(value)?) };
                    pairs.insert(key.as_scalar().unwrap_or_default().to_owned(), text);
                }
            }
            Value::List(items) => {
                for item in items {
                    let Some(text) = cx.text(item) else { continue };
                    let (name, value) = match text.split_once('=') {
                        Some((name, value)) => (name, Some(value.to_owned())),
                        None => (text, None),
                    };
                    if name.is_empty() {
                        cx.error(item.at, ErrorKind::Value("NAME=VALUE"), text);
                    } else if pairs.insert(name.to_owned(), value).is_some() {
                        cx.error(item.at, ErrorKind::DuplicateItem, name);
                    }
                }
            }
            Value::Scalar(..) => {
                cx.wrong_type(node, Expected::ListOrMapping);
                return None;
            }
        }
        Some(Self(pairs))
    }
}

/// Options of a driver: a mapping whose values are texts or numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Options(pub BTreeMap<String, String>);

impl Deref for Options {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Decode for Options {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let mut options = BTreeMap::new();
        for (key, value) in cx.entries(node)? {
            let text = if value.is_null() { Some(String::new()) } else { cx.scalar_text(value) };
            if let Some(text) = text {
                options.insert(key.as_scalar().unwrap_or_default().to_owned(), text);
            }
        }
        Some(Self(options))
    }
}

/// The words of a command. A text is split as a shell would, without expanding anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Command(pub Vec<String>);

impl Deref for Command {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl Decode for Command {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        match &node.value {
            Value::List(items) => {
                Some(Self(items.iter().filter_map(|i| cx.text(i).map(str::to_owned)).collect()))
            }
            Value::Scalar(text, _) if node.kind() == Kind::Text => match split_words(text) {
                Some(words) => Some(Self(words)),
                None => {
                    cx.error(node.at, ErrorKind::UnclosedQuote, text);
                    None
                }
            },
            _ => {
                cx.wrong_type(node, Expected::TextOrList);
                None
            }
        }
    }
}

/// Splits like a POSIX shell: blanks separate, `'…'` is literal, `"…"` and `\` quote. `None` if a quote is open.
pub(crate) fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        '\'' => break,
                        letter => word.push(letter),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next()? {
                        '"' => break,
                        '\\' => match letters.next()? {
                            quoted @ ('"' | '\\') => word.push(quoted),
                            other => word.extend(['\\', other]),
                        },
                        letter => word.push(letter),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(letters.next()?),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Some(words)
}

/// An image reference that follows the grammar.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageName(String);

impl ImageName {
    /// The text as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it means. `None` only for a value that was deserialised without being checked.
    #[must_use]
    pub fn normalized(&self) -> Option<Normalized<'_>> {
        Normalized::parse(&self.0).ok()
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Decode for ImageName {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let text = cx.text(node)?;
        // An image id is allowed in place of a name.
        let id =
            text.strip_prefix("sha256:").is_some_and(|hex| crate::digest::Sha256::from_hex(hex).is_some());
        match Normalized::parse(text) {
            Ok(_) => Some(Self(text.to_owned())),
            Err(_) if id => Some(Self(text.to_owned())),
            Err(error) => {
                cx.error(node.at, ErrorKind::Image(error.kind), text);
                None
            }
        }
    }
}

/// A number of bytes; -1 stands for "no limit" where a property allows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteSize(pub i64);

impl Decode for ByteSize {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let text = match (node.as_scalar(), node.kind()) {
            (Some(text), Kind::Text | Kind::Integer | Kind::Float) => text,
            _ => {
                cx.wrong_type(node, Expected::Scalar);
                return None;
            }
        };
        if text == "-1" {
            return Some(Self(-1));
        }
        match parse_bytes(text) {
            Ok(bytes) => i64::try_from(bytes).ok().map(Self),
            Err(error) => {
                cx.error(node.at, ErrorKind::Size(error.kind), text);
                None
            }
        }
    }
}

/// A duration, written as Go writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Duration::parse(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Decode for Span {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let text = cx.text(node)?;
        match Duration::parse(text) {
            Ok(duration) => Some(Self(duration)),
            Err(error) => {
                cx.error(node.at, ErrorKind::Duration(error.kind), text);
                None
            }
        }
    }
}

/// A property that may be written as nothing, which is the same as leaving it out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nullable<T>(pub Option<T>);

impl<T: Decode> Decode for Nullable<T> {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        if node.is_null() { Some(Self(None)) } else { T::decode(node, cx).map(|value| Self(Some(value))) }
    }
}

impl<T> Deref for Nullable<T> {
    type Target = Option<T>;

    fn deref(&self) -> &Option<T> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        for (text, words) in [
            ("a  b\tc", Some(&["a", "b", "c"][..])),
            ("sh -c 'echo \"hi\" \\n'", Some(&["sh", "-c", "echo \"hi\" \\n"])),
            (r#""a \"b\" \x" c\ d"#, Some(&[r#"a "b" \x"#, "c d"])),
            ("x'y'\"z\" ''", Some(&["xyz", ""])),
            ("", Some(&[])),
            ("it's", None),
            ("end\\", None),
        ] {
            let split = split_words(text);
            let split: Option<Vec<&str>> = split.as_ref().map(|w| w.iter().map(String::as_str).collect());
            assert_eq!(split.as_deref(), words, "{text}");
        }
    }
}
