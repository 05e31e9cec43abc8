//! The text form of any value, as `g_variant_print` writes it (GLib's `gvariant.c`), with an explicit stack.

use core::fmt::{self, Formatter, Write};

use heapless::{String, Vec};

use super::check::{framing_offsets, split_variant};
use super::signature::{alignment, fixed_size, split_first};
use super::{Array, Span, Tuple, VariantRef};
use crate::limits::MAX_VARIANT_DEPTH;

/// A value as text, such as `{'version': <'1.0'>}`.
#[derive(Clone, Copy, Debug)]
pub struct VariantText<'a> {
    value: VariantRef<'a>,
    is_big_endian: bool,
    is_annotated: bool,
}

impl<'a> VariantRef<'a> {
    /// The value as text. Numbers are little-endian, and those of other types than `i` and `d` say of which.
    #[must_use]
    pub const fn text(&self) -> VariantText<'a> {
        VariantText { value: *self, is_big_endian: false, is_annotated: true }
    }
}

impl VariantText<'_> {
    /// Numbers are big-endian, as OSTree stores most of them.
    #[must_use]
    pub const fn big_endian(self) -> Self {
        Self { is_big_endian: true, ..self }
    }

    /// Without the types of numbers and of empty arrays, but for those inside of a variant.
    #[must_use]
    pub const fn plain(self) -> Self {
        Self { is_annotated: false, ..self }
    }
}

/// A value that was checked has so many containers inside each other, an array or empty tuple in the last one that the
/// check need not enter, and in each a variant.
const MAX_FRAMES: usize = 2 * (MAX_VARIANT_DEPTH + 1) + 1;

/// A container of which a part is printed.
enum Frame<'a> {
    Elements {
        element: &'a [u8],
        elements: Elements<'a>,
        is_first: bool,
        is_annotated: bool,
    },
    Members {
        members: &'a [u8],
        tuple: Tuple<'a>,
        count: usize,
        is_entry: bool,
        is_annotated: bool,
    },
    /// Variants inside each other: what is in the innermost, until that is printed, and how many they are.
    Variants {
        inside: Option<(&'a [u8], Span<'a>)>,
        count: usize,
    },
}

enum Elements<'a> {
    Variable { array: Array<'a>, next: usize },
    Fixed { size: usize, rest: Span<'a> },
}

/// A value that is to be printed next.
struct Value<'a> {
    kind: &'a [u8],
    span: Span<'a>,
    is_annotated: bool,
    /// Of a dictionary, which has no brackets of its own.
    is_entry: bool,
}

impl fmt::Display for VariantText<'_> {
    fn fmt(&self, to: &mut Formatter<'_>) -> fmt::Result {
        let mut stack: Vec<Frame<'_>, MAX_FRAMES> = Vec::new();
        let VariantText { value, is_annotated, .. } = *self;
        let (kind, span) = (value.type_string().as_bytes(), Span::new(value.bytes()));
        let mut next = Some(Value { kind, span, is_annotated, is_entry: false });
        loop {
            if let Some(value) = next.take()
                && let Some(frame) = self.enter(&value, to)?
            {
                stack.push(frame).map_err(|_| fmt::Error)?;
            }
            let Some(frame) = stack.last_mut() else { return Ok(()) };
            next = step(frame, to)?;
            if next.is_none() {
                stack.pop();
            }
        }
    }
}

impl VariantText<'_> {
    /// Prints a value, or the start of a container.
    fn enter<'a>(&self, value: &Value<'a>, to: &mut Formatter<'_>) -> Result<Option<Frame<'a>>, fmt::Error> {
        let Value { mut kind, mut span, mut is_annotated, is_entry } = *value;
        if kind.first() == Some(&b'm') {
            if is_annotated {
                write!(to, "@{} ", text_of(kind))?;
            }
            is_annotated = false;
            match innermost(kind, span) {
                Ok(inner) => (kind, span) = inner,
                Err(depth) => {
                    for _ in 0..depth {
                        to.write_str("just ")?;
                    }
                    to.write_str("nothing")?;
                    return Ok(None);
                }
            }
        }
        let (first, rest) = kind.split_first().ok_or(fmt::Error)?;
        match first {
            b'a' => return array(kind, rest, span, is_annotated, to),
            b'v' => {
                // However many they are, they take one place of the stack: a check bounds only other containers.
                let mut count = 0_usize;
                while kind == b"v" {
                    (kind, span) = split_variant(&span).map_err(|_| fmt::Error)?;
                    to.write_char('<')?;
                    count = count.saturating_add(1);
                }
                return Ok(Some(Frame::Variants { inside: Some((kind, span)), count }));
            }
            b'(' | b'{' => {
                let members = rest.split_last().map_or(rest, |(_, members)| members);
                let offsets = if fixed_size(kind).is_some() { 0 } else { framing_offsets(members) };
                let tuple = Tuple::new(span, offsets).map_err(|_| fmt::Error)?;
                if !is_entry {
                    to.write_char(if *first == b'(' { '(' } else { '{' })?;
                }
                return Ok(Some(Frame::Members { members, tuple, count: 0, is_entry, is_annotated }));
            }
            b's' => string(span.string().map_err(|_| fmt::Error)?, to)?,
            b'o' | b'g' => {
                if is_annotated {
                    to.write_str(if *first == b'o' { "objectpath " } else { "signature " })?;
                }
                write!(to, "'{}'", span.string().map_err(|_| fmt::Error)?)?;
            }
            _ => self.number(*first, span.bytes, is_annotated, to)?,
        }
        Ok(None)
    }

    /// Prints a number or truth value of the type `kind`.
    fn number(&self, kind: u8, bytes: &[u8], is_annotated: bool, to: &mut Formatter<'_>) -> fmt::Result {
        let annotation = match kind {
            b'y' => "byte ",
            b'n' => "int16 ",
            b'q' => "uint16 ",
            b'h' => "handle ",
            b'u' => "uint32 ",
            b'x' => "int64 ",
            b't' => "uint64 ",
            _ => "",
        };
        if is_annotated {
            to.write_str(annotation)?;
        }
        match kind {
            b'y' => write!(to, "{:#04x}", u8::from_le_bytes(self.little_endian(bytes)?)),
            b'b' => write!(to, "{}", self.little_endian::<1>(bytes)? != [0]),
            b'n' => write!(to, "{}", i16::from_le_bytes(self.little_endian(bytes)?)),
            b'q' => write!(to, "{}", u16::from_le_bytes(self.little_endian(bytes)?)),
            b'i' | b'h' => write!(to, "{}", i32::from_le_bytes(self.little_endian(bytes)?)),
            b'u' => write!(to, "{}", u32::from_le_bytes(self.little_endian(bytes)?)),
            b'x' => write!(to, "{}", i64::from_le_bytes(self.little_endian(bytes)?)),
            b't' => write!(to, "{}", u64::from_le_bytes(self.little_endian(bytes)?)),
            b'd' => double(f64::from_le_bytes(self.little_endian(bytes)?), to),
            _ => Err(fmt::Error),
        }
    }

    fn little_endian<const N: usize>(&self, bytes: &[u8]) -> Result<[u8; N], fmt::Error> {
        let mut bytes: [u8; N] = bytes.try_into().map_err(|_| fmt::Error)?;
        if self.is_big_endian {
            bytes.reverse();
        }
        Ok(bytes)
    }
}

/// Prints the start of an array, or all of one that is shown as a text or is empty.
fn array<'a>(
    kind: &[u8],
    element: &'a [u8],
    span: Span<'a>,
    is_annotated: bool,
    to: &mut Formatter<'_>,
) -> Result<Option<Frame<'a>>, fmt::Error> {
    // Bytes whose only NUL is the last one are a text of the file system's.
    if element == b"y"
        && let Some((0, text)) = span.bytes.split_last()
        && !text.contains(&0)
    {
        return byte_string(text, to).map(|()| None);
    }
    let brackets = if element.first() == Some(&b'{') { "{}" } else { "[]" };
    let elements = match fixed_size(element) {
        Some(size) => Elements::Fixed { size, rest: span },
        None => {
            let array = Array::new(span, alignment(element)).map_err(|_| fmt::Error)?;
            Elements::Variable { array, next: 0 }
        }
    };
    if elements.is_at_end() {
        if is_annotated {
            write!(to, "@{} ", text_of(kind))?;
        }
        return to.write_str(brackets).map(|()| None);
    }
    to.write_str(brackets.get(..1).unwrap_or_default())?;
    Ok(Some(Frame::Elements { element, elements, is_first: true, is_annotated }))
}

impl<'a> Elements<'a> {
    fn is_at_end(&self) -> bool {
        match self {
            Self::Variable { array, next } => *next == array.len(),
            Self::Fixed { rest, .. } => rest.len() == 0,
        }
    }

    fn next(&mut self) -> Result<Span<'a>, fmt::Error> {
        match self {
            Self::Variable { array, next } => {
                let value = array.get(*next).map_err(|_| fmt::Error)?;
                *next = next.saturating_add(1);
                Ok(value)
            }
            Self::Fixed { size, rest } => {
                let (value, after) = (rest.slice(0, *size), rest.slice(*size, rest.len()));
                *rest = after.ok_or(fmt::Error)?;
                value.ok_or(fmt::Error)
            }
        }
    }
}

/// Prints what is between two parts of a container, or its end.
fn step<'a>(frame: &mut Frame<'a>, to: &mut Formatter<'_>) -> Result<Option<Value<'a>>, fmt::Error> {
    match frame {
        Frame::Elements { element, elements, is_first, is_annotated } => {
            let is_entry = element.first() == Some(&b'{');
            if elements.is_at_end() {
                to.write_char(if is_entry { '}' } else { ']' })?;
                return Ok(None);
            }
            if !*is_first {
                to.write_str(", ")?;
            }
            // The first one says of which type all are.
            let is_annotated = *is_annotated && core::mem::take(is_first);
            *is_first = false;
            Ok(Some(Value { kind: element, span: elements.next()?, is_annotated, is_entry }))
        }
        Frame::Members { members, tuple, count, is_entry, is_annotated } => {
            let Some((member, after)) = split_first(members) else {
                to.write_str(match (*is_entry, *count) {
                    (true, _) => "",
                    (false, 1) => ",)",
                    (false, _) => ")",
                })?;
                return Ok(None);
            };
            if *count > 0 {
                to.write_str(if *is_entry { ": " } else { ", " })?;
            }
            *members = after;
            *count = count.saturating_add(1);
            let boundary = alignment(member);
            let span = match fixed_size(member) {
                Some(size) => tuple.fixed(boundary, size),
                None if after.is_empty() => tuple.last(boundary),
                None => tuple.variable(boundary),
            };
            let span = span.map_err(|_| fmt::Error)?;
            Ok(Some(Value { kind: member, span, is_annotated: *is_annotated, is_entry: false }))
        }
        Frame::Variants { inside, count } => {
            if let Some((kind, span)) = inside.take() {
                return Ok(Some(Value { kind, span, is_annotated: true, is_entry: false }));
            }
            for _ in 0..*count {
                to.write_char('>')?;
            }
            Ok(None)
        }
    }
}

/// What is in all the maybes that enclose a value; or how many enclose the one that is empty.
fn innermost<'a>(mut kind: &'a [u8], mut span: Span<'a>) -> Result<(&'a [u8], Span<'a>), usize> {
    let mut depth = 0;
    while let Some((b'm', element)) = kind.split_first() {
        let Some((_, value)) = span.bytes.split_last() else { return Err(depth) };
        if fixed_size(element).is_none() {
            // A value of variable size has a zero behind it, to tell it from nothing.
            span = Span { bytes: value, at: span.at };
        }
        kind = element;
        depth = depth.saturating_add(1);
    }
    Ok((kind, span))
}

fn text_of(kind: &[u8]) -> &str {
    core::str::from_utf8(kind).unwrap_or_default()
}

fn string(text: &str, to: &mut Formatter<'_>) -> fmt::Result {
    let quote = if text.contains('\'') { '"' } else { '\'' };
    to.write_char(quote)?;
    for one in text.chars() {
        match one {
            '\x07' => to.write_str("\\a")?,
            '\x08' => to.write_str("\\b")?,
            '\x0c' => to.write_str("\\f")?,
            '\n' => to.write_str("\\n")?,
            '\r' => to.write_str("\\r")?,
            '\t' => to.write_str("\\t")?,
            '\x0b' => to.write_str("\\v")?,
            '\\' => to.write_str("\\\\")?,
            one if one == quote => write!(to, "\\{one}")?,
            one if is_printed(one) => to.write_char(one)?,
            one if u32::from(one) < 0x1_0000 => write!(to, "\\u{:04x}", u32::from(one))?,
            one => write!(to, "\\U{:08x}", u32::from(one))?,
        }
    }
    to.write_char(quote)
}

/// Near enough to `g_unichar_isprint`: what Rust would not escape, and spaces and private characters.
fn is_printed(one: char) -> bool {
    let is_private =
        matches!(one, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}');
    if one.is_ascii_graphic() || is_private || (one.is_whitespace() && !one.is_control()) {
        return true;
    }
    // Behind another character, for what combines with one is escaped without it.
    let mut pair: String<8> = String::new();
    let _ = pair.push('a').and_then(|()| pair.push(one));
    pair.escape_debug().nth(1) == Some(one)
}

/// As `g_strescape` writes it.
fn byte_string(text: &[u8], to: &mut Formatter<'_>) -> fmt::Result {
    let quote = if text.contains(&b'\'') { '"' } else { '\'' };
    write!(to, "b{quote}")?;
    for &byte in text {
        match byte {
            0x08 => to.write_str("\\b")?,
            0x0c => to.write_str("\\f")?,
            b'\n' => to.write_str("\\n")?,
            b'\r' => to.write_str("\\r")?,
            b'\t' => to.write_str("\\t")?,
            0x0b => to.write_str("\\v")?,
            b'\\' => to.write_str("\\\\")?,
            b'"' => to.write_str("\\\"")?,
            b' '..=b'~' => to.write_char(char::from(byte))?,
            byte => write!(to, "\\{byte:03o}")?,
        }
    }
    to.write_char(quote)
}

/// As C's `%.17g`, and with a point if it would look like an integer.
fn double(value: f64, to: &mut Formatter<'_>) -> fmt::Result {
    const DIGITS: i32 = 17;
    if !value.is_finite() {
        let sign = if value.is_sign_negative() { "-" } else { "" };
        return write!(to, "{sign}{}", if value.is_nan() { "nan" } else { "inf" });
    }
    let mut text: String<32> = String::new();
    write!(text, "{value:.16e}")?;
    let (mantissa, exponent) = text.split_once('e').ok_or(fmt::Error)?;
    let exponent: i32 = exponent.parse().map_err(|_| fmt::Error)?;
    if (-4..DIGITS).contains(&exponent) {
        let decimals = usize::try_from(DIGITS - 1 - exponent).map_err(|_| fmt::Error)?;
        let mut fixed: String<48> = String::new();
        write!(fixed, "{value:.decimals$}")?;
        let short = if decimals == 0 { &*fixed } else { fixed.trim_end_matches('0').trim_end_matches('.') };
        return write!(to, "{short}{}", if short.contains('.') { "" } else { ".0" });
    }
    let short = mantissa.trim_end_matches('0').trim_end_matches('.');
    let sign = if exponent < 0 { '-' } else { '+' };
    write!(to, "{short}e{sign}{:02}", exponent.unsigned_abs())
}
