//! What a step loses.

use core::fmt;
use core::ops::{BitOr, BitOrAssign};

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of things that a step does not carry into the result.
///
/// ```
/// use etc_merge::Lost;
/// let lost = Lost::LOCAL_MODE | Lost::LOCAL_XATTRS;
/// assert!(lost.contains(Lost::LOCAL_MODE) && !lost.contains(Lost::NEW_CONTENT));
/// ```
///
/// Its text form is the list of their names in lower case, such as `["local-mode"]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lost(u16);

/// Each flag with its name and what it says, lowest bit first.
const NAMES: [(Lost, &str, &str); 8] = [
    (Lost::LOCAL_CONTENT, "local-content", "the device's content"),
    (Lost::LOCAL_MODE, "local-mode", "the device's mode or owner"),
    (Lost::LOCAL_XATTRS, "local-xattrs", "the device's extended attributes"),
    (Lost::LOCAL_SPECIAL, "local-special", "the device's special file"),
    (Lost::NEW_CONTENT, "new-content", "the new default's content"),
    (Lost::NEW_MODE, "new-mode", "the new default's mode or owner"),
    (Lost::NEW_XATTRS, "new-xattrs", "the new default's extended attributes"),
    (Lost::DEFAULT, "default", "the default file"),
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
        for (_, _, name) in NAMES.iter().filter(|(flag, ..)| self.contains(*flag)) {
            write!(f, "{separator}{name}")?;
            separator = ", ";
        }
        Ok(())
    }
}

impl Serialize for Lost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let names = NAMES.iter().filter(|(flag, ..)| self.contains(*flag)).map(|(_, name, _)| name);
            serializer.collect_seq(names)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Lost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return u16::deserialize(deserializer).map(Self);
        }
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Lost;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of what is lost")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Lost, A::Error> {
                let mut lost = Lost::NOTHING;
                while let Some(name) = names.next_element::<heapless::String<16>>()? {
                    let known = NAMES.iter().find(|(_, known, _)| name == **known);
                    lost |= known.ok_or_else(|| A::Error::custom("no such thing can be lost"))?.0;
                }
                Ok(lost)
            }
        }
        deserializer.deserialize_seq(Names)
    }
}
