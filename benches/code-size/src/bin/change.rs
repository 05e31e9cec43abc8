//! Makes a transition in one transaction on NOR flash.
#![no_std]
#![no_main]

use bsp_imx95::env::{Layout, Nor, Outcome, Scheme, Transaction};
use bsp_imx95::slot;
use code_size as _;
use embedded_storage::nor_flash::{ErrorType, MultiwriteNorFlash, NorFlash, NorFlashErrorKind, ReadNorFlash};

/// Somebody else's flash.
struct Flash {
    read: extern "C" fn(u32, *mut u8, usize) -> bool,
    write: extern "C" fn(u32, *const u8, usize) -> bool,
    erase: extern "C" fn(u32, u32) -> bool,
}

fn result(is_done: bool) -> Result<(), NorFlashErrorKind> {
    if is_done { Ok(()) } else { Err(NorFlashErrorKind::Other) }
}

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        result((self.read)(offset, bytes.as_mut_ptr(), bytes.len()))
    }

    fn capacity(&self) -> usize {
        0x40_0000
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = 0x1000;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        result((self.erase)(from, to))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        result((self.write)(offset, bytes.as_ptr(), bytes.len()))
    }
}

impl MultiwriteNorFlash for Flash {}

// SAFETY: nothing else has this name.
#[unsafe(no_mangle)]
extern "C" fn _start(
    read: extern "C" fn(u32, *mut u8, usize) -> bool,
    write: extern "C" fn(u32, *const u8, usize) -> bool,
    erase: extern "C" fn(u32, u32) -> bool,
    buffer: &mut [u8; 0x4000],
) -> bool {
    let layout = Layout::Redundant { scheme: Scheme::SerialNor };
    let Ok(mut copies) = Nor::new(Flash { read, write, erase }, &[0x10_0000, 0x10_2000], 0x2000) else {
        return false;
    };
    let outcome = Transaction::new(layout, slot::confirm()).run(&mut copies, buffer);
    matches!(outcome, Ok(Outcome::Written { .. } | Outcome::Unchanged))
}
