//! How far a plan is: the state that an executor makes durable.

use serde::{Deserialize, Serialize};

use super::{Plan, Step, Undo};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Direction {
    Forward,
    Back,
}

/// A plan and how much of it is done.
///
/// Write it to disk before the first step and after every [`done`](Self::done) and
/// [`failed`](Self::failed). After a power cut read it again and go on with [`next`](Self::next): that step
/// may have been done already, in whole or in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    plan: Plan,
    /// Steps that are done and not undone.
    done: usize,
    direction: Direction,
    /// Steps that were begun before the plan was resumed: going back undoes these as well.
    #[serde(default)]
    begun: usize,
}

/// What an executor does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<'p> {
    /// Do this, then call [`Progress::done`] or [`Progress::failed`].
    Do(&'p Step),
    /// Undo this, then call [`Progress::done`]. A failure must be tried again: there is no other way back.
    Undo(Undo),
    /// There is nothing left.
    Finished(Outcome),
}

/// How a plan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The wanted state runs.
    Applied,
    /// The state from before runs.
    RolledBack,
}

impl Progress {
    /// Nothing is done yet.
    #[must_use]
    pub const fn new(plan: Plan) -> Self {
        Self { plan, done: 0, direction: Direction::Forward, begun: 0 }
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Steps that are done and not undone.
    #[must_use]
    pub const fn steps_done(&self) -> usize {
        self.done
    }

    /// Whether the old state may be gone in part, so that there is no way back.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.direction == Direction::Forward
            && self.plan.steps.get(..self.done).unwrap_or_default().contains(&Step::Confirm)
    }

    /// What to do now. Asking again gives the same answer.
    #[must_use]
    pub fn next(&self) -> Next<'_> {
        match self.direction {
            Direction::Forward => match self.plan.steps.get(self.done) {
                Some(step) => Next::Do(step),
                None => Next::Finished(Outcome::Applied),
            },
            Direction::Back => {
                let last = self.done.checked_sub(1).and_then(|last| self.plan.steps.get(last));
                match last.map(|step| step.undo().unwrap_or(Undo::Nothing)) {
                    Some(undo) => Next::Undo(undo),
                    None => Next::Finished(Outcome::RolledBack),
                }
            }
        }
    }

    /// What [`next`](Self::next) asked for is done.
    pub fn done(&mut self) {
        match self.direction {
            Direction::Forward if self.done < self.plan.steps.len() => self.done += 1,
            Direction::Forward => {}
            Direction::Back => self.done = self.done.saturating_sub(1),
        }
    }

    /// What [`next`](Self::next) asked for did not work. Before the plan is confirmed this turns back, and
    /// the step that failed is undone first, because it may have worked in part. After that, when only what
    /// is old is removed, the step is left out: what remains is garbage, not a broken state.
    pub fn failed(&mut self) {
        if self.direction == Direction::Forward && self.done < self.plan.steps.len() {
            let confirmed = self.is_confirmed();
            self.done += 1;
            if !confirmed {
                self.turn();
            }
        }
    }

    /// Goes on after the device or the engine was off. Containers have stopped meanwhile: a plan that goes
    /// forward and is not confirmed starts all of its containers again and waits for them again, so that what
    /// is confirmed has proven itself in one piece. If it turns back nevertheless, what was begun before is
    /// undone as well.
    pub fn resume(&mut self) {
        if self.direction == Direction::Forward && !self.is_confirmed() {
            let next = self.done.saturating_add(1).min(self.plan.steps.len());
            self.begun = self.begun.max(next);
            let first = self.plan.steps.iter().position(|step| matches!(step, Step::Start { .. }));
            self.done = first.map_or(self.done, |first| first.min(self.done));
        }
    }

    /// Goes on with the confirmation after [`resume`](Self::resume), because it was decided elsewhere that what is wanted
    /// stays. That takes a plan that had come as far once: everything before the confirmation has proven itself then,
    /// and what has stopped since is for the caller to start again. Any other plan is left as it is.
    ///
    /// Returns whether the confirmation is next, or done.
    pub fn decide(&mut self) -> bool {
        let Some(confirm) = self.plan.steps.iter().position(|step| *step == Step::Confirm) else {
            return false;
        };
        if self.direction == Direction::Back {
            return false;
        }
        if self.begun > confirm {
            self.done = self.done.max(confirm);
        }
        self.done >= confirm
    }

    /// Turns back without a failure, because the user or the system wants it. Does nothing once confirmed.
    ///
    /// Returns whether the plan goes back now.
    pub fn roll_back(&mut self) -> bool {
        if self.direction == Direction::Forward && !self.is_confirmed() {
            self.turn();
        }
        self.direction == Direction::Back
    }

    fn turn(&mut self) {
        self.done = self.done.max(self.begun);
        self.direction = Direction::Back;
    }
}
