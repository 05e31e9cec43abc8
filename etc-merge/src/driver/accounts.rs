//! `passwd`, `group`, `shadow` and `gshadow`: by name, field by field.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::driver::order::arrange;
use crate::driver::{DriverConflict, Short};
use crate::error::Side;

/// How a field is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// Who changed it wins.
    Single,
    /// The number that no two names should share.
    Id,
    /// Names separated by commas, as a set.
    Names,
    /// `shadow`'s password, which its date of change goes along with.
    Password,
    /// The date of change, in days since 1970.
    PasswordDate,
}

/// The fields after the name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format(&'static [Field]);

/// `passwd(5)`: password, uid, gid, comment, home, shell.
pub(super) const PASSWD: Format =
    Format(&[Field::Single, Field::Id, Field::Single, Field::Single, Field::Single, Field::Single]);
/// `group(5)`: password, gid, members.
pub(super) const GROUP: Format = Format(&[Field::Single, Field::Id, Field::Names]);
/// `shadow(5)`: password, date of its change, six more.
pub(super) const SHADOW: Format = Format(&[
    Field::Password,
    Field::PasswordDate,
    Field::Single,
    Field::Single,
    Field::Single,
    Field::Single,
    Field::Single,
    Field::Single,
]);
/// `gshadow(5)`: password, administrators, members.
pub(super) const GSHADOW: Format = Format(&[Field::Single, Field::Names, Field::Names]);

/// An entry's fields after the name; none for a line that is no entry (empty, a comment, or one for NIS).
type Entry<'t> = Vec<&'t [u8]>;

struct File<'t> {
    /// Names, or whole lines that are no entries, in order.
    order: Vec<&'t [u8]>,
    entries: BTreeMap<&'t [u8], Entry<'t>>,
}

pub(super) fn merge(format: Format, old: &[u8], new: &[u8], local: &[u8]) -> Result<Vec<u8>, DriverConflict> {
    let old = parse(format, Side::Old, old)?;
    let new = parse(format, Side::New, new)?;
    let local = parse(format, Side::Local, local)?;
    let mut merged: BTreeMap<&[u8], Vec<Vec<u8>>> = BTreeMap::new();
    for (&name, mine) in &local.entries {
        let (was, theirs) = (old.entries.get(name), new.entries.get(name));
        let entry = match (was, theirs) {
            (Some(was), None) if was == mine => continue,
            (Some(_), None) => {
                return Err(DriverConflict::EntryRemoved { name: Short::new(name), by: Side::New });
            }
            (None, None) => owned(mine),
            (was, Some(theirs)) => merge_entry(format, name, was, theirs, mine)?,
        };
        merged.insert(name, entry);
    }
    for (&name, theirs) in new.entries.iter().filter(|(name, _)| !local.entries.contains_key(*name)) {
        match old.entries.get(name) {
            None => drop(merged.insert(name, owned(theirs))),
            Some(was) if was == theirs => {}
            Some(_) => return Err(DriverConflict::EntryRemoved { name: Short::new(name), by: Side::Local }),
        }
    }
    check_ids(format, &merged, &new, &local)?;
    let order = arrange(&local.order, &new.order, |name| merged.contains_key(name), |_| false);
    let mut out = Vec::new();
    for name in order {
        out.extend_from_slice(name);
        for field in merged.get(name).into_iter().flatten() {
            out.push(b':');
            out.extend_from_slice(field);
        }
        out.push(b'\n');
    }
    Ok(out)
}

fn owned(entry: &[&[u8]]) -> Vec<Vec<u8>> {
    entry.iter().map(|field| field.to_vec()).collect()
}

fn parse<'t>(format: Format, version: Side, text: &'t [u8]) -> Result<File<'t>, DriverConflict> {
    let mut file = File { order: Vec::new(), entries: BTreeMap::new() };
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if text.is_empty() {
        return Ok(file);
    }
    for (line, text) in (1..).zip(text.split(|&byte| byte == b'\n')) {
        let unparsed = Err(DriverConflict::NotParsed { version, line });
        let (name, entry) = match text.first() {
            None | Some(b'#' | b'+' | b'-') => (text, Entry::new()),
            Some(_) => {
                let mut fields = text.split(|&byte| byte == b':');
                let name = fields.next().unwrap_or(b"");
                let fields: Entry<'_> = fields.collect();
                if name.is_empty() || fields.len() != format.0.len() {
                    return unparsed;
                }
                (name, fields)
            }
        };
        if file.entries.insert(name, entry).is_some() {
            return unparsed;
        }
        file.order.push(name);
    }
    Ok(file)
}

fn merge_entry(
    format: Format,
    name: &[u8],
    was: Option<&Entry<'_>>,
    theirs: &[&[u8]],
    mine: &[&[u8]],
) -> Result<Vec<Vec<u8>>, DriverConflict> {
    let field =
        |entry: &[&'_ [u8]], index: usize| entry.get(index).map_or(Vec::new(), |field| field.to_vec());
    let old = |index: usize| was.map(|was| field(was, index));
    // The password of whoever set one, with its date: images are often built with a new date and nothing else.
    let mut dated_by = None;
    let mut out = Vec::with_capacity(mine.len());
    for (index, kind) in format.0.iter().enumerate().take(mine.len()) {
        let (old, new, local) = (old(index), field(theirs, index), field(mine, index));
        let value = match kind {
            Field::Names => merge_names(old.as_deref().unwrap_or(b""), &new, &local),
            Field::PasswordDate if dated_by == Some(Side::Local) => local,
            Field::PasswordDate if dated_by == Some(Side::New) => new,
            _ => match pick(old, new, local.clone()) {
                Some(value) => value,
                // Only the dates contradict, as the password is the same.
                None if *kind == Field::PasswordDate => local.clone(),
                None => {
                    let field = index.saturating_add(2);
                    return Err(DriverConflict::Field { name: Short::new(name), field });
                }
            },
        };
        if *kind == Field::Password {
            dated_by = match (value == field(mine, index), value == field(theirs, index)) {
                (true, false) => Some(Side::Local),
                (false, true) => Some(Side::New),
                _ => None,
            };
        }
        out.push(value);
    }
    Ok(out)
}

/// Who changed it wins; `None` if both did, differently.
fn pick<T: PartialEq>(old: Option<T>, new: T, local: T) -> Option<T> {
    if new == local || old.as_ref() == Some(&local) {
        Some(new)
    } else if old.as_ref() == Some(&new) {
        Some(local)
    } else {
        None
    }
}

/// The device's names without those that the image removed, then those that the image added.
fn merge_names(old: &[u8], new: &[u8], local: &[u8]) -> Vec<u8> {
    let split = |names: &'_ [u8]| -> Vec<Vec<u8>> {
        names.split(|&byte| byte == b',').filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let (old, new, local) = (split(old), split(new), split(local));
    let kept = local.iter().filter(|name| new.contains(name) || !old.contains(name));
    let added = new.iter().filter(|name| !local.contains(name) && !old.contains(name));
    kept.chain(added).cloned().collect::<Vec<_>>().join(&b","[..])
}

/// Refuses two names with one number, unless one version has both so already.
fn check_ids(
    format: Format,
    merged: &BTreeMap<&[u8], Vec<Vec<u8>>>,
    new: &File<'_>,
    local: &File<'_>,
) -> Result<(), DriverConflict> {
    let Some(at) = format.0.iter().position(|field| *field == Field::Id) else { return Ok(()) };
    let has = |file: &File<'_>, name: &[u8], id: &[u8]| {
        file.entries.get(name).and_then(|entry| entry.get(at)).is_some_and(|other| *other == id)
    };
    let mut names: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
    for (&name, entry) in merged {
        let Some(id) = entry.get(at) else { continue };
        let Some(&other) = names.get(id.as_slice()) else {
            names.insert(id, name);
            continue;
        };
        let known = [new, local].iter().any(|file| has(file, name, id) && has(file, other, id));
        if !known {
            // The device's name first.
            let (local_name, new_name) = if has(local, name, id) { (name, other) } else { (other, name) };
            return Err(DriverConflict::IdCollision {
                id: Short::new(id),
                local: Short::new(local_name),
                new: Short::new(new_name),
            });
        }
    }
    Ok(())
}
