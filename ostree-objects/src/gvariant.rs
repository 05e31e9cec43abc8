//! The part of GVariant that OSTree's objects use, in its normal form only.
//!
//! Everything is read from byte slices at explicit offsets: no alignment of memory is needed, no integer is
//! cast, and nothing recurses. Source: the GVariant specification and GLib's `gvariant-serialiser.c`.

mod check;
mod metadata;
mod print;
mod read;
mod signature;
mod variant;
mod write;

pub use metadata::MetadataRef;
#[cfg(feature = "alloc")]
pub(crate) use metadata::{until_nul, write_metadata};
pub use print::VariantText;
pub(crate) use read::{Array, Span, Tuple};
pub use variant::VariantRef;
pub(crate) use variant::read_variant;
#[cfg(feature = "alloc")]
pub use variant::{Variant, VariantError};
#[cfg(feature = "alloc")]
pub(crate) use write::{Counter, write_array};
pub(crate) use write::{Writer, framed_len};

/// The width in bytes of a framing offset in a container of `len` bytes, offsets included.
pub(crate) const fn offset_width(len: usize) -> usize {
    if len <= 0xff {
        1
    } else if len <= 0xffff {
        2
    } else if len <= 0xffff_ffff {
        4
    } else {
        8
    }
}

/// The width of each of `count` offsets that follow a body of `len` bytes, in the normal form.
pub(crate) fn minimal_width(len: usize, count: usize) -> usize {
    for width in [1, 2, 4] {
        if offset_width(len.saturating_add(count.saturating_mul(width))) <= width {
            return width;
        }
    }
    8
}

/// `position` rounded up to a multiple of `alignment`, which is 1, 2, 4 or 8.
pub(crate) const fn align(position: usize, alignment: usize) -> usize {
    position.saturating_add(alignment - 1) & !(alignment - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_widen_with_the_container_that_includes_them() {
        assert_eq!([minimal_width(0xfe, 1), minimal_width(0xff, 1), minimal_width(0xfd, 2)], [1, 2, 1]);
        assert_eq!([minimal_width(0xfffd, 1), minimal_width(0xfffe, 1)], [2, 4]);
        assert_eq!([align(0, 8), align(1, 8), align(8, 8), align(5, 1)], [0, 8, 8, 5]);
    }
}
