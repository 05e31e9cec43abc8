//! What a step loses.

use core::fmt;
use core::ops::{BitOr, BitOrAssign};

use serde::{Deserialize, Serialize};

/// A set of things that a step does not carry into the result.
///
/// ```
/// use etc_merge::Lost;
/// let lost = Lost::LOCAL_MODE | Lost::LOCAL_XATTRS;
/// assert!(lost.contains(Lost::LOCAL_MODE) && !lost.contains(Lost::NEW_CONTENT));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lost(u16);

/// Each flag with its name, lowest bit first.
const NAMES: [(Lost, &str); 8] = [
    (Lost::LOCAL_CONTENT, "the device's content"),
    (Lost::LOCAL_MODE, "the device's mode or owner"),
    (Lost::LOCAL_XATTRS, "the device's extended attributes"),
    (Lost::LOCAL_SPECIAL, "the device's special file"),
    (Lost::NEW_CONTENT, "the new default's content"),
    (Lost::NEW_MODE, "the new default's mode or owner"),
    (Lost::NEW_XATTRS, "the new default's extended attributes"),
    (Lost::DEFAULT, "the default file"),
];

impl Lost {
    /// Nothing.
    pub const NOTHING: Self = Self(0);
    /// The device's content, target, or directory with what lies below it.
    pub const LOCAL_CONTENT: Self = Self(1);
    /// The mode, owner or group that the device set.
    pub const LOCAL_MODE: Self = Self(2);
    /// Extended attributes that the device set.
    pub const LOCAL_XATTRS: Self = Self(4);
    /// A fifo, socket or device: no merge carries one over.
    pub const LOCAL_SPECIAL: Self = Self(8);
    /// Content, target or directory that the image changed or added.
    pub const NEW_CONTENT: Self = Self(16);
    /// The mode, owner or group that the image set.
    pub const NEW_MODE: Self = Self(32);
    /// Extended attributes that the image set.
    pub const NEW_XATTRS: Self = Self(64);
    /// A default that the device did not mean to remove.
    pub const DEFAULT: Self = Self(128);

    /// Whether nothing is lost.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// `self` if `condition`, else nothing.
    pub(crate) const fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::NOTHING }
    }
}

impl BitOr for Lost {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Lost {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (_, name) in NAMES.iter().filter(|(flag, _)| self.contains(*flag)) {
            write!(f, "{separator}{name}")?;
            separator = ", ";
        }
        Ok(())
    }
}
