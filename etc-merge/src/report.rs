//! A plan with memory: all steps that have something to tell, and their sums.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::PlanError;
use crate::path::{PathText, from_text};
use crate::plan::{Workspace, plan};
use crate::policy::Policy;
use crate::resolve;
use crate::step::{Action, Class, Conflict, Lost, Row, Step};
use crate::totals::Totals;
use crate::tree::Tree;

/// A [`Step`] that owns its path.
///
/// Its text form names the path as [`PathText`] does; its binary form holds the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedStep {
    /// Relative to /etc; empty for /etc itself.
    #[serde(with = "path_bytes")]
    pub path: Vec<u8>,
    /// What the result holds there.
    pub action: Action,
    /// Why.
    pub row: Row,
    /// Who contributed.
    pub class: Class,
    /// What is lost.
    pub lost: Lost,
    /// If both sides changed the same thing.
    pub conflict: Option<Conflict>,
    /// What a driver has to say about it: what it could not merge.
    pub note: Option<String>,
}

impl OwnedStep {
    /// The step with a borrowed path.
    #[must_use]
    pub fn as_step(&self) -> Step<'_> {
        let Self { path, action, row, class, lost, conflict, note: _ } = self;
        Step { path, action: *action, row: *row, class: *class, lost: *lost, conflict: *conflict }
    }
}

impl From<Step<'_>> for OwnedStep {
    fn from(step: Step<'_>) -> Self {
        let Step { path, action, row, class, lost, conflict } = step;
        Self { path: path.into(), action, row, class, lost, conflict, note: None }
    }
}

impl fmt::Display for OwnedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_step().fmt(f)?;
        self.note.as_ref().map_or(Ok(()), |note| write!(f, "; {note}"))
    }
}

/// All steps of a merge that have something to tell, in order, and the sums over all paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// All but [`Class::Same`].
    pub steps: Vec<OwnedStep>,
    /// The sums, of unchanged paths too.
    pub totals: Totals,
}

impl Report {
    /// Plans the merge of three trees and keeps what it tells. Nothing is written.
    ///
    /// # Errors
    /// If a tree cannot be read or exceeds a limit.
    pub fn plan<O: Tree, N: Tree, L: Tree>(
        old: &O,
        new: &N,
        local: &L,
        policy: &Policy<'_>,
    ) -> Result<Self, PlanError> {
        let mut workspace = Workspace::new();
        let mut plan = plan(&mut workspace, old, new, local, policy)?;
        let mut report = Self::default();
        while let Some(step) = plan.next_entry()? {
            let mut step = OwnedStep::from(step);
            resolve::settle(&mut step, plan.cursors())?;
            report.totals.add(&step.as_step());
            if step.class != Class::Same {
                report.steps.push(step);
            }
        }
        Ok(report)
    }

    /// The steps that refuse the merge.
    pub fn refusals(&self) -> impl Iterator<Item = &OwnedStep> {
        self.steps.iter().filter(|step| matches!(step.action, Action::Refuse(_)))
    }

    /// The steps at which both sides changed the same thing.
    pub fn conflicts(&self) -> impl Iterator<Item = &OwnedStep> {
        self.steps.iter().filter(|step| step.class == Class::Conflict)
    }
}

/// One line a step, and the sums.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        write!(f, "{}", self.totals)
    }
}

mod path_bytes {
    use super::*;

    pub(super) fn serialize<S: Serializer>(path: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&PathText(path))
        } else {
            serializer.serialize_bytes(path)
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        if !deserializer.is_human_readable() {
            return Vec::deserialize(deserializer);
        }
        let text = String::deserialize(deserializer)?;
        from_text(&text)
            .ok_or_else(|| serde::de::Error::custom("a path in which % is not followed by two digits"))
    }
}
