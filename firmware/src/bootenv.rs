//! The boot loader's environment: which of its two copies is in use, and what it says of the update.

use bsp_imx95::env::{self, Layout, Scheme};
use bsp_imx95::slot::{BOOTLIMIT, State};
use cortex_m_semihosting::hprintln;

use crate::inputs;
use crate::refused::Refused;

/// Two copies in eMMC, as `fw_setenv` keeps them.
const LAYOUT: Layout = Layout::Redundant { scheme: Scheme::Counter };

/// Says which copy is in use and where the update stands.
pub fn check() -> Result<(), Refused> {
    let copies = inputs::environment();
    let (chosen, environment) = env::load(LAYOUT, &copies)?;
    let limit = environment.number(BOOTLIMIT.as_bytes()).ok_or(Refused::NoVariable(BOOTLIMIT))?;
    let whole = chosen.whole.iter().filter(|whole| **whole).count();
    hprintln!("environment: copy {} in use, {} of 2 whole, flags {}", chosen.index, whole, chosen.flags);
    hprintln!("boot: {}, {} {}", State::read(&environment), BOOTLIMIT, limit);
    Ok(())
}
