//! Numbers of seven bits a byte, least significant first, as static deltas and `ostree.sizes` have them
//! (`ostree-varint.c`).

use crate::limits::MAX_VARINT_BYTES;

/// A number at the start of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Varint {
    pub(crate) value: u64,
    /// How many bytes it takes.
    pub(crate) len: usize,
    /// Whether fewer bytes would do.
    pub(crate) is_padded: bool,
}

/// The number that `bytes` start with; `None` if it has no end, or 64 bits do not hold it.
pub(crate) fn read(bytes: &[u8]) -> Option<Varint> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().take(MAX_VARINT_BYTES).enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shift = u32::try_from(index).ok()?.checked_mul(7)?;
        // The tenth byte has room for one bit.
        if bits > u64::MAX >> shift {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(Varint { value, len: index + 1, is_padded: *byte == 0 && index > 0 });
        }
    }
    None
}

/// Appends a number.
#[cfg(feature = "alloc")]
pub(crate) fn write(mut value: u64, out: &mut alloc::vec::Vec<u8>) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_bytes_hold_the_largest_number_and_nothing_is_longer() {
        let mut most = [0xff; 11];
        most[9] = 1;
        let largest = Varint { value: u64::MAX, len: 10, is_padded: false };
        assert_eq!((read(&most), read(&most[..9])), (Some(largest), None));
        most[9] = 2;
        assert_eq!(read(&most), None);
        most[9] = 0x81;
        assert_eq!(read(&most), None);
        assert_eq!(read(b"\x80\x00"), Some(Varint { value: 0, len: 2, is_padded: true }));
        assert_eq!(read(b"\x00\x00"), Some(Varint { value: 0, len: 1, is_padded: false }));
        assert_eq!(read(b""), None);
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn what_is_written_is_read_and_is_not_padded() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let mut bytes = alloc::vec::Vec::new();
                write(value, &mut bytes);
                assert_eq!(read(&bytes), Some(Varint { value, len: bytes.len(), is_padded: false }));
            }
        }
    }
}
