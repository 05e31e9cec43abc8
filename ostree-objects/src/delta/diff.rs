//! Making a patch in bsdiff's format, which [`super::bspatch`] applies.
//!
//! Not by a suffix array, as bsdiff does it, which takes eight times the old file in memory: blocks of the old file
//! are found by their hash, and each find is extended over bytes that mostly agree.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Bytes that a find must have in common.
const BLOCK: usize = 24;
/// Every how many bytes of the old file a block begins. A run of `BLOCK + STEP` bytes in common is always found.
const STEP: usize = 8;
/// How far an extension looks on after bytes that do not agree.
const PATIENCE: usize = 64;
/// Most blocks of the same hash that are looked at.
const MOST_ALIKE: usize = 4;

/// Bytes of the new file that are near to some of the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Match {
    new: usize,
    old: usize,
    len: usize,
}

/// A patch that makes `new` of `old`, and how many bytes of it are taken from nowhere.
pub(crate) fn diff(old: &[u8], new: &[u8]) -> (Vec<u8>, usize) {
    let matches = find(old, new);
    let mut patch = Vec::with_capacity(new.len().saturating_add(24));
    let mut copied = 0_usize;
    let (mut position, mut made) = (0_usize, 0_usize);
    let mut current = Match { new: 0, old: 0, len: 0 };
    for next in matches.iter().copied().chain([Match { new: new.len(), old: 0, len: 0 }]) {
        made += current.len;
        position += current.len;
        let copy = new.get(made..next.new).unwrap_or_default();
        number(&mut patch, current.len, false);
        number(&mut patch, copy.len(), false);
        number(&mut patch, next.old.abs_diff(position), next.old < position);
        let pairs = new.iter().skip(current.new).zip(old.iter().skip(current.old)).take(current.len);
        patch.extend(pairs.map(|(new, old)| new.wrapping_sub(*old)));
        patch.extend_from_slice(copy);
        copied += copy.len();
        made = next.new;
        position = next.old;
        current = next;
    }
    (patch, copied)
}

/// Eight bytes, least significant first; the topmost bit is the sign.
fn number(patch: &mut Vec<u8>, magnitude: usize, is_negative: bool) {
    let sign = u64::from(is_negative && magnitude != 0) << 63;
    patch.extend((u64::try_from(magnitude).unwrap_or(0) | sign).to_le_bytes());
}

/// Matches in the order of the new file, without overlaps there.
fn find(old: &[u8], new: &[u8]) -> Vec<Match> {
    let mut blocks: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for start in (0..old.len()).step_by(STEP) {
        if let Some(block) = old.get(start..start + BLOCK) {
            let places = blocks.entry(hash(block)).or_default();
            if places.len() < MOST_ALIKE {
                places.push(start);
            }
        }
    }
    let mut matches: Vec<Match> = Vec::new();
    let mut at = 0;
    let mut free = 0;
    // The same place as before is tried first: files of equal layout need no search at all.
    let mut shift: Option<(usize, usize)> = Some((0, 0));
    while let Some(block) = new.get(at..at + BLOCK) {
        let same = shift.and_then(|(new_start, old_start)| (at + old_start).checked_sub(new_start));
        let same = same.filter(|place| old.get(*place..*place + BLOCK) == Some(block));
        let best = match same {
            Some(place) => Some(extend(old, new, free, at, place)),
            None => {
                let places = blocks.get(&hash(block)).into_iter().flatten();
                let fitting = places.filter(|place| old.get(**place..**place + BLOCK) == Some(block));
                fitting.map(|place| extend(old, new, free, at, *place)).max_by_key(|found| found.len)
            }
        };
        let Some(found) = best else {
            at += 1;
            continue;
        };
        at = found.new + found.len;
        free = at;
        shift = Some((found.new, found.old));
        matches.push(found);
    }
    matches
}

/// The bytes around a common block that agree: before it all, but not into what is taken; after it most.
fn extend(old: &[u8], new: &[u8], free: usize, at: usize, place: usize) -> Match {
    let room = (at - free).min(place);
    let before = new.iter().take(at).rev().zip(old.iter().take(place).rev()).take(room);
    let before = before.take_while(|(new, old)| new == old).count();
    let (mut best, mut best_score, mut score) = (0_usize, 0_usize, 0_usize);
    // A byte that agrees counts one, one that does not takes one away.
    for (index, (new, old)) in new.iter().skip(at).zip(old.iter().skip(place)).enumerate() {
        score = if new == old { score + 1 } else { score.saturating_sub(1) };
        if new == old && score >= best_score {
            (best, best_score) = (index + 1, score);
        }
        if index + 1 - best > PATIENCE {
            break;
        }
    }
    Match { new: at - before, old: place - before, len: best + before }
}

/// FNV-1a on words of eight bytes.
fn hash(block: &[u8]) -> u64 {
    block.chunks_exact(8).fold(0xcbf2_9ce4_8422_2325, |hash, word| {
        let word = word.try_into().map_or(0, u64::from_le_bytes);
        (hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(29)
    })
}

#[cfg(test)]
mod tests {
    use super::super::bspatch::{Patch, Piece};
    use super::*;

    fn patched(old: &[u8], patch: &[u8], size: usize) -> Vec<u8> {
        let mut patch = Patch::new(patch, u64::try_from(size).unwrap());
        let mut new = Vec::new();
        while let Some(piece) = patch.next(1000).unwrap() {
            match piece {
                Piece::Copy(bytes) => new.extend_from_slice(bytes),
                Piece::Sum(bytes, position) => {
                    let start = usize::try_from(position).unwrap();
                    new.extend(bytes.iter().zip(&old[start..]).map(|(a, b)| a.wrapping_add(*b)));
                }
            }
        }
        new
    }

    fn bytes(count: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        let next = |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn what_is_patched_is_the_new_file() {
        let old = bytes(20_000, 1);
        let mut edited = old.clone();
        edited[5000..5008].copy_from_slice(b"changed!");
        edited.splice(10_000..10_000, *b"inserted");
        edited.drain(15_000..15_500);
        let rotated = [&old[7000..], &old[..7000]].concat();
        let other = bytes(20_000, 2);
        for (new, most) in [
            (&old, 0),
            (&edited, 40),
            (&rotated, 20),
            (&other, 20_000),
            (&Vec::new(), 0),
            (&old[..10].to_vec(), 10),
        ] {
            let (patch, copied) = diff(&old, new);
            assert!(copied <= most, "{copied} bytes copied");
            assert_eq!(patched(&old, &patch, new.len()), *new);
            let (back, _) = diff(new, &old);
            assert_eq!(patched(new, &back, old.len()), old);
        }
    }
}
