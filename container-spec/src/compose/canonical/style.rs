//! Quotes or not: what PyYAML's emitter finds out about a scalar before it writes it.

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    None,
    Single,
    Double,
}

/// What matters about a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Analysis {
    pub(super) empty: bool,
    pub(super) multiline: bool,
    plain: bool,
    single: bool,
}

impl Analysis {
    /// Looks at every byte once.
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let Some(&first) = bytes.first() else {
            return Self { empty: true, multiline: false, plain: true, single: true };
        };
        let blank_after_first = bytes.get(1).is_none_or(|byte| is_blank(*byte));
        let mut indicators = match first {
            b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%'
            | b'@' | b'`' => true,
            b'?' => blank_after_first,
            b'-' => blank_after_first || text.starts_with("---"),
            b'.' => text.starts_with("..."),
            _ => false,
        };
        let mut breaks = false;
        let mut special = false;
        let mut break_space = false;
        let mut space_break = false;
        for (index, byte) in bytes.iter().enumerate() {
            let before = || index.checked_sub(1).and_then(|index| bytes.get(index));
            match byte {
                b'#' => indicators |= before().is_none_or(|byte| is_blank(*byte)),
                b':' => indicators |= bytes.get(index + 1).is_none_or(|byte| is_blank(*byte)),
                b' ' => break_space |= before() == Some(&b'\n'),
                b'!'..=b'~' => {}
                b'\n' => {
                    breaks = true;
                    space_break |= before() == Some(&b' ');
                }
                _ => special = true,
            }
        }
        // Breaks of YAML 1.1 that are not ASCII are special too, because output is ASCII.
        breaks |= special && text.contains(['\u{85}', '\u{2028}', '\u{2029}']);
        let edges = text.starts_with([' ', '\n']) || text.ends_with([' ', '\n']);
        Self {
            empty: false,
            multiline: breaks,
            plain: !(edges || break_space || space_break || special || breaks || indicators),
            single: !(break_space || space_break || special),
        }
    }

    /// The quotes for a text; `implicit` if it would be the same value without them.
    pub(super) const fn quotes(&self, implicit: bool, simple_key: bool) -> Quotes {
        if implicit && !(simple_key && (self.empty || self.multiline)) && self.plain {
            Quotes::None
        } else if self.single && !(simple_key && self.multiline) {
            Quotes::Single
        } else {
            Quotes::Double
        }
    }
}

/// The blanks that are ASCII: next to any other, a text is special, and takes double quotes.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b'\0' | b' ' | b'\t' | b'\r' | b'\n')
}
