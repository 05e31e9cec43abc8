//! The types of plain scalars in YAML 1.1, as PyYAML's `Resolver` has them.

/// A type of YAML 1.1 (`yaml.org/type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Bool,
    Int,
    Float,
    Timestamp,
    Merge,
    Value,
    Str,
}

/// The type of a plain scalar.
pub(super) fn resolve(text: &str) -> Type {
    let bytes = text.as_bytes();
    let Some(&first) = bytes.first() else { return Type::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => {
            if truth(text).is_some() {
                Type::Bool
            } else if matches!(text, "null" | "Null" | "NULL") {
                Type::Null
            } else {
                Type::Str
            }
        }
        b'~' if text == "~" => Type::Null,
        b'<' if text == "<<" => Type::Merge,
        b'=' if text == "=" => Type::Value,
        b'-' | b'+' | b'.' | b'0'..=b'9' => number(bytes),
        _ => Type::Str,
    }
}

/// The value of a truth value of YAML 1.1.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn number(text: &[u8]) -> Type {
    if is_float(text) {
        Type::Float
    } else if is_int(text) {
        Type::Int
    } else if super::timestamp::is_timestamp(text) {
        Type::Timestamp
    } else {
        Type::Str
    }
}

fn digit(b: u8) -> bool {
    b.is_ascii_digit()
}

fn digit_or_underscore(b: u8) -> bool {
    b.is_ascii_digit() || b == b'_'
}

/// Splits off the longest start whose bytes are all `good`.
pub(super) fn span(text: &[u8], good: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let len = text.iter().take_while(|b| good(**b)).count();
    text.split_at(len)
}

fn unsigned(text: &[u8]) -> &[u8] {
    match text {
        [b'-' | b'+', rest @ ..] => rest,
        _ => text,
    }
}

fn is_float(text: &[u8]) -> bool {
    let number = unsigned(text);
    match number {
        b".inf" | b".Inf" | b".INF" => return true,
        _ => {}
    }
    match text {
        b".nan" | b".NaN" | b".NAN" => return true,
        [b'.', first, rest @ ..] if digit(*first) => {
            let (_, rest) = span(rest, digit_or_underscore);
            return is_exponent(rest);
        }
        _ => {}
    }
    let (whole, rest) = match number {
        [first, ..] if digit(*first) => span(number, digit_or_underscore),
        _ => return false,
    };
    debug_assert!(!whole.is_empty());
    if let [b'.', rest @ ..] = rest {
        let (_, rest) = span(rest, digit_or_underscore);
        return is_exponent(rest);
    }
    // Base 60, with a fraction.
    match base_60(rest) {
        Some([b'.', fraction @ ..]) => span(fraction, digit_or_underscore).1.is_empty(),
        _ => false,
    }
}

/// Nothing, or an exponent, whose sign is not optional.
fn is_exponent(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b'e' | b'E', b'-' | b'+', digits @ ..] => !digits.is_empty() && digits.iter().all(|b| digit(*b)),
        _ => false,
    }
}

/// What follows one or more groups of `:` and a number up to 59.
fn base_60(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    let mut groups = 0;
    while let [b':', after @ ..] = rest {
        rest = match after {
            [b'0'..=b'5', b'0'..=b'9', rest @ ..] | [b'0'..=b'9', rest @ ..] => rest,
            _ => break,
        };
        groups += 1;
    }
    (groups > 0).then_some(rest)
}

fn is_int(text: &[u8]) -> bool {
    let number = unsigned(text);
    let all = |digits: &[u8], good: fn(u8) -> bool| !digits.is_empty() && digits.iter().all(|b| good(*b));
    match number {
        b"0" => true,
        [b'0', b'b', digits @ ..] => all(digits, |b| matches!(b, b'0' | b'1' | b'_')),
        [b'0', b'x', digits @ ..] => all(digits, |b| b.is_ascii_hexdigit() || b == b'_'),
        [b'0', digits @ ..] => all(digits, |b| matches!(b, b'0'..=b'7' | b'_')),
        [b'1'..=b'9', ..] => {
            let (_, rest) = span(number, digit_or_underscore);
            rest.is_empty() || base_60(rest).is_some_and(<[u8]>::is_empty)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_types_of_yaml_1_1() {
        for (kind, texts) in [
            (Type::Null, &["", "~", "null", "Null", "NULL"][..]),
            (Type::Bool, &["yes", "No", "ON", "off", "True", "FALSE"]),
            (Type::Int, &["0", "-12", "+1_000", "0b1_0", "0o7", "017", "0x_fF", "1:30", "190:20:30", "0_"]),
            (
                Type::Float,
                &["1.", "-0.5", "6.8523015e+5", "685.230_15e+03", ".5", "190:20:30.15", "-.inf", ".NaN"],
            ),
            (Type::Timestamp, &["2001-12-14", "2001-12-14t21:59:43.10-05:00", "2001-12-15 2:59:43.10"]),
            (
                Type::Str,
                &[
                    "y", "n", "yEs", "1e5", "1.e5", "0x", "08", "1:60", "1.2.3", "-", "+", ".", "8080:80",
                    "2001-1-1", "0.1e5",
                ],
            ),
            (Type::Merge, &["<<"]),
            (Type::Value, &["="]),
        ] {
            for text in texts {
                // PyYAML has no `0o`.
                let expected = if *text == "0o7" { Type::Str } else { kind };
                assert_eq!(resolve(text), expected, "{text}");
            }
        }
    }
}
