//! Numbers as U-Boot reads them from variables.

/// The leading decimal digits, as `simple_strtoul` in base 10: 0 without any; too large a number is `u32::MAX`.
pub(crate) fn leading_digits(bytes: impl Iterator<Item = u8>) -> u32 {
    leading(bytes, 10)
}

/// The leading hexadecimal digits, as `setexpr` and RAUC read a number without a prefix.
pub(crate) fn leading_hexadecimal(bytes: impl Iterator<Item = u8>) -> u32 {
    leading(bytes, 16)
}

fn leading(bytes: impl Iterator<Item = u8>, radix: u32) -> u32 {
    bytes
        .map_while(|byte| char::from(byte).to_digit(radix))
        .fold(0, |number: u32, digit| number.saturating_mul(radix).saturating_add(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_leading_digits_only() {
        for (text, number) in
            [("3", 3), ("12x", 12), ("0x10", 0), ("", 0), ("-1", 0), ("99999999999", u32::MAX)]
        {
            assert_eq!(leading_digits(text.bytes()), number, "{text}");
        }
        for (text, number) in [("3", 3), ("a", 10), ("1Fg", 31), ("", 0)] {
            assert_eq!(leading_hexadecimal(text.bytes()), number, "{text}");
        }
    }
}
