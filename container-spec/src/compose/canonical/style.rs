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
    /// Looks at every character once.
    pub(super) fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self { empty: true, multiline: false, plain: true, single: true };
        }
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let mut breaks = false;
        let mut special = false;
        let mut break_space = false;
        let mut space_break = false;
        let mut previous = None;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let blank_before = previous.is_none_or(is_blank);
            let blank_after = letters.peek().copied().is_none_or(is_blank);
            match letter {
                '#' if blank_before => indicators = true,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
                    if previous.is_none() =>
                {
                    indicators = true;
                }
                ':' if blank_after => indicators = true,
                '?' | '-' if previous.is_none() && blank_after => indicators = true,
                '\n' => {
                    breaks = true;
                    space_break |= previous == Some(' ');
                }
                // Breaks of YAML 1.1 that are not ASCII are special too, because output is ASCII.
                '\u{85}' | '\u{2028}' | '\u{2029}' => {
                    breaks = true;
                    special = true;
                }
                ' ' => break_space |= previous == Some('\n'),
                ' '..='~' => {}
                _ => special = true,
            }
            previous = Some(letter);
        }
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

const fn is_blank(letter: char) -> bool {
    matches!(letter, '\0' | ' ' | '\t' | '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}
