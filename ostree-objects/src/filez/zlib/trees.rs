//! The blocks of a deflate stream as zlib writes them (`trees.c`).

mod huffman;

use alloc::vec::Vec;

use huffman::{Tree, fixed_distances, fixed_literals};

/// How many literals and matches a block has at most (`sym_end`).
const MAX_SYMBOLS: usize = 16 * 1024 - 1;
/// The symbol that ends a block; those of lengths follow.
const END: usize = 256;
/// Symbols of literals, of distances, and of the lengths of codes.
const LITERALS: usize = 286;
const DISTANCES: usize = 30;
const CODES: usize = 19;

/// In which order the lengths of codes' codes are written.
const CODE_ORDER: [usize; CODES] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const LENGTH_EXTRA: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_EXTRA: [u8; DISTANCES] =
    [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
/// Of the lengths of codes: 16 repeats the one before, 17 and 18 repeat zero.
const CODE_EXTRA: [u8; CODES] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 7];

/// A literal byte if the distance is 0, else a match.
#[derive(Clone, Copy)]
struct Symbol {
    distance: u16,
    value: u16,
}

/// The block at hand, and what was written of the stream.
pub(super) struct Block {
    symbols: Vec<Symbol>,
    literals: Tree<LITERALS>,
    distances: Tree<DISTANCES>,
    fixed_literals: Tree<288>,
    fixed_distances: Tree<DISTANCES>,
    lengths: Codes,
    bits: Bits,
}

/// Which symbol a length or a distance has, and where that symbol's range begins.
struct Codes {
    length_start: [u16; 29],
    length: [u8; 256],
    distance_start: [u16; DISTANCES],
}

impl Codes {
    fn new() -> Self {
        let mut codes = Self { length_start: [0; 29], length: [0; 256], distance_start: [0; DISTANCES] };
        let mut start = 0_u16;
        for (symbol, (first, extra)) in codes.length_start.iter_mut().zip(LENGTH_EXTRA).take(28).enumerate() {
            *first = start;
            let end = start.saturating_add(1 << extra);
            let range = usize::from(start)..usize::from(end).min(256);
            codes.length.get_mut(range).unwrap_or_default().fill(u8::try_from(symbol).unwrap_or_default());
            start = end;
        }
        // The longest match has a symbol of its own.
        codes.length[255] = 28;
        codes.length_start[28] = 255;
        let mut start = 0_u16;
        for (first, extra) in codes.distance_start.iter_mut().zip(DISTANCE_EXTRA) {
            *first = start;
            start = start.saturating_add(1 << extra);
        }
        codes
    }

    /// Of a length less 3: the symbol, and what goes into its extra bits.
    fn length(&self, length: u16) -> (usize, u16) {
        let symbol = usize::from(self.length.get(usize::from(length)).copied().unwrap_or_default());
        (symbol, length.saturating_sub(self.length_start.get(symbol).copied().unwrap_or_default()))
    }

    /// Of a distance less 1.
    fn distance(&self, distance: u16) -> (usize, u16) {
        let symbol = self.distance_start.partition_point(|start| *start <= distance).saturating_sub(1);
        (symbol, distance.saturating_sub(self.distance_start.get(symbol).copied().unwrap_or_default()))
    }
}

impl Block {
    pub(super) fn new() -> Self {
        let mut block = Self {
            symbols: Vec::with_capacity(MAX_SYMBOLS),
            literals: Tree::new(),
            distances: Tree::new(),
            fixed_literals: fixed_literals(),
            fixed_distances: fixed_distances(),
            lengths: Codes::new(),
            bits: Bits { written: Vec::new(), pending: 0, count: 0 },
        };
        block.literals.count(END);
        block
    }

    /// Adds a byte; whether the block is full.
    pub(super) fn literal(&mut self, byte: u8) -> bool {
        self.literals.count(usize::from(byte));
        self.symbols.push(Symbol { distance: 0, value: byte.into() });
        self.symbols.len() == MAX_SYMBOLS
    }

    /// Adds a match; whether the block is full.
    pub(super) fn matched(&mut self, distance: usize, length: usize) -> bool {
        let distance = u16::try_from(distance).unwrap_or_default();
        let value = u16::try_from(length.saturating_sub(3)).unwrap_or_default();
        self.literals.count(END + 1 + self.lengths.length(value).0);
        self.distances.count(self.lengths.distance(distance.saturating_sub(1)).0);
        self.symbols.push(Symbol { distance, value });
        self.symbols.len() == MAX_SYMBOLS
    }

    /// Whole bytes of the stream that were written since they were forgotten.
    pub(super) fn written(&self) -> &[u8] {
        &self.bits.written
    }

    pub(super) fn forget_written(&mut self) {
        self.bits.written.clear();
    }

    /// `_tr_flush_block`: writes the block in the shortest of three forms, and begins another. `content` is what it
    /// stands for, if that is still known.
    pub(super) fn finish(&mut self, content: Option<&[u8]>, is_last: bool) {
        let last = u32::from(is_last);
        let mut cost = self.literals.build(&LENGTH_EXTRA, END + 1, 15);
        cost += self.distances.build(&DISTANCE_EXTRA, 0, 15);
        let runs = [runs_of(&self.literals), runs_of(&self.distances)].concat();
        let mut codes = Tree::<CODES>::new();
        runs.iter().for_each(|run| codes.count(run.symbol));
        cost += codes.build(&CODE_EXTRA, 0, 7);
        let order = CODE_ORDER.iter().rposition(|symbol| codes.length(*symbol) != 0);
        let code_lengths = order.map_or(0, |last| last + 1).max(4);
        cost += 3 * u64::try_from(code_lengths).unwrap_or(0) + 5 + 5 + 4;
        let fixed = self.literals.cost_by(&self.fixed_literals, &LENGTH_EXTRA, END + 1)
            + self.distances.cost_by(&self.fixed_distances, &DISTANCE_EXTRA, 0);
        let bytes = |bits: u64| (bits + 3 + 7) >> 3;
        let (own, fixed) = (bytes(cost), bytes(fixed));
        let shortest = own.min(fixed);
        let stored =
            content.filter(|content| u64::try_from(content.len() + 4).is_ok_and(|len| len <= shortest));
        if let Some(content) = stored {
            self.bits.put(last, 3);
            self.bits.align();
            let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
            for half in [length, !length] {
                self.bits.written.extend_from_slice(&half.to_le_bytes());
            }
            self.bits.written.extend_from_slice(content);
        } else if fixed <= own {
            self.bits.put((1 << 1) + last, 3);
            compress(
                &mut self.bits,
                &self.symbols,
                &self.lengths,
                &self.fixed_literals,
                &self.fixed_distances,
            );
        } else {
            self.bits.put((2 << 1) + last, 3);
            for (value, bits) in
                [(self.literals.used() - 257, 5), (self.distances.used() - 1, 5), (code_lengths - 4, 4)]
            {
                self.bits.put(u32::try_from(value).unwrap_or_default(), bits);
            }
            for symbol in CODE_ORDER.iter().take(code_lengths) {
                self.bits.put(codes.length(*symbol).into(), 3);
            }
            for run in runs {
                self.bits.code(&codes, run.symbol);
                let extra = CODE_EXTRA.get(run.symbol).copied().unwrap_or_default();
                self.bits.put(run.extra, extra.into());
            }
            compress(&mut self.bits, &self.symbols, &self.lengths, &self.literals, &self.distances);
        }
        if is_last {
            self.bits.align();
        }
        self.symbols.clear();
        self.literals = Tree::new();
        self.distances = Tree::new();
        self.literals.count(END);
    }
}

/// `compress_block`.
fn compress<const L: usize>(
    bits: &mut Bits,
    symbols: &[Symbol],
    codes: &Codes,
    literals: &Tree<L>,
    distances: &Tree<DISTANCES>,
) {
    for Symbol { distance, value } in symbols {
        if *distance == 0 {
            bits.code(literals, (*value).into());
            continue;
        }
        let (symbol, rest) = codes.length(*value);
        bits.code(literals, END + 1 + symbol);
        bits.put(rest.into(), LENGTH_EXTRA.get(symbol).copied().unwrap_or_default().into());
        let (symbol, rest) = codes.distance(distance.saturating_sub(1));
        bits.code(distances, symbol);
        bits.put(rest.into(), DISTANCE_EXTRA.get(symbol).copied().unwrap_or_default().into());
    }
    bits.code(literals, END);
}

/// A symbol for lengths of codes, and what goes into its extra bits.
#[derive(Clone, Copy)]
struct Run {
    symbol: usize,
    extra: u32,
}

/// `send_tree`: the lengths of the codes that are used, runs of the same length made short.
fn runs_of<const N: usize>(tree: &Tree<N>) -> Vec<Run> {
    let mut runs = Vec::new();
    let plain = |length: u8| Run { symbol: length.into(), extra: 0 };
    let (mut before, mut count) = (None, 0_u32);
    for symbol in 0..tree.used() {
        let length = tree.length(symbol);
        let next = (symbol + 1 < tree.used()).then(|| tree.length(symbol + 1));
        count += 1;
        let (most, least) = match (length, before == Some(length)) {
            (0, _) => (138, 3),
            (_, true) => (6, 3),
            (_, false) => (7, 4),
        };
        if count < most && next == Some(length) {
            continue;
        }
        if count < least {
            runs.extend((0..count).map(|_| plain(length)));
        } else if length != 0 {
            if before != Some(length) {
                runs.push(plain(length));
                count -= 1;
            }
            runs.push(Run { symbol: 16, extra: count.saturating_sub(3) });
        } else if count <= 10 {
            runs.push(Run { symbol: 17, extra: count.saturating_sub(3) });
        } else {
            runs.push(Run { symbol: 18, extra: count.saturating_sub(11) });
        }
        count = 0;
        before = Some(length);
    }
    runs
}

/// Bits, the lowest first.
struct Bits {
    written: Vec<u8>,
    pending: u64,
    count: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        self.pending |= u64::from(value) << self.count;
        self.count += count;
        while self.count >= 8 {
            let [low, ..] = self.pending.to_le_bytes();
            self.written.push(low);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    fn code<const N: usize>(&mut self, tree: &Tree<N>, symbol: usize) {
        self.put(tree.code(symbol).into(), tree.length(symbol).into());
    }

    fn align(&mut self) {
        if self.count > 0 {
            self.put(0, 8 - self.count);
        }
    }
}
