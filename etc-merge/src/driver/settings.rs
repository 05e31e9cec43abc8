//! Settings `key = value`, with or without sections.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::driver::order::arrange;
use crate::driver::{DriverConflict, Short};
use crate::error::Side;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What<'t> {
    Header,
    Setting(&'t [u8]),
    /// A comment or an empty line.
    Other(&'t [u8]),
}

/// All lines of a section with one key: what is merged as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group<'t> {
    section: &'t [u8],
    /// Which of the sections of that name.
    repetition: usize,
    what: What<'t>,
}

/// One line of a group.
type Line<'t> = (Group<'t>, usize);

/// One version: its lines in order, and each group's lines with their values.
#[derive(Default)]
struct File<'t> {
    order: Vec<Line<'t>>,
    groups: BTreeMap<Group<'t>, Vec<Value<'t>>>,
    sections: BTreeMap<&'t [u8], usize>,
}

#[derive(Clone, Copy, Debug)]
struct Value<'t> {
    /// The line as it stands, continuation lines included.
    text: &'t [u8],
    /// What counts: the value without blanks around it.
    value: &'t [u8],
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

pub(super) fn merge(sections: bool, old: &[u8], new: &[u8], local: &[u8]) -> Result<Vec<u8>, DriverConflict> {
    let old = parse(sections, Side::Old, old)?;
    let new = parse(sections, Side::New, new)?;
    let local = parse(sections, Side::Local, local)?;
    // Which of several sections of one name is which can only be told if all versions have as many.
    for (name, count) in old.sections.iter().chain(&new.sections).chain(&local.sections) {
        let differs = |file: &File<'_>| file.sections.get(name).is_some_and(|other| other != count);
        if differs(&old) || differs(&new) || differs(&local) {
            return Err(DriverConflict::Sections { name: Short::new(name) });
        }
    }
    let none = Vec::new();
    let mut merged: BTreeMap<Group<'_>, &Vec<Value<'_>>> = BTreeMap::new();
    for group in local.groups.keys().chain(new.groups.keys()) {
        let [was, theirs, mine] = [&old, &new, &local].map(|file| file.groups.get(group).unwrap_or(&none));
        let winner = if mine == was || mine == theirs {
            theirs
        } else if theirs == was || matches!(group.what, What::Other(_)) {
            mine
        } else {
            let What::Setting(key) = group.what else {
                return Err(DriverConflict::Sections { name: Short::new(group.section) });
            };
            return Err(DriverConflict::Setting { section: Short::new(group.section), key: Short::new(key) });
        };
        // The same value as the device has it written.
        merged.insert(*group, if winner == mine { mine } else { winner });
    }
    let kept = |line: &Line<'_>| merged.get(&line.0).is_some_and(|values| line.1 < values.len());
    let order = arrange(&local.order, &new.order, kept, |line| line.0.what == What::Header);
    let mut out = Vec::new();
    for (group, index) in order {
        let value = merged.get(&group).and_then(|values| values.get(index));
        out.extend_from_slice(value.map_or(&b""[..], |value| value.text));
        if out.last() != Some(&b'\n') {
            out.push(b'\n');
        }
    }
    // Each setting has to stand where it was meant to: not below another header, and in its order.
    let check = parse(sections, Side::Local, &out)?;
    let settings = |group: &&Group<'_>| matches!(group.what, What::Setting(_));
    let wanted = merged.iter().filter(|(group, values)| settings(group) && !values.is_empty());
    let got = check.groups.iter().filter(|(group, _)| settings(group));
    if !wanted.map(|(group, values)| (group, *values)).eq(got) {
        return Err(DriverConflict::NotRepresentable);
    }
    Ok(out)
}

fn parse<'t>(sections: bool, version: Side, text: &'t [u8]) -> Result<File<'t>, DriverConflict> {
    let mut file = File::default();
    let (mut section, mut repetition): (&[u8], usize) = (b"", 0);
    let mut rest = text;
    let mut number = 1_usize;
    while !rest.is_empty() {
        let (line, tail) = rest.split_at(logical(rest));
        rest = tail;
        let trimmed = line.trim_ascii();
        let unparsed = DriverConflict::NotParsed { version, line: number };
        number = number.saturating_add(line.iter().filter(|&&byte| byte == b'\n').count());
        let (what, value) = match trimmed {
            [] | [b'#' | b';', ..] => (What::Other(trimmed), trimmed),
            [b'[', name @ .., b']'] if sections => {
                let count = file.sections.entry(name).or_default();
                (section, repetition) = (name, *count);
                *count = count.saturating_add(1);
                (What::Header, name)
            }
            _ => {
                let at = trimmed.iter().position(|&byte| byte == b'=').ok_or(unparsed)?;
                let (key, value) = trimmed.split_at(at);
                let key = key.trim_ascii();
                if key.is_empty() || key.starts_with(b"[") {
                    return Err(unparsed);
                }
                (What::Setting(key), value.get(1..).unwrap_or(b"").trim_ascii())
            }
        };
        let group = Group { section, repetition, what };
        let values = file.groups.entry(group).or_default();
        file.order.push((group, values.len()));
        values.push(Value { text: line, value });
    }
    Ok(file)
}

/// The length of the first line, with the lines that continue it after a backslash.
fn logical(text: &[u8]) -> usize {
    let mut length = 0_usize;
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        length = length.saturating_add(line.len());
        let comment = length == line.len() && matches!(line.trim_ascii_start(), [b'#' | b';', ..]);
        if comment || !line.trim_ascii_end().ends_with(b"\\") {
            break;
        }
    }
    length
}
