//! The boot loader's environment as the update sees it: each transition of the slot is one write.

use anyhow::Context;
use bsp_imx95::slot::client::{Journal, Runs, Step, next};
use bsp_imx95::slot::{self, BOOTCOUNT, BOOTLIMIT, State};

use crate::bootenv::BootEnv;

/// The transitions of the slot, stored.
#[derive(Debug)]
pub struct BootEnvironment {
    stored: BootEnv,
}

impl BootEnvironment {
    pub(super) const fn new(stored: BootEnv) -> Self {
        Self { stored }
    }

    /// Where the update stands for the boot loader.
    ///
    /// # Errors
    /// If no copy of the environment can be read.
    pub fn state(&self) -> anyhow::Result<State> {
        Ok(State::of(&self.stored.variables()?))
    }

    /// Announces a trial: done before the boot order changes.
    pub(crate) fn stage(&self) -> anyhow::Result<()> {
        self.stored.apply(slot::stage()).context("announcing the trial to the boot loader")?;
        Ok(())
    }

    /// Before the running system, which the journal says is on trial, proves itself: if the environment was lost
    /// on the way, U-Boot did not count its boots, and the trial is announced again. `false` if the environment
    /// says that the trial was given up.
    pub(crate) fn resume_trial(&self) -> anyhow::Result<bool> {
        let state = self.state()?;
        match next(Journal::Deployed, Runs::New, state) {
            Step::Abandon => return Ok(false),
            Step::Announce => {
                tracing::warn!(
                    "the boot environment says {state} of a system on trial: it is announced again"
                );
                self.stage()?;
            }
            _ => {}
        }
        Ok(true)
    }

    /// Ends the trial: the running system is good.
    pub(crate) fn confirm(&self) -> anyhow::Result<()> {
        self.stored.apply(slot::confirm()).context("confirming the system to the boot loader")?;
        Ok(())
    }

    /// Ends the trial: the system before it boots next.
    pub(crate) fn give_up(&self) -> anyhow::Result<()> {
        self.stored.apply(slot::give_up()).context("telling the boot loader to go back")?;
        Ok(())
    }

    /// Why another system than the one on trial was booted, in words.
    pub(crate) fn why_not_booted(&self) -> anyhow::Result<String> {
        let variables = self.stored.variables()?;
        let (count, limit) =
            (variables.number(BOOTCOUNT).unwrap_or(0), variables.number(BOOTLIMIT).unwrap_or(0));
        Ok(match State::of(&variables) {
            State::RolledBack if limit > 0 && count > limit => {
                format!("the boot loader went back: not confirmed within {limit} boots")
            }
            State::RolledBack => "the boot loader was told to go back".into(),
            other => format!("another system was booted; the boot environment says {other}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bsp_imx95::env::{Change, Variables};

    fn stored(changes: &[Change<'_>]) -> (tempfile::TempDir, BootEnvironment) {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("fw_env.config");
        std::fs::write(&config, "uboot.env 0 0x200\n").unwrap();
        let mut variables = Variables::new();
        variables.apply(changes).unwrap();
        let stored = BootEnv::create(&config, &variables).unwrap();
        (directory, BootEnvironment::new(stored))
    }

    #[test]
    fn a_trial_that_the_environment_lost_is_announced_again_before_the_proof() {
        let limit = [(BOOTLIMIT, Some("3"))];
        let (_directory, environment) = stored(&limit);
        assert_eq!(environment.state().unwrap(), State::Idle);
        assert!(environment.resume_trial().unwrap());
        assert_eq!(environment.state().unwrap(), State::Staged);
    }

    #[test]
    fn a_trial_goes_on_and_one_that_was_given_up_does_not() {
        let trial = [(BOOTLIMIT, Some("3")), (BOOTCOUNT, Some("2")), ("upgrade_available", Some("1"))];
        let (_directory, environment) = stored(&trial);
        assert!(environment.resume_trial().unwrap());
        assert_eq!(environment.state().unwrap(), State::Trial { count: 2, limit: 3 });
        environment.give_up().unwrap();
        assert!(!environment.resume_trial().unwrap());
        assert_eq!(environment.state().unwrap(), State::RolledBack);
    }
}
