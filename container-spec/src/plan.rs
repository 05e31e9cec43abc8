//! From what runs to what is wanted, in steps that can be undone.
//!
//! A plan has four parts. First everything that can fail without harm: disk space, images, their digests, and
//! the new containers, made beside the running ones. Then the switch: old containers are held and stopped, new
//! ones take their names and are started in the order of `depends_on`, each waited for. Then [`Step::Confirm`].
//! Only then what is old is removed, by a list of its own, never by a prune.
//!
//! Up to `Confirm` every step has a reverse, and no reverse needs a network: the type [`Undo`] has nothing
//! that fetches. Old images and containers stay until then. An executor must make every step and every
//! reverse so that doing it twice does no harm; [`Progress`] then survives a power cut at any moment.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

mod current;
mod make;
mod progress;
mod step;

pub use current::{Container, Current, Image, NEXT_SUFFIX, Options, PREVIOUS_SUFFIX};
pub use make::{PlanError, plan};
pub use progress::{Next, Outcome, Progress};
pub use step::{Step, Undo, WaitFor};

/// Ordered steps for one project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the project.
    pub project: String,
    /// What to do, in order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether there is nothing to do: what is wanted runs already, and nothing is left over.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How to go back after the first `done` steps: the reverses, last step first. `None` once the plan is
    /// confirmed, because then the old state may be gone in part.
    #[must_use]
    pub fn undo(&self, done: usize) -> Option<Vec<Undo>> {
        let done = self.steps.get(..done.min(self.steps.len())).unwrap_or_default();
        done.iter()
            .rev()
            .map(Step::undo)
            .collect::<Option<Vec<_>>>()
            .map(|undos| undos.into_iter().filter(|undo| *undo != Undo::Nothing).collect())
    }
}
