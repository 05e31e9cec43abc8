//! The fast part of the scan: most bytes of metadata are printable ASCII inside of strings.

/// How many bytes at the start of `bytes` are ASCII, no control characters, no quote and no backslash.
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    let (chunks, rest) = bytes.as_chunks::<8>();
    let mut run = 0;
    for chunk in chunks {
        let special = special(u64::from_le_bytes(*chunk));
        if special != 0 {
            // The lowest flag is exact: a borrow can only spoil those above it. A flag is a byte's top bit.
            return run + usize::try_from(special.trailing_zeros() / 8).unwrap_or(0);
        }
        run += 8;
    }
    run + rest.iter().take_while(|&&byte| is_plain(byte)).count()
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..0x80) && byte != b'"' && byte != b'\\'
}

/// The top bit of each byte that is not plain, eight at once.
fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = ONES << 7;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero(word ^ (ONES * 0x22));
    let backslash = zero(word ^ (ONES * 0x5c));
    (word | control | quote | backslash) & TOPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_at_once_say_what_one_at_a_time_says() {
        for byte in 0..=u8::MAX {
            for next in [b'a', 0, b'"', b'\\', 0x1f, 0x20, 0x7f, 0x80, 0xff] {
                for place in 0..16 {
                    let mut bytes = [b'a'; 19];
                    bytes[place] = byte;
                    bytes[place + 1] = next;
                    let one_at_a_time = bytes.iter().take_while(|&&byte| is_plain(byte)).count();
                    assert_eq!(plain_run(&bytes), one_at_a_time, "{byte:#04x} at {place}, then {next:#04x}");
                }
            }
        }
    }
}
