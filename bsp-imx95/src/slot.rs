//! The update's state as the boot loader sees it: variables and transitions of Torizon's protocol.
//!
//! U-Boot counts boots in `bootcount` while `upgrade_available` is set. Past `bootlimit` it runs
//! `altbootcmd`, which sets `rollback` and boots again; the boot script then clears `upgrade_available` and
//! boots the second deployment. Each transition below is **one** list of changes, to be stored in one write:
//! stored one by one, as aktualizr does, a power cut between `upgrade_available=1` and `rollback=0` makes the
//! boot script skip the new deployment without a count.
//!
//! ```
//! use bsp_imx95::env::{self, Env, Layout};
//! use bsp_imx95::slot::{self, State};
//!
//! let mut old = [0; 64];
//! env::create(Layout::Single, &[("bootlimit", Some("3"))], &mut old)?;
//! let mut new = [0; 64];
//! env::write(Layout::Single, &[&old], slot::stage(), &mut new)?;
//! let (_, environment) = env::load(Layout::Single, &[&new])?;
//! assert_eq!(State::read(&environment), State::Staged);
//! # Ok::<(), env::Error>(())
//! ```

use crate::env::{Change, Env};
use core::fmt;

/// Number of boots in the trial so far. U-Boot stores it only while [`UPGRADE_AVAILABLE`] is not 0.
pub const BOOTCOUNT: &str = "bootcount";
/// Boots allowed in a trial; 0 or unset: no limit. Torizon's U-Boot has 3.
pub const BOOTLIMIT: &str = "bootlimit";
/// 1 while a deployment is on trial.
pub const UPGRADE_AVAILABLE: &str = "upgrade_available";
/// 1 to boot the second deployment.
pub const ROLLBACK: &str = "rollback";

/// Where an update stands, as the variables say it.
///
/// Its `Display` is one word, `trial 2/3` for a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// No update has been staged since the environment was made, or its variables were reset by hand.
    Idle,
    /// The next boot is the first of a new deployment.
    Staged,
    /// A new deployment has been booted but not confirmed.
    Trial {
        /// Boots so far, at least 1.
        count: u32,
        /// Boots allowed; 0: no limit.
        limit: u32,
    },
    /// The last update was confirmed.
    Confirmed,
    /// The last update was given up: the second deployment boots.
    RolledBack,
}

impl State {
    /// Reads the state from an environment.
    #[must_use]
    pub fn read(env: &Env<'_>) -> Self {
        let is_set = |name: &str, value: &[u8]| env.get(name.as_bytes()).is_some_and(|found| found.is(value));
        Self::from_parts(&Parts {
            rollback: is_set(ROLLBACK, b"1"),
            rollback_cleared: is_set(ROLLBACK, b"0"),
            upgrade_available: env.number(UPGRADE_AVAILABLE.as_bytes()),
            bootcount: env.number(BOOTCOUNT.as_bytes()),
            bootlimit: env.number(BOOTLIMIT.as_bytes()),
        })
    }

    /// Reads the state from variables.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn of(variables: &crate::env::Variables) -> Self {
        Self::from_parts(&Parts {
            rollback: variables.get(ROLLBACK) == Some("1"),
            rollback_cleared: variables.get(ROLLBACK) == Some("0"),
            upgrade_available: variables.number(UPGRADE_AVAILABLE),
            bootcount: variables.number(BOOTCOUNT),
            bootlimit: variables.number(BOOTLIMIT),
        })
    }

    fn from_parts(parts: &Parts) -> Self {
        if parts.rollback {
            return Self::RolledBack;
        }
        if parts.upgrade_available.unwrap_or(0) != 0 {
            return match parts.bootcount.unwrap_or(0) {
                0 => Self::Staged,
                count => Self::Trial { count, limit: parts.bootlimit.unwrap_or(0) },
            };
        }
        // Exactly what `confirm` leaves behind.
        let confirmed =
            parts.upgrade_available.is_some() && parts.bootcount.is_some() && parts.rollback_cleared;
        if confirmed { Self::Confirmed } else { Self::Idle }
    }
}

struct Parts {
    rollback: bool,
    rollback_cleared: bool,
    upgrade_available: Option<u32>,
    bootcount: Option<u32>,
    bootlimit: Option<u32>,
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

/// Puts the new deployment on trial. Store it after the deployment is complete and before the boot entries
/// switch to it: a cut between the two counts boots of the old deployment, which confirms itself.
#[must_use]
pub const fn stage() -> &'static [Change<'static>] {
    &[(BOOTCOUNT, Some("0")), (ROLLBACK, Some("0")), (UPGRADE_AVAILABLE, Some("1"))]
}

/// Ends the trial: the running deployment is good.
///
/// Not after a rollback: it would select the first deployment, the bad one, again.
#[must_use]
pub const fn confirm() -> &'static [Change<'static>] {
    &[(BOOTCOUNT, Some("0")), (ROLLBACK, Some("0")), (UPGRADE_AVAILABLE, Some("0"))]
}

/// Ends the trial: the next boot is the second deployment, whatever the count.
///
/// `upgrade_available` stays: on the next boot the boot script finds both at 1, clears it and saves, as after
/// a trial that passed its limit.
#[must_use]
pub const fn give_up() -> &'static [Change<'static>] {
    &[(ROLLBACK, Some("1"))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::{Layout, create, load, write};

    const SIZE: usize = 128;

    fn state(image: &[u8]) -> State {
        State::read(&load(Layout::Single, &[image]).unwrap().1)
    }

    fn after(image: &[u8; SIZE], changes: &[Change<'_>]) -> [u8; SIZE] {
        let mut out = *image;
        write(Layout::Single, &[image], changes, &mut out).unwrap();
        out
    }

    #[test]
    fn every_transition_leads_to_its_state() {
        let mut image = [0; SIZE];
        create(Layout::Single, &[(BOOTLIMIT, Some("3"))], &mut image).unwrap();
        assert_eq!(state(&image), State::Idle);
        let staged = after(&image, stage());
        assert_eq!(state(&staged), State::Staged);
        let trial = after(&staged, &[(BOOTCOUNT, Some("2"))]);
        assert_eq!(state(&trial), State::Trial { count: 2, limit: 3 });
        assert_eq!(state(&after(&trial, confirm())), State::Confirmed);
        let given_up = after(&trial, give_up());
        assert_eq!(state(&given_up), State::RolledBack);
        assert_eq!(state(&after(&given_up, &[(UPGRADE_AVAILABLE, Some("0"))])), State::RolledBack);
        assert_eq!(state(&after(&given_up, stage())), State::Staged);
    }

    #[test]
    fn variables_reset_by_hand_are_idle() {
        let mut image = [0; SIZE];
        create(Layout::Single, &[(UPGRADE_AVAILABLE, Some("0")), (BOOTCOUNT, Some("0"))], &mut image)
            .unwrap();
        assert_eq!(state(&image), State::Idle);
        assert_eq!(state(&after(&image, &[(UPGRADE_AVAILABLE, Some("1"))])), State::Staged);
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn is_printed_in_one_line() {
        use alloc::string::ToString;
        assert_eq!(State::Trial { count: 2, limit: 3 }.to_string(), "trial 2/3");
        assert_eq!(State::RolledBack.to_string(), "rolled-back");
    }
}
