//! A shortest script by Myers' algorithm ("An O(ND) Difference Algorithm and Its Variations", 1986), divided at the
//! middle.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::script::Version;

/// How many lines a script may delete and insert in one part before the versions count as too different.
/// It bounds the time to about its square.
pub const MAX_EDIT_COST: usize = 4096;

/// A line with at least this many equals on the other side is not looked for any longer.
const MAX_EQUALS: usize = 1024;

/// How far around a frequent line is looked whether it stands alone, in lines.
const WINDOW: usize = 100;

/// Marks the lines that are changed; `None` if there are too many.
pub(super) fn compare(a: &mut Version, b: &mut Version, classes: usize) -> Option<()> {
    let prefix = a.classes.iter().zip(&b.classes).take_while(|(x, y)| x == y).count();
    let rest = a.len().min(b.len()).saturating_sub(prefix);
    let backwards = a.classes.iter().rev().zip(b.classes.iter().rev());
    let suffix = backwards.take(rest).take_while(|(x, y)| x == y).count();
    let (count_a, count_b) = (count(&a.classes, classes), count(&b.classes, classes));
    let kept_a = set_aside(a, prefix..a.len().saturating_sub(suffix), &count_b);
    let kept_b = set_aside(b, prefix..b.len().saturating_sub(suffix), &count_a);
    let pick = |version: &Version, kept: &[usize]| -> Vec<usize> {
        kept.iter().filter_map(|&line| version.classes.get(line).copied()).collect()
    };
    let (lines_a, lines_b) = (pick(a, &kept_a), pick(b, &kept_b));
    let mut search = Search::new(&lines_a, &lines_b);
    let mut stack = vec![(0..lines_a.len(), 0..lines_b.len())];
    while let Some((range_a, range_b)) = stack.pop() {
        let (range_a, range_b) = search.trim(range_a, range_b);
        if range_a.is_empty() || range_b.is_empty() {
            kept_a.get(range_a).unwrap_or(&[]).iter().for_each(|&line| a.mark(line, true));
            kept_b.get(range_b).unwrap_or(&[]).iter().for_each(|&line| b.mark(line, true));
            continue;
        }
        let (i, j) = search.middle(&range_a, &range_b)?;
        stack.push((i..range_a.end, j..range_b.end));
        stack.push((range_a.start..i, range_b.start..j));
    }
    Some(())
}

fn count(lines: &[usize], classes: usize) -> Vec<usize> {
    let mut counts = vec![0_usize; classes];
    for &class in lines {
        if let Some(count) = counts.get_mut(class) {
            *count = count.saturating_add(1);
        }
    }
    counts
}

/// How often the other side has a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Equals {
    None,
    Some,
    Many,
}

/// Marks lines that the other side does not have as changed, and frequent lines that stand among such; the others
/// are returned.
fn set_aside(version: &mut Version, range: Range<usize>, other: &[usize]) -> Vec<usize> {
    let many = rough_root(version.len()).min(MAX_EQUALS);
    let equals: Vec<Equals> = version
        .classes
        .iter()
        .map(|&class| match other.get(class) {
            None | Some(0) => Equals::None,
            Some(&count) if count >= many => Equals::Many,
            Some(_) => Equals::Some,
        })
        .collect();
    let mut kept = Vec::new();
    for line in range.clone() {
        let keep = match equals.get(line) {
            Some(Equals::Some) => true,
            Some(Equals::Many) => !stands_alone(&equals, line, &range),
            _ => false,
        };
        if keep {
            kept.push(line);
        } else {
            version.mark(line, true);
        }
    }
    kept
}

/// A power of two near the square root, from above.
fn rough_root(mut number: usize) -> usize {
    let mut root = 1_usize;
    while number > 0 {
        root = root.saturating_mul(2);
        number >>= 2;
    }
    root
}

/// Whether a frequent line has mostly lines without equals around it, on both sides.
fn stands_alone(equals: &[Equals], line: usize, range: &Range<usize>) -> bool {
    let around = |lines: &mut dyn Iterator<Item = usize>| {
        let (mut none, mut many) = (0_usize, 1_usize);
        for line in lines.take(WINDOW) {
            match equals.get(line) {
                Some(Equals::None) => none = none.saturating_add(1),
                Some(Equals::Many) => many = many.saturating_add(1),
                _ => break,
            }
        }
        (none, many)
    };
    let (none_before, many_before) = around(&mut (range.start..line).rev());
    let (none_after, many_after) = around(&mut (line.saturating_add(1)..range.end));
    if none_before == 0 || none_after == 0 {
        return false;
    }
    let many = many_before.saturating_add(many_after);
    let none = none_before.saturating_add(none_after);
    many.saturating_mul(4) < many.saturating_add(none)
}

/// The search for the middle of a shortest script. Diagonal `d` holds the pairs with `i - j = d`.
struct Search<'l> {
    a: &'l [usize],
    b: &'l [usize],
    /// The furthest line of `a` on each diagonal, from the start and from the end; shifted by `zero`.
    forward: Vec<isize>,
    backward: Vec<isize>,
    zero: isize,
}

impl<'l> Search<'l> {
    fn new(a: &'l [usize], b: &'l [usize]) -> Self {
        // Diagonals from -b to a, and one more at each end.
        let diagonals = a.len().saturating_add(b.len()).saturating_add(3);
        let zero = isize::try_from(b.len()).unwrap_or(isize::MAX).saturating_add(1);
        Self { a, b, forward: vec![0; diagonals], backward: vec![0; diagonals], zero }
    }

    fn equal(&self, i: isize, j: isize) -> bool {
        let at = |lines: &[usize], line: isize| {
            usize::try_from(line).ok().and_then(|line| lines.get(line).copied())
        };
        matches!((at(self.a, i), at(self.b, j)), (Some(x), Some(y)) if x == y)
    }

    /// Takes equal lines off both ends.
    fn trim(&self, mut a: Range<usize>, mut b: Range<usize>) -> (Range<usize>, Range<usize>) {
        while !a.is_empty() && !b.is_empty() && self.a.get(a.start) == self.b.get(b.start) {
            a.start = a.start.saturating_add(1);
            b.start = b.start.saturating_add(1);
        }
        while !a.is_empty()
            && !b.is_empty()
            && self.a.get(a.end.saturating_sub(1)) == self.b.get(b.end.saturating_sub(1))
        {
            a.end = a.end.saturating_sub(1);
            b.end = b.end.saturating_sub(1);
        }
        (a, b)
    }

    /// A point on a shortest script of two parts that are not empty and differ at both ends.
    fn middle(&mut self, a: &Range<usize>, b: &Range<usize>) -> Option<(usize, usize)> {
        let signed = |line: usize| isize::try_from(line).ok();
        let (a0, a1, b0, b1) = (signed(a.start)?, signed(a.end)?, signed(b.start)?, signed(b.end)?);
        let (lowest, highest) = (a0 - b1, a1 - b0);
        let (from_start, from_end) = (a0 - b0, a1 - b1);
        let odd = (from_start - from_end) % 2 != 0;
        let mut ahead = from_start..=from_start;
        let mut back = from_end..=from_end;
        self.set_forward(from_start, a0);
        self.set_backward(from_end, a1);
        for _ in 0..MAX_EDIT_COST {
            ahead = self.widen(ahead, lowest, highest, true);
            for d in ahead.clone().rev().step_by(2) {
                let (below, above) = (self.forward_at(d - 1), self.forward_at(d + 1));
                let mut i = if below >= above { below + 1 } else { above };
                while i < a1 && i - d < b1 && self.equal(i, i - d) {
                    i += 1;
                }
                self.set_forward(d, i);
                if odd && back.contains(&d) && self.backward_at(d) <= i {
                    return Some((usize::try_from(i).ok()?, usize::try_from(i - d).ok()?));
                }
            }
            back = self.widen(back, lowest, highest, false);
            for d in back.clone().rev().step_by(2) {
                let (below, above) = (self.backward_at(d - 1), self.backward_at(d + 1));
                let mut i = if below < above { below } else { above - 1 };
                while i > a0 && i - d > b0 && self.equal(i - 1, i - d - 1) {
                    i -= 1;
                }
                self.set_backward(d, i);
                if !odd && ahead.contains(&d) && i <= self.forward_at(d) {
                    return Some((usize::try_from(i).ok()?, usize::try_from(i - d).ok()?));
                }
            }
        }
        None
    }

    /// One more diagonal on each side, or one less where the edge is reached; the diagonals just outside hold what
    /// no path reaches.
    fn widen(
        &mut self,
        range: core::ops::RangeInclusive<isize>,
        lowest: isize,
        highest: isize,
        forward: bool,
    ) -> core::ops::RangeInclusive<isize> {
        let (mut low, mut high) = range.into_inner();
        let mut bar = |d| if forward { self.set_forward(d, -1) } else { self.set_backward(d, isize::MAX) };
        if low > lowest {
            low -= 1;
            bar(low - 1);
        } else {
            low += 1;
        }
        if high < highest {
            high += 1;
            bar(high + 1);
        } else {
            high -= 1;
        }
        low..=high
    }

    fn index(&self, d: isize) -> Option<usize> {
        usize::try_from(d.checked_add(self.zero)?).ok()
    }

    fn forward_at(&self, d: isize) -> isize {
        self.index(d).and_then(|at| self.forward.get(at).copied()).unwrap_or(-1)
    }

    fn backward_at(&self, d: isize) -> isize {
        self.index(d).and_then(|at| self.backward.get(at).copied()).unwrap_or(isize::MAX)
    }

    fn set_forward(&mut self, d: isize, line: isize) {
        if let Some(slot) = self.index(d).and_then(|at| self.forward.get_mut(at)) {
            *slot = line;
        }
    }

    fn set_backward(&mut self, d: isize, line: isize) {
        if let Some(slot) = self.index(d).and_then(|at| self.backward.get_mut(at)) {
            *slot = line;
        }
    }
}
