//! Calls each library from a static library without `std`, and with `alloc` on, from one with a small
//! allocator.
//!
//! Each function takes and returns what C could hand it, so that nothing can be worked out ahead and left
//! out. Their symbols are not mangled, which keeps them; it is declared unsafe because two of one name would
//! clash, and each starts with its library's name.
#![no_std]

#[cfg(feature = "allocator")]
mod allocator;
mod bsp;
mod containers;
mod etc;
mod ostree;
#[cfg(feature = "alloc")]
mod owned;
mod uptane;

/// What a function is given: references to arrays cross `extern "C"` without `unsafe`.
type Bytes = [u8; 1024];

/// What a function returns for input that the library refuses.
const REFUSED: u64 = u64::MAX;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
