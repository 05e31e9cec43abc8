//! Directories, after their entries.

use super::leaf::{merge_meta, merge_xattrs};
use super::{Parts, Side, Sides, refuse};
use crate::error::PlanError;
use crate::plan::compare::{Changes, changes};
use crate::plan::verdict::{Left, Mode, place};
use crate::policy::Treatment;
use crate::step::{Action, Class, ConflictKind, Content, Lost, Place, Resolution, Row};
use crate::tree::{Cursor, Kind};

/// A directory's own step.
pub(in crate::plan) fn directory<O: Cursor, N: Cursor, L: Cursor>(
    all: &Sides<'_, O, N, L>,
    left: Left,
    treatment: Treatment,
) -> Result<Option<Parts>, PlanError> {
    if let Mode::All(whole) = left.mode {
        let meta =
            if whole.side == Side::New { all.new.map(Cursor::meta) } else { all.local.map(Cursor::meta) };
        return Ok(meta.map(|meta| whole.parts(place(meta, whole.side), all)));
    }
    let sides = &all.walked(left.walked);
    let absent = |row, class| Ok(Some(Parts::new(Action::Absent, row, class)));
    match (sides.old, sides.new, sides.local) {
        (Some(old), None, Some(local)) => {
            let mine = changes((Side::Old, old), (Side::Local, local))?;
            if left.inhabited {
                let action = place(local.meta(), Side::Local);
                return Ok(Some(Parts::new(action, Row::EditInRemovedDirectory, Class::Kept)));
            }
            if mine.any() {
                let lost = Lost::LOCAL_MODE.when(mine.meta) | Lost::LOCAL_XATTRS.when(mine.xattrs);
                let parts = Parts::new(Action::Absent, Row::ChmodOfRemovedDirectory, Class::Dropped);
                return Ok(Some(parts.losing(lost)));
            }
            absent(Row::Untouched, Class::Updated)
        }
        (_, Some(new), None) => {
            if left.inhabited {
                let action = place(new.meta(), Side::New);
                return Ok(Some(Parts::new(action, Row::AddedInRemovedDirectory, Class::Merged)));
            }
            absent(Row::LocalRemoval, Class::Kept)
        }
        (old, Some(new), Some(local)) => merge((old, new, local), treatment).map(Some),
        _ => Ok(None),
    }
}

fn merge<O: Cursor, N: Cursor, L: Cursor>(
    (old, new, local): (Option<&O>, &N, &L),
    treatment: Treatment,
) -> Result<Parts, PlanError> {
    let apart = changes((Side::New, new), (Side::Local, local))?;
    let all = Changes { kind: false, content: false, meta: true, xattrs: true };
    let mine = old.map_or(Ok(all), |old| changes((Side::Old, old), (Side::Local, local)))?;
    let theirs = old.map_or(Ok(all), |old| changes((Side::Old, old), (Side::New, new)))?;
    let (meta, meta_contested) =
        merge_meta(old.map(Cursor::meta), new.meta(), local.meta(), Kind::Directory, treatment);
    let (xattrs, xattrs_contested) = merge_xattrs((old, new, local), (mine, theirs, apart))?;
    let action = Action::Place(Place {
        kind: Kind::Directory,
        content: Content::New,
        mode: meta.mode,
        uid: meta.uid,
        gid: meta.gid,
        xattrs,
    });
    if meta_contested || xattrs_contested {
        let kind = if meta_contested { ConflictKind::Metadata } else { ConflictKind::Xattrs };
        if treatment == Treatment::Fail
            && let Some(parts) = refuse(Row::Directory, kind).parts
        {
            return Ok(parts);
        }
        let taken = treatment == Treatment::TakeNew;
        let resolution = if taken { Resolution::TookNew } else { Resolution::KeptLocal };
        let lost = if taken { Lost::LOCAL_MODE } else { Lost::NEW_MODE }.when(meta_contested)
            | Lost::NEW_XATTRS.when(xattrs_contested);
        let parts = Parts::new(action, Row::Directory, Class::Conflict);
        return Ok(parts.losing(lost).contested(kind, resolution));
    }
    let (row, class) = match (mine.any(), theirs.any()) {
        _ if old.is_none() && !apart.any() => (Row::Directory, Class::Same),
        (false, false) => (Row::Untouched, Class::Same),
        (false, true) => (Row::Untouched, Class::Updated),
        (true, false) => (Row::DirectoryChmod, Class::Kept),
        (true, true) if !apart.any() => (Row::Converged, Class::Merged),
        (true, true) => (Row::Directory, Class::Merged),
    };
    Ok(Parts::new(action, row, class))
}
