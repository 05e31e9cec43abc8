//! Calls each library from a static library without `std`, and with `alloc` on, from one with a small allocator.
#![no_std]

#[cfg(feature = "allocator")]
mod allocator;

use bsp_imx95 as _;
use container_spec as _;
use etc_merge as _;
use ostree_objects as _;
use uptane_core as _;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
