//! The state of an update as the boot loader sees it: one machine, and the records that boards keep it in.
//!
//! ```text
//!         stage          power on         power on, n times at most
//!  idle ────────▶ staged ────────▶ trial 1/n ──────▶ … ──────▶ trial n/n
//!                  │               │ │                       │ │
//!                  │               │ └─────── confirm ───────┴─┼──▶ confirmed ─── stage ──▶ staged
//!                  └─── give up ───┴────── give up, power on ──┴──▶ rolled back ─ stage ──▶ staged
//! ```
//!
//! [`State::after`] says what is refused, so that a mistake cannot break a device: nothing is confirmed that was
//! not booted, nothing is given up that is not on trial, nothing is staged upon a system that is not proven, and
//! no trial is without a limit.
//!
//! | record | boot loader | one transaction is | counted |
//! |---|---|---|---|
//! | [`Torizon`] | U-Boot's boot counter and Torizon's boot script | a write of the environment | up, in a trial |
//! | [`Rauc`] | RAUC's boot script for U-Boot | a write of the environment | down, at **every** boot |
//! | [`Android`] | `ab_select` of U-Boot | 32 bytes of a sector | down, until confirmed |
//! | [`BootCounting`] | systemd-boot | the rename of a file | down, until confirmed |
//!
//! # Two copies, or one
//!
//! Each transition is **one** write. Stored one by one, as aktualizr does with Torizon's variables, a power cut
//! between `upgrade_available=1` and `rollback=0` makes the boot script skip the new deployment without a count.
//!
//! With a redundant environment a cut leaves the old state or the new one. Toradex's stock layout on i.MX95 is a
//! **single** copy, which U-Boot rewrites at each boot of a trial and the client at each transition. A cut in such
//! a write loses the environment; U-Boot then uses its compiled-in one, without a trial, and:
//!
//! * the device still boots: the first deployment of the boot order, which is the running one until the switch,
//!   and the new one after it;
//! * the client notices, because its own journal says what the environment should ([`client::Journal`]): it
//!   announces the trial again in one write, and confirms only what it found healthy itself;
//! * but a new deployment that never reaches the client, because it hangs before, is then booted again and again
//!   **without being counted**: nothing is left that would go back.
//!
//! The redundant layout closes that gap. It needs a U-Boot built with `CONFIG_ENV_REDUNDANT=y` (in older ones
//! `CONFIG_SYS_REDUNDAND_ENVIRONMENT=y`) and a second offset, such as `CONFIG_ENV_OFFSET_REDUND=0xFFFFBE00` for
//! -0x4200 beside the stock -0x2200, and both copies in `fw_env.config`. The stored format differs by the byte of
//! flags: U-Boot with `CONFIG_ENV_REDUNDANT_UPGRADE=y` takes a single copy over, an older one does not.
//!
//! ```
//! use bsp_imx95::env::{self, Env, Layout};
//! use bsp_imx95::slot::{self, State, Torizon, Transition};
//!
//! let mut old = [0; 96];
//! env::create(Layout::Single, &[("bootlimit", Some("3"))], &mut old)?;
//! let (_, environment) = env::load(Layout::Single, &[&old])?;
//! let stage = Torizon::read(&environment).changes(Transition::Stage)?;
//! let mut new = [0; 96];
//! env::write(Layout::Single, &[&old], stage, &mut new)?;
//! let (_, environment) = env::load(Layout::Single, &[&new])?;
//! assert_eq!(State::read(&environment), State::Staged);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod android;
mod boot_counting;
pub mod client;
mod rauc;
mod torizon;

use core::fmt;

pub use android::{Android, AndroidError, SlotInfo};
pub use boot_counting::{BootCounting, Counter};
pub use rauc::{MAX_ORDER, Rauc, RaucChanges, RaucError};
pub use torizon::{
    BOOTCOUNT, BOOTLIMIT, DEFAULT_BOOTLIMIT, ROLLBACK, Torizon, UPGRADE_AVAILABLE, confirm, give_up, stage,
};

/// Where an update stands.
///
/// Its `Display` is one word, `trial 2/3` for a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// No update was ever staged, or the record was reset by hand.
    Idle,
    /// The next boot is the first of a new system.
    Staged,
    /// A new system has been booted but not confirmed.
    Trial {
        /// Boots so far, at least 1.
        count: u32,
        /// Boots allowed; 0: no limit.
        limit: u32,
    },
    /// The last update was confirmed.
    Confirmed,
    /// The last update was given up: the system before it boots.
    RolledBack,
}

/// A step of the client. Each is stored in one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transition {
    /// Put a new system on trial.
    Stage,
    /// End the trial: the running system is good.
    Confirm,
    /// End the trial: boot the system before it from the next boot on.
    GiveUp,
}

/// Why a transition is not made. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// What was staged has not been booted: confirming it would boot it unproven.
    #[error("the staged system was not booted yet: there is nothing to confirm")]
    NotBooted,
    /// No update is on trial: giving up would leave a good system.
    #[error("no update is on trial: there is nothing to give up")]
    NothingOnTrial,
    /// The running system is not proven: a new one would have no good system to go back to.
    #[error("trial {count}/{limit} is not over: confirm the running system or give it up first")]
    TrialRunning {
        /// Boots so far.
        count: u32,
        /// Boots allowed.
        limit: u32,
    },
    /// The system that was given up still runs: a new one would have it to go back to.
    #[error("the system that was given up still runs: reboot first")]
    RebootFirst,
    /// A trial without a limit never ends.
    #[error("bootlimit is 0: a trial would never end; set it to 3, for example")]
    NoLimit,
}

/// One of two systems: the first or second deployment of a boot order, or slot A or B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The newest deployment, or slot A.
    First,
    /// The deployment before it, or slot B.
    Second,
}

/// A record that a boot loader decides by, read and to be stored again in one write.
pub trait BootControl {
    /// Where the update stands.
    fn state(&self) -> State;

    /// Makes a transition; `false` if nothing changes, and nothing needs to be stored.
    ///
    /// # Errors
    /// As of [`State::after`], and what only the record knows: [`Refused::RebootFirst`], [`Refused::NoLimit`].
    fn apply(&mut self, transition: Transition) -> Result<bool, Refused>;

    /// What the boot loader does at the next power-on: it changes the record, stores it, and boots this.
    fn power_on(&mut self) -> Slot;
}

impl State {
    /// The state after a transition.
    ///
    /// # Errors
    /// [`Refused`], for what would confirm an unproven system, leave a good one, or risk both.
    pub const fn after(self, transition: Transition) -> Result<Self, Refused> {
        match (transition, self) {
            (Transition::Stage, Self::Trial { count, limit }) => Err(Refused::TrialRunning { count, limit }),
            (Transition::Stage, _) => Ok(Self::Staged),
            (Transition::Confirm, Self::Staged) => Err(Refused::NotBooted),
            // What runs then is the system before, which was proven before the update.
            (Transition::Confirm, Self::RolledBack) => Ok(Self::RolledBack),
            (Transition::Confirm, _) => Ok(Self::Confirmed),
            (Transition::GiveUp, Self::Idle | Self::Confirmed) => Err(Refused::NothingOnTrial),
            (Transition::GiveUp, _) => Ok(Self::RolledBack),
        }
    }

    /// The state after a power-on, with `limit` boots allowed in a trial.
    #[must_use]
    pub const fn after_power_on(self, limit: u32) -> Self {
        match self {
            Self::Staged => Self::Trial { count: 1, limit },
            Self::Trial { count, limit } if limit == 0 || count < limit => {
                Self::Trial { count: count.saturating_add(1), limit }
            }
            Self::Trial { .. } => Self::RolledBack,
            other => other,
        }
    }
}

impl Slot {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("idle"),
            Self::Staged => f.write_str("staged"),
            Self::Trial { count, limit } => write!(f, "trial {count}/{limit}"),
            Self::Confirmed => f.write_str("confirmed"),
            Self::RolledBack => f.write_str("rolled-back"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIAL: State = State::Trial { count: 2, limit: 3 };

    #[test]
    fn every_transition_leads_to_its_state_or_is_refused() {
        use State::{Confirmed, Idle, RolledBack, Staged};
        use Transition::{Confirm, GiveUp, Stage};
        for (state, transition, expected) in [
            (Idle, Stage, Ok(Staged)),
            (Idle, Confirm, Ok(Confirmed)),
            (Idle, GiveUp, Err(Refused::NothingOnTrial)),
            (Staged, Stage, Ok(Staged)),
            (Staged, Confirm, Err(Refused::NotBooted)),
            (Staged, GiveUp, Ok(RolledBack)),
            (TRIAL, Stage, Err(Refused::TrialRunning { count: 2, limit: 3 })),
            (TRIAL, Confirm, Ok(Confirmed)),
            (TRIAL, GiveUp, Ok(RolledBack)),
            (Confirmed, Stage, Ok(Staged)),
            (Confirmed, Confirm, Ok(Confirmed)),
            (Confirmed, GiveUp, Err(Refused::NothingOnTrial)),
            (RolledBack, Stage, Ok(Staged)),
            (RolledBack, Confirm, Ok(RolledBack)),
            (RolledBack, GiveUp, Ok(RolledBack)),
        ] {
            assert_eq!(state.after(transition), expected, "{state} {transition:?}");
        }
    }

    #[test]
    fn a_trial_ends_after_its_limit() {
        let mut state = State::Staged;
        for count in 1..=3 {
            state = state.after_power_on(3);
            assert_eq!(state, State::Trial { count, limit: 3 });
        }
        assert_eq!(state.after_power_on(3), State::RolledBack);
        for state in [State::Idle, State::Confirmed, State::RolledBack] {
            assert_eq!(state.after_power_on(3), state);
        }
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn is_printed_in_one_line() {
        use alloc::string::ToString;
        assert_eq!(TRIAL.to_string(), "trial 2/3");
        assert_eq!(State::RolledBack.to_string(), "rolled-back");
    }
}
