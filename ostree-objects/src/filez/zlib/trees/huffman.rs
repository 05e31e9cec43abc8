//! Codes of symbols by how often they are used (`build_tree`, `gen_bitlen`, `gen_codes`).

use alloc::vec;
use alloc::vec::Vec;

/// Symbols, how often each is used, and its code.
pub(super) struct Tree<const N: usize> {
    counts: [u32; N],
    lengths: [u8; N],
    codes: [u16; N],
    /// How many symbols have to be described: up to the last one that is used.
    used: usize,
}

impl<const N: usize> Tree<N> {
    pub(super) const fn new() -> Self {
        Self { counts: [0; N], lengths: [0; N], codes: [0; N], used: 0 }
    }

    /// Uses a symbol once more.
    pub(super) fn count(&mut self, symbol: usize) {
        if let Some(count) = self.counts.get_mut(symbol) {
            *count += 1;
        }
    }

    pub(super) fn length(&self, symbol: usize) -> u8 {
        self.lengths.get(symbol).copied().unwrap_or_default()
    }

    pub(super) fn code(&self, symbol: usize) -> u16 {
        self.codes.get(symbol).copied().unwrap_or_default()
    }

    pub(super) const fn used(&self) -> usize {
        self.used
    }

    /// How many bits all symbols take with codes of `other`; symbol `base` and those after it have extra bits.
    pub(super) fn cost_by<const M: usize>(&self, other: &Tree<M>, extra: &[u8], base: usize) -> u64 {
        let bits = |symbol: usize| {
            let extra = symbol.checked_sub(base).and_then(|at| extra.get(at)).copied().unwrap_or_default();
            u64::from(other.length(symbol)) + u64::from(extra)
        };
        self.counts.iter().enumerate().map(|(symbol, count)| u64::from(*count) * bits(symbol)).sum()
    }

    /// Makes codes of at most `longest` bits, and returns how many bits all symbols take with them.
    ///
    /// At least two symbols have one. Of equally frequent symbols the order decides: it is zlib's, by how deep the tree
    /// below is.
    pub(super) fn build(&mut self, extra: &[u8], base: usize, longest: u8) -> u64 {
        let mut heap = Heap::default();
        for (symbol, count) in self.counts.iter().enumerate().filter(|(_, count)| **count != 0) {
            heap.nodes.push(Node { count: *count, depth: 0, index: symbol });
            self.used = symbol + 1;
        }
        // Symbols that were never seen and have a code nonetheless cost nothing.
        let seen = self.counts;
        while heap.nodes.len() < 2 {
            let symbol = if self.used < 3 { self.used } else { 0 };
            self.used = self.used.max(symbol + 1);
            heap.nodes.push(Node { count: 1, depth: 0, index: symbol });
        }
        let order = heap.merge(N);
        self.assign_lengths(&order, longest);
        self.assign_codes();
        let bits = |symbol: usize| {
            let extra = symbol.checked_sub(base).and_then(|at| extra.get(at)).copied().unwrap_or_default();
            u64::from(self.length(symbol)) + u64::from(extra)
        };
        seen.iter().enumerate().map(|(symbol, count)| u64::from(*count) * bits(symbol)).sum()
    }

    /// `gen_bitlen`: `merged` has all nodes but the last made, each after the one it is below of. Lengths beyond the
    /// longest are shortened, and others lengthened for it.
    fn assign_lengths(&mut self, merged: &Merged, longest: u8) {
        let mut depths = vec![0_u8; merged.parents.len()];
        let mut per_length = [0_u32; 16];
        let mut overflow = 0_u32;
        // The root first.
        for &node in merged.order.iter().rev() {
            let parent = merged.parents.get(node).copied().unwrap_or_default();
            let mut length = match parent {
                Some(parent) => depths.get(parent).copied().unwrap_or_default() + 1,
                None => 0,
            };
            if length > longest {
                length = longest;
                overflow += 1;
            }
            if let Some(depth) = depths.get_mut(node) {
                *depth = length;
            }
            if let Some(own) = self.lengths.get_mut(node) {
                *own = length;
                if let Some(count) = per_length.get_mut(usize::from(length)) {
                    *count += 1;
                }
            }
        }
        if overflow == 0 {
            return;
        }
        let longest = usize::from(longest);
        while overflow > 0 {
            let shorter = (1..longest).rev().find(|length| per_length[*length] != 0).unwrap_or(1);
            per_length[shorter] -= 1;
            per_length[shorter + 1] += 2;
            per_length[longest] -= 1;
            overflow = overflow.saturating_sub(2);
        }
        // The least frequent symbols get the longest codes.
        let mut leaves = merged.order.iter().filter(|node| **node < N);
        for length in (1..=longest).rev() {
            for _ in 0..per_length[length] {
                let Some(own) = leaves.next().and_then(|leaf| self.lengths.get_mut(*leaf)) else { return };
                *own = u8::try_from(length).unwrap_or_default();
            }
        }
    }

    /// `gen_codes`: codes of a length in the order of the symbols; written highest bit first.
    fn assign_codes(&mut self) {
        let mut per_length = [0_u16; 16];
        for length in self.lengths.iter().filter(|length| **length != 0) {
            per_length[usize::from(*length)] += 1;
        }
        let (mut next, mut code) = ([0_u16; 16], 0_u16);
        for length in 1..16 {
            code = (code + per_length[length - 1]) << 1;
            next[length] = code;
        }
        for (own, length) in self.codes.iter_mut().zip(self.lengths).filter(|(_, length)| *length != 0) {
            let next = &mut next[usize::from(length)];
            *own = next.reverse_bits() >> (16 - u32::from(length));
            *next = next.wrapping_add(1);
        }
    }
}

/// A symbol, or two nodes that were merged.
#[derive(Clone, Copy)]
struct Node {
    count: u32,
    depth: u8,
    index: usize,
}

impl Node {
    const fn is_before(&self, other: &Self) -> bool {
        self.count < other.count || (self.count == other.count && self.depth <= other.depth)
    }
}

/// Nodes as zlib's heap keeps them: which of equal ones comes first depends on every step.
#[derive(Default)]
struct Heap {
    nodes: Vec<Node>,
}

/// All nodes in the order in which they were taken out of the heap, the root last, and what each is below of.
struct Merged {
    order: Vec<usize>,
    parents: Vec<Option<usize>>,
}

impl Heap {
    /// Merges the two least frequent nodes until one is left. Merged ones are numbered from `symbols` on.
    fn merge(mut self, symbols: usize) -> Merged {
        let mut merged = Merged { order: Vec::new(), parents: vec![None; symbols + self.nodes.len()] };
        for at in (0..self.nodes.len() / 2).rev() {
            self.sift(at);
        }
        let mut index = symbols;
        while self.nodes.len() >= 2 {
            let first = self.nodes.swap_remove(0);
            self.sift(0);
            let Some(second) = self.nodes.first_mut() else { break };
            for below in [&first, &*second] {
                merged.order.push(below.index);
                if let Some(parent) = merged.parents.get_mut(below.index) {
                    *parent = Some(index);
                }
            }
            let depth = first.depth.max(second.depth) + 1;
            *second = Node { count: first.count + second.count, depth, index };
            self.sift(0);
            index += 1;
        }
        merged.order.extend(self.nodes.first().map(|root| root.index));
        merged
    }

    /// `pqdownheap`.
    fn sift(&mut self, start: usize) {
        let mut at = start;
        loop {
            let left = 2 * at + 1;
            let (Some(own), Some(mut least)) = (self.nodes.get(at), self.nodes.get(left)) else { return };
            let mut below = left;
            if let Some(right) = self.nodes.get(left + 1)
                && right.is_before(least)
            {
                (least, below) = (right, left + 1);
            }
            if own.is_before(least) {
                return;
            }
            self.nodes.swap(at, below);
            at = below;
        }
    }
}

/// The codes that need no description (`static_ltree`).
pub(super) fn fixed_literals() -> Tree<288> {
    let mut tree = Tree::new();
    for (symbol, length) in tree.lengths.iter_mut().enumerate() {
        *length = match symbol {
            0..=143 => 8,
            144..=255 => 9,
            256..=279 => 7,
            _ => 8,
        };
    }
    tree.assign_codes();
    tree
}

/// `static_dtree`.
pub(super) fn fixed_distances() -> Tree<30> {
    let mut tree = Tree::new();
    tree.lengths = [5; 30];
    tree.assign_codes();
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each symbol as often as the two before it together: without a limit, the last code would have 27 bits.
    #[test]
    fn codes_are_no_longer_than_the_limit_and_leave_no_gap() {
        for longest in [15, 7] {
            let mut tree = Tree::<28>::new();
            let (mut count, mut next) = (1_u32, 1_u32);
            for symbol in 0..28 {
                tree.counts[symbol] = count;
                (count, next) = (next, count + next);
            }
            let cost = tree.build(&[], 0, longest);
            let bits = tree.counts.iter().zip(tree.lengths);
            assert_eq!(cost, bits.map(|(count, length)| u64::from(*count) * u64::from(length)).sum());
            assert_eq!(tree.lengths.iter().max(), Some(&longest));
            // The more frequent, the shorter; and every row of bits means something.
            assert!(tree.lengths.is_sorted_by(|rare, frequent| rare >= frequent), "{:?}", tree.lengths);
            let room: u32 = tree.lengths.iter().map(|length| 1 << (longest - length)).sum();
            assert_eq!(room, 1 << longest);
        }
    }

    #[test]
    fn what_was_never_seen_has_a_code_if_there_would_be_none() {
        for (seen, lengths) in [(None, [1, 1, 0, 0]), (Some(0), [1, 1, 0, 0]), (Some(3), [1, 0, 0, 1])] {
            let mut tree = Tree::<4>::new();
            seen.into_iter().for_each(|symbol| tree.count(symbol));
            assert_eq!((tree.build(&[], 0, 15), tree.lengths), (u64::from(seen.is_some()), lengths));
        }
    }
}
