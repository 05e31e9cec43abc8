//! Whether a value of any type is in the normal form, with an explicit stack.

use heapless::Vec;

use super::signature::{alignment, count, fixed_size, is_single, split_first};
use super::{Array, Span, Tuple};
use crate::limits::MAX_VARIANT_DEPTH;
use crate::{Error, ErrorKind, StringRule};

/// A container that is being checked.
enum Frame<'a> {
    /// Elements of variable size.
    Elements { element: &'a [u8], array: Array<'a>, next: usize },
    /// Elements of fixed size that can be wrong in themselves.
    Fixed { element: &'a [u8], size: usize, rest: Span<'a> },
    /// A tuple or dictionary entry, and the members still to be checked.
    Members { members: &'a [u8], tuple: Tuple<'a>, end: usize },
}

/// Checks the value `span` of the valid type `kind`.
pub(super) fn check<'a>(kind: &'a [u8], span: Span<'a>) -> Result<(), Error> {
    let mut stack: Vec<Frame<'a>, MAX_VARIANT_DEPTH> = Vec::new();
    let mut next = Some((kind, span));
    loop {
        if let Some((kind, span)) = next.take() {
            match enter(kind, span)? {
                Entered::Leaf => {}
                Entered::Inner(kind, span) => {
                    next = Some((kind, span));
                    continue;
                }
                Entered::Container(frame) => stack
                    .push(frame)
                    .map_err(|_| span.error(0, ErrorKind::Nesting { limit: MAX_VARIANT_DEPTH }))?,
            }
        }
        let Some(frame) = stack.last_mut() else { return Ok(()) };
        match step(frame)? {
            Some(child) => next = Some(child),
            None => {
                stack.pop();
            }
        }
    }
}

enum Entered<'a> {
    Leaf,
    Inner(&'a [u8], Span<'a>),
    Container(Frame<'a>),
}

fn enter<'a>(kind: &'a [u8], span: Span<'a>) -> Result<Entered<'a>, Error> {
    let (first, rest) = kind.split_first().ok_or_else(|| span.error(0, ErrorKind::TypeString))?;
    if let Some(size) = fixed_size(kind)
        && span.len() != size
    {
        return Err(span.error(0, ErrorKind::FixedSize { unit: size, actual: span.len() }));
    }
    match first {
        b'b' => boolean(&span)?,
        b's' => drop(span.string()?),
        b'o' => object_path(&span)?,
        b'g' if count(span.string()?.as_bytes()).is_none() => {
            return Err(span.error(0, ErrorKind::String(StringRule::NotSignature)));
        }
        b'v' => {
            let (kind, value) = split_variant(&span)?;
            return Ok(Entered::Inner(kind, value));
        }
        b'm' => return maybe(rest, span),
        b'a' => return array(rest, span),
        b'(' if rest == b")" => match span.bytes {
            [0] => {}
            [value, ..] => return Err(span.error(0, ErrorKind::Padding { value: *value })),
            [] => return Err(span.error(0, ErrorKind::FixedSize { unit: 1, actual: 0 })),
        },
        b'(' | b'{' => {
            let members = rest.split_last().map_or(rest, |(_, members)| members);
            let (offsets, end) = match fixed_size(kind) {
                Some(_) => (0, alignment(kind)),
                None => (framing_offsets(members), 1),
            };
            let tuple = Tuple::new(span, offsets)?;
            return Ok(Entered::Container(Frame::Members { members, tuple, end }));
        }
        _ => {}
    }
    Ok(Entered::Leaf)
}

fn array<'a>(element: &'a [u8], span: Span<'a>) -> Result<Entered<'a>, Error> {
    let Some(size) = fixed_size(element) else {
        let array = Array::new(span, alignment(element))?;
        return Ok(Entered::Container(Frame::Elements { element, array, next: 0 }));
    };
    if !span.len().is_multiple_of(size) {
        return Err(span.error(0, ErrorKind::FixedSize { unit: size, actual: span.len() }));
    }
    // Only booleans and padding can be wrong inside a value of fixed size.
    if element.iter().any(|byte| matches!(byte, b'b' | b'(' | b'{')) {
        return Ok(Entered::Container(Frame::Fixed { element, size, rest: span }));
    }
    Ok(Entered::Leaf)
}

fn maybe<'a>(element: &'a [u8], span: Span<'a>) -> Result<Entered<'a>, Error> {
    let Some((last, value)) = span.bytes.split_last() else { return Ok(Entered::Leaf) };
    if fixed_size(element).is_some() {
        return Ok(Entered::Inner(element, span));
    }
    match last {
        // A value of variable size is followed by a zero, to tell it from nothing.
        0 => Ok(Entered::Inner(element, Span { bytes: value, at: span.at })),
        value => Err(span.error(span.len() - 1, ErrorKind::Padding { value: *value })),
    }
}

fn step<'a>(frame: &mut Frame<'a>) -> Result<Option<(&'a [u8], Span<'a>)>, Error> {
    match frame {
        Frame::Elements { element, array, next } => {
            if *next == array.len() {
                return Ok(None);
            }
            let value = array.get(*next)?;
            *next += 1;
            Ok(Some((element, value)))
        }
        Frame::Fixed { element, size, rest } => {
            let (Some(value), Some(after)) = (rest.slice(0, *size), rest.slice(*size, rest.len())) else {
                return Ok(None);
            };
            *rest = after;
            Ok(Some((element, value)))
        }
        Frame::Members { members, tuple, end } => {
            let Some((member, after)) = split_first(members) else {
                return tuple.finish(*end).map(|()| None);
            };
            *members = after;
            let boundary = alignment(member);
            let value = match fixed_size(member) {
                Some(size) => tuple.fixed(boundary, size)?,
                None if after.is_empty() => tuple.last(boundary)?,
                None => tuple.variable(boundary)?,
            };
            Ok(Some((member, value)))
        }
    }
}

pub(super) fn framing_offsets(members: &[u8]) -> usize {
    let mut rest = members;
    let mut offsets = 0;
    while let Some((member, after)) = split_first(rest) {
        if !after.is_empty() && fixed_size(member).is_none() {
            offsets += 1;
        }
        rest = after;
    }
    offsets
}

/// The type string and the value inside a variant.
pub(super) fn split_variant<'a>(span: &Span<'a>) -> Result<(&'a [u8], Span<'a>), Error> {
    let bad = || span.error(0, ErrorKind::TypeString);
    let nul = span.bytes.iter().rposition(|byte| *byte == 0).ok_or_else(bad)?;
    let kind = span.bytes.get(nul.saturating_add(1)..).ok_or_else(bad)?;
    if !is_single(kind) {
        return Err(span.error(nul.saturating_add(1), ErrorKind::TypeString));
    }
    span.slice(0, nul).map(|value| (kind, value)).ok_or_else(bad)
}

fn boolean(span: &Span<'_>) -> Result<(), Error> {
    match span.bytes.first() {
        Some(0 | 1) => Ok(()),
        value => Err(span.error(0, ErrorKind::Boolean { value: value.copied().unwrap_or_default() })),
    }
}

/// D-Bus: `/`, or elements of letters, digits and `_`, each with a `/` before it.
fn object_path(span: &Span<'_>) -> Result<(), Error> {
    let path = span.string()?;
    let element = |element: &str| {
        !element.is_empty() && element.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match path.strip_prefix('/') {
        Some(rest) if rest.is_empty() || rest.split('/').all(element) => Ok(()),
        _ => Err(span.error(0, ErrorKind::String(StringRule::NotObjectPath))),
    }
}
