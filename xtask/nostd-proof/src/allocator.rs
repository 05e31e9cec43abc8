//! Hands out a fixed arena front to back and takes nothing back: enough to link and run a proof.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of the arena.
const SIZE: usize = 64 * 1024;

struct Bump {
    arena: UnsafeCell<[u8; SIZE]>,
    used: AtomicUsize,
}

// SAFETY: each byte of the arena is handed out once, by an atomic step of `used`.
unsafe impl Sync for Bump {}

#[global_allocator]
static ALLOCATOR: Bump = Bump { arena: UnsafeCell::new([0; SIZE]), used: AtomicUsize::new(0) };

// SAFETY: what is returned is null, or aligned as asked, inside the arena, and not handed out before.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(size) = layout.size().checked_add(layout.align() - 1) else { return ptr::null_mut() };
        let claim = |used: usize| used.checked_add(size).filter(|end| *end <= SIZE);
        let Ok(start) = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim) else {
            return ptr::null_mut();
        };
        let pointer = self.arena.get().cast::<u8>().wrapping_add(start);
        // At most `align - 1` bytes further, which were claimed with the rest.
        pointer.wrapping_add(pointer.align_offset(layout.align()))
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
