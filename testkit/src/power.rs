//! Storage on which the power fails: everything that a medium may hold after a cut.
//!
//! A test records what its code does to a medium as [`Step`]s, and [`each_cut`] visits every content that a cut
//! at any moment of them may leave:
//!
//! * a **block medium** has written any subset of the sectors that were not synced yet, in any order; one of
//!   them may be torn at any byte, with the new bytes first or last, or hold garbage;
//! * **flash** is erased or programmed up to any byte, with garbage behind it.
//!
//! ```
//! use testkit::power::{Step, each_cut};
//!
//! let mut seen = std::collections::BTreeSet::new();
//! let steps = [Step::Write { at: 0, bytes: b"new!".to_vec() }, Step::Sync];
//! each_cut(b"old.", &steps, 2, |content| {
//!     seen.insert(content.to_vec());
//! });
//! for content in [b"old.", b"ned.", b"olw!", b"nlw!", b"oew!", b"new!"] {
//!     assert!(seen.contains(content.as_slice()));
//! }
//! ```

/// What was done to a medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Bytes of a block medium were overwritten; durable after the next [`Sync`](Self::Sync).
    Write {
        /// Offset in bytes.
        at: usize,
        /// What is there then.
        bytes: Vec<u8>,
    },
    /// What was written is durable.
    Sync,
    /// Flash was erased to ones.
    Erase {
        /// Offset in bytes.
        at: usize,
        /// Length in bytes.
        len: usize,
    },
    /// Bits of flash were cleared.
    Program {
        /// Offset in bytes.
        at: usize,
        /// The bits that stay set.
        bytes: Vec<u8>,
    },
}

impl Step {
    /// Carries the step out.
    pub fn apply(&self, content: &mut [u8]) {
        match self {
            Self::Write { at, bytes } => content[*at..][..bytes.len()].copy_from_slice(bytes),
            Self::Sync => {}
            Self::Erase { at, len } => content[*at..][..*len].fill(0xff),
            Self::Program { at, bytes } => {
                content[*at..].iter_mut().zip(bytes).for_each(|(old, new)| *old &= new);
            }
        }
    }
}

/// Most sectors written between two syncs: every subset of them is visited.
pub const MAX_UNSYNCED: usize = 10;

/// Visits every content that a cut before, during or after `steps` may leave, the one before and the one after
/// among them; some more than once. `sector` is the size in bytes of what a block medium writes at once.
///
/// # Panics
/// If more than [`MAX_UNSYNCED`] sectors are written without a sync.
pub fn each_cut(before: &[u8], steps: &[Step], sector: usize, mut visit: impl FnMut(&[u8])) {
    let mut durable = before.to_vec();
    let mut latest = before.to_vec();
    visit(&durable);
    for step in steps {
        match step {
            Step::Write { .. } => {
                step.apply(&mut latest);
                lost_sectors(&durable, &latest, sector, &mut visit);
            }
            Step::Sync => durable.clone_from(&latest),
            Step::Erase { at, len } => {
                torn_flash(&durable, *at, &vec![0xff; *len], &mut visit);
                step.apply(&mut latest);
                durable.clone_from(&latest);
            }
            Step::Program { at, bytes } => {
                step.apply(&mut latest);
                torn_flash(&durable, *at, &latest[*at..][..bytes.len()], &mut visit);
                durable.clone_from(&latest);
            }
        }
        visit(&latest);
    }
}

/// Each subset of the sectors that differ is written; with each, one more sector is torn at each byte.
fn lost_sectors(durable: &[u8], latest: &[u8], sector: usize, visit: &mut impl FnMut(&[u8])) {
    let differing: Vec<usize> = (0..durable.len())
        .step_by(sector)
        .filter(|at| {
            let end = (at + sector).min(durable.len());
            durable[*at..end] != latest[*at..end]
        })
        .collect();
    assert!(differing.len() <= MAX_UNSYNCED, "{} sectors written without a sync", differing.len());
    for subset in 0..1_usize << differing.len() {
        let mut content = durable.to_vec();
        for (index, at) in differing.iter().enumerate() {
            let end = (at + sector).min(durable.len());
            if subset >> index & 1 == 1 {
                content[*at..end].copy_from_slice(&latest[*at..end]);
            }
        }
        visit(&content);
        for at in
            differing.iter().enumerate().filter(|(index, _)| subset >> index & 1 == 0).map(|(_, at)| *at)
        {
            let end = (at + sector).min(durable.len());
            for cut in at..end {
                let whole = content[at..end].to_vec();
                content[at..cut].copy_from_slice(&latest[at..cut]);
                visit(&content);
                content[at..end].copy_from_slice(&latest[at..end]);
                content[at..cut].copy_from_slice(&durable[at..cut]);
                visit(&content);
                content[at..end].copy_from_slice(&whole);
            }
            let whole = content[at..end].to_vec();
            garbage(&mut content[at..end]);
            visit(&content);
            content[at..end].copy_from_slice(&whole);
        }
    }
}

/// The new bytes up to each byte; behind them the old ones, or garbage.
fn torn_flash(durable: &[u8], at: usize, new: &[u8], visit: &mut impl FnMut(&[u8])) {
    for cut in 0..=new.len() {
        let mut content = durable.to_vec();
        content[at..][..cut].copy_from_slice(&new[..cut]);
        visit(&content);
        garbage(&mut content[at..][cut..new.len()]);
        visit(&content);
    }
}

/// Bytes that are neither old nor new, the same each time.
fn garbage(bytes: &mut [u8]) {
    let mut state: u32 = 0x2545_f491;
    for byte in bytes {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = state.to_be_bytes()[0];
    }
}
