//! Slides groups of changed lines: where a group could as well begin a line later, it does, unless it then no longer
//! faces a group of the other version.

use super::script::Version;

/// A stretch of changed lines, possibly empty, that ends before an unchanged line or at the end.
#[derive(Clone, Copy, Debug)]
struct Group {
    start: usize,
    end: usize,
}

impl Group {
    fn first(version: &Version) -> Self {
        Self { start: 0, end: 0 }.grown_down(version)
    }

    const fn is_empty(self) -> bool {
        self.start == self.end
    }

    fn grown_down(mut self, version: &Version) -> Self {
        while version.is_changed(self.end) {
            self.end = self.end.saturating_add(1);
        }
        self
    }

    fn grown_up(mut self, version: &Version) -> Self {
        while let Some(before) = self.start.checked_sub(1).filter(|&line| version.is_changed(line)) {
            self.start = before;
        }
        self
    }

    fn next(self, version: &Version) -> Option<Self> {
        let start = self.end.checked_add(1).filter(|_| self.end < version.len())?;
        Some(Self { start, end: start }.grown_down(version))
    }

    fn previous(self, version: &Version) -> Option<Self> {
        let end = self.start.checked_sub(1)?;
        Some(Self { start: end, end }.grown_up(version))
    }

    /// One line down, if the line after the group equals its first; a group that it then touches joins it.
    fn slid_down(self, version: &mut Version) -> Option<Self> {
        if self.end >= version.len() || !version.same(self.start, self.end) {
            return None;
        }
        version.mark(self.start, false);
        version.mark(self.end, true);
        let moved = Self { start: self.start.saturating_add(1), end: self.end.saturating_add(1) };
        Some(moved.grown_down(version))
    }

    /// One line up, if the line before the group equals its last; a group that it then touches joins it.
    fn slid_up(self, version: &mut Version) -> Option<Self> {
        let (before, last) = (self.start.checked_sub(1)?, self.end.checked_sub(1)?);
        if !version.same(before, last) {
            return None;
        }
        version.mark(before, true);
        version.mark(last, false);
        Some(Self { start: before, end: last }.grown_up(version))
    }
}

/// Slides the groups of `version`; `other` is what it is compared with, whose groups it walks along.
pub(super) fn compact(version: &mut Version, other: &Version) {
    let mut group = Group::first(version);
    let mut facing = Group::first(other);
    loop {
        if !group.is_empty() {
            (group, facing) = settle(group, facing, version, other);
        }
        let (Some(next), Some(next_facing)) = (group.next(version), facing.next(other)) else { return };
        (group, facing) = (next, next_facing);
    }
}

fn settle(mut group: Group, mut facing: Group, version: &mut Version, other: &Version) -> (Group, Group) {
    let (mut faces, mut highest);
    loop {
        let size = group.end.saturating_sub(group.start);
        while let Some(moved) = group.slid_up(version) {
            let Some(before) = facing.previous(other) else { return (moved, facing) };
            (group, facing) = (moved, before);
        }
        highest = group.end;
        faces = !facing.is_empty();
        while let Some(moved) = group.slid_down(version) {
            let Some(after) = facing.next(other) else { return (moved, facing) };
            (group, facing) = (moved, after);
            faces |= !facing.is_empty();
        }
        // It grew if it met another group: then it may slide further.
        if size == group.end.saturating_sub(group.start) {
            break;
        }
    }
    if group.end != highest && faces {
        while facing.is_empty() {
            let Some(moved) = group.slid_up(version) else { break };
            let Some(before) = facing.previous(other) else { return (moved, facing) };
            (group, facing) = (moved, before);
        }
    }
    (group, facing)
}
