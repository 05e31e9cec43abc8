//! Environment files, in the form that Compose reads them.

use alloc::string::String;
use alloc::vec::Vec;

use super::{split_name, substitute};
use crate::compose::environment::Environment;
use crate::compose::error::Error;
use crate::compose::place::Position;

/// The variables of `text`, in order. `known` gives the values of names alone and of variables in values.
pub(crate) fn parse(text: &str, file: u16, known: &Environment) -> Result<Vec<(String, String)>, Error> {
    let mut scope = known.clone();
    let mut variables = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rest = text;
    let mut line = 1_u32;
    while !rest.is_empty() {
        let entry = rest.trim_start_matches([' ', '\t', '\r']);
        if let Some(after) = entry.strip_prefix('\n') {
            rest = after;
            line = line.saturating_add(1);
            continue;
        }
        if entry.starts_with('#') {
            rest = skip_line(entry);
            continue;
        }
        if entry.is_empty() {
            break;
        }
        // What is wrong begins where `from` does, which is the end of the text.
        let bad = |from: &str| Environment::line_error(file, line, column(text, from), first_line(entry));
        let named = match entry.strip_prefix("export") {
            Some(after) if after.starts_with([' ', '\t']) => after.trim_start_matches([' ', '\t']),
            _ => entry,
        };
        let (name, after) = split_variable(named);
        if name.is_empty() {
            return Err(bad(entry));
        }
        let after = after.trim_start_matches([' ', '\t']);
        let Some(value) = after.strip_prefix(['=', ':']) else {
            if !first_line(after).trim().is_empty() && !after.starts_with('#') {
                return Err(bad(after));
            }
            if let Some(value) = scope.get(name) {
                variables.push((String::from(name), String::from(value)));
            }
            rest = skip_line(after);
            continue;
        };
        let value_text = value.trim_start_matches([' ', '\t']);
        let at = Position { file, line, column: column(text, value_text) };
        let (value, after) =
            read_value(value_text, &scope, at).map_err(|e| e.unwrap_or_else(|| bad(value_text)))?;
        let lines = value_text.len().checked_sub(after.len()).and_then(|len| value_text.get(..len));
        let breaks = lines.unwrap_or_default().bytes().filter(|&b| b == b'\n').count();
        line = line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        scope.set(name, value.as_str());
        variables.push((String::from(name), value));
        rest = after;
    }
    Ok(variables)
}

/// The variables of a text whose lines are `NAME=VALUE` and nothing else: no quotes, no substitution.
pub(crate) fn parse_raw(text: &str, file: u16) -> Result<Vec<(String, String)>, Error> {
    let mut variables = Vec::new();
    for (line, number) in text.split('\n').zip(1_u32..) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                variables.push((String::from(name.trim()), String::from(value)));
            }
            _ => return Err(Environment::line_error(file, number, 1, line)),
        }
    }
    Ok(variables)
}

/// The column at which `from` starts, the rest of `text` from there on; counted in characters, from 1.
fn column(text: &str, from: &str) -> u32 {
    let before = text.len().checked_sub(from.len()).and_then(|end| text.get(..end)).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or(before);
    u32::try_from(line.chars().count()).unwrap_or(u32::MAX).saturating_add(1)
}

/// Names in environment files may hold dots and dashes too.
fn split_variable(text: &str) -> (&str, &str) {
    let (name, _) = split_name(text);
    if name.is_empty() {
        return ("", text);
    }
    let len =
        text.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')).count();
    text.split_at(len)
}

/// The value at the start of `text` and what follows its line. `Err(None)` is a broken line.
fn read_value<'t>(
    text: &'t str,
    scope: &Environment,
    at: Position,
) -> Result<(String, &'t str), Option<Error>> {
    let expand = |text: &str| substitute(text, scope, at, &mut Vec::new()).map_err(Some);
    if let Some(quoted) = text.strip_prefix('\'') {
        let (value, after) = quoted.split_once('\'').ok_or(None)?;
        return Ok((String::from(value), end_of_line(after)?));
    }
    if let Some(quoted) = text.strip_prefix('"') {
        let (value, after) = double_quoted(quoted).ok_or(None)?;
        return Ok((expand(&value)?, end_of_line(after)?));
    }
    let line = first_line(text);
    let end = line.find(" #").or_else(|| line.find("\t#")).unwrap_or(line.len());
    let value = if line.starts_with('#') { "" } else { line.get(..end).unwrap_or(line).trim_end() };
    Ok((expand(value)?, skip_line(text)))
}

/// The text up to the closing quote with its escapes resolved; a `\$` stays an escaped dollar sign.
fn double_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((index, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, text.get(index + 1..)?)),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                '$' => value.push_str("$$"),
                other @ ('"' | '\\') => value.push(other),
                other => {
                    value.push('\\');
                    value.push(other);
                }
            },
            other => value.push(other),
        }
    }
    None
}

/// Only a comment may follow a closing quote.
fn end_of_line(text: &str) -> Result<&str, Option<Error>> {
    let line = first_line(text).trim();
    if line.is_empty() || line.starts_with('#') { Ok(skip_line(text)) } else { Err(None) }
}

fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or(text)
}

/// What follows the next line break; the break itself stays, so that lines are counted once.
fn skip_line(text: &str) -> &str {
    text.find('\n').and_then(|index| text.get(index..)).unwrap_or_default()
}
