//! What a client does at its start: its own journal against the record of the boot loader.
//!
//! The journal decides whether a system was ever found healthy; the record only what boots next. So a record that
//! was lost is restored, and never taken for a confirmation.
//!
//! ```
//! use bsp_imx95::slot::State;
//! use bsp_imx95::slot::client::{Journal, Runs, Step, next};
//!
//! // The new system runs, and the environment was lost on the way: U-Boot did not count this boot.
//! let step = next(Journal::Deployed, Runs::New, State::Idle);
//! assert_eq!(step, Step::Announce);
//! // Its health is asked for only once it is on trial again.
//! assert_eq!(next(Journal::Deployed, Runs::New, State::Staged), Step::Prove);
//! ```

use super::State;

/// What the client's journal, which is durable, says of the update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Journal {
    /// No update is in progress.
    Idle,
    /// The new system is being deployed: complete or not, announced or not, switched to or not.
    Deploying,
    /// The boot order has been switched to the new system.
    Deployed,
    /// The new system was found healthy.
    Confirmed,
    /// The update was given up.
    GivenUp,
}

/// Which system runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Runs {
    /// The one that the journal is about.
    New,
    /// The one from before, still in the boot in which the update was deployed.
    Before,
    /// The one from before, after a reboot.
    Old,
}

/// What to do next. Every step may be repeated: after a power cut in it, [`next`] says the same again, or what
/// follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Nothing: wait for an update, or for the reboot.
    Wait,
    /// Deploy: reduce the boot order to the running system, [`stage`](super::stage), switch the boot order, then
    /// write [`Journal::Deployed`].
    Deploy,
    /// [`stage`](super::stage): the new system runs, but is not on trial.
    Announce,
    /// Find out whether the new system is healthy; then [`confirm`](super::confirm) and write
    /// [`Journal::Confirmed`], or [`give_up`](super::give_up), write [`Journal::GivenUp`] and reboot.
    Prove,
    /// The record says already that the update is given up: write [`Journal::GivenUp`] and reboot.
    Abandon,
    /// The system from before runs again: reduce the boot order to it, [`confirm`](super::confirm), write
    /// [`Journal::Idle`].
    Discard,
    /// [`confirm`](super::confirm): no update of ours is in progress, but boots are counted.
    Settle,
    /// Write [`Journal::Idle`]: the update is over.
    Finish,
}

/// The step that follows from the journal, what runs, and the record of the boot loader.
#[must_use]
pub const fn next(journal: Journal, runs: Runs, record: State) -> Step {
    let is_trial = matches!(record, State::Staged | State::Trial { .. });
    match (journal, runs) {
        (Journal::Idle, _) if is_trial => Step::Settle,
        (Journal::Idle, _) => Step::Wait,
        // A cut after the switch and before the journal.
        (Journal::Deploying | Journal::Deployed, Runs::New) => match record {
            State::Staged | State::Trial { .. } => Step::Prove,
            // Only `confirm` leaves this: a cut after it and before the journal. It is proven again all the same.
            State::Confirmed => Step::Prove,
            State::RolledBack => Step::Abandon,
            State::Idle => Step::Announce,
        },
        (Journal::Deploying, Runs::Before | Runs::Old) => Step::Deploy,
        (Journal::Deployed, Runs::Before) => Step::Wait,
        (Journal::Deployed | Journal::GivenUp, Runs::Old) => Step::Discard,
        // It runs until the reboot; the record already says that another one is next, unless it was lost.
        (Journal::GivenUp, Runs::New | Runs::Before) => Step::Wait,
        (Journal::Confirmed, _) if is_trial => Step::Settle,
        (Journal::Confirmed, _) => Step::Finish,
    }
}
