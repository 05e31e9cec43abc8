//! Line-wise three-way merge, with the answers of `git merge-file` wherever that finds no conflict.

mod compact;
mod compare;
mod script;

use alloc::vec::Vec;
use core::ops::Range;

pub use compare::MAX_EDIT_COST;

use crate::driver::DriverConflict;
use script::{Hunk, diff};

/// Who changed a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Author {
    Local,
    New,
    Both,
}

/// A stretch that one side or both changed, in lines of each version.
#[derive(Clone, Debug)]
struct Stretch {
    author: Author,
    old: Range<usize>,
    local: Range<usize>,
    new: Range<usize>,
}

/// Merges three versions line by line: a change of one side is taken, the same change of both sides once. Changes
/// of both sides that overlap or touch are a conflict, unless they come to the same lines.
pub(super) fn merge(old: &[u8], new: &[u8], local: &[u8]) -> Result<Vec<u8>, DriverConflict> {
    let (old, new_lines, local_lines) = (lines(old), lines(new), lines(local));
    let ours = diff(&old, &local_lines).ok_or(DriverConflict::TooDifferent)?;
    let theirs = diff(&old, &new_lines).ok_or(DriverConflict::TooDifferent)?;
    let mut out = Vec::with_capacity(new.len().max(local.len()));
    let mut copy = |lines: &[&[u8]]| lines.iter().for_each(|line| out.extend_from_slice(line));
    // Up to which line the device's version is written. Where nothing else is said, it is the result.
    let mut done = 0;
    for stretch in stretches(&ours, &theirs, &local_lines, &new_lines) {
        let mine = part(&local_lines, &stretch.local);
        let other = part(&new_lines, &stretch.new);
        if stretch.author == Author::Local || stretch.author == Author::Both && mine == other {
            continue;
        }
        if stretch.author == Author::Both {
            return Err(DriverConflict::Lines { line: stretch.old.start.saturating_add(1) });
        }
        copy(part(&local_lines, &(done..stretch.local.start)));
        copy(other);
        done = stretch.local.end;
    }
    copy(part(&local_lines, &(done..local_lines.len())));
    Ok(out)
}

pub(super) fn changes(before: &[u8], after: &[u8]) -> Option<Vec<(Range<usize>, Range<usize>)>> {
    let hunks = diff(&lines(before), &lines(after))?;
    Some(hunks.into_iter().map(|hunk| (hunk.old, hunk.side)).collect())
}

/// The text's lines, each with its line feed; the last one may lack it.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|&byte| byte == b'\n').collect()
}

fn part<'l, 't>(lines: &'l [&'t [u8]], range: &Range<usize>) -> &'l [&'t [u8]] {
    lines.get(range.clone()).unwrap_or(&[])
}

/// Puts both scripts side by side, in order of the old version.
fn stretches(ours: &[Hunk], theirs: &[Hunk], local: &[&[u8]], new: &[&[u8]]) -> Vec<Stretch> {
    let mut out: Vec<Stretch> = Vec::new();
    let (mut ours, mut theirs) = (ours.iter(), theirs.iter());
    let (mut mine, mut other) = (ours.next(), theirs.next());
    // The hunks that were passed last: what follows is shifted as they say.
    let (mut mine_passed, mut other_passed) = (None, None);
    loop {
        let (stretch, pass_mine, pass_other) = match (mine, other) {
            (None, None) => return out,
            (Some(a), None) => (alone_local(a, other_passed), true, false),
            (None, Some(b)) => (alone_new(b, mine_passed), false, true),
            (Some(a), Some(b)) if a.old.end < b.old.start => (alone_local(a, other_passed), true, false),
            (Some(a), Some(b)) if b.old.end < a.old.start => (alone_new(b, mine_passed), false, true),
            (Some(a), Some(b)) => {
                let alike = a.old == b.old && part(local, &a.side) == part(new, &b.side);
                // The one that reaches further may meet another hunk yet.
                (both(a, b).filter(|_| !alike), a.old.end <= b.old.end, b.old.end <= a.old.end)
            }
        };
        if pass_mine {
            (mine_passed, mine) = (mine, ours.next());
        }
        if pass_other {
            (other_passed, other) = (other, theirs.next());
        }
        if let Some(stretch) = stretch {
            append(&mut out, stretch);
        }
    }
}

/// Where lines of the old version lie in a version, after the hunk that was passed last.
fn shifted(old: &Range<usize>, passed: Option<&Hunk>) -> Range<usize> {
    let shift = |line: usize| match passed {
        // A hunk that was passed only in part begins after this line.
        Some(hunk) => line.saturating_add(hunk.side.end).saturating_sub(hunk.old.end),
        None => line,
    };
    shift(old.start)..shift(old.end)
}

fn alone_local(hunk: &Hunk, passed: Option<&Hunk>) -> Option<Stretch> {
    let (old, local) = (hunk.old.clone(), hunk.side.clone());
    Some(Stretch { author: Author::Local, new: shifted(&old, passed), old, local })
}

fn alone_new(hunk: &Hunk, passed: Option<&Hunk>) -> Option<Stretch> {
    let (old, new) = (hunk.old.clone(), hunk.side.clone());
    Some(Stretch { author: Author::New, local: shifted(&old, passed), old, new })
}

/// The union of two hunks that overlap or touch.
fn both(a: &Hunk, b: &Hunk) -> Option<Stretch> {
    let old = a.old.start.min(b.old.start)..a.old.end.max(b.old.end);
    let widened = |hunk: &Hunk| {
        let before = hunk.old.start.saturating_sub(old.start);
        let after = old.end.saturating_sub(hunk.old.end);
        hunk.side.start.saturating_sub(before)..hunk.side.end.saturating_add(after)
    };
    Some(Stretch { author: Author::Both, local: widened(a), new: widened(b), old })
}

/// Adds a stretch; one that touches the last one becomes part of it.
fn append(out: &mut Vec<Stretch>, stretch: Stretch) {
    let touches =
        |last: &&mut Stretch| stretch.local.start <= last.local.end || stretch.new.start <= last.new.end;
    match out.last_mut().filter(touches) {
        Some(last) => {
            if last.author != stretch.author {
                last.author = Author::Both;
            }
            (last.old.end, last.local.end, last.new.end) =
                (stretch.old.end, stretch.local.end, stretch.new.end);
        }
        None => out.push(stretch),
    }
}
