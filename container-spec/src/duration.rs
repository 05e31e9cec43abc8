//! Durations such as `1m30s`.

use core::fmt;

/// A span of time with the resolution of the Docker Engine API.
///
/// ```
/// use container_spec::duration::Duration;
/// use std::string::ToString;
///
/// let interval = Duration::parse("1h5m30s20ms").unwrap();
/// assert_eq!(interval.as_nanos(), 3_930_020_000_000);
/// assert_eq!(interval.to_string(), "1h5m30.02s");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Duration(u64);

const UNITS: [(&str, u64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
];

impl Duration {
    /// The duration of this many nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The duration of this many seconds; the longest possible one if there are too many.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds, the unit of the Docker Engine API.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Whole seconds, rounded up: a container must not be given less time than written.
    #[must_use]
    pub const fn as_secs_ceil(self) -> u64 {
        self.0.div_ceil(1_000_000_000)
    }

    /// Parses the whole of `text`: numbers with the units `ns`, `us`, `ms`, `s`, `m`, `h`, `d` and `w`, one
    /// after the other, or a bare `0`. Go's `time.ParseDuration` and days and weeks, as in compose-go.
    ///
    /// # Errors
    /// With the byte at which the form is broken, or if the duration does not fit 63 bits of nanoseconds.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        let fail = |at, kind| Err(DurationError { at, kind });
        if text == "0" {
            return Ok(Self(0));
        }
        if text.is_empty() {
            return fail(0, DurationErrorKind::NoNumber);
        }
        let mut total = 0_u64;
        let mut rest = text;
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
            let (whole, after) = rest.split_at(digits(rest));
            let (fraction, after) = match after.strip_prefix('.') {
                Some(after) => after.split_at(digits(after)),
                None => ("", after),
            };
            if whole.is_empty() && fraction.is_empty() {
                return fail(at, DurationErrorKind::NoNumber);
            }
            let unit_len = after.bytes().take_while(|b| !b.is_ascii_digit() && *b != b'.').count();
            let (name, next) = after.split_at(unit_len);
            let Some(unit) = UNITS.iter().find(|unit| unit.0 == name).map(|unit| unit.1) else {
                return fail(text.len() - after.len(), DurationErrorKind::BadUnit);
            };
            let sum = nanos(whole, fraction, unit)
                .and_then(|nanos| total.checked_add(nanos))
                .filter(|&sum| i64::try_from(sum).is_ok());
            let Some(sum) = sum else {
                return fail(at, DurationErrorKind::TooLong);
            };
            total = sum;
            rest = next;
        }
        Ok(Self(total))
    }
}

fn nanos(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(unit)?;
    // Digits beyond the resolution are read and cut off, as in Go.
    let mut place = u128::from(unit) * 1_000_000_000;
    let mut part = 0_u128;
    for digit in fraction.bytes().map(|b| u128::from(b.saturating_sub(b'0'))) {
        place /= 10;
        part += digit * place;
    }
    total = total.checked_add(u64::try_from(part / 1_000_000_000).ok()?)?;
    Some(total)
}

impl fmt::Display for Duration {
    /// As Go's `time.Duration`: `1m30s`, `1.5s`, `20ms`, `0s`; but without units that are zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        if rest == 0 {
            return f.write_str("0s");
        }
        if rest < 1_000_000_000 {
            let (name, unit) = match rest {
                0..1_000 => ("ns", 1),
                1_000..1_000_000 => ("us", 1_000),
                _ => ("ms", 1_000_000),
            };
            return write_decimal(f, rest, unit, name);
        }
        for (name, unit) in [("h", 3_600_000_000_000), ("m", 60_000_000_000)] {
            if rest >= unit {
                write!(f, "{}{name}", rest / unit)?;
                rest %= unit;
            }
        }
        if rest == 0 { Ok(()) } else { write_decimal(f, rest, 1_000_000_000, "s") }
    }
}

fn write_decimal(f: &mut fmt::Formatter<'_>, value: u64, unit: u64, name: &str) -> fmt::Result {
    write!(f, "{}", value / unit)?;
    let mut rest = value % unit;
    if rest > 0 {
        f.write_str(".")?;
    }
    let mut place = unit;
    while rest > 0 {
        place /= 10;
        write!(f, "{}", rest / place)?;
        rest %= place;
    }
    f.write_str(name)
}

/// What is wrong with a duration, and at which byte of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("duration, byte {at}: {kind}")]
pub struct DurationError {
    /// Offset in bytes from the start of the duration.
    pub at: usize,
    /// What is wrong there.
    pub kind: DurationErrorKind,
}

/// The ways in which a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationErrorKind {
    /// A number is missing; a sign is not allowed.
    #[error("a number is expected here")]
    NoNumber,
    /// The number has no unit, or one that is not known.
    #[error("the unit is one of ns, us, ms, s, m, h, d, w")]
    BadUnit,
    /// The duration is 2^63 ns (292 years) or more.
    #[error("the duration is longer than 292 years")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate alloc;
    use alloc::string::ToString;

    #[test]
    fn reads_go_durations_and_days() {
        for (text, nanos, shown) in [
            ("0", 0, "0s"),
            ("10ms", 10_000_000, "10ms"),
            ("40s", 40_000_000_000, "40s"),
            ("1m30s", 90_000_000_000, "1m30s"),
            ("1.5s", 1_500_000_000, "1.5s"),
            (".5s", 500_000_000, "500ms"),
            ("2us5ns", 2_005, "2.005us"),
            ("1d", 86_400_000_000_000, "24h"),
            ("1w", 604_800_000_000_000, "168h"),
            ("0.1234567891s", 123_456_789, "123.456789ms"),
        ] {
            let duration = Duration::parse(text).unwrap();
            assert_eq!((duration.as_nanos(), duration.to_string().as_str()), (nanos, shown), "{text}");
        }
    }

    #[test]
    fn says_where_a_duration_is_broken() {
        for (text, at, kind) in [
            ("", 0, DurationErrorKind::NoNumber),
            ("10", 2, DurationErrorKind::BadUnit),
            ("-1s", 0, DurationErrorKind::NoNumber),
            ("1s5", 3, DurationErrorKind::BadUnit),
            ("1y", 1, DurationErrorKind::BadUnit),
            ("1s m", 1, DurationErrorKind::BadUnit),
            ("9223372037s", 0, DurationErrorKind::TooLong),
        ] {
            assert_eq!(Duration::parse(text), Err(DurationError { at, kind }), "{text}");
        }
        assert_eq!(Duration::parse("9223372036s").map(Duration::as_nanos), Ok(9_223_372_036_000_000_000));
    }
}
