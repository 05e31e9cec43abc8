//! Variables in values: `$VAR`, `${VAR}` and the six forms with a default, an error or a replacement.
//!
//! Compose specification, `12-interpolation.md`. Keys are never touched. Files are interpolated one by one,
//! before they are merged.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::environment::Environment;
use super::error::{Error, ErrorKind};
use super::limits::MAX_INTERPOLATED_BYTES;
use super::place::Position;
use super::tree::{Node, Style, Value};

pub(crate) mod dotenv;

/// A variable that was used but is not set: it became nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unset {
    /// Where the value is that uses it.
    pub at: Position,
    /// Its name.
    pub name: String,
}

/// Replaces the variables in all values of the tree, and returns those that are not set.
///
/// # Errors
/// With line and column of the value whose substitution is broken, or whose variable is required.
pub fn interpolate(root: &mut Node<'_>, environment: &Environment) -> Result<Vec<Unset>, Error> {
    let mut unset = Vec::new();
    let mut written = 0_usize;
    let mut rest = Vec::from([root]);
    while let Some(node) = rest.pop() {
        match &mut node.value {
            Value::Scalar(text, style) if text.contains('$') => {
                let value = substitute(text, environment, node.at, &mut unset)?;
                written = written.saturating_add(value.len());
                if written > MAX_INTERPOLATED_BYTES {
                    return Err(Error::new(node.at, ErrorKind::InterpolationTooLarge, text));
                }
                *text = Cow::Owned(value);
                *style = Style::Text;
            }
            Value::Scalar(..) => {}
            // Pushed in reverse, so that the first problem of the file is the one reported.
            Value::List(items) => rest.extend(items.iter_mut().rev()),
            Value::Mapping(entries) => rest.extend(entries.iter_mut().rev().map(|(_, value)| value)),
        }
    }
    Ok(unset)
}

/// Replaces the variables in one text.
///
/// # Errors
/// If a substitution is broken or a required variable is missing.
pub fn substitute(
    text: &str,
    environment: &Environment,
    at: Position,
    unset: &mut Vec<Unset>,
) -> Result<String, Error> {
    let out = String::with_capacity(text.len());
    let mut machine = Machine { text, environment, at, out, open: Vec::new(), skipped: 0, unset };
    machine.run()?;
    Ok(machine.out)
}

/// What a `${VAR…}` does with the text up to its `}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It is part of the result.
    Keep,
    /// It is read, but not used.
    Skip,
    /// It is the message of an error.
    Message {
        /// Where the message starts in the output.
        from: usize,
    },
}

struct Machine<'t, 'u> {
    text: &'t str,
    environment: &'t Environment,
    at: Position,
    out: String,
    /// The `${` that are not yet closed.
    open: Vec<Role>,
    /// How many of them are not used.
    skipped: usize,
    unset: &'u mut Vec<Unset>,
}

impl<'t> Machine<'t, '_> {
    fn run(&mut self) -> Result<(), Error> {
        let mut rest = self.text;
        while let Some(index) = rest.find(if self.open.is_empty() { &['$'][..] } else { &['$', '}'] }) {
            let (literal, special) = rest.split_at(index);
            self.push(literal)?;
            rest = if let Some(after) = special.strip_prefix('}') {
                match self.open.pop() {
                    Some(Role::Message { from }) => {
                        let message = self.out.get(from..).unwrap_or_default();
                        return Err(Error::new(self.at, ErrorKind::RequiredVariable, message));
                    }
                    Some(Role::Skip) => self.skipped = self.skipped.saturating_sub(1),
                    _ => {}
                }
                after
            } else if let Some(after) = special.strip_prefix("$$") {
                self.push("$")?;
                after
            } else if let Some(after) = special.strip_prefix("${") {
                self.braced(after)?
            } else {
                let (name, after) = split_name(special.get(1..).unwrap_or_default());
                if name.is_empty() {
                    return Err(self.invalid());
                }
                self.variable(name)?;
                after
            };
        }
        self.push(rest)?;
        if self.open.is_empty() { Ok(()) } else { Err(self.invalid()) }
    }

    /// Reads what follows `${`, up to its `}` or to the text that belongs to its operator.
    fn braced(&mut self, text: &'t str) -> Result<&'t str, Error> {
        let (name, after) = split_name(text);
        if name.is_empty() {
            return Err(self.invalid());
        }
        if let Some(after) = after.strip_prefix('}') {
            self.variable(name)?;
            return Ok(after);
        }
        let (needs_text, operator_text) = match after.strip_prefix(':') {
            Some(after) => (true, after),
            None => (false, after),
        };
        let mut letters = operator_text.chars();
        let operator = letters.next();
        let value = self.environment.get(name);
        let good = value.filter(|value| !(needs_text && value.is_empty()));
        let role = match (operator, good) {
            _ if !self.is_active() => Role::Skip,
            (Some('-'), Some(value)) => {
                self.push(value)?;
                Role::Skip
            }
            (Some('-'), None) | (Some('+'), Some(_)) => Role::Keep,
            (Some('+'), None) => Role::Skip,
            (Some('?'), Some(value)) => {
                self.push(value)?;
                Role::Skip
            }
            (Some('?'), None) => {
                let from = self.out.len();
                self.push(name)?;
                self.push(": ")?;
                Role::Message { from }
            }
            _ => return Err(self.invalid()),
        };
        if !matches!(operator, Some('-' | '+' | '?')) {
            return Err(self.invalid());
        }
        self.skipped += usize::from(role == Role::Skip);
        self.open.push(role);
        Ok(letters.as_str())
    }

    fn variable(&mut self, name: &str) -> Result<(), Error> {
        if !self.is_active() {
            return Ok(());
        }
        match self.environment.get(name) {
            Some(value) => self.push(value),
            None => {
                self.unset.push(Unset { at: self.at, name: String::from(name) });
                Ok(())
            }
        }
    }

    fn is_active(&self) -> bool {
        self.skipped == 0
    }

    fn push(&mut self, text: &str) -> Result<(), Error> {
        if self.is_active() {
            if self.out.len() + text.len() > MAX_INTERPOLATED_BYTES {
                return Err(Error::new(self.at, ErrorKind::InterpolationTooLarge, self.text));
            }
            self.out.push_str(text);
        }
        Ok(())
    }

    fn invalid(&self) -> Error {
        Error::new(self.at, ErrorKind::BadSubstitution, self.text)
    }
}

/// `[_a-zA-Z][_a-zA-Z0-9]*` and the rest.
fn split_name(text: &str) -> (&str, &str) {
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    let len = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    text.split_at(if first { len } else { 0 })
}
