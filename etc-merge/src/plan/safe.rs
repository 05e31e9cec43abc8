//! The safe table: it differs from libostree's wherever that loses something silently, refuses what could
//! be settled, or follows a symlink.

mod directory;
mod leaf;

use crate::error::{PlanError, Side};
use crate::plan::compare::changes;
use crate::plan::probe::differ;
use crate::plan::verdict::{Mode, Parts, Sides, Verdict, Whole, kind_of, place};
use crate::policy::{Policy, Treatment};
use crate::step::{Action, Class, ConflictKind, Lost, Refusal, Resolution, Row};
use crate::tree::{Cursor, Kind};

pub(super) use directory::directory;

const D: Option<Kind> = Some(Kind::Directory);

pub(super) fn judge<O: Cursor, N: Cursor, L: Cursor>(
    sides: &Sides<'_, O, N, L>,
    mode: Mode,
    path: &[u8],
    policy: &Policy<'_>,
) -> Result<Verdict, PlanError> {
    if let Mode::All(whole) = mode {
        return Ok(whole.below().take(sides));
    }
    let treatment = policy.treatment(path);
    match treatment {
        Treatment::Pin => return Ok(pin(sides)),
        Treatment::Drop => return drop_local(sides),
        _ => {}
    }
    let kinds = (kind_of(sides.old), kind_of(sides.new), kind_of(sides.local));
    if kinds.2.is_some_and(Kind::is_special) {
        return Ok(special(sides));
    }
    match (sides.new, sides.local) {
        (Some(new), Some(local)) if kinds.1 != D && kinds.2 != D => {
            leaf::judge(sides.old, new, local, treatment)
        }
        _ => by_kind(sides, mode, treatment),
    }
}

/// Where new default or device has a directory or nothing.
fn by_kind<O: Cursor, N: Cursor, L: Cursor>(
    sides: &Sides<'_, O, N, L>,
    mode: Mode,
    treatment: Treatment,
) -> Result<Verdict, PlanError> {
    let kinds = (kind_of(sides.old), kind_of(sides.new), kind_of(sides.local));
    let by_type = |row| Ok(settle(sides, row, ConflictKind::Type, treatment));
    let edited_removed = |row| Ok(settle(sides, row, ConflictKind::EditedRemoved, treatment));
    match (sides.old, sides.new, sides.local) {
        (_, None, None) => Ok(match sides.old {
            Some(_) => Verdict::step(Parts::new(Action::Absent, Row::LocalRemoval, Class::Same)),
            None => Verdict::NOTHING,
        }),
        (None, Some(_), None) if mode == Mode::RemovedHere => {
            Ok(Whole::new(Row::AddedInRemovedDirectory, Class::Merged).take(sides))
        }
        (None, Some(_), None) => Ok(Whole::new(Row::Untouched, Class::Updated).take(sides)),
        (Some(old), Some(new), None) => removed_here(sides, old, new, treatment),
        (_, Some(_), Some(_)) if kinds == (D, D, D) => Ok(Verdict::walk([true; 3], Mode::ThreeWay)),
        (_, Some(_), Some(_)) if (kinds.1, kinds.2) == (D, D) => {
            Ok(Verdict::walk([false, true, true], Mode::ThreeWay))
        }
        (None, None, Some(_)) => Ok(Whole::local(Row::LocalAddition).take(sides)),
        (None, Some(_), Some(_)) => by_type(Row::AddedAsDifferentTypes),
        (Some(_), None, Some(_)) if kinds.0 == D && kinds.2 == D => {
            Ok(Verdict::walk([true, false, true], Mode::ThreeWay))
        }
        (Some(old), Some(new), Some(local)) if kinds.0 == D && kinds.2 == D => {
            if differ((Side::Old, old), (Side::Local, local))? {
                return by_type(Row::DirectoryBecomesFile);
            }
            Ok(Verdict::step(Parts::new(place(new.meta(), Side::New), Row::Untouched, Class::Updated)))
        }
        (Some(_), None, Some(_)) if kinds.2 == D => {
            Ok(Whole::local(Row::FileReplacedByDirectory).take(sides))
        }
        (Some(old), Some(new), Some(_)) if kinds.2 == D => {
            if changes((Side::Old, old), (Side::New, new))?.content {
                return by_type(Row::FileReplacedByDirectory);
            }
            Ok(Whole::local(Row::FileReplacedByDirectory).take(sides))
        }
        (Some(_), None, Some(_)) if kinds.0 == D => edited_removed(Row::DirectoryReplaced),
        (Some(old), Some(new), Some(_)) if kinds.0 == D && kinds.1 == D => {
            if differ((Side::Old, old), (Side::New, new))? {
                return by_type(Row::DirectoryReplaced);
            }
            Ok(Whole::local(Row::DirectoryReplaced).take(sides))
        }
        (Some(old), None, Some(local)) => {
            if changes((Side::Old, old), (Side::Local, local))?.any() {
                return edited_removed(Row::EditedRemoved);
            }
            Ok(Verdict::step(Parts::new(Action::Absent, Row::Untouched, Class::Updated)))
        }
        // A file or symlink of the device's that is a directory in the new defaults.
        (Some(old), Some(_), Some(local)) => {
            let mine = changes((Side::Old, old), (Side::Local, local))?;
            if mine.content {
                return by_type(Row::FileBecomesDirectory);
            }
            // A mode for a file that is now a directory has no meaning any more.
            let (row, class) = if mine.any() {
                (Row::LocalMetadata, Class::Dropped)
            } else {
                (Row::Untouched, Class::Updated)
            };
            Ok(Whole::new(row, class).take(sides))
        }
    }
}

/// The device removed what both defaults have.
fn removed_here<O: Cursor, N: Cursor, L: Cursor>(
    sides: &Sides<'_, O, N, L>,
    old: &O,
    new: &N,
    treatment: Treatment,
) -> Result<Verdict, PlanError> {
    let removal = Parts::new(Action::Absent, Row::LocalRemoval, Class::Kept);
    if (old.meta().kind, new.meta().kind) == (Kind::Directory, Kind::Directory) {
        // Files that the image adds inside are none that the device removed.
        let equal = old.subtree().is_some_and(|subtree| new.subtree() == Some(subtree));
        return Ok(if equal {
            Verdict::step(removal)
        } else {
            Verdict::walk([true, true, false], Mode::RemovedHere)
        });
    }
    let theirs = changes((Side::Old, old), (Side::New, new))?;
    if theirs.content {
        return Ok(settle(sides, Row::RemovedChanged, ConflictKind::RemovedChanged, treatment));
    }
    // Other metadata does not make the file worth having.
    Ok(Verdict::step(removal.losing(Lost::NEW_MODE.when(theirs.meta) | Lost::NEW_XATTRS.when(theirs.xattrs))))
}

/// Settles a conflict about the whole of a path by its rule.
fn settle<O: Cursor, N: Cursor, L: Cursor>(
    sides: &Sides<'_, O, N, L>,
    row: Row,
    kind: ConflictKind,
    treatment: Treatment,
) -> Verdict {
    match treatment {
        Treatment::TakeNew => Whole::new(row, Class::Updated).contested(kind).take(sides),
        Treatment::Fail => refuse(row, kind),
        _ => Whole::local(row).contested(kind).take(sides),
    }
}

const fn refuse(row: Row, kind: ConflictKind) -> Verdict {
    let parts = Parts::new(Action::Refuse(Refusal::ByRule), row, Class::Conflict);
    Verdict::step(parts.contested(kind, Resolution::Refused))
}

/// A fifo, socket or device of the device's: no default is removed for it, and it is not carried over.
fn special<O: Cursor, N: Cursor, L: Cursor>(sides: &Sides<'_, O, N, L>) -> Verdict {
    let replaces = sides.old.is_some() || sides.new.is_some();
    let row = if replaces { Row::SpecialReplacesDefault } else { Row::SpecialAdded };
    Whole::new(row, Class::Dropped).take(sides)
}

fn pin<O: Cursor, N: Cursor, L: Cursor>(sides: &Sides<'_, O, N, L>) -> Verdict {
    if sides.local.is_none() && sides.new.is_none() {
        return Verdict::NOTHING;
    }
    Whole::local(Row::Pinned).take(sides)
}

fn drop_local<O: Cursor, N: Cursor, L: Cursor>(sides: &Sides<'_, O, N, L>) -> Result<Verdict, PlanError> {
    let class = match (sides.new, sides.local) {
        (None, None) => return Ok(Verdict::NOTHING),
        (Some(new), Some(local))
            if new.meta().kind == Kind::Directory && local.meta().kind == Kind::Directory =>
        {
            if differ((Side::New, new), (Side::Local, local))? { Class::Dropped } else { Class::Same }
        }
        (Some(new), Some(local)) => {
            if changes((Side::New, new), (Side::Local, local))?.any() {
                Class::Dropped
            } else {
                Class::Same
            }
        }
        (None, Some(_)) => Class::Dropped,
        (Some(_), None) if sides.old.is_some() => Class::Dropped,
        (Some(_), None) => Class::Updated,
    };
    Ok(Whole::new(Row::DroppedByRule, class).take(sides))
}
