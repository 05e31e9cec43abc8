//! Paths as text.

use core::fmt::{self, Write as _};

/// Displays a path so that any bytes stay readable and reversible: bytes up to 0x20, `%`, and 0x7f and
/// above are written as `%XX`; /etc itself is `.`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathText<'p>(pub &'p [u8]);

impl fmt::Display for PathText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(".");
        }
        for &byte in self.0 {
            match byte {
                0..=0x20 | b'%' | 0x7f.. => write!(f, "%{byte:02X}")?,
                _ => f.write_char(char::from(byte))?,
            }
        }
        Ok(())
    }
}

/// The bytes that [`PathText`] displays as `text`; `None` if it displays nothing so.
#[cfg(feature = "alloc")]
pub(crate) fn from_text(text: &str) -> Option<alloc::vec::Vec<u8>> {
    if text == "." {
        return Some(alloc::vec::Vec::new());
    }
    let mut bytes = alloc::vec::Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2)?;
        let mut byte = [0];
        base16ct::upper::decode(digits, &mut byte).ok()?;
        bytes.extend(byte);
        rest = tail;
    }
    Some(bytes)
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn odd_bytes_survive_the_way_through_text() {
        let path = b"a dir/\xff%\n/x";
        let text = PathText(path).to_string();
        assert_eq!(text, "a%20dir/%FF%25%0A/x");
        assert_eq!(from_text(&text).unwrap(), path);
        assert_eq!(from_text("."), Some(alloc::vec::Vec::new()));
        assert_eq!(from_text("%G0"), None);
        assert_eq!(from_text("%0"), None);
    }
}
