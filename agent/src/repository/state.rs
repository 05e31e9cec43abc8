//! What the signer remembers: what was published last, and what the next signing will say.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uptane_core::repository::Wire;
use uptane_core::{Repository, Role};

/// The version of this record's layout.
pub(super) const FORMAT: u32 = 1;

/// The dialect that a repository is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Director and Image repository, as Torizon's servers sign them.
    Uptane,
    /// One repository of plain TUF.
    Tuf,
}

impl Dialect {
    pub(super) const fn wire(self) -> Wire {
        match self {
            Self::Uptane => Wire::Uptane,
            Self::Tuf => Wire::Tuf,
        }
    }
}

/// One of the two repositories; plain TUF has the Image repository alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The Director repository.
    Director,
    /// The Image repository.
    Image,
}

impl Side {
    /// The repository as the verification names it.
    #[must_use]
    pub const fn repository(self) -> Repository {
        match self {
            Self::Director => Repository::Director,
            Self::Image => Repository::Image,
        }
    }
}

/// Everything that is remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) format: u32,
    pub(super) dialect: Dialect,
    pub(super) consistent_snapshot: bool,
    /// For how many days metadata is valid, by role; delegated roles as `targets`.
    pub(super) lifetimes: BTreeMap<String, u32>,
    pub(super) sides: BTreeMap<Side, Published>,
}

/// One repository.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Published {
    pub(super) root: Root,
    pub(super) timestamp: Signed,
    pub(super) snapshot: Signed,
    pub(super) offline_snapshot: Signed,
    /// Targets and the roles it delegates to, by name.
    pub(super) targets: BTreeMap<String, Listing>,
    /// The Lockboxes, by name.
    pub(super) lockboxes: BTreeMap<String, Listing>,
}

/// The state of one document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signed {
    /// The version that was signed last; 0 if none was.
    pub(super) version: u64,
    /// When that expires, in seconds since 1970.
    pub(super) expires: u64,
    /// Whether what it should say has changed since.
    pub(super) changed: bool,
}

/// The keys of a role, as `keys::Public` writes them, and how many must sign.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeySet {
    pub(super) keys: Vec<String>,
    pub(super) threshold: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Root {
    pub(super) document: Signed,
    /// The keys that the next Root lists, or the last one if it has not changed.
    pub(super) roles: BTreeMap<String, KeySet>,
    /// The keys of the last Root: they sign the next one too.
    pub(super) published: KeySet,
}

/// Targets metadata of one role.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    pub(super) document: Signed,
    pub(super) targets: BTreeMap<String, Target>,
    pub(super) correlation_id: Option<String>,
    pub(super) delegations: Delegations,
    /// Nobody delegates to it any more. Snapshot goes on listing it: a name that disappears is an attack to clients.
    pub(super) revoked: bool,
    /// The signed file as Snapshot lists it.
    pub(super) file: Option<Entry>,
}

/// A file as Snapshot lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) version: u64,
    pub(super) length: u64,
    pub(super) sha256: String,
}

/// One image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    pub(super) length: u64,
    pub(super) sha256: String,
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub(super) custom: serde_json::Map<String, serde_json::Value>,
}

impl Target {
    /// The hardware that the image fits.
    pub(super) fn hardware_ids(&self) -> BTreeSet<String> {
        let ids = self.custom.get("hardwareIds").and_then(serde_json::Value::as_array);
        ids.into_iter().flatten().filter_map(|id| Some(id.as_str()?.to_owned())).collect()
    }
}

/// To whom a role delegates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Delegations {
    #[default]
    Nobody,
    Roles(Vec<DelegatedRole>),
    Bins(Bins),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DelegatedRole {
    pub(super) name: String,
    pub(super) keys: KeySet,
    pub(super) scope: Scope,
    pub(super) terminating: bool,
    pub(super) hardware_ids: Vec<String>,
}

/// Which targets a delegated role may speak of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Those whose names fit one of these patterns.
    Paths(Vec<String>),
    /// Those the SHA-256 of whose names begins with one of these hex digits.
    Prefixes(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bins {
    pub(super) keys: KeySet,
    pub(super) bits: u32,
    pub(super) prefix: String,
}

impl State {
    /// For how many seconds metadata of `role` is valid.
    pub(super) fn lifetime(&self, role: Role) -> u64 {
        let name = match role {
            Role::Delegated(_) => Role::Targets.name(),
            role => role.name(),
        };
        u64::from(self.lifetimes.get(name).copied().unwrap_or_default()).saturating_mul(86_400)
    }
}

impl Published {
    /// The role that delegates to `name`.
    pub(super) fn delegator(&self, name: &str) -> Option<&str> {
        let delegates = |listing: &&Listing| match &listing.delegations {
            Delegations::Nobody => false,
            Delegations::Roles(roles) => roles.iter().any(|role| role.name == name),
            Delegations::Bins(bins) => {
                let digits = name.strip_prefix(&bins.prefix).and_then(|rest| rest.strip_prefix('-'));
                digits.is_some_and(|digits| {
                    u32::from_str_radix(digits, 16)
                        .is_ok_and(|bin| super::delegate::names(bins).name(bin) == name)
                })
            }
        };
        self.targets.iter().find(|(_, listing)| delegates(listing)).map(|(name, _)| name.as_str())
    }

    /// Who signs for the role `name` of Targets or below it.
    pub(super) fn signers(&self, name: &str) -> Option<&KeySet> {
        if name == Role::Targets.name() {
            return self.root.roles.get(name);
        }
        match &self.targets.get(self.delegator(name)?)?.delegations {
            Delegations::Nobody => None,
            Delegations::Roles(roles) => roles.iter().find(|role| role.name == name).map(|role| &role.keys),
            Delegations::Bins(bins) => Some(&bins.keys),
        }
    }
}
