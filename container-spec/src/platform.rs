//! Platforms and the choice of a manifest for one.
//!
//! Fields: OCI image-spec, `image-index.md`. Aliases and variants follow containerd's `platforms` package,
//! which Docker uses.

use core::fmt;

/// Operating system, processor architecture and its variant, as in `linux/arm64/v8`.
///
/// ```
/// use container_spec::platform::Platform;
///
/// let device = Platform::parse("linux/arm64").unwrap();
/// let offered = [Platform::new("linux", "amd64"), Platform::parse("linux/arm64/v8").unwrap()];
/// assert_eq!(device.select(offered), Some(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Platform<'a> {
    /// `GOOS`: `linux`.
    pub os: &'a str,
    /// `GOARCH`: `arm64`.
    pub architecture: &'a str,
    /// `v8` of arm64, `v7` of arm; an absent one means the usual variant of the architecture.
    pub variant: Option<&'a str>,
}

/// How well an offered platform suits a wanted one; the greater the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// The processor runs it, but it was made for an older variant.
    OlderVariant,
    /// The same platform.
    Exact,
}

impl<'a> Platform<'a> {
    /// A platform without a variant; aliases such as `aarch64` are resolved.
    #[must_use]
    pub fn new(os: &'a str, architecture: &'a str) -> Self {
        Self { os, architecture, variant: None }.normalized()
    }

    /// Parses `os/architecture[/variant]`, or an architecture alone, which means Linux.
    ///
    /// # Errors
    /// With the byte at which the form is broken.
    pub fn parse(text: &'a str) -> Result<Self, PlatformError> {
        let good = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        };
        let mut at = 0;
        let mut parts = [None; 3];
        for (count, part) in text.split('/').enumerate() {
            let Some(slot) = parts.get_mut(count) else {
                return Err(PlatformError { at, kind: PlatformErrorKind::TooManyParts });
            };
            if !good(part) {
                return Err(PlatformError { at, kind: PlatformErrorKind::BadPart });
            }
            *slot = Some(part);
            at += part.len() + 1;
        }
        let platform = match parts {
            [Some(os), Some(architecture), variant] => Self { os, architecture, variant },
            [Some(architecture), ..] => Self { os: "linux", architecture, variant: None },
            [None, ..] => return Err(PlatformError { at: 0, kind: PlatformErrorKind::BadPart }),
        };
        Ok(platform.normalized())
    }

    /// The same platform with aliases resolved and the usual variant left out.
    #[must_use]
    pub fn normalized(self) -> Self {
        let architecture = match self.architecture {
            "aarch64" => "arm64",
            "x86_64" | "x86-64" => "amd64",
            "i386" | "i686" => "386",
            other => other,
        };
        let (architecture, variant) = match (architecture, self.variant) {
            ("armhf", _) => ("arm", None),
            ("armel", _) => ("arm", Some("v6")),
            ("armv7l" | "armv7", _) => ("arm", None),
            ("arm64", Some("8" | "v8")) | ("arm", Some("7" | "v7")) | ("amd64", Some("v1")) => {
                (architecture, None)
            }
            ("arm", Some("5")) => ("arm", Some("v5")),
            ("arm", Some("6")) => ("arm", Some("v6")),
            ("arm", Some("8")) => ("arm", Some("v8")),
            (architecture, variant) => (architecture, variant),
        };
        Self { os: if self.os == "macos" { "darwin" } else { self.os }, architecture, variant }
    }

    /// How well `offered` suits this platform, if at all.
    #[must_use]
    pub fn fit(&self, offered: &Platform<'_>) -> Option<Fit> {
        let wanted = self.normalized();
        let offered = offered.normalized();
        if (wanted.os, wanted.architecture) != (offered.os, offered.architecture) {
            return None;
        }
        if wanted.variant == offered.variant {
            return Some(Fit::Exact);
        }
        let wanted = arm_version(wanted.architecture, wanted.variant)?;
        let offered = arm_version(offered.architecture, offered.variant)?;
        (offered < wanted).then_some(Fit::OlderVariant)
    }

    /// The index of the best of `offered`: an exact one, else the newest variant that runs. The first wins
    /// among equals, as in Docker. An entry of `unknown/unknown`, which holds an attestation, never suits.
    #[must_use]
    pub fn select<'o>(&self, offered: impl IntoIterator<Item = Platform<'o>>) -> Option<usize> {
        let mut best: Option<(usize, (Fit, Option<u8>))> = None;
        for (index, offered) in offered.into_iter().enumerate() {
            let Some(fit) = self.fit(&offered) else { continue };
            let normal = offered.normalized();
            let rank = (fit, arm_version(normal.architecture, normal.variant));
            if best.is_none_or(|(_, top)| rank > top) {
                best = Some((index, rank));
            }
        }
        best.map(|(index, _)| index)
    }
}

impl fmt::Display for Platform<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// Arm variants run the older ones of the same architecture. Others do not compare.
fn arm_version(architecture: &str, variant: Option<&str>) -> Option<u8> {
    match (architecture, variant) {
        ("arm", None) => Some(7),
        ("arm64", None) => Some(8),
        ("arm", Some("v5")) => Some(5),
        ("arm", Some("v6")) => Some(6),
        ("arm" | "arm64", Some("v8")) => Some(8),
        ("arm64", Some("v9")) => Some(9),
        _ => None,
    }
}

/// What is wrong with a platform, and at which byte of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("platform, byte {at}: {kind}")]
pub struct PlatformError {
    /// Offset in bytes from the start of the platform.
    pub at: usize,
    /// What is wrong there.
    pub kind: PlatformErrorKind,
}

/// The ways in which a text is no platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlatformErrorKind {
    /// A part is empty or holds something else than letters, digits, `_`, `.` and `-`.
    #[error("each part is letters, digits, `_`, `.` and `-`")]
    BadPart,
    /// More than `os/architecture/variant`.
    #[error("there are more than three parts")]
    TooManyParts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_variant_of_arm64_is_v8() {
        let device = Platform::parse("linux/arm64/v8").unwrap();
        assert_eq!(device, Platform::new("linux", "aarch64"));
        assert_eq!(device.fit(&Platform::new("linux", "arm64")), Some(Fit::Exact));
    }

    #[test]
    fn armv7_runs_v6_but_not_v8() {
        let device = Platform::parse("linux/arm/v7").unwrap();
        assert_eq!(device.fit(&Platform::parse("linux/arm/v6").unwrap()), Some(Fit::OlderVariant));
        assert_eq!(device.fit(&Platform::parse("linux/arm/v8").unwrap()), None);
        let offered = ["linux/arm/v5", "linux/arm/v6", "linux/arm/v8"].map(|p| Platform::parse(p).unwrap());
        assert_eq!(device.select(offered), Some(1));
    }

    #[test]
    fn an_attestation_never_suits() {
        let device = Platform::new("linux", "arm64");
        assert_eq!(device.select([Platform::parse("unknown/unknown").unwrap()]), None);
    }

    #[test]
    fn says_where_a_platform_is_broken() {
        let error = |text| Platform::parse(text).unwrap_err();
        assert_eq!(error("linux//v8"), PlatformError { at: 6, kind: PlatformErrorKind::BadPart });
        assert_eq!(error("linux/arm/v7/x"), PlatformError { at: 13, kind: PlatformErrorKind::TooManyParts });
        assert_eq!(error(""), PlatformError { at: 0, kind: PlatformErrorKind::BadPart });
    }
}
