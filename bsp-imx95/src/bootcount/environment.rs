//! The counter in the environment: that of Torizon on i.MX95.

use super::{BootCount, Error};
use crate::env::{Change, Env};
use crate::slot::{BOOTCOUNT, UPGRADE_AVAILABLE};
use core::fmt::Write as _;

/// The variable `bootcount`, while `upgrade_available` is not 0. U-Boot saves the whole environment at each
/// counted boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Environment;

/// An environment, and the count to store in it.
///
/// ```
/// use bsp_imx95::bootcount::{BootCount, EnvRecord, Environment};
/// use bsp_imx95::env::Env;
///
/// let mut record = EnvRecord::new(Env::parse(b"bootcount=2\0upgrade_available=1\0")?);
/// assert_eq!(Environment.load(&record), Ok(2));
/// assert_eq!(Environment.store(&mut record, 3), Ok(true));
/// assert_eq!(record.change(), Some(("bootcount", Some("3"))));
/// # Ok::<(), bsp_imx95::env::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct EnvRecord<'a> {
    env: Env<'a>,
    count: heapless::String<10>,
}

impl<'a> EnvRecord<'a> {
    /// What the environment says, with nothing to store.
    #[must_use]
    pub const fn new(env: Env<'a>) -> Self {
        Self { env, count: heapless::String::new() }
    }

    /// The change that stores the count, once there is one to store.
    #[must_use]
    pub fn change(&self) -> Option<Change<'_>> {
        (!self.count.is_empty()).then_some((BOOTCOUNT, Some(self.count.as_str())))
    }

    fn is_counted(&self) -> bool {
        self.env.number(UPGRADE_AVAILABLE.as_bytes()).unwrap_or(0) != 0
    }
}

impl BootCount<EnvRecord<'_>> for Environment {
    fn max(&self) -> u32 {
        u32::MAX
    }

    fn load(&self, record: &EnvRecord<'_>) -> Result<u32, Error> {
        let count = if record.is_counted() { record.env.number(BOOTCOUNT.as_bytes()) } else { None };
        Ok(count.unwrap_or(0))
    }

    fn store(&self, record: &mut EnvRecord<'_>, count: u32) -> Result<bool, Error> {
        if !record.is_counted() {
            return Ok(false);
        }
        record.count.clear();
        // Ten digits hold any count.
        let _ = write!(record.count, "{count}");
        Ok(true)
    }
}
