//! Sums over a plan.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::step::{Class, Step};

/// How many paths a plan has of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Nobody changed them.
    pub same: u64,
    /// The image's change alone.
    pub updated: u64,
    /// The device's change alone.
    pub kept: u64,
    /// Both changes, without contradiction.
    pub merged: u64,
    /// Contradictions, refusals included.
    pub conflicts: u64,
    /// Not carried over.
    pub dropped: u64,
    /// Contradictions that refuse the whole merge.
    pub refused: u64,
    /// Steps that lose something.
    pub losing: u64,
}

impl Totals {
    /// Counts one more step.
    pub const fn add(&mut self, step: &Step<'_>) {
        let count = match step.class {
            Class::Same => &mut self.same,
            Class::Updated => &mut self.updated,
            Class::Kept => &mut self.kept,
            Class::Merged => &mut self.merged,
            Class::Conflict => &mut self.conflicts,
            Class::Dropped => &mut self.dropped,
        };
        *count = count.saturating_add(1);
        if step.refusal().is_some() {
            self.refused = self.refused.saturating_add(1);
        }
        if !step.lost.is_empty() {
            self.losing = self.losing.saturating_add(1);
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { same, updated, kept, merged, conflicts, dropped, .. } = self;
        write!(
            f,
            "{updated} updated, {kept} kept, {merged} merged, {conflicts} conflicts, {dropped} dropped, {same} unchanged"
        )
    }
}
