//! The fast part of the scan: most bytes of metadata are printable ASCII inside of strings.

/// Where the first byte at or behind `at` stands that is not plain: no printable ASCII, or a quote or a backslash.
/// The end of `bytes` if there is none.
#[inline]
pub(super) fn skip_plain(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        // Most strings of metadata end in the first of these: no loop that ends now here, now there.
        let run = plain_run(chunk);
        at += run;
        if run < chunk.len() {
            return at;
        }
    }
    at + bytes.get(at..).unwrap_or_default().iter().take_while(|&&byte| is_plain(byte)).count()
}

/// How many bytes at the start of `chunk` are plain.
#[inline]
fn plain_run(chunk: &[u8; 16]) -> usize {
    let (words, _) = chunk.as_chunks::<8>();
    let &[first, second] = words else { return 0 };
    let flags = [special(u64::from_le_bytes(first)), special(u64::from_le_bytes(second))];
    // The lowest flag is exact: a borrow can only spoil those above it. A flag is a byte's top bit, and a word
    // without one has 64 zeros: 8 bytes.
    let [first, second] = flags.map(|flags| flags.trailing_zeros() / 8);
    usize::try_from(if first < 8 { first } else { 8 + second }).unwrap_or(0)
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..0x80) && byte != b'"' && byte != b'\\'
}

/// The top bit of each byte that is not plain, eight at once.
#[inline]
fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = ONES << 7;
    // With bit 1 flipped the quote, 0x22, is 0x20: right above the control characters, which stay below.
    let control_or_quote = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
    (word | control_or_quote | backslash) & TOPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes_at_once_say_what_one_at_a_time_says() {
        for byte in 0..=u8::MAX {
            for next in [b'a', 0, b'"', b'\\', 0x1f, 0x20, 0x7f, 0x80, 0xff] {
                for place in 0..33 {
                    let mut bytes = [b'a'; 35];
                    bytes[0] = 0;
                    bytes[place + 1] = byte;
                    bytes[place + 2] = next;
                    let one_at_a_time = bytes.iter().skip(1).take_while(|&&byte| is_plain(byte)).count();
                    assert_eq!(
                        skip_plain(&bytes, 1),
                        1 + one_at_a_time,
                        "{byte:#04x} at {place}, then {next:#04x}"
                    );
                }
            }
        }
    }
}
