//! Quoted scalars.

use alloc::format;
use alloc::vec::Vec;

use super::{Emitter, WIDTH};

const fn is_break(letter: char) -> bool {
    matches!(letter, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

impl Emitter {
    /// Single quotes: line breaks are doubled, lines are folded at single spaces, quotes are doubled.
    pub(super) fn single(&mut self, text: &str, indent: usize, fold: bool) {
        self.indicator("'", true, false);
        let mut rest = text;
        let len = text.len();
        while let Some(first) = rest.chars().next() {
            let run_of = |good: &dyn Fn(char) -> bool| rest.find(|c| !good(c)).unwrap_or(rest.len());
            let at = len - rest.len();
            if first == ' ' {
                let (spaces, next) = rest.split_at(run_of(&|c| c == ' '));
                if spaces.len() == 1 && self.column > WIDTH && fold && at != 0 && !next.is_empty() {
                    self.indent(indent);
                } else {
                    self.push(spaces);
                }
                rest = next;
            } else if is_break(first) {
                let (breaks, next) = rest.split_at(run_of(&is_break));
                if first == '\n' {
                    self.line_break();
                }
                for _ in breaks.chars() {
                    self.line_break();
                }
                self.indent(indent);
                rest = next;
            } else if first == '\'' {
                self.push("''");
                rest = rest.get(1..).unwrap_or_default();
            } else {
                let (words, next) = rest.split_at(run_of(&|c| c != ' ' && c != '\'' && !is_break(c)));
                self.push(words);
                rest = next;
            }
        }
        self.indicator("'", false, false);
    }

    /// Double quotes: everything but printable ASCII is escaped, and lines are folded with a backslash.
    pub(super) fn double(&mut self, text: &str, indent: usize, fold: bool) {
        self.indicator("\"", true, false);
        let letters: Vec<char> = text.chars().collect();
        // Start of what is not yet written.
        let mut start = 0;
        for end in 0..=letters.len() {
            let letter = letters.get(end).copied();
            let literal = letter.is_some_and(|c| matches!(c, ' '..='~') && c != '"' && c != '\\');
            if !literal {
                self.push_letters(letters.get(start..end).unwrap_or_default());
                start = end;
                if let Some(letter) = letter {
                    self.escape(letter);
                    start = end + 1;
                }
            }
            let inside = end > 0 && end + 1 < letters.len();
            // `start` may be one past `end`, after an escape.
            let pending = end.saturating_sub(start);
            let overshoot = start.saturating_sub(end);
            let too_long = (self.column + pending).saturating_sub(overshoot) > WIDTH;
            if inside && (letter == Some(' ') || start >= end) && too_long && fold {
                self.push_letters(letters.get(start..end).unwrap_or_default());
                self.push("\\");
                start = start.max(end);
                self.indent(indent);
                self.whitespace = false;
                self.indention = false;
                if letters.get(start) == Some(&' ') {
                    self.push("\\");
                }
            }
        }
        self.indicator("\"", false, false);
    }

    fn push_letters(&mut self, letters: &[char]) {
        self.out.extend(letters);
        self.column += letters.len();
    }

    fn escape(&mut self, letter: char) {
        let short = match letter {
            '\0' => "\\0",
            '\u{7}' => "\\a",
            '\u{8}' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\u{b}' => "\\v",
            '\u{c}' => "\\f",
            '\r' => "\\r",
            '\u{1b}' => "\\e",
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{85}' => "\\N",
            '\u{a0}' => "\\_",
            '\u{2028}' => "\\L",
            '\u{2029}' => "\\P",
            _ => {
                let code = u32::from(letter);
                let escape = match code {
                    0..=0xff => format!("\\x{code:02X}"),
                    0x100..=0xffff => format!("\\u{code:04X}"),
                    _ => format!("\\U{code:08X}"),
                };
                self.push(&escape);
                return;
            }
        };
        self.push(short);
    }
}
