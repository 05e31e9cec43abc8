use super::{BootControl, Refused, Slot, State, Transition};
use crate::env::{Change, Env};

/// Number of boots in the trial so far. U-Boot stores it only while [`UPGRADE_AVAILABLE`] is not 0.
pub const BOOTCOUNT: &str = "bootcount";
/// Boots allowed in a trial; 0 or unset: no limit.
pub const BOOTLIMIT: &str = "bootlimit";
/// 1 while a deployment is on trial.
pub const UPGRADE_AVAILABLE: &str = "upgrade_available";
/// 1 to boot the second deployment.
pub const ROLLBACK: &str = "rollback";

/// The limit that [`Torizon::changes`] sets where none is: that of Torizon's U-Boot.
pub const DEFAULT_BOOTLIMIT: u32 = 3;

/// Torizon's variables.
///
/// U-Boot counts boots in `bootcount` while `upgrade_available` is set. Past `bootlimit` it runs `altbootcmd`,
/// which sets `rollback` and boots again; the boot script then clears `upgrade_available` and boots the second
/// deployment. The deployment on trial is the first one of the boot order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Torizon {
    /// [`BOOTCOUNT`].
    pub bootcount: Option<u32>,
    /// [`BOOTLIMIT`].
    pub bootlimit: Option<u32>,
    /// [`UPGRADE_AVAILABLE`].
    pub upgrade_available: Option<u32>,
    /// Whether [`ROLLBACK`] is `1`; `None` if it is neither `1` nor `0`.
    pub rollback: Option<bool>,
    /// Whether the boot order has a second deployment; not a variable. Without one a rollback boots the first.
    pub has_second: bool,
}

impl Torizon {
    /// Reads the variables of an environment, with two deployments in the boot order.
    #[must_use]
    pub fn read(env: &Env<'_>) -> Self {
        let rollback = env.get(ROLLBACK.as_bytes());
        Self {
            bootcount: env.number(BOOTCOUNT.as_bytes()),
            bootlimit: env.number(BOOTLIMIT.as_bytes()),
            upgrade_available: env.number(UPGRADE_AVAILABLE.as_bytes()),
            rollback: match rollback {
                Some(value) if value.is(b"1") => Some(true),
                Some(value) if value.is(b"0") => Some(false),
                _ => None,
            },
            has_second: true,
        }
    }

    /// Reads variables, with two deployments in the boot order.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn of(variables: &crate::env::Variables) -> Self {
        Self {
            bootcount: variables.number(BOOTCOUNT),
            bootlimit: variables.number(BOOTLIMIT),
            upgrade_available: variables.number(UPGRADE_AVAILABLE),
            rollback: match variables.get(ROLLBACK) {
                Some("1") => Some(true),
                Some("0") => Some(false),
                _ => None,
            },
            has_second: true,
        }
    }

    /// What a transition stores, in one write. Storing it when nothing changes writes nothing.
    ///
    /// # Errors
    /// As of [`State::after`]; [`Refused::NoLimit`], [`Refused::RebootFirst`].
    pub fn changes(&self, transition: Transition) -> Result<&'static [Change<'static>], Refused> {
        let state = self.state();
        state.after(transition)?;
        // The boot script ends the trial when it goes back: until then what was given up runs, if it was booted.
        let still_runs = self.is_trial() && self.bootcount.unwrap_or(0) > 0;
        Ok(match (transition, state) {
            (Transition::Stage, State::RolledBack) if still_runs => return Err(Refused::RebootFirst),
            (Transition::Stage, _) => match self.bootlimit {
                None => STAGE_WITH_LIMIT,
                Some(0) => return Err(Refused::NoLimit),
                Some(_) => stage(),
            },
            // It would select the first deployment, the bad one, again.
            (Transition::Confirm, State::RolledBack) => &[],
            (Transition::Confirm, _) => confirm(),
            (Transition::GiveUp, _) => give_up(),
        })
    }

    const fn is_trial(&self) -> bool {
        matches!(self.upgrade_available, Some(available) if available != 0)
    }
}

impl BootControl for Torizon {
    fn state(&self) -> State {
        if self.rollback == Some(true) {
            return State::RolledBack;
        }
        if self.is_trial() {
            return match self.bootcount.unwrap_or(0) {
                0 => State::Staged,
                count => State::Trial { count, limit: self.bootlimit.unwrap_or(0) },
            };
        }
        // Exactly what `confirm` leaves behind.
        let confirmed =
            self.upgrade_available.is_some() && self.bootcount.is_some() && self.rollback == Some(false);
        if confirmed { State::Confirmed } else { State::Idle }
    }

    fn apply(&mut self, transition: Transition) -> Result<bool, Refused> {
        let before = *self;
        for (name, value) in self.changes(transition)?.iter().copied() {
            let value = value.and_then(|value| value.parse().ok());
            match name {
                BOOTCOUNT => self.bootcount = value,
                BOOTLIMIT => self.bootlimit = value,
                UPGRADE_AVAILABLE => self.upgrade_available = value,
                _ => self.rollback = value.map(|value: u32| value == 1),
            }
        }
        Ok(*self != before)
    }

    fn power_on(&mut self) -> Slot {
        let mut rolls_back = self.rollback == Some(true);
        if self.is_trial() {
            let count = self.bootcount.unwrap_or(0).saturating_add(1);
            self.bootcount = Some(count);
            if self.bootlimit.is_some_and(|limit| limit != 0 && count > limit) {
                // `altbootcmd`
                rolls_back = true;
            }
            if rolls_back {
                (self.rollback, self.upgrade_available) = (Some(true), Some(0));
            }
        }
        if rolls_back && self.has_second { Slot::Second } else { Slot::First }
    }
}

impl State {
    /// Reads the state from Torizon's variables.
    #[must_use]
    pub fn read(env: &Env<'_>) -> Self {
        Torizon::read(env).state()
    }

    /// Reads the state from Torizon's variables.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn of(variables: &crate::env::Variables) -> Self {
        Torizon::of(variables).state()
    }
}

const STAGE_WITH_LIMIT: &[Change<'static>] =
    &[(BOOTCOUNT, Some("0")), (BOOTLIMIT, Some("3")), (ROLLBACK, Some("0")), (UPGRADE_AVAILABLE, Some("1"))];

/// Puts the new deployment on trial, whatever the state; [`Torizon::changes`] looks at it first.
///
/// Store it after the deployment is complete and before the boot order switches to it. Between the two the
/// running deployment must be the only one in the boot order: boots are counted by then, and past the limit
/// U-Boot takes the second.
#[must_use]
pub const fn stage() -> &'static [Change<'static>] {
    &[(BOOTCOUNT, Some("0")), (ROLLBACK, Some("0")), (UPGRADE_AVAILABLE, Some("1"))]
}

/// Ends the trial: the first deployment of the boot order is good, whatever the state.
///
/// Not after a rollback, unless the bad deployment has left the boot order: it would be selected again.
#[must_use]
pub const fn confirm() -> &'static [Change<'static>] {
    &[(BOOTCOUNT, Some("0")), (ROLLBACK, Some("0")), (UPGRADE_AVAILABLE, Some("0"))]
}

/// Ends the trial: the next boot is the second deployment, whatever the state and the count.
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

    fn read(image: &[u8]) -> Torizon {
        Torizon::read(&load(Layout::Single, &[image]).unwrap().1)
    }

    fn after(image: &[u8; SIZE], changes: &[Change<'_>]) -> [u8; SIZE] {
        let mut out = *image;
        write(Layout::Single, &[image], changes, &mut out).unwrap();
        out
    }

    #[test]
    fn every_list_of_changes_leads_to_its_state() {
        let mut image = [0; SIZE];
        create(Layout::Single, &[(BOOTLIMIT, Some("3"))], &mut image).unwrap();
        let state = |image: &[u8]| read(image).state();
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
    fn the_record_and_the_stored_variables_change_alike() {
        let mut image = [0; SIZE];
        create(Layout::Single, &[], &mut image).unwrap();
        use Transition::{Confirm, GiveUp, Stage};
        for transition in [Confirm, Stage, GiveUp, Stage, GiveUp, Confirm, Stage] {
            let mut record = read(&image);
            let changes = record.changes(transition).unwrap();
            record.apply(transition).unwrap();
            image = after(&image, changes);
            assert_eq!(read(&image), record, "{transition:?}");
        }
    }

    #[test]
    fn a_trial_always_has_a_limit() {
        let mut image = [0; SIZE];
        create(Layout::Single, &[], &mut image).unwrap();
        let changes = read(&image).changes(Transition::Stage).unwrap();
        assert_eq!(read(&after(&image, changes)).bootlimit, Some(DEFAULT_BOOTLIMIT));
        let without = after(&image, &[(BOOTLIMIT, Some("0"))]);
        assert_eq!(read(&without).changes(Transition::Stage), Err(Refused::NoLimit));
    }

    #[test]
    fn variables_reset_by_hand_are_idle() {
        let mut image = [0; SIZE];
        create(Layout::Single, &[(UPGRADE_AVAILABLE, Some("0")), (BOOTCOUNT, Some("0"))], &mut image)
            .unwrap();
        assert_eq!(read(&image).state(), State::Idle);
        assert_eq!(read(&after(&image, &[(UPGRADE_AVAILABLE, Some("1"))])).state(), State::Staged);
    }
}
