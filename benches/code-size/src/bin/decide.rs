//! Chooses the copy of the environment, and decides the slot.
#![no_std]
#![no_main]

use bsp_imx95::env::{self, Layout, Scheme};
use bsp_imx95::slot::{BootControl, Slot, State, Torizon};
use code_size as _;

const LAYOUT: Layout = Layout::Redundant { scheme: Scheme::Counter };

// SAFETY: nothing else has this name.
#[unsafe(no_mangle)]
extern "C" fn _start(copies: &[[u8; 0x2000]; 2]) -> u32 {
    let [first, second] = copies;
    let Ok((_, environment)) = env::load(LAYOUT, &[first, second]) else { return u32::MAX };
    let mut torizon = Torizon::read(&environment);
    let is_trial = matches!(torizon.state(), State::Trial { .. });
    u32::from(torizon.power_on() == Slot::Second) << 1 | u32::from(is_trial)
}
