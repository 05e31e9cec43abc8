use alloc::string::String;

/// A variable that may be changed, and to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writable {
    /// Its name.
    pub name: String,
    /// What its value must look like.
    pub kind: Kind,
    /// Whether it may be changed at all.
    pub access: Access,
}

/// What a value must look like: the types of U-Boot's `.flags`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `s`: anything.
    #[default]
    String,
    /// `d`: decimal digits.
    Decimal,
    /// `x`: hexadecimal digits after `0x`.
    Hexadecimal,
    /// `b`: one of `1yYtT0nNfF`.
    Boolean,
    /// `i`: an IP address; not checked, as in libubootenv.
    Ip,
    /// `m`: a MAC address; not checked, as in libubootenv.
    Mac,
}

/// Whether a variable may be changed: the access rights of U-Boot's `.flags`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Access {
    /// `a`: at any time.
    #[default]
    Any,
    /// `r`: never.
    ReadOnly,
    /// `o`: once, which libubootenv takes for never.
    WriteOnce,
    /// `c`: from its default.
    ChangeDefault,
}

impl Writable {
    /// Reads `name:flags`; unknown flags are ignored, as libubootenv does.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, flags) =
            text.split_once(':').filter(|(name, flags)| !name.is_empty() && !flags.is_empty())?;
        let mut writable =
            Self { name: name.trim_ascii().into(), kind: Kind::default(), access: Access::default() };
        for flag in flags.bytes() {
            match flag {
                b's' => writable.kind = Kind::String,
                b'd' => writable.kind = Kind::Decimal,
                b'x' => writable.kind = Kind::Hexadecimal,
                b'b' => writable.kind = Kind::Boolean,
                b'i' => writable.kind = Kind::Ip,
                b'm' => writable.kind = Kind::Mac,
                b'a' => writable.access = Access::Any,
                b'r' => writable.access = Access::ReadOnly,
                b'o' => writable.access = Access::WriteOnce,
                b'c' => writable.access = Access::ChangeDefault,
                _ => {}
            }
        }
        Some(writable)
    }

    /// Whether the variable may be set to `value`, or be deleted if `None`.
    #[must_use]
    pub fn allows(&self, value: Option<&str>) -> bool {
        if matches!(self.access, Access::ReadOnly | Access::WriteOnce) {
            return false;
        }
        let Some(value) = value else { return true };
        match self.kind {
            Kind::String | Kind::Ip | Kind::Mac => true,
            Kind::Decimal => value.bytes().all(|byte| byte.is_ascii_digit()),
            Kind::Hexadecimal => {
                value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")).is_some_and(|digits| {
                    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
                })
            }
            Kind::Boolean => matches!(value.as_bytes(), [byte] if b"1yYtT0nNfF".contains(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_and_an_access_right_are_enforced() {
        for (flags, value, allowed) in [
            ("n:sa", Some("any thing"), true),
            ("n:sr", Some("1"), false),
            ("n:so", None, false),
            ("n:sc", None, true),
            ("n:da", Some("12"), true),
            ("n:da", Some("1x"), false),
            ("n:d", None, true),
            ("n:xa", Some("0x1F"), true),
            ("n:xa", Some("1F"), false),
            ("n:xa", Some("0x"), false),
            ("n:ba", Some("y"), true),
            ("n:ba", Some("yes"), false),
            ("n:i", Some("?"), true),
            ("n:?", Some("x"), true),
        ] {
            assert_eq!(
                Writable::parse(flags).map(|writable| writable.allows(value)),
                Some(allowed),
                "{flags}"
            );
        }
        assert_eq!((Writable::parse("n"), Writable::parse("n:"), Writable::parse(":s")), (None, None, None));
    }
}
