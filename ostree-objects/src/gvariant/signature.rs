//! Type strings: which are valid, and what they say about size and alignment.

use heapless::Vec;

use super::align;
use crate::limits::{MAX_TYPE_STRING_BYTES, MAX_VARIANT_DEPTH};

/// What a container of types still expects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// One type, and the prefix `a` or `m` is complete.
    Prefix,
    /// Any number of types up to `)`.
    Tuple,
    /// The key of a dictionary entry.
    Key,
    /// The value of a dictionary entry.
    Value,
    /// Then `}`.
    End,
}

/// Whether `text` is exactly one complete type.
pub(super) fn is_single(text: &[u8]) -> bool {
    count(text) == Some(1)
}

/// How many complete types `text` is; `None` if it is not a row of types, or is too long or too deep.
pub(super) fn count(text: &[u8]) -> Option<usize> {
    let mut open: Vec<Open, MAX_VARIANT_DEPTH> = Vec::new();
    let mut complete = 0_usize;
    if text.len() > MAX_TYPE_STRING_BYTES {
        return None;
    }
    for byte in text {
        let basic = basic_size(*byte).is_some() || matches!(byte, b's' | b'o' | b'g');
        match (byte, open.last()) {
            (b'}', Some(Open::End)) | (b')', Some(Open::Tuple)) => {
                open.pop();
            }
            (_, Some(Open::End)) => return None,
            (_, Some(Open::Key)) if !basic => return None,
            (b'a' | b'm', _) => {
                open.push(Open::Prefix).ok()?;
                continue;
            }
            (b'(', _) => {
                open.push(Open::Tuple).ok()?;
                continue;
            }
            (b'{', _) => {
                open.push(Open::Key).ok()?;
                continue;
            }
            (b'v', _) => {}
            _ if basic => {}
            _ => return None,
        }
        // A type has ended here, and with it the prefixes before it.
        while open.last() == Some(&Open::Prefix) {
            open.pop();
        }
        match open.last_mut() {
            None => complete = complete.checked_add(1)?,
            Some(place @ Open::Key) => *place = Open::Value,
            Some(place @ Open::Value) => *place = Open::End,
            Some(_) => {}
        }
    }
    open.is_empty().then_some(complete)
}

/// Splits a row of valid types after the first.
pub(super) fn split_first(types: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut depth = 0_usize;
    for (index, byte) in types.iter().enumerate() {
        match byte {
            b'(' | b'{' => depth = depth.checked_add(1)?,
            b')' | b'}' => depth = depth.checked_sub(1)?,
            b'a' | b'm' => continue,
            _ => {}
        }
        if depth == 0 {
            return types.split_at_checked(index.checked_add(1)?);
        }
    }
    None
}

/// The alignment of a valid type: the largest of all types in it, as arrays and tuples take their members'.
pub(super) fn alignment(valid: &[u8]) -> usize {
    let largest = |largest: usize, byte: &u8| match byte {
        b'v' => 8,
        byte => largest.max(basic_size(*byte).unwrap_or(1)),
    };
    valid.iter().fold(1, largest)
}

/// The size of a valid type in bytes, if all of its values have the same.
pub(super) fn fixed_size(valid: &[u8]) -> Option<usize> {
    let mut open: Vec<(usize, usize), MAX_VARIANT_DEPTH> = Vec::new();
    let mut size = 0_usize;
    for (index, byte) in valid.iter().enumerate() {
        match byte {
            b'(' | b'{' => {
                let (tuple, _) = split_first(valid.get(index..)?)?;
                let alignment = alignment(tuple);
                size = align(size, alignment);
                open.push((alignment, size)).ok()?;
            }
            b')' | b'}' => {
                let (alignment, start) = open.pop()?;
                // The tuple without members takes one byte.
                size = align(size.max(start.checked_add(1)?), alignment);
            }
            byte => {
                let member = basic_size(*byte)?;
                size = align(size, member).checked_add(member)?;
            }
        }
    }
    Some(size)
}

/// The size of a basic type of fixed size, which also is its alignment.
const fn basic_size(byte: u8) -> Option<usize> {
    match byte {
        b'y' | b'b' => Some(1),
        b'n' | b'q' => Some(2),
        b'i' | b'u' | b'h' => Some(4),
        b'x' | b't' | b'd' => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_complete_types() {
        for text in ["y", "as", "a{sv}", "(a{sv}aya(say)sstayay)", "()", "mmy", "aaaa{s(ayv)}", "((()))"] {
            assert!(is_single(text.as_bytes()), "{text}");
            assert_eq!(split_first(text.as_bytes()), Some((text.as_bytes(), &b""[..])), "{text}");
        }
        for text in
            ["", "a", "yy", "(", ")", "{sv", "a{vs}", "{s}", "{sss}", "(y}", "z", "a)", "*", "r", "{(y)s}"]
        {
            assert!(!is_single(text.as_bytes()), "{text}");
        }
        assert_eq!(count(b"a{sv}y(ss)"), Some(3));
    }

    #[test]
    fn bounds_depth_and_length() {
        let mut text = [b'a'; MAX_VARIANT_DEPTH + 2];
        text[MAX_VARIANT_DEPTH] = b'y';
        assert!(is_single(&text[..=MAX_VARIANT_DEPTH]));
        text[MAX_VARIANT_DEPTH] = b'a';
        text[MAX_VARIANT_DEPTH + 1] = b'y';
        assert!(!is_single(&text));
        let long = [b'y'; MAX_TYPE_STRING_BYTES + 1];
        assert_eq!(count(&long[..MAX_TYPE_STRING_BYTES]), Some(MAX_TYPE_STRING_BYTES));
        assert_eq!(count(&long), None);
    }

    #[test]
    fn sizes_and_alignments_are_those_of_the_specification() {
        for (text, size, wanted) in [
            ("y", Some(1), 1),
            ("(yu)", Some(8), 4),
            ("(uy)", Some(8), 4),
            ("(y(yt)y)", Some(32), 8),
            ("()", Some(1), 1),
            ("(()u)", Some(8), 4),
            ("{yx}", Some(16), 8),
            ("s", None, 1),
            ("a{sv}", None, 8),
            ("(uay)", None, 4),
        ] {
            assert_eq!(fixed_size(text.as_bytes()), size, "{text}");
            assert_eq!(alignment(text.as_bytes()), wanted, "{text}");
        }
    }
}
