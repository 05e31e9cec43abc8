//! Delegations as Targets metadata writes them.

use alloc::{format, string::String, vec::Vec};

use sha2::Digest;

use super::quote;
use super::root::{ListedRole, keys};
use super::sign::Wire;

/// To whom Targets metadata delegates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delegations {
    /// To roles, asked in this order.
    Roles(Vec<DelegatedRole>),
    /// To bins by the hash of the target's name (TAP 15).
    Bins(Bins),
}

/// A role that is delegated to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegatedRole {
    /// Its name.
    pub name: String,
    /// Who signs for it.
    pub keys: ListedRole,
    /// Which targets it may speak of.
    pub scope: Scope,
    /// Whether the search ends with it.
    pub terminating: bool,
    /// The hardware its targets are for; all, if none is named. Uptane only.
    pub hardware_ids: Vec<String>,
}

/// Which targets a delegated role may speak of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those whose names fit one of these patterns.
    Paths(Vec<String>),
    /// Those the SHA-256 of whose names begins with one of these hex digits.
    HashPrefixes(Vec<String>),
}

/// Bins of targets by the hash of their names, all signed with the same keys (TAP 15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bins {
    /// Who signs for each of them.
    pub keys: ListedRole,
    /// How many bits of the hash choose the bin, 1 to 32.
    pub bits: u32,
    /// What each bin's name begins with, before `-` and its number in hex.
    pub prefix: String,
}

impl Bins {
    /// The name of bin `number`, counted from 0.
    #[must_use]
    pub fn name(&self, number: u32) -> String {
        let digits = usize::try_from(self.bits.div_ceil(4)).unwrap_or(8);
        format!("{}-{number:0digits$x}", self.prefix)
    }

    /// The number of the bin that `target` belongs to.
    #[must_use]
    pub fn of(&self, target: &str) -> u32 {
        let digest: [u8; 32] = sha2::Sha256::digest(target.as_bytes()).into();
        let first = digest.first_chunk().map_or(0, |first| u32::from_be_bytes(*first));
        first >> 32_u32.saturating_sub(self.bits).min(31)
    }
}

impl Delegations {
    /// The object `delegations`.
    pub(super) fn json(&self, wire: Wire) -> String {
        match self {
            Self::Roles(roles) => {
                let keys = keys(roles.iter().map(|role| &role.keys), wire);
                let roles: Vec<String> = roles.iter().map(DelegatedRole::json).collect();
                format!(r#"{{"keys":{keys},"roles":[{}]}}"#, roles.join(","))
            }
            Self::Bins(bins) => {
                let keys = keys(core::iter::once(&bins.keys), wire);
                let (members, prefix) = (bins.keys.members(), quote(&bins.prefix));
                format!(
                    r#"{{"keys":{keys},"succinct_roles":{{"bit_length":{},{members},"name_prefix":{prefix}}}}}"#,
                    bins.bits
                )
            }
        }
    }
}

impl DelegatedRole {
    fn json(&self) -> String {
        let list = |texts: &[String]| texts.iter().map(|text| quote(text)).collect::<Vec<_>>().join(",");
        let scope = match &self.scope {
            Scope::Paths(paths) => format!(r#""paths":[{}]"#, list(paths)),
            Scope::HashPrefixes(prefixes) => format!(r#""path_hash_prefixes":[{}]"#, list(prefixes)),
        };
        let hardware = match self.hardware_ids.as_slice() {
            [] => String::new(),
            ids => format!(r#""hardwareIds":[{}],"#, list(ids)),
        };
        format!(
            r#"{{{hardware}{},"name":{},{scope},"terminating":{}}}"#,
            self.keys.members(),
            quote(&self.name),
            self.terminating
        )
    }
}
