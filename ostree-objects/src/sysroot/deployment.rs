use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use crate::{Checksum, Name};

/// A checked-out commit that can be booted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The stateroot it belongs to.
    pub stateroot: String,
    /// The commit.
    pub commit: Checksum,
    /// Counts the deployments of the same commit.
    pub serial: u32,
    /// The kernel's arguments, without `ostree=`.
    pub arguments: String,
}

impl Deployment {
    /// Its root directory, relative to the sysroot.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", directory_of(&self.stateroot), self.name())
    }

    /// The name of its root directory.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.commit, self.serial)
    }

    /// The file that says where it came from, relative to the sysroot.
    pub(super) fn origin(&self) -> String {
        format!("{}.origin", self.path())
    }

    /// The same directory, whatever the kernel's arguments.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.stateroot, self.commit, self.serial) == (&other.stateroot, other.commit, other.serial)
    }

    /// Reads the target of a link in `ostree/boot.V.S/NAME/BOOTCSUM`:
    /// `../../../deploy/NAME/deploy/COMMIT.SERIAL`.
    pub(super) fn from_link(target: &str, arguments: String) -> Option<Self> {
        let (stateroot, name) = target.strip_prefix("../../../deploy/")?.split_once("/deploy/")?;
        Name::new(stateroot).ok()?;
        let (commit, serial) = parse_name(name)?;
        Some(Self { stateroot: stateroot.to_string(), commit, serial, arguments })
    }
}

impl fmt::Display for Deployment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}.{}", self.stateroot, self.commit, self.serial)
    }
}

/// Where the deployments of a stateroot are.
pub(super) fn directory_of(stateroot: &str) -> String {
    format!("{}/{stateroot}/deploy", super::DEPLOY)
}

/// `COMMIT.SERIAL`.
pub(super) fn parse_name(name: &str) -> Option<(Checksum, u32)> {
    let (commit, serial) = name.split_once('.')?;
    let canonical = serial == "0" || !serial.starts_with(['0', '+']);
    let serial = serial.parse().ok().filter(|_| canonical)?;
    Some((Checksum::from_hex(commit.as_bytes()).ok()?, serial))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";

    #[test]
    fn a_link_leads_to_its_deployment_or_nowhere() {
        let link = format!("../../../deploy/torizon/deploy/{HEX}.3");
        let deployment = Deployment::from_link(&link, "quiet".into()).unwrap();
        assert_eq!(deployment.path(), format!("ostree/deploy/torizon/deploy/{HEX}.3"));
        assert_eq!(deployment.to_string(), format!("torizon {HEX}.3"));
        for wrong in ["", "../../../deploy/torizon/deploy/x.3", "../deploy/torizon/deploy/"] {
            assert_eq!(Deployment::from_link(wrong, String::new()), None, "{wrong}");
        }
        for (stateroot, serial) in
            [("..", "0"), ("a/b", "0"), ("torizon", "01"), ("torizon", "-1"), ("torizon", "+1")]
        {
            let link = format!("../../../deploy/{stateroot}/deploy/{HEX}.{serial}");
            assert_eq!(Deployment::from_link(&link, String::new()), None, "{link}");
        }
    }
}
