//! bsp-imx95: an environment read and written, the state of an update in it, and where it is stored.

use bsp_imx95::env::{self, Error, Layout, Scheme};
use bsp_imx95::fw_env_config::FwEnvConfig;
use bsp_imx95::slot::{self, State};

use crate::{Bytes, REFUSED};

const LAYOUT: Layout = Layout::Redundant { scheme: Scheme::Counter };

/// How often a trial was booted; then `next` holds the environment that confirms it.
#[unsafe(no_mangle)]
pub extern "C" fn bsp_confirm(copies: &[Bytes; 2], next: &mut Bytes) -> u64 {
    let [first, second] = copies;
    let copies = [first.as_slice(), second.as_slice()];
    let mut confirm = || -> Result<_, Error> {
        let (_, environment) = env::load(LAYOUT, &copies)?;
        let State::Trial { count, .. } = State::read(&environment) else { return Ok(None) };
        env::write(LAYOUT, &copies, slot::confirm(), next)?;
        Ok(Some(u64::from(count)))
    };
    confirm().ok().flatten().unwrap_or(REFUSED)
}

/// How many copies a configuration describes.
#[unsafe(no_mangle)]
pub extern "C" fn bsp_copies(config: &Bytes) -> u64 {
    let text = core::str::from_utf8(config).ok();
    let config = text.and_then(|text| FwEnvConfig::parse(text).ok());
    config.and_then(|config| config.devices().len().try_into().ok()).unwrap_or(REFUSED)
}
