//! What aktualizr calls an error: the names of its exceptions (`uptane/exceptions.h`), written as the Uptane test
//! vectors do, with the role and the repository where these are told apart.

use core::fmt;

use super::{Error, ErrorKind, Repository, Role, Step};

/// The name of an error in aktualizr and the test vectors; see [`Error::aktualizr_name`].
#[derive(Clone, Copy, Debug)]
pub struct AktualizrName<'a>(pub(super) &'a Error);

impl fmt::Display for AktualizrName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error { repository, role, step, kind } = self.0;
        let mut with_role = |name: &str| write!(formatter, "{name}::{}", Capitalised(*role));
        match kind {
            // Its one signature is not by a key of the role.
            ErrorKind::UnmetThreshold { valid: 0, offered: 1, .. } => formatter.write_str("BadKeyId"),
            ErrorKind::UnmetThreshold { .. } => with_role("UnmetThreshold"),
            ErrorKind::RepeatedSignature => with_role("NonUniqueSignatures"),
            ErrorKind::IllegalThreshold { .. } => with_role("IllegalThreshold"),
            // A delegation that has expired lists nothing, as aktualizr sees it.
            ErrorKind::Expired { .. } if matches!(role, Role::Delegated(_)) => {
                formatter.write_str("TargetMismatch")
            }
            ErrorKind::Expired { .. } => with_role("ExpiredMetadata"),
            ErrorKind::Version { .. } if *step == Step::R2Version => formatter.write_str("RootRotationError"),
            ErrorKind::Absent if *step == Step::G2 => write!(formatter, "VersionMismatch::{}", Plain(*role)),
            ErrorKind::Version { .. } => write!(formatter, "VersionMismatch::{}", Plain(*role)),
            ErrorKind::Absent if matches!(role, Role::Delegated(_)) => with_role("DelegationMissing"),
            ErrorKind::TooLarge { .. } if *step == Step::I7 => formatter.write_str("OversizedTarget"),
            ErrorKind::Absent | ErrorKind::TooLarge { .. } => {
                with_role("MetadataFetchFailure")?;
                let repository = match repository {
                    Repository::Director => "Director",
                    Repository::Image => "Image",
                };
                write!(formatter, "::{repository}")
            }
            ErrorKind::Hash(_) | ErrorKind::Length { .. } if *step == Step::I7 => {
                formatter.write_str("TargetHashMismatch")
            }
            ErrorKind::Delegation => formatter.write_str("DirectorDelegation"),
            ErrorKind::RepeatedEcu => formatter.write_str("DirectorRepeatedEcuId"),
            ErrorKind::UnknownEcu => formatter.write_str("BadEcuId"),
            ErrorKind::OtherHardware => formatter.write_str("BadHardwareId"),
            ErrorKind::NotInImageRepository | ErrorKind::Mismatch(_) => formatter.write_str("TargetMismatch"),
            ErrorKind::Json(_) | ErrorKind::BadMember(_) | ErrorKind::NoHash => with_role("InvalidMetadata"),
            ErrorKind::OtherType
            | ErrorKind::Rollback { .. }
            | ErrorKind::SameVersion { .. }
            | ErrorKind::Hash(_)
            | ErrorKind::Length { .. }
            | ErrorKind::Disappeared
            | ErrorKind::OtherVehicle
            | ErrorKind::Undecryptable
            | ErrorKind::TooMany { .. } => with_role("SecurityException"),
        }
    }
}

/// A role's name as it stands in file names.
struct Plain(Role);

impl fmt::Display for Plain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Role::Delegated(name) => formatter.write_str(name.as_str()),
            role => formatter.write_str(role.name()),
        }
    }
}

/// A role's name as it stands in `_type`.
struct Capitalised(Role);

impl fmt::Display for Capitalised {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::dialect::{Dialect, Uptane};
        match self.0 {
            role @ Role::Delegated(_) => Plain(role).fmt(formatter),
            role => formatter.write_str(Uptane::type_name(role)),
        }
    }
}
