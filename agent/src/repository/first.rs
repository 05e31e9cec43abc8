//! The keys that a repository begins with, said of single roles or of many.

use std::fmt;
use std::path::PathBuf;

use uptane_core::Role;

use super::keys::{KeyCount, KeyKind, NewKeys};
use super::state::Side;

/// A role of Root in one repository, or of that name in each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleName {
    /// The repository; each, if none is named.
    pub side: Option<Side>,
    /// The role's name.
    pub role: String,
}

impl RoleName {
    pub(super) fn is(&self, side: Side, role: Role) -> bool {
        self.role == role.name() && self.side.is_none_or(|named| named == side)
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.side {
            Some(side) => write!(formatter, "{}/{}", side.repository().name(), self.role),
            None => formatter.write_str(&self.role),
        }
    }
}

/// What is said about the keys of roles; who is named with a repository comes before who is named without.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstKeys {
    /// How many they have.
    pub counts: Vec<(RoleName, KeyCount)>,
    /// What those are that are made; without a name, for all roles that are not named.
    pub kinds: Vec<(Option<RoleName>, KeyKind)>,
    /// Keys that exist already.
    pub given: Vec<(RoleName, PathBuf)>,
}

impl FirstKeys {
    /// Every role that is named.
    pub(super) fn roles(&self) -> impl Iterator<Item = &RoleName> {
        let counts = self.counts.iter().map(|(role, _)| role);
        let kinds = self.kinds.iter().filter_map(|(role, _)| role.as_ref());
        counts.chain(kinds).chain(self.given.iter().map(|(role, _)| role))
    }

    /// What is said about `role`.
    pub(super) fn of(&self, side: Side, role: Role) -> NewKeys {
        let is = |name: &RoleName| name.is(side, role);
        let counts = self.counts.iter().filter(|(name, _)| is(name));
        let kinds = self.kinds.iter().filter(|(name, _)| name.as_ref().is_none_or(is));
        let rank = |name: Option<&RoleName>| name.map(|name| name.side.is_some());
        NewKeys {
            count: counts.max_by_key(|(name, _)| rank(Some(name))).map(|(_, count)| *count),
            kind: kinds.max_by_key(|(name, _)| rank(name.as_ref())).map(|(_, kind)| *kind),
            given: self.given.iter().filter(|(name, _)| is(name)).map(|(_, path)| path.clone()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_one_role_comes_before_what_is_said_of_many() {
        let name = |side, role: &str| RoleName { side, role: role.into() };
        let kinds = vec![
            (Some(name(Some(Side::Director), "root")), KeyKind::Rsa4096),
            (Some(name(None, "root")), KeyKind::Rsa2048),
            (None, KeyKind::EcdsaP256),
        ];
        let keys = FirstKeys { kinds, ..FirstKeys::default() };
        let kind = |side, role| keys.of(side, role).kind;
        assert_eq!(kind(Side::Director, Role::Root), Some(KeyKind::Rsa4096));
        assert_eq!(kind(Side::Image, Role::Root), Some(KeyKind::Rsa2048));
        assert_eq!(kind(Side::Director, Role::Targets), Some(KeyKind::EcdsaP256));
        let names: Vec<_> = keys.roles().map(ToString::to_string).collect();
        assert_eq!(names, ["director/root", "root"]);
    }
}
