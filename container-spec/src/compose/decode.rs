//! From the tree to typed values: every problem is noted with its place, and none is skipped.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::error::{Error, ErrorKind, Expected};
use super::limits::MAX_PROBLEMS;
use super::paths;
use super::place::Position;
use super::tree::{Kind, Node, Style, Value};

/// What kind of thing a name refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Service,
    Network,
    Volume,
    Model,
}

impl Target {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Model => "model",
        }
    }
}

/// What decoding finds besides values.
#[derive(Debug, Default)]
pub(crate) struct Context {
    pub(crate) errors: Vec<Error>,
    /// Names that something must define.
    pub(crate) references: Vec<(Target, String, Position)>,
    /// What the relative paths of each file start from; empty if it is not known.
    pub(crate) directories: Vec<String>,
    /// How many ports the project has so far, each of a range counted.
    pub(crate) ports: usize,
}

impl Context {
    pub(crate) fn error(&mut self, at: Position, kind: ErrorKind, subject: &str) {
        if self.errors.len() < MAX_PROBLEMS {
            self.errors.push(Error::new(at, kind, subject));
        }
    }

    pub(crate) fn wrong_type(&mut self, node: &Node<'_>, expected: Expected) {
        let subject = match &node.value {
            Value::Scalar(..) if node.is_null() => "nothing",
            Value::Scalar(text, _) => text,
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
        };
        self.error(node.at, ErrorKind::Type(expected), subject);
    }

    pub(crate) fn refer(&mut self, target: Target, name: &str, at: Position) {
        self.references.push((target, String::from(name), at));
    }

    /// A path of the host that stands at `at`, absolute if the directory of its file is known. What starts with `~`
    /// is left to who knows whose home that is.
    pub(crate) fn path(&self, at: Position, path: &str) -> String {
        match self.directories.get(usize::from(at.file)) {
            Some(directory) if !directory.is_empty() && !path.starts_with('~') => {
                paths::resolve(directory, path)
            }
            _ => String::from(path),
        }
    }

    /// The text of a scalar that is text.
    pub(crate) fn text<'n>(&mut self, node: &'n Node<'_>) -> Option<&'n str> {
        match (&node.value, node.kind()) {
            (Value::Scalar(text, _), Kind::Text) => Some(text),
            _ => {
                self.wrong_type(node, Expected::Text);
                None
            }
        }
    }

    /// The text of any scalar that is not null; numbers are written in their usual form.
    pub(crate) fn scalar_text(&mut self, node: &Node<'_>) -> Option<String> {
        let text = node.as_scalar();
        match (text, node.kind()) {
            (Some(text), Kind::Text) => Some(String::from(text)),
            (Some(text), Kind::Bool) => Some(text.to_ascii_lowercase()),
            (Some(text), Kind::Integer) => {
                Some(integer(text).map_or_else(|| String::from(text), |number| number.to_string()))
            }
            (Some(text), Kind::Float) => {
                Some(float(text).map_or_else(|| String::from(text), |number| number.to_string()))
            }
            _ => {
                self.wrong_type(node, Expected::Scalar);
                None
            }
        }
    }

    pub(crate) fn entries<'n, 'a>(&mut self, node: &'n Node<'a>) -> Option<&'n [(Node<'a>, Node<'a>)]> {
        match &node.value {
            Value::Mapping(entries) => Some(entries),
            _ => {
                self.wrong_type(node, Expected::Mapping);
                None
            }
        }
    }

    pub(crate) fn items<'n, 'a>(&mut self, node: &'n Node<'a>) -> Option<&'n [Node<'a>]> {
        match &node.value {
            Value::List(items) => Some(items),
            _ => {
                self.wrong_type(node, Expected::List);
                None
            }
        }
    }
}

/// A value that a node of the tree can become. `None` means that the reason is in the context.
pub(crate) trait Decode: Sized {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self>;
}

/// A property that may be left out, and for which an explicit nothing is an error.
impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        T::decode(node, cx).map(Some)
    }
}

impl<T: Decode> Decode for alloc::boxed::Box<T> {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        T::decode(node, cx).map(Self::new)
    }
}

impl Decode for String {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        cx.text(node).map(Self::from)
    }
}

impl Decode for bool {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let truth = match (node.as_scalar(), node.kind()) {
            (Some(text), Kind::Bool | Kind::Text) => truth(text),
            _ => None,
        };
        if truth.is_none() {
            cx.wrong_type(node, Expected::Bool);
        }
        truth
    }
}

/// The truth values of YAML 1.1, which variables such as `on` and `yes` have always been.
fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

impl Decode for i64 {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let number = match (node.as_scalar(), node.kind()) {
            (Some(text), Kind::Integer | Kind::Text) => integer(text),
            _ => None,
        };
        let number = number.and_then(|number| Self::try_from(number).ok());
        if number.is_none() {
            cx.wrong_type(node, Expected::Integer);
        }
        number
    }
}

macro_rules! unsigned {
    ($($type:ty),*) => {$(
        impl Decode for $type {
            fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
                let number = Self::try_from(i64::decode(node, cx)?).ok();
                if number.is_none() {
                    cx.wrong_type(node, Expected::Integer);
                }
                number
            }
        }
    )*};
}

unsigned!(u16, u32, u64);

impl Decode for f64 {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let number = match (node.as_scalar(), node.kind()) {
            (Some(text), Kind::Integer | Kind::Float | Kind::Text) => float(text),
            _ => None,
        };
        let number = number.filter(|number| number.is_finite());
        if number.is_none() {
            cx.wrong_type(node, Expected::Number);
        }
        number
    }
}

fn float(text: &str) -> Option<f64> {
    // `f64::from_str` takes `inf` and `nan` too.
    let numeric = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E');
    if text.bytes().all(numeric) { text.parse().ok() } else { None }
}

/// An integer of the core schema, and the octal numbers of YAML 1.1 (`0644`), which modes are written in.
pub(crate) fn integer(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x', ..] => (digits.get(2..)?, 16),
        [b'0', b'o', ..] => (digits.get(2..)?, 8),
        [b'0', _, ..] => (digits, 8),
        _ => (digits, 10),
    };
    // `from_str_radix` takes a sign of its own.
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    i128::from_str_radix(digits, radix).ok().map(|number| sign * number)
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let items = cx.items(node)?;
        Some(items.iter().filter_map(|item| T::decode(item, cx)).collect())
    }
}

impl<T: Decode> Decode for BTreeMap<String, T> {
    fn decode(node: &Node<'_>, cx: &mut Context) -> Option<Self> {
        let entries = cx.entries(node)?;
        let mut map = Self::new();
        for (key, value) in entries {
            if let Some(value) = T::decode(value, cx) {
                map.insert(String::from(key.as_scalar().unwrap_or_default()), value);
            }
        }
        Some(map)
    }
}

/// Any value, as JSON: for `x-` properties and options whose form is the driver's.
impl Decode for serde_json::Value {
    fn decode(node: &Node<'_>, _cx: &mut Context) -> Option<Self> {
        Some(json(node))
    }
}

/// The depth of the tree is bounded by [`MAX_DEPTH`](super::limits::MAX_DEPTH), and so is this recursion.
fn json(node: &Node<'_>) -> serde_json::Value {
    match &node.value {
        Value::List(items) => items.iter().map(json).collect(),
        Value::Mapping(entries) => entries
            .iter()
            .map(|(key, value)| (String::from(key.as_scalar().unwrap_or_default()), json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Scalar(text, style) => {
            let as_text = || serde_json::Value::from(text.as_ref());
            match node.kind() {
                _ if *style == Style::Text => as_text(),
                Kind::Null => serde_json::Value::Null,
                Kind::Bool => truth(text).map_or_else(as_text, Into::into),
                Kind::Integer => {
                    integer(text).and_then(|n| i64::try_from(n).ok()).map_or_else(as_text, Into::into)
                }
                Kind::Float => float(text)
                    .and_then(serde_json::Number::from_f64)
                    .map_or_else(as_text, serde_json::Value::Number),
                _ => as_text(),
            }
        }
    }
}

/// Whether a value is the one that stands for "left out".
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Defines a struct, how it is serialised, and how it is read from the tree: a field for each property.
/// Unknown properties are errors; those that start with `x-` are kept.
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[$field_meta:meta])* $field:ident : $type:ty = $key:literal, )*
        }
        $( refused: [$($refused:literal),*] )?
        $( required: [$($required:ident),*] )?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                #[serde(rename = $key, skip_serializing_if = "crate::compose::decode::is_default")]
                pub $field: $type,
            )*
            /// Properties whose name starts with `x-`.
            #[serde(flatten)]
            pub extensions: alloc::collections::BTreeMap<alloc::string::String, serde_json::Value>,
        }

        impl $name {
            /// The properties of this mapping, in the order of the fields.
            pub const PROPERTIES: &'static [&'static str] = &[$($key),*];
        }

        impl $crate::compose::decode::Decode for $name {
            fn decode(
                node: &$crate::compose::tree::Node<'_>,
                cx: &mut $crate::compose::decode::Context,
            ) -> Option<Self> {
                let mut this = Self::default();
                for (key, value) in cx.entries(node)? {
                    match key.as_scalar().unwrap_or_default() {
                        $( $key => if let Some(value) = $crate::compose::decode::Decode::decode(value, cx) {
                            this.$field = value;
                        }, )*
                        $( $( $refused => {
                            cx.error(key.at, $crate::compose::error::ErrorKind::RefusedProperty, $refused);
                        } )* )?
                        name if name.starts_with("x-") => {
                            let value = $crate::compose::decode::Decode::decode(value, cx)?;
                            this.extensions.insert(name.into(), value);
                        }
                        name => cx.error(key.at, $crate::compose::error::ErrorKind::UnknownProperty, name),
                    }
                }
                $( $( if node.get(stringify!($required)).is_none() {
                    let missing = $crate::compose::error::ErrorKind::Missing(stringify!($required));
                    cx.error(node.at, missing, stringify!($required));
                } )* )?
                Some(this)
            }
        }
    };
}

pub(crate) use record;
