//! The boot loader's environment as the update sees it: each transition of the slot is one write.

use anyhow::Context;
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
