//! libostree's table: `merge_configuration_from` and `copy_modified_config_file` of
//! `ostree-sysroot-deploy.c` and `ostree_diff_dirs` of `ostree-diff.c`, 2022.7 to 2026.4, as a function of
//! one path. libostree works through three lists (removed, modified, added) for the whole tree; that comes
//! to the same, as only a directory's own metadata depends on what happened to its entries.

use crate::error::{PlanError, Side};
use crate::plan::compare::{Changes, changes};
use crate::plan::verdict::{Left, Mode, Parts, Sides, Verdict, Whole, kind_of, place};
use crate::step::{Action, Class, ConflictKind, Lost, Place, Refusal, Resolution, Row, Xattrs};
use crate::tree::{Cursor, Kind};

const OLD_LOCAL: [bool; 3] = [true, false, true];
const NEW: [bool; 3] = [false, true, false];
const LOCAL: [bool; 3] = [false, false, true];

pub(super) fn judge<O: Cursor, N: Cursor, L: Cursor>(
    sides: &Sides<'_, O, N, L>,
    mode: Mode,
    is_root: bool,
) -> Result<Verdict, PlanError> {
    let kinds = (kind_of(sides.old), kind_of(sides.new), kind_of(sides.local));
    if is_root {
        return Ok(Verdict::walk([true; 3], Mode::ThreeWay));
    }
    match mode {
        Mode::Blocked(refusal) => blocked(sides, refusal),
        Mode::CopyOver(refusal) => match kinds {
            (_, _, None) => Ok(refuse(refusal, Row::DirectoryBecomesFile)),
            (old, _, Some(Kind::Directory)) => {
                Ok(Verdict::walk([old == Some(Kind::Directory), false, true], mode))
            }
            (.., Some(_)) => Ok(copy(sides, Row::DirectoryBecomesFile, Changes::default())),
        },
        Mode::All(whole) => Ok(whole.below().take(sides)),
        _ => match kinds {
            (_, _, None) => removed_or_untouched(sides),
            (None, ..) => added(sides),
            (Some(old), _, Some(local)) if old != local => replaced(sides),
            _ => same_kind(sides),
        },
    }
}

/// The device has nothing here.
fn removed_or_untouched<O: Cursor, N: Cursor, L: Cursor>(
    sides: &Sides<'_, O, N, L>,
) -> Result<Verdict, PlanError> {
    match (sides.old, sides.new) {
        (None, Some(new)) if new.meta().kind == Kind::Directory => Ok(Verdict::walk(NEW, Mode::ThreeWay)),
        (None, Some(new)) => {
            Ok(Verdict::step(Parts::new(place(new.meta(), Side::New), Row::Untouched, Class::Updated)))
        }
        (Some(old), Some(new)) => {
            // The deletion wins, whatever the image has there now.
            let changed = changes((Side::Old, old), (Side::New, new))?;
            let parts = Parts::new(Action::Absent, Row::LocalRemoval, Class::Kept);
            if !changed.any() {
                return Ok(Verdict::step(parts));
            }
            let lost = Lost::NEW_CONTENT.when(changed.content)
                | Lost::NEW_MODE.when(changed.meta)
                | Lost::NEW_XATTRS.when(changed.xattrs);
            let parts = Parts { row: Row::RemovedChanged, ..parts }.losing(lost);
            Ok(Verdict::step(parts.contested(ConflictKind::RemovedChanged, Resolution::KeptLocal)))
        }
        (Some(_), None) => Ok(Verdict::step(Parts::new(Action::Absent, Row::LocalRemoval, Class::Same))),
        (None, None) => Ok(Verdict::NOTHING),
    }
}

/// The device has something where the old default had nothing.
fn added<O: Cursor, N: Cursor, L: Cursor>(sides: &Sides<'_, O, N, L>) -> Result<Verdict, PlanError> {
    let Some(local) = sides.local else { return Ok(Verdict::NOTHING) };
    let local_kind = local.meta().kind;
    Ok(match (kind_of(sides.new), local_kind) {
        (Some(Kind::Directory), Kind::Directory) => Verdict::walk([false, true, true], Mode::ThreeWay),
        (Some(Kind::Directory), _) => refuse(Refusal::NewDefaultIsDirectory, Row::AddedAsDifferentTypes),
        (Some(_), Kind::Directory) => {
            Whole::local(Row::AddedAsDifferentTypes).contested(ConflictKind::Type).take(sides)
        }
        (Some(_), _) => {
            let Some(new) = sides.new else { return Ok(Verdict::NOTHING) };
            let changed = changes((Side::New, new), (Side::Local, local))?;
            copy(sides, Row::BothAdded, changed).with_conflict(sides, changed)?
        }
        (None, Kind::Directory) => Verdict::walk(LOCAL, Mode::ThreeWay),
        (None, _) => copy(sides, Row::LocalAddition, Changes::default()),
    }
    .touching())
}

/// The device has another kind of file than the old default.
fn replaced<O: Cursor, N: Cursor, L: Cursor>(sides: &Sides<'_, O, N, L>) -> Result<Verdict, PlanError> {
    let (Some(old), Some(local)) = (sides.old, sides.local) else { return Ok(Verdict::NOTHING) };
    let was_directory = old.meta().kind == Kind::Directory;
    Ok(match (sides.new, local.meta().kind) {
        // Nothing is done for the entry: the new directory stays, the device's is not looked at.
        (Some(new), Kind::Directory) if new.meta().kind == Kind::Directory => {
            Whole::new(Row::BothBecameDirectory, Class::Dropped).take(sides)
        }
        (Some(new), _) if new.meta().kind == Kind::Directory => {
            let row = if was_directory { Row::DirectoryReplaced } else { Row::FileBecomesDirectory };
            refuse(Refusal::NewDefaultIsDirectory, row)
        }
        (Some(new), Kind::Directory) if changes((Side::Old, old), (Side::New, new))?.content => {
            Whole::local(Row::FileReplacedByDirectory).contested(ConflictKind::Type).take(sides)
        }
        (_, Kind::Directory) => Whole::local(Row::FileReplacedByDirectory).take(sides),
        (new, _) => {
            let changed = match new {
                Some(new) => changes((Side::Old, old), (Side::New, new))?,
                None => Changes::default(),
            };
            let row = if was_directory { Row::DirectoryReplaced } else { Row::LocalEdit };
            copy(sides, row, changed).with_conflict(sides, changed)?
        }
    }
    .touching())
}

/// Old default and device have the same kind of file.
fn same_kind<O: Cursor, N: Cursor, L: Cursor>(sides: &Sides<'_, O, N, L>) -> Result<Verdict, PlanError> {
    let (Some(old), Some(local)) = (sides.old, sides.local) else { return Ok(Verdict::NOTHING) };
    let mine = changes((Side::Old, old), (Side::Local, local))?;
    let modified = mine.seen_by_libostree();
    if local.meta().kind == Kind::Directory {
        return Ok(match sides.new {
            Some(new) if new.meta().kind == Kind::Directory => {
                let verdict = Verdict::walk([true; 3], Mode::ThreeWay);
                if modified { verdict.touching() } else { verdict }
            }
            None if modified => Whole::local(Row::ChmodOfRemovedDirectory).take(sides).touching(),
            None => Verdict::walk(OLD_LOCAL, Mode::ThreeWay),
            Some(new) => {
                let refusal = match new.meta().kind {
                    Kind::Symlink => Refusal::ParentIsSymlink,
                    _ => Refusal::ParentIsFile,
                };
                if modified {
                    Verdict::walk(OLD_LOCAL, Mode::CopyOver(refusal)).touching()
                } else {
                    Verdict::step(Parts::new(place(new.meta(), Side::New), Row::Untouched, Class::Updated))
                        .and_below(OLD_LOCAL, Mode::Blocked(refusal))
                }
            }
        });
    }
    let Some(new) = sides.new else {
        return Ok(if modified {
            copy(sides, Row::EditedRemoved, Changes::default()).with_removal().touching()
        } else {
            Verdict::step(Parts::new(Action::Absent, Row::Untouched, Class::Updated))
        });
    };
    if !modified {
        // Extended attributes alone are no change to libostree: the device's are lost.
        if mine.xattrs {
            let parts = Parts::new(place(new.meta(), Side::New), Row::LocalMetadata, Class::Dropped);
            return Ok(if new.meta().kind == Kind::Directory {
                Verdict::walk(NEW, Mode::ThreeWay)
            } else {
                Verdict::step(parts.losing(Lost::LOCAL_XATTRS))
            });
        }
        if new.meta().kind == Kind::Directory {
            return Ok(Verdict::walk(NEW, Mode::ThreeWay));
        }
        let changed = changes((Side::Old, old), (Side::New, new))?.any();
        let class = if changed { Class::Updated } else { Class::Same };
        return Ok(Verdict::step(Parts::new(place(new.meta(), Side::New), Row::Untouched, class)));
    }
    if new.meta().kind == Kind::Directory {
        return Ok(refuse(Refusal::NewDefaultIsDirectory, Row::FileBecomesDirectory).touching());
    }
    let changed = changes((Side::Old, old), (Side::New, new))?;
    let row = match (mine.content, changed.content) {
        (true, true) => Row::BothEdited,
        (true, false) => Row::LocalEdit,
        (false, _) => Row::LocalMetadata,
    };
    Ok(copy(sides, row, changed).with_conflict(sides, changed)?.touching())
}

/// What happens below a leaf of the new defaults.
fn blocked<O: Cursor, N: Cursor, L: Cursor>(
    sides: &Sides<'_, O, N, L>,
    refusal: Refusal,
) -> Result<Verdict, PlanError> {
    let (Some(old), Some(local)) = (sides.old, sides.local) else {
        return Ok(refuse(refusal, Row::DirectoryBecomesFile));
    };
    if changes((Side::Old, old), (Side::Local, local))?.seen_by_libostree() {
        return Ok(refuse(refusal, Row::DirectoryBecomesFile));
    }
    let mut verdict = Verdict::NOTHING;
    if old.meta().kind == Kind::Directory {
        verdict = verdict.and_below(OLD_LOCAL, Mode::Blocked(refusal));
    }
    Ok(verdict)
}

const fn refuse(refusal: Refusal, row: Row) -> Verdict {
    let parts = Parts::new(Action::Refuse(refusal), row, Class::Conflict);
    Verdict::step(parts.contested(ConflictKind::Type, Resolution::Refused))
}

/// The device's file or symlink replaces what the new defaults have; `theirs` is what the image changed.
fn copy<O: Cursor, N: Cursor, L: Cursor>(sides: &Sides<'_, O, N, L>, row: Row, theirs: Changes) -> Verdict {
    let Some(local) = sides.local else { return Verdict::NOTHING };
    if local.meta().kind.is_special() {
        // The default is gone before libostree sees that it cannot copy the special file.
        let (row, lost) = match sides.new {
            Some(_) => (Row::SpecialReplacesDefault, Lost::DEFAULT | Lost::LOCAL_SPECIAL),
            None if sides.old.is_some() => (Row::SpecialReplacesDefault, Lost::LOCAL_SPECIAL),
            None => (Row::SpecialAdded, Lost::LOCAL_SPECIAL),
        };
        return Verdict::step(Parts::new(Action::Absent, row, Class::Dropped).losing(lost));
    }
    let lost = Lost::NEW_MODE.when(theirs.meta) | Lost::NEW_XATTRS.when(theirs.xattrs);
    Verdict::step(Parts::new(place(local.meta(), Side::Local), row, Class::Kept).losing(lost))
}

impl Verdict {
    /// Marks a conflict of content if the image changed the content too, and otherwise than the device.
    fn with_conflict<O: Cursor, N: Cursor, L: Cursor>(
        mut self,
        sides: &Sides<'_, O, N, L>,
        theirs: Changes,
    ) -> Result<Self, PlanError> {
        let (Some(parts), Some(new), Some(local)) = (&mut self.parts, sides.new, sides.local) else {
            return Ok(self);
        };
        if !matches!(parts.action, Action::Place(_)) || !theirs.any() {
            return Ok(self);
        }
        let apart = changes((Side::New, new), (Side::Local, local))?;
        if !apart.any() {
            *parts = Parts::new(parts.action, Row::Converged, Class::Merged);
            return Ok(self);
        }
        // What both have alike is not lost.
        parts.lost = Lost::NEW_CONTENT.when(theirs.content && apart.content)
            | Lost::NEW_MODE.when(theirs.meta && apart.meta)
            | Lost::NEW_XATTRS.when(theirs.xattrs && apart.xattrs);
        let kind = if apart.content && theirs.content {
            ConflictKind::Content
        } else if apart.meta && theirs.meta {
            ConflictKind::Metadata
        } else if apart.xattrs && theirs.xattrs {
            ConflictKind::Xattrs
        } else {
            return Ok(self);
        };
        *parts = parts.contested(kind, Resolution::KeptLocal);
        Ok(self)
    }

    /// Marks that the image removed what the device changed.
    fn with_removal(mut self) -> Self {
        if let Some(parts) = &mut self.parts
            && matches!(parts.action, Action::Place(_))
        {
            *parts = parts.contested(ConflictKind::EditedRemoved, Resolution::KeptLocal);
        }
        self
    }
}

/// A directory's own step, after its entries.
pub(super) fn directory<O: Cursor, N: Cursor, L: Cursor>(
    all: &Sides<'_, O, N, L>,
    left: Left,
) -> Result<Option<Parts>, PlanError> {
    let Left { touched, inhabited, is_root, .. } = left;
    match (left.mode, all.new, all.local) {
        (Mode::All(whole), Some(new), _) if whole.side == Side::New => {
            return Ok(Some(whole.parts(place(new.meta(), Side::New), all)));
        }
        (Mode::All(whole), _, Some(local)) => {
            return Ok(Some(whole.parts(place(local.meta(), Side::Local), all)));
        }
        (Mode::CopyOver(_), new, Some(local)) => {
            let whole = Whole::local(Row::DirectoryBecomesFile);
            let whole = if new.is_some() { whole.contested(ConflictKind::Type) } else { whole };
            return Ok(Some(whole.parts(place(local.meta(), Side::Local), all)));
        }
        _ => {}
    }
    let sides = &all.walked(left.walked);
    let mine = match (sides.old, sides.local) {
        (Some(old), Some(local)) => changes((Side::Old, old), (Side::Local, local))?,
        _ => Changes::default(),
    };
    let lost_mine = Lost::LOCAL_MODE.when(mine.meta) | Lost::LOCAL_XATTRS.when(mine.xattrs);
    Ok(match (sides.new, sides.local) {
        (Some(new), Some(local)) if touched && !is_root => {
            let theirs = match sides.old {
                Some(old) => changes((Side::Old, old), (Side::New, new))?,
                None => changes((Side::Local, local), (Side::New, new))?,
            };
            let apart = changes((Side::New, new), (Side::Local, local))?;
            let meta = local.meta();
            let action = Action::Place(Place {
                kind: Kind::Directory,
                content: crate::step::Content::New,
                mode: meta.mode,
                uid: meta.uid,
                gid: meta.gid,
                xattrs: Xattrs::LocalOverNew,
            });
            let lost = Lost::NEW_MODE.when(theirs.meta && apart.meta);
            let (row, class) = match (lost.is_empty(), mine.any()) {
                (false, false) => (Row::DirectoryTightened, Class::Merged),
                (false, true) => (Row::Directory, Class::Merged),
                (true, true) => (Row::DirectoryChmod, Class::Kept),
                (true, false) => (Row::Directory, Class::Same),
            };
            Some(Parts::new(action, row, class).losing(lost))
        }
        (Some(new), _) => {
            let theirs = match sides.old {
                Some(old) => changes((Side::Old, old), (Side::New, new))?.any(),
                None => true,
            };
            let (row, class) = match (lost_mine.is_empty(), theirs) {
                (false, _) => (Row::DirectoryChmod, Class::Dropped),
                (true, true) => (Row::Untouched, Class::Updated),
                (true, false) => (Row::Untouched, Class::Same),
            };
            Some(Parts::new(place(new.meta(), Side::New), row, class).losing(lost_mine))
        }
        (None, Some(local)) => match sides.old {
            // A directory that the image removed comes back only for what the device changed in it.
            Some(_) if !mine.seen_by_libostree() && !touched && !inhabited => {
                Some(Parts::new(Action::Absent, Row::Untouched, Class::Updated).losing(lost_mine))
            }
            Some(_) => {
                Some(Parts::new(place(local.meta(), Side::Local), Row::EditInRemovedDirectory, Class::Kept))
            }
            None => Some(Parts::new(place(local.meta(), Side::Local), Row::LocalAddition, Class::Kept)),
        },
        (None, None) => None,
    })
}
