//! Dates and times of YAML 1.1, as PyYAML reads and Python writes them.

use alloc::format;
use alloc::string::String;

use super::resolve::span;

/// Whether PyYAML takes a plain scalar for a date or a time.
pub(super) fn is_timestamp(text: &[u8]) -> bool {
    match text {
        [a, b, c, d, b'-', e, f, b'-', g, h] => [a, b, c, d, e, f, g, h].iter().all(|b| b.is_ascii_digit()),
        _ => Fields::parse(text).is_some_and(|fields| fields.time.is_some()),
    }
}

/// How Python writes it; `None` if there is no such day or time.
pub(super) fn write(text: &str) -> Option<String> {
    let Fields { year, month, day, time } = Fields::parse(text.as_bytes())?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if year == 0 || day == 0 || day > days {
        return None;
    }
    let date = format!("{year:04}-{month:02}-{day:02}");
    let Some(Time { hour, minute, second, micros, zone }) = time else { return Some(date) };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut text = format!("{date} {hour:02}:{minute:02}:{second:02}");
    if micros > 0 {
        text.push_str(&format!(".{micros:06}"));
    }
    if let Some((negative, hours, minutes)) = zone {
        let total = hours * 60 + minutes;
        if total >= 24 * 60 {
            return None;
        }
        let sign = if negative && total > 0 { '-' } else { '+' };
        text.push_str(&format!("{sign}{:02}:{:02}", total / 60, total % 60));
    }
    Some(text)
}

struct Fields {
    year: u32,
    month: u32,
    day: u32,
    time: Option<Time>,
}

struct Time {
    hour: u32,
    minute: u32,
    second: u32,
    micros: u32,
    /// Whether it is west of Greenwich, hours, minutes.
    zone: Option<(bool, u32, u32)>,
}

impl Fields {
    fn parse(text: &[u8]) -> Option<Self> {
        let (year, rest) = number(text, 4, 4)?;
        let (month, rest) = number(rest.strip_prefix(b"-")?, 1, 2)?;
        let (day, rest) = number(rest.strip_prefix(b"-")?, 1, 2)?;
        if rest.is_empty() {
            return Some(Self { year, month, day, time: None });
        }
        let rest = match rest {
            [b'T' | b't', rest @ ..] => rest,
            [b' ' | b'\t', ..] => span(rest, |b| matches!(b, b' ' | b'\t')).1,
            _ => return None,
        };
        let (hour, rest) = number(rest, 1, 2)?;
        let (minute, rest) = number(rest.strip_prefix(b":")?, 2, 2)?;
        let (second, rest) = number(rest.strip_prefix(b":")?, 2, 2)?;
        let (micros, rest) = match rest {
            [b'.', rest @ ..] => {
                let (digits, rest) = span(rest, |b| b.is_ascii_digit());
                let padded = digits.iter().copied().chain(core::iter::repeat(b'0')).take(6);
                (padded.fold(0, |sum, b| sum * 10 + u32::from(b - b'0')), rest)
            }
            _ => (0, rest),
        };
        let zone_text = span(rest, |b| matches!(b, b' ' | b'\t')).1;
        let zone = match zone_text {
            [] if rest.is_empty() => None,
            b"Z" => Some((false, 0, 0)),
            [sign @ (b'-' | b'+'), rest @ ..] => {
                let (hours, rest) = number(rest, 1, 2)?;
                let (minutes, rest) = match rest {
                    [b':', rest @ ..] => number(rest, 2, 2)?,
                    _ => (0, rest),
                };
                rest.is_empty().then_some((*sign == b'-', hours, minutes)).map(Some)?
            }
            _ => return None,
        };
        Some(Self { year, month, day, time: Some(Time { hour, minute, second, micros, zone }) })
    }
}

/// A number of `min` to `max` digits and what follows.
fn number(text: &[u8], min: usize, max: usize) -> Option<(u32, &[u8])> {
    let digits = text.iter().take(max).take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits).filter(|_| digits >= min)?;
    Some((number.iter().fold(0, |sum, b| sum * 10 + u32::from(b - b'0')), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_written_as_python_writes_them() {
        for (text, written) in [
            ("2001-12-14", Some("2001-12-14")),
            ("2001-12-14t21:59:43.10-05:00", Some("2001-12-14 21:59:43.100000-05:00")),
            ("2001-12-15 2:59:43", Some("2001-12-15 02:59:43")),
            ("2001-12-14 21:59:43.1234567 Z", Some("2001-12-14 21:59:43.123456+00:00")),
            ("2001-12-14 21:59:43 -0", Some("2001-12-14 21:59:43+00:00")),
            ("2001-02-29", None),
            ("2000-02-29", Some("2000-02-29")),
            ("0000-01-01", None),
            ("2001-12-14 24:00:00", None),
            ("2001-12-14 00:00:00+24", None),
        ] {
            assert_eq!(write(text).as_deref(), written, "{text}");
        }
    }
}
