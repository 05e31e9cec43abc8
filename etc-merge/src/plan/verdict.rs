//! What the tables are asked and what they answer.

use crate::digest::Digest;
use crate::error::{PlanError, Side, at};
use crate::step::{
    Action, Class, Conflict, ConflictKind, Content, Lost, Place, Refusal, Resolution, Row, Step, Xattrs,
};
use crate::tree::{Cursor, Kind, Meta};

/// The cursors that stand on one path.
#[derive(Debug)]
pub(super) struct Sides<'s, O, N, L> {
    pub(super) old: Option<&'s O>,
    pub(super) new: Option<&'s N>,
    pub(super) local: Option<&'s L>,
}

impl<O: Cursor, N: Cursor, L: Cursor> Sides<'_, O, N, L> {
    /// OSTree holds no special files; in other sources of defaults they count as absent.
    pub(super) fn without_special_defaults(self) -> Self {
        Self {
            old: self.old.filter(|cursor| !cursor.meta().kind.is_special()),
            new: self.new.filter(|cursor| !cursor.meta().kind.is_special()),
            local: self.local,
        }
    }

    /// The stamp file counts as absent everywhere.
    pub(super) fn without_stamps(self, path: &[u8]) -> Self {
        if path != STAMP {
            return self;
        }
        Self {
            old: self.old.filter(|cursor| cursor.meta().kind == Kind::Directory),
            new: self.new.filter(|cursor| cursor.meta().kind == Kind::Directory),
            local: self.local.filter(|cursor| cursor.meta().kind == Kind::Directory),
        }
    }

    /// Without the sides that were not walked.
    pub(super) fn walked(&self, [old, new, local]: [bool; 3]) -> Self {
        Self {
            old: self.old.filter(|_| old),
            new: self.new.filter(|_| new),
            local: self.local.filter(|_| local),
        }
    }

    /// A conflict with the digests of all sides that have content.
    pub(super) fn conflict(&self, Contest { kind, resolution }: Contest) -> Result<Conflict, PlanError> {
        Ok(Conflict {
            kind,
            old: digest(Side::Old, self.old)?,
            new: digest(Side::New, self.new)?,
            local: digest(Side::Local, self.local)?,
            resolution,
        })
    }
}

fn digest<C: Cursor>(side: Side, cursor: Option<&C>) -> Result<Option<Digest>, PlanError> {
    let leaf = cursor.filter(|cursor| cursor.meta().kind.is_leaf());
    leaf.map(|cursor| at(side, cursor.digest())).transpose()
}

/// How the entries of a directory are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// By the table.
    ThreeWay,
    /// libostree: a directory above is a leaf in the new defaults, so that any change is refused.
    Blocked(Refusal),
    /// libostree: the device's directory is copied whole over a leaf of the new defaults; an entry that
    /// the device removed refuses the merge, as it would be removed below that leaf.
    CopyOver(Refusal),
    /// As [`ThreeWay`](Self::ThreeWay), below a directory that the device removed.
    RemovedHere,
    /// All of one side, as it is.
    All(Whole),
}

/// A subtree that comes from one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// The device, or the new defaults.
    pub(super) side: Side,
    pub(super) row: Row,
    pub(super) class: Class,
    /// The conflict that this settles; only at the top of the subtree.
    pub(super) contest: Option<ConflictKind>,
}

impl Whole {
    pub(super) const fn local(row: Row) -> Self {
        Self { side: Side::Local, row, class: Class::Kept, contest: None }
    }

    pub(super) const fn new(row: Row, class: Class) -> Self {
        Self { side: Side::New, row, class, contest: None }
    }

    pub(super) const fn contested(self, kind: ConflictKind) -> Self {
        Self { contest: Some(kind), class: Class::Conflict, ..self }
    }

    /// Takes the whole of the side at this path.
    pub(super) fn take<O: Cursor, N: Cursor, L: Cursor>(self, sides: &Sides<'_, O, N, L>) -> Verdict {
        let (meta, walked) = match self.side {
            Side::Local => (sides.local.map(Cursor::meta), [false, false, true]),
            _ => (sides.new.map(Cursor::meta), [false, true, false]),
        };
        let action = match meta {
            Some(meta) if meta.kind == Kind::Directory => return Verdict::walk(walked, Mode::All(self)),
            Some(meta) if !meta.kind.is_special() => place(meta, self.side),
            _ => Action::Absent,
        };
        Verdict::step(self.parts(action, sides))
    }

    /// The mode of what lies below: the conflict is told once, at the top.
    pub(super) const fn below(self) -> Self {
        let class = match (self.contest, self.side) {
            (None, _) => self.class,
            (Some(_), Side::Local) => Class::Kept,
            (Some(_), _) => Class::Updated,
        };
        Self { contest: None, class, ..self }
    }

    pub(super) fn parts<O: Cursor, N: Cursor, L: Cursor>(
        self,
        action: Action,
        sides: &Sides<'_, O, N, L>,
    ) -> Parts {
        let mut parts = Parts::new(action, self.row, self.class);
        let local = kind_of(sides.local);
        if local.is_some_and(Kind::is_special) {
            parts.lost |= Lost::LOCAL_SPECIAL;
            parts.class = Class::Dropped;
        } else if self.class == Class::Dropped && local.is_some() {
            parts.lost |= Lost::LOCAL_CONTENT;
        }
        let Some(kind) = self.contest else { return parts };
        let resolution = if self.side == Side::Local { Resolution::KeptLocal } else { Resolution::TookNew };
        let (loser, present) = match self.side {
            Side::Local => (Lost::NEW_CONTENT, sides.new.is_some()),
            _ => (Lost::LOCAL_CONTENT, sides.local.is_some()),
        };
        parts.losing(parts.lost | loser.when(present)).contested(kind, resolution)
    }
}

/// What a table says about a path.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The path's step; none for a directory, which says itself after its entries, or for nothing at all.
    pub(super) parts: Option<Parts>,
    pub(super) walk: Option<Walk>,
    /// Whether libostree would copy the parent directory's metadata.
    pub(super) touches: bool,
}

/// A directory whose entries have all been judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    /// Which sides were walked: old, new, local.
    pub(super) walked: [bool; 3],
    pub(super) mode: Mode,
    pub(super) touched: bool,
    pub(super) inhabited: bool,
    pub(super) is_root: bool,
}

/// Which entries to look at below a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    /// Old, new, local.
    pub(super) sides: [bool; 3],
    pub(super) mode: Mode,
    pub(super) says_itself: bool,
}

/// A step without its path, and without the digests of a conflict: these are read when the step is told, once it is
/// sure that it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    pub(super) action: Action,
    pub(super) row: Row,
    pub(super) class: Class,
    pub(super) lost: Lost,
    pub(super) contest: Option<Contest>,
}

/// What both sides changed, and who won.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contest {
    pub(super) kind: ConflictKind,
    pub(super) resolution: Resolution,
}

impl Verdict {
    pub(super) const NOTHING: Self = Self { parts: None, walk: None, touches: false };

    pub(super) const fn step(parts: Parts) -> Self {
        Self { parts: Some(parts), walk: None, touches: false }
    }

    pub(super) const fn touching(self) -> Self {
        Self { touches: true, ..self }
    }

    /// Walks below; the directory says itself afterwards.
    pub(super) const fn walk(sides: [bool; 3], mode: Mode) -> Self {
        let walk = Some(Walk { sides, mode, says_itself: true });
        Self { parts: None, walk, touches: false }
    }

    /// The step of a leaf that stands in for a directory, whose entries are still judged.
    pub(super) const fn and_below(self, sides: [bool; 3], mode: Mode) -> Self {
        Self { walk: Some(Walk { sides, mode, says_itself: false }), ..self }
    }
}

impl Parts {
    pub(super) const fn new(action: Action, row: Row, class: Class) -> Self {
        Self { action, row, class, lost: Lost::NOTHING, contest: None }
    }

    pub(super) const fn losing(self, lost: Lost) -> Self {
        Self { lost, ..self }
    }

    pub(super) const fn at(self, path: &[u8], conflict: Option<Conflict>) -> Step<'_> {
        let Self { action, row, class, lost, contest: _ } = self;
        Step { path, action, row, class, lost, conflict }
    }

    /// Marks a conflict, which the class tells too.
    pub(super) const fn contested(self, kind: ConflictKind, resolution: Resolution) -> Self {
        Self { class: Class::Conflict, contest: Some(Contest { kind, resolution }), ..self }
    }
}

/// Places an entry as one side has it.
pub(super) const fn place(meta: Meta, side: Side) -> Action {
    let (content, xattrs) = match side {
        Side::Local => (Content::Local, Xattrs::Local),
        Side::Old | Side::New => (Content::New, Xattrs::New),
    };
    Action::Place(Place { kind: meta.kind, content, mode: meta.mode, uid: meta.uid, gid: meta.gid, xattrs })
}

/// `systemd-update-done.service` writes it after each update; a copy would make the next boot skip its set-up.
pub(super) const STAMP: &[u8] = b".updated";

/// The stamp file is in no result.
pub(super) const fn stamp() -> Verdict {
    Verdict::step(Parts::new(Action::Absent, Row::Stamp, Class::Same))
}

pub(super) fn kind_of<C: Cursor>(cursor: Option<&C>) -> Option<Kind> {
    cursor.map(|cursor| cursor.meta().kind)
}
