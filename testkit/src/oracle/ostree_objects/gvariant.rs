//! GVariant once more, as its specification defines it: a value is decoded into a tree and written anew. Slow and
//! recursive, and thereby little like the reader it judges.

use ostree_objects::limits::{MAX_TYPE_STRING_BYTES, MAX_VARIANT_DEPTH};

/// A type.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Type {
    /// A number, a boolean or a handle, of so many bytes.
    Fixed {
        size: usize,
        boolean: bool,
    },
    /// `s`, `o` or `g`.
    Text(u8),
    Variant,
    Array(Box<Type>),
    Maybe(Box<Type>),
    /// Tuples and dictionary entries, which are stored alike.
    Tuple(Vec<Type>),
}

/// What stops the decoding.
enum Stop {
    /// The bytes are no value of the type.
    Malformed,
    /// Deeper than is judged here.
    Deep,
}

/// Whether `bytes` are the normal form of a value of the type `kind`; `None` if it is too deep to say.
pub(super) fn is_normal(kind: &str, bytes: &[u8]) -> Option<bool> {
    let Some(kind) = parse(kind.as_bytes()) else { return Some(false) };
    match rewritten(&kind, bytes, 0) {
        Ok(again) => Some(again == bytes),
        Err(Stop::Malformed) => Some(false),
        Err(Stop::Deep) => None,
    }
}

/// A tuple's or array's bytes: values with their alignments, those whose end an offset says marked. Offsets of
/// tuples are `reversed`.
pub(super) fn container(members: &[(usize, bool, &[u8])], reversed: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for (alignment, has_offset, member) in members {
        bytes.resize(bytes.len().next_multiple_of(*alignment), 0);
        bytes.extend_from_slice(member);
        ends.extend(has_offset.then_some(bytes.len()));
    }
    if reversed {
        ends.reverse();
    }
    let width = [1, 2, 4, 8].into_iter().find(|width| width_of(bytes.len() + ends.len() * width) <= *width);
    for end in ends {
        bytes.extend_from_slice(&end.to_le_bytes()[..width.unwrap_or(8)]);
    }
    bytes
}

/// Bytes of an offset in a container of `len` bytes.
fn width_of(len: usize) -> usize {
    match u64::try_from(len).unwrap_or(u64::MAX) {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

/// The one complete type that `text` is.
fn parse(text: &[u8]) -> Option<Type> {
    if text.len() > MAX_TYPE_STRING_BYTES {
        return None;
    }
    let (kind, rest) = parse_first(text, 0)?;
    rest.is_empty().then_some(kind)
}

/// The first type of a row, inside of `open` others.
fn parse_first(text: &[u8], open: usize) -> Option<(Type, &[u8])> {
    let (first, rest) = text.split_first()?;
    if b"am({".contains(first) && open == MAX_VARIANT_DEPTH {
        return None;
    }
    let fixed = |size| Some((Type::Fixed { size, boolean: *first == b'b' }, rest));
    match first {
        b'y' | b'b' => fixed(1),
        b'n' | b'q' => fixed(2),
        b'i' | b'u' | b'h' => fixed(4),
        b'x' | b't' | b'd' => fixed(8),
        b's' | b'o' | b'g' => Some((Type::Text(*first), rest)),
        b'v' => Some((Type::Variant, rest)),
        b'a' => parse_first(rest, open + 1).map(|(element, rest)| (Type::Array(element.into()), rest)),
        b'm' => parse_first(rest, open + 1).map(|(element, rest)| (Type::Maybe(element.into()), rest)),
        b'{' => {
            let (key, rest) = parse_first(rest, open + 1)?;
            let (value, rest) = parse_first(rest, open + 1)?;
            let basic = matches!(key, Type::Fixed { .. } | Type::Text(_));
            let rest = rest.strip_prefix(b"}").filter(|_| basic)?;
            Some((Type::Tuple(vec![key, value]), rest))
        }
        b'(' => {
            let (mut members, mut rest) = (Vec::new(), rest);
            loop {
                if let Some(after) = rest.strip_prefix(b")") {
                    return Some((Type::Tuple(members), after));
                }
                let (member, after) = parse_first(rest, open + 1)?;
                members.push(member);
                rest = after;
            }
        }
        _ => None,
    }
}

impl Type {
    fn alignment(&self) -> usize {
        match self {
            Self::Fixed { size, .. } => *size,
            Self::Text(_) => 1,
            Self::Variant => 8,
            Self::Array(element) | Self::Maybe(element) => element.alignment(),
            Self::Tuple(members) => members.iter().map(Self::alignment).max().unwrap_or(1),
        }
    }

    fn fixed_size(&self) -> Option<usize> {
        match self {
            Self::Fixed { size, .. } => Some(*size),
            Self::Tuple(members) => {
                let mut end = 0_usize;
                for member in members {
                    end = end.next_multiple_of(member.alignment()) + member.fixed_size()?;
                }
                Some(end.max(1).next_multiple_of(self.alignment()))
            }
            _ => None,
        }
    }
}

/// Decodes a value and writes it in the normal form.
fn rewritten(kind: &Type, bytes: &[u8], depth: usize) -> Result<Vec<u8>, Stop> {
    if depth == MAX_VARIANT_DEPTH {
        return Err(Stop::Deep);
    }
    match kind {
        Type::Fixed { size, boolean } => {
            let legal = bytes.len() == *size && !(*boolean && bytes[0] > 1);
            legal.then(|| bytes.to_vec()).ok_or(Stop::Malformed)
        }
        Type::Text(kind) => is_text(*kind, bytes).then(|| bytes.to_vec()).ok_or(Stop::Malformed),
        Type::Variant => {
            let nul = bytes.iter().rposition(|byte| *byte == 0).ok_or(Stop::Malformed)?;
            let (value, name) = (&bytes[..nul], &bytes[nul + 1..]);
            let inner = parse(name).ok_or(Stop::Malformed)?;
            Ok([&rewritten(&inner, value, depth + 1)?[..], &[0], name].concat())
        }
        Type::Maybe(_) if bytes.is_empty() => Ok(Vec::new()),
        Type::Maybe(element) if element.fixed_size().is_some() => rewritten(element, bytes, depth + 1),
        Type::Maybe(element) => {
            let mut value = rewritten(element, &bytes[..bytes.len() - 1], depth + 1)?;
            value.push(0);
            Ok(value)
        }
        Type::Array(element) => array(element, bytes, depth),
        Type::Tuple(members) => tuple(kind, members, bytes, depth),
    }
}

fn array(element: &Type, bytes: &[u8], depth: usize) -> Result<Vec<u8>, Stop> {
    if let Some(size) = element.fixed_size() {
        let elements: Result<Vec<_>, _> =
            bytes.chunks(size).map(|value| rewritten(element, value, depth + 1)).collect();
        return elements.map(|elements| elements.concat());
    }
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let width = width_of(bytes.len());
    let body = offset(bytes, bytes.len().wrapping_sub(width), width)?;
    let table = bytes.get(body..).filter(|table| !table.is_empty()).ok_or(Stop::Malformed)?;
    let (mut elements, mut start) = (Vec::new(), 0_usize);
    for at in (0..table.len()).step_by(width) {
        start = start.next_multiple_of(element.alignment());
        let end = offset(table, at, width)?;
        elements.push(rewritten(element, bytes.get(start..end).ok_or(Stop::Malformed)?, depth + 1)?);
        start = end;
    }
    let members: Vec<_> =
        elements.iter().map(|value| (element.alignment(), true, value.as_slice())).collect();
    Ok(container(&members, false))
}

fn tuple(kind: &Type, members: &[Type], bytes: &[u8], depth: usize) -> Result<Vec<u8>, Stop> {
    let width = width_of(bytes.len());
    let has_offset = |index: usize| index + 1 < members.len() && members[index].fixed_size().is_none();
    let mut table = bytes.len();
    let body = (0..members.len()).filter(|index| has_offset(*index)).count() * width;
    let body = bytes.len().checked_sub(body).ok_or(Stop::Malformed)?;
    let (mut values, mut start) = (Vec::new(), 0_usize);
    for (index, member) in members.iter().enumerate() {
        start = start.next_multiple_of(member.alignment());
        let end = match member.fixed_size() {
            Some(size) => start + size,
            None if has_offset(index) => {
                table -= width;
                offset(bytes, table, width)?
            }
            None => body,
        };
        let value = bytes.get(start..end).ok_or(Stop::Malformed)?;
        values.push(rewritten(member, value, depth + 1)?);
        start = end;
    }
    let parts: Vec<_> = (0..members.len())
        .map(|index| (members[index].alignment(), has_offset(index), values[index].as_slice()))
        .collect();
    let mut again = container(&parts, true);
    again.resize(kind.fixed_size().unwrap_or(again.len()), 0);
    Ok(again)
}

fn offset(bytes: &[u8], at: usize, width: usize) -> Result<usize, Stop> {
    let stored = at.checked_add(width).and_then(|end| bytes.get(at..end)).ok_or(Stop::Malformed)?;
    let mut value = [0; 8];
    value[..width].copy_from_slice(stored);
    usize::try_from(u64::from_le_bytes(value)).map_err(|_| Stop::Malformed)
}

fn is_text(kind: u8, bytes: &[u8]) -> bool {
    let Some((0, text)) = bytes.split_last() else { return false };
    let Ok(text) = str::from_utf8(text) else { return false };
    if text.contains('\0') {
        return false;
    }
    match kind {
        b'o' => {
            let word =
                |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            text == "/" || text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(word))
        }
        b'g' => {
            let mut rest = text.as_bytes();
            while let Some((_, after)) = parse_first(rest, 0) {
                rest = after;
            }
            rest.is_empty() && text.len() <= MAX_TYPE_STRING_BYTES
        }
        _ => true,
    }
}
