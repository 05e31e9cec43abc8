//! Byte sizes such as `256mb` and `1.5g`.

use core::fmt;

/// Parses a size in bytes: a decimal number and a unit of `b`, `k`, `m`, `g`, `t` or `p`, with or without
/// `b` or `ib` after it, in any case. All units are powers of 1024, as in Docker
/// (`RAMInBytes` of `github.com/docker/go-units`). A fraction of a byte is cut off.
///
/// ```
/// use container_spec::size::parse_bytes;
///
/// assert_eq!(parse_bytes("256mb"), Ok(268_435_456));
/// assert_eq!(parse_bytes("1.5 KiB"), Ok(1536));
/// ```
///
/// # Errors
/// With the byte at which the form is broken, or if the size does not fit 63 bits.
pub fn parse_bytes(text: &str) -> Result<u64, SizeError> {
    let fail = |at, kind| Err(SizeError { at, kind });
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let whole_len = digits(text);
    let (whole, rest) = text.split_at(whole_len);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => after.split_at(digits(after)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return fail(0, SizeErrorKind::NoNumber);
    }
    let unit = rest.strip_prefix(' ').unwrap_or(rest);
    let Some(shift) = unit_shift(unit) else {
        return fail(text.len() - unit.len(), SizeErrorKind::BadUnit);
    };
    if fraction.len() > MAX_FRACTION_DIGITS {
        return fail(whole_len, SizeErrorKind::TooPrecise { digits: fraction.len() });
    }
    let bytes = in_bytes(whole, fraction, shift).filter(|&bytes| i64::try_from(bytes).is_ok());
    bytes.map_or(fail(0, SizeErrorKind::TooLarge), Ok)
}

/// Most digits after the decimal point: enough for one byte of a petabyte.
pub const MAX_FRACTION_DIGITS: usize = 16;

fn in_bytes(whole: &str, fraction: &str, shift: u32) -> Option<u64> {
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let unit = 1_u128 << shift;
    // `part` has at most 16 digits and `unit` 51 bits: the product fits.
    let bytes = whole.checked_mul(unit)?.checked_add(part.checked_mul(unit)? / scale)?;
    u64::try_from(bytes).ok()
}

fn unit_shift(unit: &str) -> Option<u32> {
    let mut letters = unit.chars().map(|c| c.to_ascii_lowercase());
    let shift = match letters.next() {
        None => return Some(0),
        Some('b') => return letters.next().is_none().then_some(0),
        Some('k') => 10,
        Some('m') => 20,
        Some('g') => 30,
        Some('t') => 40,
        Some('p') => 50,
        Some(_) => return None,
    };
    match (letters.next(), letters.next(), letters.next()) {
        (None | Some('b'), None, None) | (Some('i'), Some('b'), None) => Some(shift),
        _ => None,
    }
}

/// A number of bytes for people: `268.4 MB`, in powers of 1000 as on a disk's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unit = 1_u64;
        for name in ["B", "kB", "MB", "GB", "TB"] {
            let next = unit.saturating_mul(1000);
            if self.0 < next || name == "TB" {
                return match unit {
                    1 => write!(f, "{} {name}", self.0),
                    _ => write!(f, "{}.{} {name}", self.0 / unit, self.0 % unit / (unit / 10)),
                };
            }
            unit = next;
        }
        Ok(())
    }
}

/// What is wrong with a size, and at which byte of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("size, byte {at}: {kind}")]
pub struct SizeError {
    /// Offset in bytes from the start of the size.
    pub at: usize,
    /// What is wrong there.
    pub kind: SizeErrorKind,
}

/// The ways in which a text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SizeErrorKind {
    /// It does not start with a number.
    #[error("a size starts with a number")]
    NoNumber,
    /// Something else than a unit follows the number.
    #[error("the unit is one of b, k, m, g, t, p, with or without `b` or `ib` after it")]
    BadUnit,
    /// More than [`MAX_FRACTION_DIGITS`].
    #[error("{digits} digits after the point, at most {MAX_FRACTION_DIGITS} are allowed")]
    TooPrecise {
        /// Digits after the point.
        digits: usize,
    },
    /// The size is 2^63 bytes or more.
    #[error("the size does not fit 63 bits")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate alloc;
    use alloc::string::ToString;

    #[test]
    fn all_units_are_powers_of_1024() {
        for (text, bytes) in [
            ("32", 32),
            ("32b", 32),
            ("32B", 32),
            ("32k", 32 << 10),
            ("32KB", 32 << 10),
            ("32kib", 32 << 10),
            ("32m", 32 << 20),
            ("32Gb", 32 << 30),
            ("32t", 32 << 40),
            ("32 Pb", 32 << 50),
            ("0.5m", 1 << 19),
            ("0.3 K", 307),
            (".3kB", 307),
            ("0.", 0),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn says_where_a_size_is_broken() {
        for (text, at, kind) in [
            ("", 0, SizeErrorKind::NoNumber),
            ("hello", 0, SizeErrorKind::NoNumber),
            ("-32", 0, SizeErrorKind::NoNumber),
            (".", 0, SizeErrorKind::NoNumber),
            ("32q", 2, SizeErrorKind::BadUnit),
            ("32kbb", 2, SizeErrorKind::BadUnit),
            ("32bk", 2, SizeErrorKind::BadUnit),
            ("32  k", 3, SizeErrorKind::BadUnit),
            ("1.2.3k", 3, SizeErrorKind::BadUnit),
            ("8192p", 0, SizeErrorKind::TooLarge),
            ("9223372036854775808", 0, SizeErrorKind::TooLarge),
            ("0.00000000000000001k", 1, SizeErrorKind::TooPrecise { digits: 17 }),
        ] {
            assert_eq!(parse_bytes(text), Err(SizeError { at, kind }), "{text}");
        }
        assert_eq!(parse_bytes("9223372036854775807"), Ok(9_223_372_036_854_775_807));
        assert_eq!(parse_bytes("0.0000000000000001k"), Ok(0));
    }

    #[test]
    fn sizes_for_people_keep_one_digit() {
        for (bytes, text) in [(999, "999 B"), (1000, "1.0 kB"), (268_435_456, "268.4 MB")] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
    }
}
