//! Delegations: who else may list images, with which keys.

use anyhow::{Context, bail, ensure};
use uptane_core::Role;
use uptane_core::repository::{self as core, ListedRole};

use super::Repo;
use super::keys::NewKeys;
use super::state::{Bins, DelegatedRole, Delegations, Dialect, KeySet, Listing, Scope, Side, Signed};

/// Most bits of the hash that choose a bin here: 16,384 bins, each a file.
pub const MAX_BIN_BITS: u32 = 14;

/// Most bytes of a delegated role's name, as ota-tuf has it.
pub const MAX_ROLE_NAME_BYTES: usize = 50;

/// A delegation to a role.
#[derive(Clone, Debug)]
pub struct NewDelegation {
    /// The role's name.
    pub name: String,
    /// Which targets it may speak of.
    pub scope: Scope,
    /// Whether the search ends with it.
    pub terminating: bool,
    /// The hardware its targets are for (Uptane).
    pub hardware_ids: Vec<String>,
}

impl Repo {
    /// `from` delegates to a role with new keys, asked after those it delegates to already.
    ///
    /// # Errors
    /// If there is no role `from`, it has bins, or the name is taken.
    pub fn delegate(&mut self, from: &str, new: NewDelegation, keys: &NewKeys) -> anyhow::Result<()> {
        check_role_name(self.state.dialect, &new.name)?;
        self.ensure_free(&new.name)?;
        check_scope(&new.scope)?;
        ensure!(
            new.hardware_ids.is_empty() || self.state.dialect == Dialect::Uptane,
            "plain TUF delegates to no hardware"
        );
        if matches!(self.listing_mut(Side::Image, from)?.delegations, Delegations::Bins(_)) {
            bail!("{from} delegates to bins: not to roles as well (TAP 15)");
        }
        let keys = self.keys.provide(keys, None)?;
        let NewDelegation { name, scope, terminating, hardware_ids } = new;
        let listing = self.listing_mut(Side::Image, from)?;
        let role = DelegatedRole { name: name.clone(), keys, scope, terminating, hardware_ids };
        match &mut listing.delegations {
            Delegations::Roles(roles) => roles.push(role),
            other => *other = Delegations::Roles(vec![role]),
        }
        listing.document.changed = true;
        self.begin(&name)?;
        self.save()
    }

    /// `from` delegates to bins by the hash of the target's name (TAP 15): each image of its own moves to its bin.
    ///
    /// # Errors
    /// If there is no role `from`, or it delegates already.
    pub fn delegate_bins(
        &mut self,
        from: &str,
        prefix: &str,
        bits: u32,
        keys: &NewKeys,
    ) -> anyhow::Result<u32> {
        check_role_name(self.state.dialect, prefix)?;
        ensure!(self.state.dialect == Dialect::Tuf, "Uptane has no bins: TAP 15 is of plain TUF");
        ensure!((1..=MAX_BIN_BITS).contains(&bits), "{bits} bits, not from 1 to {MAX_BIN_BITS}");
        ensure!(
            self.listing_mut(Side::Image, from)?.delegations == Delegations::Nobody,
            "{from} delegates already: not to bins as well (TAP 15)"
        );
        let bins = Bins { keys: self.keys.provide(keys, None)?, bits, prefix: prefix.into() };
        let bins_by_name = names(&bins);
        let number = 1_u32 << bits;
        for bin in 0..number {
            let name = bins_by_name.name(bin);
            self.ensure_free(&name)?;
            self.begin(&name)?;
        }
        let listing = self.listing_mut(Side::Image, from)?;
        listing.delegations = Delegations::Bins(bins);
        listing.document.changed = true;
        for (name, target) in std::mem::take(&mut listing.targets) {
            let bin = bins_by_name.name(bins_by_name.of(&name));
            self.listing_mut(Side::Image, &bin)?.targets.insert(name, target);
        }
        self.save()?;
        Ok(number)
    }

    /// Nobody delegates to `name` any more; returns who did.
    ///
    /// # Errors
    /// If nobody does.
    pub fn revoke(&mut self, name: &str) -> anyhow::Result<String> {
        let published = self.side_mut(Side::Image)?;
        let from = published.delegator(name).with_context(|| format!("nobody delegates to {name}"))?;
        let from = from.to_owned();
        if let Some(listing) = published.targets.get_mut(&from) {
            match &mut listing.delegations {
                Delegations::Roles(roles) => roles.retain(|role| role.name != name),
                _ => bail!("{name} is a bin: they cannot be revoked one by one"),
            }
            if listing.delegations == Delegations::Roles(Vec::new()) {
                listing.delegations = Delegations::Nobody;
            }
            listing.document.changed = true;
        }
        // Those that it delegates to go with it: nobody else vouches for their keys.
        let mut left = vec![name.to_owned()];
        while let Some(name) = left.pop() {
            let Some(listing) = published.targets.get_mut(&name) else { continue };
            match std::mem::take(&mut listing.delegations) {
                Delegations::Nobody => {}
                Delegations::Roles(roles) => left.extend(roles.into_iter().map(|role| role.name)),
                Delegations::Bins(bins) => {
                    let by_name = names(&bins);
                    left.extend((0..1_u32 << bins.bits).map(|bin| by_name.name(bin)));
                }
            }
            listing.targets.clear();
            listing.revoked = true;
        }
        self.save()?;
        Ok(from)
    }

    /// A role without images; one that was revoked goes on with its versions.
    fn begin(&mut self, name: &str) -> anyhow::Result<()> {
        let listing: &mut Listing = self.side_mut(Side::Image)?.targets.entry(name.into()).or_default();
        listing.revoked = false;
        listing.document = Signed { changed: true, ..listing.document };
        Ok(())
    }

    fn ensure_free(&self, name: &str) -> anyhow::Result<()> {
        let taken = self.side(Side::Image)?.targets.get(name).is_some_and(|listing| !listing.revoked);
        ensure!(!taken, "there is a role {name} already");
        Ok(())
    }

    pub(super) fn key_set(&self, side: Side, role: &str) -> anyhow::Result<&KeySet> {
        let published = self.side(side)?;
        let set = published.root.roles.get(role).or_else(|| published.signers(role));
        set.with_context(|| format!("there is no role {role}"))
    }

    pub(super) fn key_set_mut(&mut self, side: Side, role: &str) -> anyhow::Result<&mut KeySet> {
        let published = self.side_mut(side)?;
        let delegator = published.delegator(role).map(str::to_owned);
        let missing = || format!("there is no role {role}");
        if let Some(set) = published.root.roles.get_mut(role) {
            return Ok(set);
        }
        let delegator = delegator.with_context(missing)?;
        match &mut published.targets.get_mut(&delegator).with_context(missing)?.delegations {
            Delegations::Nobody => bail!(missing()),
            Delegations::Bins(bins) => Ok(&mut bins.keys),
            Delegations::Roles(roles) => {
                let found = roles.iter_mut().find(|other| other.name == role);
                found.map(|role| &mut role.keys).with_context(missing)
            }
        }
    }

    /// The roles whose documents are signed with the keys of `role`: itself, or all bins beside it.
    pub(super) fn same_keys(&self, side: Side, role: &str) -> anyhow::Result<Vec<String>> {
        let published = self.side(side)?;
        let delegator = published.delegator(role).and_then(|name| published.targets.get(name));
        Ok(match delegator.map(|listing| &listing.delegations) {
            Some(Delegations::Bins(bins)) => {
                let by_name = names(bins);
                (0..1_u32 << bins.bits).map(|bin| by_name.name(bin)).collect()
            }
            _ => vec![role.to_owned()],
        })
    }
}

/// The bins without their keys: what their names are.
pub(super) fn names(bins: &Bins) -> core::Bins {
    let keys = ListedRole { keys: Vec::new(), threshold: 0 };
    core::Bins { keys, bits: bins.bits, prefix: bins.prefix.clone() }
}

fn check_role_name(dialect: Dialect, name: &str) -> anyhow::Result<()> {
    ensure!(!name.is_empty(), "a role has a name");
    ensure!(
        name.len() <= MAX_ROLE_NAME_BYTES,
        "a role's name of {} bytes, more than {MAX_ROLE_NAME_BYTES}",
        name.len()
    );
    let taken = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets];
    ensure!(!taken.iter().any(|role| role.name() == name), "{name} is a role of Root");
    if dialect == Dialect::Uptane {
        // ota-tuf's rule (`DelegatedRoleName`); plain TUF encodes whatever it is.
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        ensure!(
            !name.starts_with('.') && name.bytes().all(good),
            "{name:?}: a role's name has letters, digits, and -_. but not first"
        );
    }
    Ok(())
}

fn check_scope(scope: &Scope) -> anyhow::Result<()> {
    match scope {
        Scope::Paths(paths) => ensure!(!paths.is_empty(), "say which targets: --path PATTERN"),
        Scope::Prefixes(prefixes) => {
            ensure!(!prefixes.is_empty(), "say which targets: --hash-prefix HEX");
            for prefix in prefixes {
                let good = (1..=64).contains(&prefix.len())
                    && prefix.bytes().all(|digit| digit.is_ascii_hexdigit() && !digit.is_ascii_uppercase());
                ensure!(good, "{prefix:?} is not 1 to 64 hex digits in lower case");
            }
        }
    }
    Ok(())
}
