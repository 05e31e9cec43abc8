//! probe
#![no_std]
#![no_main]
mod memory;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use {bsp_imx95 as _, ostree_objects as _, uptane_core as _};
#[entry]
fn main() -> ! {
    let cpuid = unsafe { (*cortex_m::peripheral::CPUID::PTR).base.read() };
    hprintln!(
        "part {:x} flash {} stack {}",
        (cpuid >> 4) & 0xfff,
        memory::flash_bytes(),
        memory::peak_stack_bytes()
    );
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}
