//! Where something stands in a file, and what stands there.

use core::fmt;

/// A place in a Compose file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Which of the files that were given, counted from 0.
    pub file: u16,
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The longest text that a [`Word`] keeps, in bytes.
pub const MAX_WORD_BYTES: usize = 63;

/// A few words of the file for a message: kept without allocation, and cut if they are long.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Word {
    len: u8,
    bytes: [u8; MAX_WORD_BYTES],
}

impl Word {
    const CUT: &'static str = "…";

    /// Keeps `text`, or as much of it as fits, with `…` at its end.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut word = Self { len: 0, bytes: [0; MAX_WORD_BYTES] };
        if text.len() <= MAX_WORD_BYTES {
            word.push(text);
        } else {
            let mut end = MAX_WORD_BYTES - Self::CUT.len();
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            word.push(text.get(..end).unwrap_or_default());
            word.push(Self::CUT);
        }
        word
    }

    fn push(&mut self, text: &str) {
        let start = usize::from(self.len);
        if let Some(free) = self.bytes.get_mut(start..start + text.len()) {
            free.copy_from_slice(text.as_bytes());
            self.len += u8::try_from(text.len()).unwrap_or(0);
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_cut_between_characters() {
        let fits = "x".repeat(MAX_WORD_BYTES);
        assert_eq!(Word::new(&fits).as_str(), fits);
        let long = "ä".repeat(MAX_WORD_BYTES);
        assert_eq!(Word::new(&long).as_str(), std::format!("{}…", "ä".repeat(30)));
    }
}
