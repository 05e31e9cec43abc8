//! Roots that list keys which may be kept elsewhere.

use alloc::{format, string::String, vec::Vec};

use super::key::ListedKey;
use super::metadata::{RoleKeys, body};
use super::quote;
use super::sign::Wire;
use crate::error::Role;
use crate::time::UtcTime;

/// The keys of a role as metadata lists them, and how many of them must sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRole {
    /// Its keys.
    pub keys: Vec<ListedKey>,
    /// Its threshold.
    pub threshold: u64,
}

impl From<&RoleKeys> for ListedRole {
    fn from(role: &RoleKeys) -> Self {
        Self { keys: role.keys.iter().map(|key| key.listed()).collect(), threshold: role.threshold }
    }
}

impl ListedRole {
    /// The members `keyids` and `threshold`.
    pub(super) fn members(&self) -> String {
        let identifiers: Vec<String> = self.keys.iter().map(|key| quote(key.identifier())).collect();
        format!(r#""keyids":[{}],"threshold":{}"#, identifiers.join(","), self.threshold)
    }
}

/// The object `keys` of all keys of `roles`, each once.
pub(super) fn keys<'a>(roles: impl Iterator<Item = &'a ListedRole>, wire: Wire) -> String {
    let mut entries: Vec<String> = roles.flat_map(|role| &role.keys).map(|key| key.entry(wire)).collect();
    entries.sort();
    entries.dedup();
    format!("{{{}}}", entries.join(","))
}

/// What a Root says, with keys that may be kept elsewhere.
#[derive(Clone, Debug)]
pub struct ListedRoot {
    /// Its version.
    pub version: u64,
    /// When it expires.
    pub expires: UtcTime,
    /// Whether files are served with their version or hash in front of their name; TUF only.
    pub consistent_snapshot: bool,
    /// Who signs for which role; Root itself included.
    pub roles: Vec<(Role, ListedRole)>,
}

impl ListedRoot {
    /// The `signed` object.
    #[must_use]
    pub fn body(&self, wire: Wire) -> String {
        let keys = keys(self.roles.iter().map(|(_, role)| role), wire);
        let roles: Vec<String> = self
            .roles
            .iter()
            .map(|(role, keys)| format!(r#""{}":{{{}}}"#, role.name(), keys.members()))
            .collect();
        let members = format!(
            r#""consistent_snapshot":{},"keys":{keys},"roles":{{{}}}"#,
            self.consistent_snapshot,
            roles.join(",")
        );
        body(Role::Root, wire, self.version, self.expires, &members)
    }
}
