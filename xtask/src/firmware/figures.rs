//! What the program says of its memory, and how much it may be.

use std::fmt;

use anyhow::{Context, Result, ensure};

/// Most bytes of flash. The Cortex-M7 of an i.MX95 has 256 KiB of tightly coupled memory for code, which the
/// linker enforces; half of it is left to the application that such a Secondary is there for.
const MAX_FLASH_BYTES: usize = 128 * 1024;

/// Most bytes of stack: half of the 32 KiB that the libraries' own tests allow, on hosts whose pointers are
/// twice as long. The data memory of that Cortex-M7 is 256 KiB as well.
const MAX_STACK_BYTES: usize = 16 * 1024;

/// Bytes that the program needs, its inputs included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    flash: usize,
    stack: usize,
}

impl Figures {
    /// Finds the line `memory: flash N bytes, stack N bytes`.
    pub(super) fn read(said: &str) -> Result<Self> {
        let read = || {
            let line = said.lines().find_map(|line| line.strip_prefix("memory: flash "))?;
            let (flash, stack) = line.strip_suffix(" bytes")?.split_once(" bytes, stack ")?;
            Some(Self { flash: flash.parse().ok()?, stack: stack.parse().ok()? })
        };
        read().context("the firmware did not say how much memory it needs")
    }

    pub(super) fn check(self) -> Result<()> {
        let Self { flash, stack } = self;
        ensure!(flash <= MAX_FLASH_BYTES, "{flash} bytes of flash, where {MAX_FLASH_BYTES} are the limit");
        ensure!(stack <= MAX_STACK_BYTES, "{stack} bytes of stack, where {MAX_STACK_BYTES} are the limit");
        Ok(())
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} of {MAX_FLASH_BYTES} bytes of flash, {} of {MAX_STACK_BYTES} bytes of stack",
            self.flash, self.stack
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_read_from_among_other_lines() {
        let figures = Figures { flash: 70_000, stack: 9_000 };
        let said = "boot: idle\nmemory: flash 70000 bytes, stack 9000 bytes\n";
        assert_eq!(Figures::read(said).unwrap(), figures);
        let error = Figures::read("memory: flash 70000 bytes, stack ? bytes").unwrap_err();
        assert_eq!(error.to_string(), "the firmware did not say how much memory it needs");
    }

    #[test]
    fn one_byte_over_either_limit_is_refused() {
        let most = Figures { flash: MAX_FLASH_BYTES, stack: MAX_STACK_BYTES };
        most.check().unwrap();
        let error = Figures { flash: MAX_FLASH_BYTES + 1, ..most }.check().unwrap_err();
        assert_eq!(error.to_string(), "131073 bytes of flash, where 131072 are the limit");
        let error = Figures { stack: MAX_STACK_BYTES + 1, ..most }.check().unwrap_err();
        assert_eq!(error.to_string(), "16385 bytes of stack, where 16384 are the limit");
    }
}
