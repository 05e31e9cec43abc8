//! Numbers as PyYAML reads and Python writes them.

use alloc::format;
use alloc::string::{String, ToString};

/// Most digits of a whole number: Python's `sys.int_info.default_max_str_digits`.
const MAX_DIGITS: usize = 4300;

/// A whole number of YAML 1.1 in decimal digits. `None` if it is too large for Python, or, unless it is written
/// in decimal digits, for 127 bits.
pub(super) fn integer(text: &str) -> Option<String> {
    let text = text.replace('_', "");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let radix =
        |digits: &str, radix| i128::from_str_radix(digits, radix).ok().map(|number| number.to_string());
    let value = if digits == "0" {
        digits.to_string()
    } else if let Some(binary) = digits.strip_prefix("0b") {
        radix(binary, 2)?
    } else if let Some(hex) = digits.strip_prefix("0x") {
        radix(hex, 16)?
    } else if digits.starts_with('0') {
        radix(digits, 8)?
    } else if digits.contains(':') {
        let mut value = 0_i128;
        for part in digits.split(':') {
            value = value.checked_mul(60)?.checked_add(part.parse().ok()?)?;
        }
        value.to_string()
    } else if digits.len() <= MAX_DIGITS && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        digits.to_string()
    } else {
        return None;
    };
    Some(if negative && value != "0" { format!("-{value}") } else { value })
}

/// A number of YAML 1.1 as PyYAML writes it.
pub(super) fn float(text: &str) -> Option<String> {
    let text = text.replace('_', "").to_ascii_lowercase();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    let value: f64 = match digits {
        ".inf" => f64::INFINITY,
        ".nan" => return Some(".nan".to_string()),
        _ if digits.contains(':') => {
            let mut base = 1.0;
            let mut value = 0.0;
            for part in digits.rsplit(':') {
                value += part.parse::<f64>().ok()? * base;
                base *= 60.0;
            }
            value
        }
        _ if digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'-' | b'+')) => {
            digits.parse().ok()?
        }
        _ => return None,
    };
    Some(python_repr(if negative { -value } else { value }))
}

/// `repr(float)` as `represent_float` changes it.
fn python_repr(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_string();
    }
    // Both languages take the fewest digits that give the same number again; only the layout differs.
    let shortest = format!("{value:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let fixed = value.to_string();
        return if fixed.contains('.') { fixed } else { format!("{fixed}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    format!("{mantissa}{point}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_python_writes_them() {
        for (text, written) in [
            ("0", "0"),
            ("-0", "0"),
            ("+12", "12"),
            ("1_000", "1000"),
            ("0x_ff", "255"),
            ("017", "15"),
            ("0b101", "5"),
            ("1:30", "90"),
            ("-190:20:30", "-685230"),
            ("00", "0"),
        ] {
            assert_eq!(integer(text).as_deref(), Some(written), "{text}");
        }
        for (text, written) in [
            ("1.", "1.0"),
            ("-0.0", "-0.0"),
            ("6.8523015e+5", "685230.15"),
            ("1.e+16", "1.0e+16"),
            ("1.5e-7", "1.5e-07"),
            ("0.0001", "0.0001"),
            ("1.0e-5", "1.0e-05"),
            (".1", "0.1"),
            ("123456789012345.6", "123456789012345.6"),
            ("190:20:30.15", "685230.15"),
            ("-.INF", "-.inf"),
        ] {
            assert_eq!(float(text).as_deref(), Some(written), "{text}");
        }
    }

    #[test]
    fn numbers_that_python_cannot_read_are_refused() {
        assert_eq!(integer(&"1".repeat(MAX_DIGITS)).map(|n| n.len()), Some(MAX_DIGITS));
        assert_eq!(integer(&"1".repeat(MAX_DIGITS + 1)), None);
        assert_eq!(integer("0_"), integer("00"));
        assert_eq!(integer("0x_"), None);
    }
}
