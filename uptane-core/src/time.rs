//! UTC times as metadata writes them.

use core::fmt;

/// A moment, in whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime(u64);

/// The text is not a time of the form `YYYY-MM-DDTHH:MM:SSZ`, or names a moment that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a time of the form YYYY-MM-DDTHH:MM:SSZ from 1970 on")]
pub struct TimeError;

/// The last year that four digits can name.
const LAST_YEAR: u64 = 9999;

/// Its last second: what comes later has no form in metadata.
const LAST: u64 = days_before_year(LAST_YEAR + 1) * 86_400 - 1;

impl UtcTime {
    /// The time `seconds` after 1970-01-01T00:00:00Z, at most 9999-12-31T23:59:59Z: metadata has no form for what
    /// comes later.
    #[must_use]
    pub const fn from_unix(seconds: u64) -> Self {
        Self(if seconds < LAST { seconds } else { LAST })
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix(self) -> u64 {
        self.0
    }

    /// Reads `YYYY-MM-DDTHH:MM:SSZ`, the one form that TUF (clause 4.2) and Uptane metadata use.
    ///
    /// # Errors
    /// [`TimeError`] for any other text. A leap second (`:60`) is refused, as is a day that the month lacks.
    pub fn parse(text: &[u8]) -> Result<Self, TimeError> {
        let form: &[u8; 20] = text.try_into().map_err(|_| TimeError)?;
        for (at, mark) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')] {
            if form.get(at) != Some(&mark) {
                return Err(TimeError);
            }
        }
        let year = digits(form, 0, 4)?;
        let month = digits(form, 5, 2)?;
        let day = digits(form, 8, 2)?;
        let (hour, minute, second) = (digits(form, 11, 2)?, digits(form, 14, 2)?, digits(form, 17, 2)?);
        if year < 1970
            || !(1..=12).contains(&month)
            || !(1..=days_in_month(year, month)).contains(&day)
            || hour > 23
            || minute > 59
            || second > 59
        {
            return Err(TimeError);
        }
        let days = days_before_year(year) + days_before_month(year, month) + (day - 1);
        Ok(Self(((days * 24 + hour) * 60 + minute) * 60 + second))
    }

    /// This time moved by `seconds`, which stops at both ends instead of wrapping.
    #[must_use]
    pub const fn saturating_add(self, seconds: u64) -> Self {
        Self::from_unix(self.0.saturating_add(seconds))
    }

    /// This time moved back by `seconds`, not before 1970.
    #[must_use]
    pub const fn saturating_sub(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.0 / 86_400, self.0 % 86_400);
        let mut year = 1970 + days / 366;
        while days >= days_before_year(year + 1) {
            year += 1;
        }
        let mut of_year = days - days_before_year(year).min(days);
        let mut month = 1;
        while month < 12 && of_year >= days_in_month(year, month) {
            of_year -= days_in_month(year, month);
            month += 1;
        }
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        write!(formatter, "{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", of_year + 1)
    }
}

fn digits(form: &[u8; 20], at: usize, count: usize) -> Result<u64, TimeError> {
    form.iter().skip(at).take(count).try_fold(0, |number, byte| match byte {
        b'0'..=b'9' => Ok(number * 10 + u64::from(byte - b'0')),
        _ => Err(TimeError),
    })
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first day of `year`, which is 1970 or later.
const fn days_before_year(year: u64) -> u64 {
    let last = year - 1;
    // 1969 years before 1970 hold 492 years divisible by 4, 19 by 100 and 4 by 400.
    (year - 1970) * 365 + (last / 4 - 492) - (last / 100 - 19) + (last / 400 - 4)
}

fn days_before_month(year: u64, month: u64) -> u64 {
    (1..month).map(|month| days_in_month(year, month)).sum()
}

#[cfg(test)]
mod tests {
    extern crate alloc;
    use super::*;
    use alloc::string::ToString;

    /// From GNU date: `date -u -d TEXT +%s`.
    const KNOWN: &[(&str, u64)] = &[
        ("1970-01-01T00:00:00Z", 0),
        ("1972-02-29T23:59:59Z", 68_255_999),
        ("2000-03-01T00:00:00Z", 951_868_800),
        ("2026-01-01T00:00:00Z", 1_767_225_600),
        ("2100-03-01T00:00:00Z", 4_107_542_400),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ];

    #[test]
    fn agrees_with_gnu_date_both_ways() {
        for &(text, seconds) in KNOWN {
            assert_eq!(UtcTime::parse(text.as_bytes()), Ok(UtcTime(seconds)), "{text}");
            assert_eq!(UtcTime(seconds).to_string(), text);
        }
    }

    #[test]
    fn refuses_other_forms_and_days_that_do_not_exist() {
        for text in [
            "",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00z",
            "2026-01-01 00:00:00Z",
            "2026-1-01T00:00:000Z",
            "1969-12-31T23:59:59Z",
            "2026-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z",
            "+026-01-01T00:00:00Z",
        ] {
            assert_eq!(UtcTime::parse(text.as_bytes()), Err(TimeError), "{text}");
        }
    }

    #[test]
    fn the_last_time_is_the_last_that_can_be_written() {
        let last = "9999-12-31T23:59:59Z";
        let parsed = UtcTime::parse(last.as_bytes()).unwrap();
        assert_eq!(parsed.unix(), LAST);
        for seconds in [LAST, LAST + 1, u64::MAX] {
            assert_eq!(alloc::format!("{}", UtcTime::from_unix(seconds)), last);
        }
        assert_eq!(UtcTime::from_unix(LAST - 1).saturating_add(2), parsed);
    }
}
