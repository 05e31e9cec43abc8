//! The changes that make one version of another.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::compact::compact;
use super::compare::compare;

/// Lines of the old version and what stands for them in the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hunk {
    pub(super) old: Range<usize>,
    pub(super) side: Range<usize>,
}

/// One version: each line as a number that is equal for equal lines, and whether it is changed.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) classes: Vec<usize>,
    pub(super) changed: Vec<bool>,
}

impl Version {
    pub(super) fn is_changed(&self, line: usize) -> bool {
        self.changed.get(line).copied().unwrap_or(false)
    }

    pub(super) fn mark(&mut self, line: usize, changed: bool) {
        if let Some(mark) = self.changed.get_mut(line) {
            *mark = changed;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.classes.len()
    }

    pub(super) fn same(&self, a: usize, b: usize) -> bool {
        matches!((self.classes.get(a), self.classes.get(b)), (Some(a), Some(b)) if a == b)
    }
}

/// The changes from `old` to `side`, in order, as few lines as possible; `None` if the versions differ too much.
///
/// Where several scripts are equally short, the choice is that of git's xdiff (`xdiffi.c`, `xprepare.c`), or merges
/// would come out differently: lines that the other side does not have are set aside first, the middle of a
/// shortest script is searched from both ends, and groups of changed lines slide down as far as they go.
pub(super) fn diff(old: &[&[u8]], side: &[&[u8]]) -> Option<Vec<Hunk>> {
    let mut numbers: BTreeMap<&[u8], usize> = BTreeMap::new();
    let mut classify = |line| {
        let next = numbers.len();
        *numbers.entry(line).or_insert(next)
    };
    let old_classes: Vec<usize> = old.iter().map(|line| classify(*line)).collect();
    let side_classes: Vec<usize> = side.iter().map(|line| classify(*line)).collect();
    let mut a = Version { changed: vec![false; old_classes.len()], classes: old_classes };
    let mut b = Version { changed: vec![false; side_classes.len()], classes: side_classes };
    compare(&mut a, &mut b, numbers.len())?;
    compact(&mut a, &b);
    compact(&mut b, &a);
    Some(hunks(&a, &b))
}

fn hunks(a: &Version, b: &Version) -> Vec<Hunk> {
    let mut hunks = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let start = (i, j);
        while a.is_changed(i) {
            i = i.saturating_add(1);
        }
        while b.is_changed(j) {
            j = j.saturating_add(1);
        }
        if start != (i, j) {
            hunks.push(Hunk { old: start.0..i, side: start.1..j });
        }
        (i, j) = (i.saturating_add(1), j.saturating_add(1));
    }
    hunks
}
