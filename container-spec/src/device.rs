//! Devices in a container: cgroup rules and the short form of a mapping.

use core::fmt;

/// Which device nodes a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// `a`: character and block devices.
    All,
    /// `c`: character devices.
    Character,
    /// `b`: block devices.
    Block,
}

/// What may be done with a device: any of read, write and make a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// `r`
    pub read: bool,
    /// `w`
    pub write: bool,
    /// `m`
    pub make: bool,
}

impl Access {
    /// `rwm`, the default of a device mapping.
    pub const ALL: Self = Self { read: true, write: true, make: true };

    /// Parses one to three of the letters `rwm`, each at most once.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut access = Self { read: false, write: false, make: false };
        for letter in text.chars() {
            let flag = match letter {
                'r' => &mut access.read,
                'w' => &mut access.write,
                'm' => &mut access.make,
                _ => return None,
            };
            if core::mem::replace(flag, true) {
                return None;
            }
        }
        (!text.is_empty()).then_some(access)
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (letter, set) in [("r", self.read), ("w", self.write), ("m", self.make)] {
            if set {
                f.write_str(letter)?;
            }
        }
        Ok(())
    }
}

/// A line of `device_cgroup_rules`, as the kernel's cgroup v1 device controller reads it: `c 226:* rmw`.
///
/// ```
/// use container_spec::device::DeviceCgroupRule;
///
/// let rule = DeviceCgroupRule::parse("c 226:* rmw").unwrap();
/// assert_eq!((rule.major, rule.minor), (Some(226), None));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceCgroupRule {
    /// Character, block or both.
    pub kind: DeviceKind,
    /// Major number; `None` is `*`.
    pub major: Option<u32>,
    /// Minor number; `None` is `*`.
    pub minor: Option<u32>,
    /// What is allowed.
    pub access: Access,
}

impl DeviceCgroupRule {
    /// Parses the whole of `text`: kind, `major:minor` and access, with one space between.
    ///
    /// # Errors
    /// With the byte at which the form is broken.
    pub fn parse(text: &str) -> Result<Self, DeviceError> {
        let fail = |at, kind| Err(DeviceError { at, kind });
        let Some((kind, rest)) = text.split_once(' ') else {
            return fail(0, DeviceErrorKind::RuleForm);
        };
        let kind = match kind {
            "a" => DeviceKind::All,
            "c" => DeviceKind::Character,
            "b" => DeviceKind::Block,
            _ => return fail(0, DeviceErrorKind::Kind),
        };
        let Some((numbers, access)) = rest.split_once(' ') else {
            return fail(2, DeviceErrorKind::RuleForm);
        };
        let Some((major, minor)) = numbers.split_once(':') else {
            return fail(2, DeviceErrorKind::RuleForm);
        };
        let Some(major_number) = device_number(major) else {
            return fail(2, DeviceErrorKind::Number);
        };
        let Some(minor_number) = device_number(minor) else {
            return fail(3 + major.len(), DeviceErrorKind::Number);
        };
        let Some(access) = Access::parse(access) else {
            return fail(3 + numbers.len(), DeviceErrorKind::Access);
        };
        Ok(Self { kind, major: major_number, minor: minor_number, access })
    }
}

/// `*` or a number. The outer `None` is an error.
fn device_number(text: &str) -> Option<Option<u32>> {
    if text == "*" {
        return Some(None);
    }
    // `u32::from_str` takes a plus sign, which the kernel does not.
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten().map(Some)
}

impl fmt::Display for DeviceCgroupRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            DeviceKind::All => 'a',
            DeviceKind::Character => 'c',
            DeviceKind::Block => 'b',
        };
        write!(f, "{kind} ")?;
        for (number, after) in [(self.major, ":"), (self.minor, " ")] {
            match number {
                Some(number) => write!(f, "{number}{after}")?,
                None => write!(f, "*{after}")?,
            }
        }
        write!(f, "{}", self.access)
    }
}

/// The short form of `devices`: `SOURCE[:TARGET[:ACCESS]]`, or a CDI name such as `vendor.com/class=device`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceMapping<'a> {
    /// Path on the host, or the CDI name.
    pub source: &'a str,
    /// Path in the container.
    pub target: &'a str,
    /// What the container may do with it.
    pub access: Access,
}

impl<'a> DeviceMapping<'a> {
    /// Parses the whole of `text`.
    ///
    /// # Errors
    /// With the byte at which the form is broken.
    pub fn parse(text: &'a str) -> Result<Self, DeviceError> {
        let fail = |at, kind| Err(DeviceError { at, kind });
        let mut parts = text.split(':');
        let source = parts.next().unwrap_or_default();
        if source.is_empty() {
            return fail(0, DeviceErrorKind::EmptyPart);
        }
        let after_source = source.len() + 1;
        let (target, access) = match (parts.next(), parts.next()) {
            (None, _) => (source, Access::ALL),
            (Some(""), _) => return fail(after_source, DeviceErrorKind::EmptyPart),
            // `/dev/x:r` gives the access alone.
            (Some(second), None) => match Access::parse(second) {
                Some(access) => (source, access),
                None => (second, Access::ALL),
            },
            (Some(target), Some(access)) => match Access::parse(access) {
                Some(access) => (target, access),
                None => return fail(after_source + target.len() + 1, DeviceErrorKind::Access),
            },
        };
        if parts.next().is_some() {
            return fail(0, DeviceErrorKind::TooManyParts);
        }
        Ok(Self { source, target, access })
    }

    /// Whether the source names a device by the Container Device Interface, not by its path.
    #[must_use]
    pub fn is_cdi(&self) -> bool {
        !self.source.starts_with('/') && self.source.contains('=')
    }
}

/// What is wrong with a device, and at which byte of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("device, byte {at}: {kind}")]
pub struct DeviceError {
    /// Offset in bytes from the start of the text.
    pub at: usize,
    /// What is wrong there.
    pub kind: DeviceErrorKind,
}

/// The ways in which a text is no device rule or mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceErrorKind {
    /// Not three parts with one space between.
    #[error("a rule is like `c 13:* rmw`")]
    RuleForm,
    /// Not `a`, `b` or `c`.
    #[error("the kind is one of a, b, c")]
    Kind,
    /// Neither `*` nor a 32-bit number.
    #[error("a device number is `*` or decimal digits")]
    Number,
    /// Not one to three different letters of `rwm`.
    #[error("the access is made of the letters r, w, m, each at most once")]
    Access,
    /// A part of a mapping is empty.
    #[error("a part of the mapping is empty")]
    EmptyPart,
    /// More parts than source, target and access.
    #[error("there are more than three parts")]
    TooManyParts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_the_kernel_refuses() {
        let error = |text| DeviceCgroupRule::parse(text).unwrap_err();
        assert_eq!(error("x 1:2 r"), DeviceError { at: 0, kind: DeviceErrorKind::Kind });
        assert_eq!(error("c 1:+2 r"), DeviceError { at: 4, kind: DeviceErrorKind::Number });
        assert_eq!(error("c 4294967296:0 r"), DeviceError { at: 2, kind: DeviceErrorKind::Number });
        assert_eq!(error("c 1:2 rr"), DeviceError { at: 6, kind: DeviceErrorKind::Access });
        assert_eq!(error("c 1:2"), DeviceError { at: 2, kind: DeviceErrorKind::RuleForm });
    }

    #[test]
    fn reads_the_three_short_forms_of_a_mapping() {
        let all = Access::ALL;
        let read = Access { read: true, write: false, make: false };
        for (text, source, target, access) in [
            ("/dev/null", "/dev/null", "/dev/null", all),
            ("/dev/null:/dev/x", "/dev/null", "/dev/x", all),
            ("/dev/null:r", "/dev/null", "/dev/null", read),
            ("/dev/null:/dev/x:r", "/dev/null", "/dev/x", read),
        ] {
            assert_eq!(DeviceMapping::parse(text), Ok(DeviceMapping { source, target, access }), "{text}");
        }
        assert!(DeviceMapping::parse("vendor1.com/device=gpu").unwrap().is_cdi());
    }
}
