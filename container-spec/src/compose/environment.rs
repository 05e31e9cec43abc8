//! The variables that a Compose file may use.

use alloc::collections::BTreeMap;
use alloc::string::String;

use super::error::{Error, ErrorKind};
use super::interpolate;
use super::place::Position;

/// Variables by name. It is given by the caller: the process' own environment is never read here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// No variables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Sets `name`, and returns the value it had.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) -> Option<String> {
        self.variables.insert(name.into(), value.into())
    }

    /// All variables, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Adds the lines of an environment file; what was set before stays.
    ///
    /// A line is `NAME=VALUE` or `NAME: VALUE`, with or without `export` before it; `#` starts a comment.
    /// A value in single quotes is taken as it is; in double quotes it may span lines and hold `\n`, `\t`,
    /// `\"`, `\\`, `\$`. Values that are not in single quotes may use variables that were set before.
    /// A name alone takes its value from `self`, and is left out if that has none.
    ///
    /// # Errors
    /// With line and column in `file`, for a line of another form.
    pub fn read_file(&mut self, text: &str, file: u16) -> Result<(), Error> {
        for (name, value) in interpolate::dotenv::parse(text, file, self)? {
            self.variables.entry(name).or_insert(value);
        }
        Ok(())
    }

    pub(crate) fn line_error(file: u16, line: u32, column: u32, text: &str) -> Error {
        Error::new(Position { file, line, column }, ErrorKind::BadEnvironmentLine, text)
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self { variables: variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }
}
