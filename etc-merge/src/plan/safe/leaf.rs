//! Files and symlinks, field by field.

use core::cell::Cell;

use super::{ConflictKind, Parts, Resolution, Row, Side, Verdict, refuse};
use crate::error::{PlanError, at};
use crate::plan::compare::{Changes, changes};
use crate::policy::Treatment;
use crate::step::{Action, Class, Content, Lost, Place, Xattrs};
use crate::tree::{Cursor, Kind, Meta};

/// New default and device have a file or symlink; the old default may have any kind, or nothing.
pub(super) fn judge<O: Cursor, N: Cursor, L: Cursor>(
    old: Option<&O>,
    new: &N,
    local: &L,
    treatment: Treatment,
) -> Result<Verdict, PlanError> {
    // An old directory says nothing about the content of a file.
    let old = old.filter(|old| old.meta().kind.is_leaf());
    let mine = old.map(|old| changes((Side::Old, old), (Side::Local, local))).transpose()?;
    let theirs = old.map(|old| changes((Side::Old, old), (Side::New, new))).transpose()?;
    let (new_meta, local_meta) = (new.meta(), local.meta());
    if let (Some(mine), Some(theirs)) = (mine, theirs) {
        if !mine.any() {
            let class = if theirs.any() { Class::Updated } else { Class::Same };
            return Ok(step(super::place(new_meta, Side::New), Row::Untouched, class));
        }
        if !theirs.any() {
            let row = if mine.content { Row::LocalEdit } else { Row::LocalMetadata };
            return Ok(step(super::place(local_meta, Side::Local), row, Class::Kept));
        }
    }
    let apart = changes((Side::New, new), (Side::Local, local))?;
    if !apart.any() {
        return Ok(step(super::place(new_meta, Side::New), Row::Converged, Class::Merged));
    }
    let all = Changes { kind: true, content: true, meta: true, xattrs: true };
    fields((old, new, local), (mine.unwrap_or(all), theirs.unwrap_or(all), apart), treatment)
}

/// Each field by itself. A function of its own, as comparing content needs most of the stack that a plan needs.
fn fields<O: Cursor, N: Cursor, L: Cursor>(
    (old, new, local): (Option<&O>, &N, &L),
    (mine, theirs, apart): (Changes, Changes, Changes),
    treatment: Treatment,
) -> Result<Verdict, PlanError> {
    let (new_meta, local_meta) = (new.meta(), local.meta());
    let contested = apart.content && mine.content && theirs.content;
    let content = match treatment {
        _ if !contested => {
            if mine.content && apart.content {
                Content::Local
            } else {
                Content::New
            }
        }
        Treatment::Fail => return Ok(refuse(edited(old), ConflictKind::Content)),
        Treatment::TakeNew => Content::New,
        Treatment::Merge(driver) if both_files(old.map(Cursor::meta), new_meta, local_meta) => {
            Content::Driver(driver)
        }
        _ => Content::Local,
    };
    let kind = if content == Content::New { new_meta.kind } else { local_meta.kind };
    let (meta, meta_contested) = merge_meta(old.map(Cursor::meta), new_meta, local_meta, kind, treatment);
    let (xattrs, xattrs_contested) = if apart.kind {
        (if content == Content::New { Xattrs::New } else { Xattrs::Local }, false)
    } else {
        merge_xattrs((old, new, local), (mine, theirs, apart))?
    };
    if (meta_contested || xattrs_contested) && treatment == Treatment::Fail {
        let kind = if meta_contested { ConflictKind::Metadata } else { ConflictKind::Xattrs };
        return Ok(refuse(Row::BothEditedApart, kind));
    }
    let action =
        Action::Place(Place { kind, content, mode: meta.mode, uid: meta.uid, gid: meta.gid, xattrs });
    let taken = treatment == Treatment::TakeNew;
    let mut lost = if taken { Lost::LOCAL_MODE } else { Lost::NEW_MODE }.when(meta_contested);
    lost |= Lost::NEW_XATTRS.when(xattrs_contested);
    lost |= match content {
        Content::New => Lost::LOCAL_CONTENT,
        Content::Local => Lost::NEW_CONTENT,
        Content::Driver(_) => Lost::NOTHING,
    }
    .when(contested);
    let resolution = match content {
        Content::Driver(_) => Resolution::Merged,
        _ if taken => Resolution::TookNew,
        _ => Resolution::KeptLocal,
    };
    let kind = match (contested, meta_contested, xattrs_contested) {
        (true, ..) => ConflictKind::Content,
        (_, true, _) => ConflictKind::Metadata,
        (.., true) => ConflictKind::Xattrs,
        _ => return Ok(step(action, Row::BothEditedApart, Class::Merged)),
    };
    let row = if contested { edited(old) } else { Row::BothEditedApart };
    let parts = Parts::new(action, row, Class::Conflict).losing(lost).contested(kind, resolution);
    Ok(Verdict::step(parts))
}

const fn step(action: Action, row: Row, class: Class) -> Verdict {
    Verdict::step(Parts::new(action, row, class))
}

const fn edited<O>(old: Option<&O>) -> Row {
    if old.is_some() { Row::BothEdited } else { Row::BothAdded }
}

fn both_files(old: Option<Meta>, new: Meta, local: Meta) -> bool {
    [old.unwrap_or(new), new, local].iter().all(|meta| meta.kind == Kind::File)
}

/// Mode, owner and group, each by itself: who changed it wins. The flag tells that both changed one.
pub(super) fn merge_meta(
    old: Option<Meta>,
    new: Meta,
    local: Meta,
    kind: Kind,
    treatment: Treatment,
) -> (Meta, bool) {
    let contested = Cell::new(false);
    let pick = |old: Option<u32>, new: u32, local: u32| {
        if new == local || old == Some(local) {
            new
        } else if old == Some(new) {
            local
        } else {
            contested.set(true);
            if treatment == Treatment::TakeNew { new } else { local }
        }
    };
    let mode = match (new.kind == kind, local.kind == kind) {
        _ if kind == Kind::Symlink => 0o777,
        (true, false) => new.mode,
        (false, true) => local.mode,
        _ => pick(old.filter(|old| old.kind == kind).map(|old| old.mode), new.mode, local.mode),
    };
    let uid = pick(old.map(|old| old.uid), new.uid, local.uid);
    let gid = pick(old.map(|old| old.gid), new.gid, local.gid);
    (Meta { mode, uid, gid, ..local }, contested.get())
}

/// Where extended attributes come from, and whether both sides changed the same one differently.
pub(super) fn merge_xattrs<O: Cursor, N: Cursor, L: Cursor>(
    (old, new, local): (Option<&O>, &N, &L),
    (mine, theirs, apart): (Changes, Changes, Changes),
) -> Result<(Xattrs, bool), PlanError> {
    if !apart.xattrs || !mine.xattrs {
        return Ok((Xattrs::New, false));
    }
    if !theirs.xattrs {
        return Ok((Xattrs::Local, false));
    }
    let contested = Cell::new(false);
    let mut failed = Ok(());
    at(
        Side::New,
        new.xattrs(&mut |name, new_value| {
            let check = || -> Result<(), PlanError> {
                let here = holds(local, Side::Local, name, new_value)?;
                let base = old.map_or(Ok(Held::No), |old| holds(old, Side::Old, name, new_value))?;
                // The image changed it to something that the device does not have: did the device change it too?
                if here != Held::Same && base != Held::Same && !same_value(old, local, name)? {
                    contested.set(true);
                }
                Ok(())
            };
            if failed.is_ok() {
                failed = check();
            }
        }),
    )?;
    failed?;
    // What the image removed and the device changed.
    let mut failed = Ok(());
    at(
        Side::Local,
        local.xattrs(&mut |name, local_value| {
            let check = || -> Result<(), PlanError> {
                let there = holds(new, Side::New, name, local_value)?;
                let base = old.map_or(Ok(Held::No), |old| holds(old, Side::Old, name, local_value))?;
                if there == Held::No && base == Held::Other {
                    contested.set(true);
                }
                Ok(())
            };
            if failed.is_ok() {
                failed = check();
            }
        }),
    )?;
    failed?;
    Ok((Xattrs::ThreeWay, contested.get()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    No,
    Same,
    Other,
}

fn holds<C: Cursor>(cursor: &C, side: Side, name: &[u8], value: &[u8]) -> Result<Held, PlanError> {
    let mut held = Held::No;
    at(
        side,
        cursor.xattrs(&mut |other, other_value| {
            if other == name {
                held = if other_value == value { Held::Same } else { Held::Other };
            }
        }),
    )?;
    Ok(held)
}

/// Whether old default and device have the same value of `name`, or both none.
fn same_value<O: Cursor, L: Cursor>(old: Option<&O>, local: &L, name: &[u8]) -> Result<bool, PlanError> {
    let Some(old) = old else { return Ok(holds(local, Side::Local, name, b"")? == Held::No) };
    let mut equal = None;
    let mut failed = Ok(());
    at(
        Side::Old,
        old.xattrs(&mut |other, value| {
            if other == name && failed.is_ok() {
                match holds(local, Side::Local, name, value) {
                    Ok(held) => equal = Some(held == Held::Same),
                    Err(error) => failed = Err(error),
                }
            }
        }),
    )?;
    failed?;
    match equal {
        Some(equal) => Ok(equal),
        None => Ok(holds(local, Side::Local, name, b"")? == Held::No),
    }
}
