//! How much flash the program fills, and how much stack it has used.

use core::ptr;

use cortex_m_rt::heap_start;

/// What cortex-m-rt's `paint-stack` fills the free memory with before `main`.
const PAINT: u32 = cortex_m_rt::STACK_PAINT_VALUE;

// Addresses that the linker script of cortex-m-rt defines; there is nothing to read at them.
unsafe extern "C" {
    static __sidata: u32;
    static __sdata: u32;
    static __edata: u32;
    static _stack_start: u32;
}

/// Bytes of flash from its origin, address 0, to the end of the initial values of `.data`, its last part.
pub fn flash_bytes() -> usize {
    let data = (&raw const __edata).addr() - (&raw const __sdata).addr();
    (&raw const __sidata).addr() + data
}

/// The most bytes of stack in use since the start: what lies above the lowest word that was written.
pub fn peak_stack_bytes() -> usize {
    let top = &raw const _stack_start;
    let mut word = heap_start().cast_const();
    // SAFETY: from the end of the statics to the start of the stack is RAM, aligned to a word and owned by
    // the stack alone; a volatile read of it changes nothing, whatever the stack does meanwhile.
    while word < top && unsafe { ptr::read_volatile(word) } == PAINT {
        word = word.wrapping_add(1);
    }
    top.addr() - word.addr()
}
