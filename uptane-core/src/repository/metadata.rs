//! The `signed` objects of each role.

use alloc::{format, string::String, vec::Vec};

use super::delegations::Delegations;
use super::key::{SigningKey, hex};
use super::root::{ListedRole, ListedRoot};
use super::sign::Wire;
use crate::canonical::{self, Form};
use crate::dialect::{Dialect, Tuf, Uptane};
use crate::error::Role;
use crate::json;
use crate::time::UtcTime;
use sha2::Digest;

/// The keys of a role and how many of them must sign.
#[derive(Clone, Debug)]
pub struct RoleKeys {
    /// Its keys.
    pub keys: Vec<SigningKey>,
    /// Its threshold.
    pub threshold: u64,
}

impl RoleKeys {
    /// One key that signs alone.
    #[must_use]
    pub fn single(key: SigningKey) -> Self {
        Self { keys: [key].into(), threshold: 1 }
    }
}

/// What a Root says.
#[derive(Clone, Debug)]
pub struct RootSpec {
    /// Its version.
    pub version: u64,
    /// When it expires.
    pub expires: UtcTime,
    /// Who signs for which role; Root itself included.
    pub roles: Vec<(Role, RoleKeys)>,
}

impl RootSpec {
    /// The keys of `role`; none if it has none.
    #[must_use]
    pub fn keys(&self, role: Role) -> &[SigningKey] {
        self.roles.iter().find(|(name, _)| *name == role).map_or(&[], |(_, keys)| &keys.keys)
    }
}

/// One image in Targets metadata.
#[derive(Clone, Debug)]
pub struct TargetSpec {
    /// Its file name.
    pub name: String,
    /// Its length in bytes; 0 for an OSTree commit.
    pub length: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// The `custom` object, as JSON; nothing if it is empty.
    pub custom: String,
}

impl TargetSpec {
    /// The `custom` object of the Image repository: which hardware the image fits.
    #[must_use]
    pub fn image_custom(name: &str, version: &str, hardware_id: &str, format: &str) -> String {
        format!(
            r#"{{"hardwareIds":[{}],"name":{},"targetFormat":{},"version":{}}}"#,
            quote(hardware_id),
            quote(name),
            quote(format),
            quote(version)
        )
    }

    fn json(&self) -> String {
        let Self { name, length, sha256, custom } = self;
        // TUF has `custom` where there is something to say (clause 4.5).
        let custom = if custom.is_empty() { String::new() } else { format!(r#""custom":{custom},"#) };
        format!(r#"{}:{{{custom}"hashes":{{"sha256":"{}"}},"length":{length}}}"#, quote(name), hex(sha256))
    }

    /// The `custom` object of the Director: which ECU the image is for.
    #[must_use]
    pub fn director_custom(ecu_serial: &str, hardware_id: &str) -> String {
        format!(r#"{{"ecuIdentifiers":{{{}:{{"hardwareId":{}}}}}}}"#, quote(ecu_serial), quote(hardware_id))
    }
}

/// What Timestamp and Snapshot say of a file.
#[derive(Clone, Copy, Debug)]
pub struct FileEntry {
    /// Its version.
    pub version: u64,
    /// Its length in bytes.
    pub length: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

impl FileEntry {
    /// Of the document `bytes` of `version`: over its canonical form in Uptane, over its bytes in TUF.
    ///
    /// # Errors
    /// If the document is not JSON that this crate reads.
    pub fn of(version: u64, bytes: &[u8], wire: Wire) -> Result<Self, json::JsonError> {
        let mut content = Vec::new();
        match wire {
            Wire::Uptane => {
                canonical::write(json::parse(bytes)?, Form::JsonSubset, &mut Vec::new(), &mut content)?
            }
            Wire::Tuf => content.extend_from_slice(bytes),
        }
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        Ok(Self { version, length, sha256: sha2::Sha256::digest(&content).into() })
    }

    fn json(&self) -> String {
        let Self { version, length, sha256 } = self;
        format!(r#"{{"hashes":{{"sha256":"{}"}},"length":{length},"version":{version}}}"#, hex(sha256))
    }
}

/// The `signed` object of Root metadata.
#[must_use]
pub fn root_body(root: &RootSpec, wire: Wire) -> String {
    let roles = root.roles.iter().map(|(role, keys)| (*role, ListedRole::from(keys))).collect();
    ListedRoot { version: root.version, expires: root.expires, consistent_snapshot: false, roles }.body(wire)
}

/// The `signed` object of Targets metadata, or of another role with images in it.
#[must_use]
pub fn targets_body(
    role: Role,
    wire: Wire,
    version: u64,
    expires: UtcTime,
    targets: &[TargetSpec],
    correlation_id: Option<&str>,
) -> String {
    TargetsSpec { role, version, expires, targets, correlation_id, delegations: None }.body(wire)
}

/// What Targets metadata, or another role with images in it, says.
#[derive(Clone, Copy, Debug)]
pub struct TargetsSpec<'a> {
    /// Who signs it.
    pub role: Role,
    /// Its version.
    pub version: u64,
    /// When it expires.
    pub expires: UtcTime,
    /// Its images.
    pub targets: &'a [TargetSpec],
    /// The Director's name for the assignment.
    pub correlation_id: Option<&'a str>,
    /// To whom it delegates.
    pub delegations: Option<&'a Delegations>,
}

impl TargetsSpec<'_> {
    /// The `signed` object.
    #[must_use]
    pub fn body(&self, wire: Wire) -> String {
        let Self { role, version, expires, targets, correlation_id, delegations } = *self;
        let entries: Vec<String> = targets.iter().map(TargetSpec::json).collect();
        let custom = correlation_id
            .map_or(String::new(), |id| format!(r#""custom":{{"correlationId":{}}},"#, quote(id)));
        let delegations =
            delegations.map_or(String::new(), |to| format!(r#""delegations":{},"#, to.json(wire)));
        let members = format!(r#"{custom}{delegations}"targets":{{{}}}"#, entries.join(","));
        body(role, wire, version, expires, &members)
    }
}

/// The `signed` object of Snapshot metadata: files by name.
#[must_use]
pub fn meta_body(
    role: Role,
    wire: Wire,
    version: u64,
    expires: UtcTime,
    files: &[(&str, FileEntry)],
) -> String {
    let entries: Vec<String> =
        files.iter().map(|(name, file)| format!("{}:{}", quote(name), file.json())).collect();
    body(role, wire, version, expires, &format!(r#""meta":{{{}}}"#, entries.join(",")))
}

/// The `signed` object of Timestamp metadata.
#[must_use]
pub fn timestamp_body(wire: Wire, version: u64, expires: UtcTime, snapshot: FileEntry) -> String {
    meta_body(Role::Timestamp, wire, version, expires, &[("snapshot.json", snapshot)])
}

pub(super) fn body(role: Role, wire: Wire, version: u64, expires: UtcTime, members: &str) -> String {
    let (kind, spec) = match wire {
        Wire::Uptane => (Uptane::type_name(role), ""),
        Wire::Tuf => (Tuf::type_name(role), r#","spec_version":"1.0.34""#),
    };
    sorted(format!(r#"{{"_type":"{kind}"{spec},"expires":"{expires}",{members},"version":{version}}}"#))
}

/// `text` with its members in canonical order, so that clients need not re-write it; as it is if it is not JSON,
/// which signing it will tell.
fn sorted(text: String) -> String {
    let mut sorted = Vec::new();
    let written = json::parse(text.as_bytes())
        .and_then(|value| canonical::write(value, Form::JsonSubset, &mut Vec::new(), &mut sorted));
    written.ok().and_then(|()| String::from_utf8(sorted).ok()).unwrap_or(text)
}

/// `text` as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
