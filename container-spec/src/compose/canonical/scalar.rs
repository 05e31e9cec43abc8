//! What PyYAML makes of a scalar.

use alloc::borrow::Cow;
use alloc::string::String;
use core::cmp::Ordering;

use super::resolve::{Type, resolve, truth};
use super::{number, timestamp};
use crate::compose::error::{Error, ErrorKind};
use crate::compose::tree::{Node, Style, Tag, Value};

/// A scalar as it is written: its type decides about quotes and about its place among keys.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scalar<'n> {
    pub(super) kind: Type,
    pub(super) text: Cow<'n, str>,
    /// Whether it can be written without quotes and still be what it is.
    pub(super) implicit: bool,
}

impl<'n> Scalar<'n> {
    /// The value of a scalar node.
    pub(super) fn of(node: &'n Node<'_>) -> Result<Self, Error> {
        let Value::Scalar(text, style) = &node.value else {
            return Ok(Self { kind: Type::Null, text: Cow::Borrowed("null"), implicit: true });
        };
        let plain = || resolve(text);
        let mut implicit = true;
        let kind = match (node.tag, style) {
            (Tag::None, Style::Text) | (Tag::Str, _) => {
                implicit = plain() == Type::Str;
                Type::Str
            }
            // A lone `!` makes PyYAML treat even a quoted scalar like a plain one.
            (Tag::None | Tag::NonSpecific, _) => plain(),
            (Tag::Int, _) => Type::Int,
            (Tag::Float, _) => Type::Float,
            (Tag::Bool, _) => Type::Bool,
            (Tag::Null, _) => Type::Null,
            (Tag::Timestamp, _) => Type::Timestamp,
            (Tag::Collection | Tag::Reset | Tag::Override | Tag::Other, _) => {
                return Err(Error::new(node.at, ErrorKind::UnknownTag, text));
            }
        };
        let owned = |text: Option<String>| text.map(Cow::Owned);
        let written = match kind {
            Type::Null => Some(Cow::Borrowed("null")),
            Type::Bool => {
                let value = truth(text).or_else(|| truth(&text.to_ascii_lowercase()));
                value.map(|value| Cow::Borrowed(if value { "true" } else { "false" }))
            }
            Type::Int => owned(number::integer(text)),
            Type::Float => owned(number::float(text)),
            Type::Timestamp => owned(timestamp::write(text)),
            Type::Str => Some(Cow::Borrowed(text.as_ref())),
            Type::Merge | Type::Value => None,
        };
        match written {
            Some(text) => Ok(Self { kind, text, implicit }),
            None => Err(Error::new(node.at, ErrorKind::NotCanonical, text)),
        }
    }

    /// A key; there, `=` is text.
    pub(super) fn of_key(node: &'n Node<'_>) -> Result<Self, Error> {
        match &node.value {
            Value::Scalar(text, Style::Plain) if text == "=" => {
                Ok(Self { kind: Type::Str, text: Cow::Borrowed("="), implicit: false })
            }
            _ => Self::of(node),
        }
    }

    /// The length of its tag in the short form, which PyYAML counts in the length of a key.
    pub(super) const fn tag_len(&self) -> usize {
        match self.kind {
            Type::Str | Type::Int => "!!str".len(),
            Type::Null | Type::Bool => "!!bool".len(),
            Type::Float => "!!float".len(),
            _ => "!!timestamp".len(),
        }
    }

    /// How Python compares two keys; `None` if it cannot.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self.kind, other.kind) {
            (Type::Str, Type::Str) => Some(self.text.cmp(&other.text)),
            (Type::Null, Type::Null) => Some(Ordering::Equal),
            (Type::Timestamp, Type::Timestamp) => {
                // Written in full, text order is time order; zones would have to be subtracted.
                let same = self.has_time() == other.has_time();
                (same && !self.has_zone() && !other.has_zone()).then(|| self.text.cmp(&other.text))
            }
            _ => match (self.as_number(), other.as_number()) {
                (Some(a), Some(b)) => a.compare(b),
                _ => None,
            },
        }
    }

    fn has_time(&self) -> bool {
        self.text.len() > 10
    }

    fn has_zone(&self) -> bool {
        self.text.get(19..).is_some_and(|rest| rest.contains(['+', '-']))
    }

    /// Keys that can be the same are in the same class, and all of one class can be compared, or none of it.
    pub(super) fn class(&self) -> u8 {
        match self.kind {
            _ if self.as_number().is_some() => 0,
            Type::Timestamp if self.has_zone() => 1,
            Type::Timestamp => 2 + u8::from(self.has_time()),
            Type::Null => 4,
            Type::Str => 5,
            _ => 6,
        }
    }

    fn as_number(&self) -> Option<Number> {
        match self.kind {
            Type::Bool => Some(Number::Int(i128::from(self.text == "true"))),
            Type::Int => self.text.parse().ok().map(Number::Int),
            Type::Float => match self.text.as_ref() {
                ".inf" => Some(Number::Float(f64::INFINITY)),
                "-.inf" => Some(Number::Float(f64::NEG_INFINITY)),
                ".nan" => None,
                text => text.parse().ok().map(Number::Float),
            },
            _ => None,
        }
    }
}

#[derive(Clone, Copy)]
enum Number {
    Int(i128),
    Float(f64),
}

impl Number {
    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Int(a), Self::Float(b)) => exact(a, b),
            (Self::Float(a), Self::Int(b)) => exact(b, a).map(Ordering::reverse),
        }
    }
}

/// Compares without rounding, as Python does: sorting needs one order of all numbers. `None` for NaN.
fn exact(whole: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    let beyond = if float.is_sign_positive() { Ordering::Less } else { Ordering::Greater };
    // IEEE 754, binary64: 52 bits of significand below the exponent, whose bias takes them into account here.
    let bits = float.to_bits();
    let (exponent, fraction) = ((bits >> 52) & 0x7ff, bits & 0xf_ffff_ffff_ffff);
    let significand = if exponent == 0 { fraction } else { fraction | 1 << 52 };
    let (truncated, has_rest) = match exponent.max(1).checked_sub(1075) {
        // 53 bits and 74 more are what 127 bits hold.
        Some(up) if up <= 74 => (i128::from(significand) << up, false),
        Some(_) => return Some(beyond),
        None => {
            let down = 1075 - exponent.max(1);
            let truncated = significand.checked_shr(u32::try_from(down).ok()?).unwrap_or(0);
            let back = truncated.checked_shl(u32::try_from(down).ok()?).unwrap_or(0);
            (i128::from(truncated), back != significand)
        }
    };
    let truncated = if float.is_sign_positive() { truncated } else { -truncated };
    Some(whole.cmp(&truncated).then(if has_rest { beyond } else { Ordering::Equal }))
}
