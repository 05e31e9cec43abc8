//! A Secondary on a Cortex-M7, without a heap. It verifies what the Director assigns to it, checks that the
//! commit is that one, and reads the copy of the boot loader's environment that is in use.
//!
//! All it reads lies in its own flash. It exits with 0 if all of that holds and with 1 if any of it is
//! refused; QEMU passes that on.
#![no_std]
#![no_main]

mod bootenv;
mod commit;
mod fault;
mod inputs;
mod memory;
mod refused;
mod uptane;

use cortex_m::Peripherals;
use cortex_m_rt::entry;
use cortex_m_semihosting::hprintln;

use crate::refused::Refused;

#[entry]
fn main() -> ! {
    if let Some(core) = Peripherals::take() {
        // Armv7-M, CPUID: bits 15 to 4 are the part number, 0xc27 for a Cortex-M7.
        hprintln!("core: part {:#x}", (core.CPUID.base.read() >> 4) & 0xfff);
    }
    let verdict = check_all();
    if let Err(refused) = &verdict {
        hprintln!("refused: {}", refused);
    }
    hprintln!("memory: flash {} bytes, stack {} bytes", memory::flash_bytes(), memory::peak_stack_bytes());
    fault::exit(verdict.is_ok())
}

/// Each check says what it found; the first that does not hold ends them.
fn check_all() -> Result<(), Refused> {
    let assigned = uptane::check()?;
    commit::check("assigned", assigned, inputs::assigned_commit())?;
    bootenv::check()?;
    let (name, bytes) = inputs::recorded_commit()?;
    commit::check("recorded", name, bytes)
}
