//! Signing: what has changed, or is about to expire, in the order in which it may be served.

use std::path::Path;

use anyhow::{Context, ensure};
use uptane_core::repository::{
    self as core, FileEntry, ListedRoot, TargetSpec, TargetsSpec, meta_body, timestamp_body,
};
use uptane_core::{Role, RoleName, UtcTime};

use super::keys::{Signer, hash, listed_role};
use super::state::{Delegations, Dialect, Entry, Listing, Scope, Side, Signed};
use super::{Repo, after};

/// What is signed although nothing about it changed.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Roles by name, whatever they say.
    pub roles: Vec<String>,
    /// What expires within so many seconds.
    pub expiring_within: u64,
}

/// A document that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its repository.
    pub side: Side,
    /// Its role's name; of a Lockbox, the Lockbox's.
    pub role: String,
    /// Its version.
    pub version: u64,
    /// When it expires.
    pub expires: UtcTime,
    /// How many keys signed.
    pub signatures: usize,
}

/// A signing as it goes on.
struct Signing<'a> {
    repo: &'a mut Repo,
    choice: &'a Choice,
    now: UtcTime,
    signed: Vec<Document>,
}

impl Repo {
    /// Signs what has changed and what `choice` names; the files are complete whenever this is cut off, and the
    /// next call goes on.
    ///
    /// # Errors
    /// If keys are missing, or as of the file system.
    pub fn sign(&mut self, choice: &Choice, now: UtcTime) -> anyhow::Result<Vec<Document>> {
        let known = |name: &String| {
            self.state.sides.values().any(|side| {
                side.root.roles.contains_key(name)
                    || side.targets.contains_key(name)
                    || side.lockboxes.contains_key(name)
            })
        };
        if let Some(unknown) = choice.roles.iter().find(|name| !known(name)) {
            anyhow::bail!("there is no role {unknown}");
        }
        let sides: Vec<Side> = self.state.sides.keys().copied().collect();
        let mut signing = Signing { repo: self, choice, now, signed: Vec::new() };
        for side in sides {
            signing.root(side)?;
            signing.lockboxes(side)?;
            let any = signing.targets(side)?;
            signing.snapshot_and_timestamp(side, any)?;
        }
        let signed = signing.signed;
        self.save()?;
        Ok(signed)
    }

    /// The name of a role's file: without a way out of its directory.
    pub(super) fn file_name(&self, role: &str) -> String {
        let encoded = crate::http::encode_path(role).replace('/', "%2F");
        match self.state.dialect {
            Dialect::Uptane if role != Role::Targets.name() => format!("delegations/{encoded}.json"),
            _ => format!("{encoded}.json"),
        }
    }
}

impl Signing<'_> {
    fn due(&self, name: &str, document: Signed) -> bool {
        let soon = self.now.unix().saturating_add(self.choice.expiring_within);
        document.changed || document.expires <= soon || self.choice.roles.iter().any(|role| role == name)
    }

    /// The next state of a document of `role`.
    fn next(&self, role: Role, document: Signed) -> Signed {
        let expires = after(self.now, self.repo.state.lifetime(role)).unix();
        Signed { version: document.version.saturating_add(1), expires, changed: false }
    }

    /// Signs `body`, and notes that it was.
    fn signed(
        &mut self,
        side: Side,
        role: &str,
        document: Signed,
        body: &str,
        keys: &[Signer],
    ) -> anyhow::Result<Vec<u8>> {
        let sign = || -> anyhow::Result<_> {
            let mut signing = core::Signing::new(body, self.repo.state.dialect.wire())?;
            keys.iter().try_for_each(|key| key.sign(&mut signing))?;
            Ok(signing.document())
        };
        let bytes = sign().with_context(|| format!("signing {role}"))?;
        let (version, expires) = (document.version, UtcTime::from_unix(document.expires));
        let signatures = keys.len();
        self.signed.push(Document { side, role: role.into(), version, expires, signatures });
        Ok(bytes)
    }

    /// The keys of a role of Root that are at hand.
    fn keys(&self, side: Side, role: Role) -> anyhow::Result<Vec<Signer>> {
        let set = self.repo.side(side)?.root.roles.get(role.name());
        let set = set.with_context(|| format!("Root names no keys for {}", role.name()))?;
        self.repo.keys.signers(set).with_context(|| format!("signing {}", role.name()))
    }

    fn write(&self, side: Side, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        write(&self.repo.metadata(side).join(name), bytes)
    }

    /// Writes a file that Snapshot or Timestamp lists, with its version in front of it where clients ask so.
    fn write_listed(&self, side: Side, name: &str, version: u64, bytes: &[u8]) -> anyhow::Result<()> {
        if self.repo.state.consistent_snapshot {
            self.write(side, &format!("{version}.{name}"), bytes)?;
        }
        self.write(side, name, bytes)
    }

    fn root(&mut self, side: Side) -> anyhow::Result<()> {
        let root = &self.repo.side(side)?.root;
        if !self.due(Role::Root.name(), root.document) {
            return Ok(());
        }
        let wire = self.repo.state.dialect.wire();
        let next = self.next(Role::Root, root.document);
        let mut roles = Vec::new();
        for role in ROOT_ROLES {
            if let Some(set) = root.roles.get(role.name()) {
                roles.push((role, listed_role(set, wire)?));
            }
        }
        let consistent_snapshot = self.repo.state.consistent_snapshot;
        let expires = UtcTime::from_unix(next.expires);
        let body = ListedRoot { version: next.version, expires, consistent_snapshot, roles }.body(wire);
        let mut keys = self.keys(side, Role::Root)?;
        let old = self.repo.keys.signers(&root.published).context("signing root with the old keys")?;
        let new: Vec<_> = keys.iter().map(|key| key.identifier().to_owned()).collect();
        keys.extend(old.into_iter().filter(|key| !new.iter().any(|other| other == key.identifier())));
        let bytes = self.signed(side, Role::Root.name(), next, &body, &keys)?;
        self.write(side, &format!("{}.root.json", next.version), &bytes)?;
        self.write(side, "root.json", &bytes)?;
        let root = &mut self.repo.side_mut(side)?.root;
        root.document = next;
        root.published = root.roles.get(Role::Root.name()).cloned().unwrap_or_default();
        self.repo.save()
    }

    /// Signs Targets and the delegated roles that are due; whether there were any.
    fn targets(&mut self, side: Side) -> anyhow::Result<bool> {
        let published = self.repo.side(side)?;
        let due: Vec<String> = published
            .targets
            .iter()
            .filter(|(name, listing)| !listing.revoked && self.due(name, listing.document))
            .map(|(name, _)| name.clone())
            .collect();
        // Versions are taken before they are used: what is cut off leaves a gap, never one version twice.
        let mut documents = Vec::new();
        for name in &due {
            let role = if name == Role::Targets.name() {
                Role::Targets
            } else {
                Role::Delegated(RoleName::new(name))
            };
            let published = self.repo.side(side)?;
            let set = published.signers(name).with_context(|| format!("nobody delegates to {name}"))?;
            let keys = self.repo.keys.signers(set).with_context(|| format!("signing {name}"))?;
            let listing = published.targets.get(name).context("a role without a listing")?;
            let next = self.next(role, listing.document);
            let body = self.targets_body(role, listing, next)?;
            documents.push((name, next, body, keys));
        }
        self.reserve(
            side,
            &documents.iter().map(|(name, next, ..)| ((*name).clone(), *next)).collect::<Vec<_>>(),
        )?;
        for (name, next, body, keys) in documents {
            let bytes = self.signed(side, name, next, &body, &keys)?;
            let entry = self.entry(next.version, &bytes)?;
            let file = self.repo.file_name(name);
            self.write_listed(side, &file, next.version, &bytes)?;
            let listing = self.repo.side_mut(side)?.targets.get_mut(name);
            let listing = listing.context("a role without a listing")?;
            (listing.document, listing.file) = (next, Some(entry));
        }
        Ok(!due.is_empty())
    }

    /// Notes the versions that are about to be used, still to be signed.
    fn reserve(&mut self, side: Side, documents: &[(String, Signed)]) -> anyhow::Result<()> {
        if documents.is_empty() {
            return Ok(());
        }
        let published = self.repo.side_mut(side)?;
        for (name, next) in documents {
            if let Some(listing) = published.targets.get_mut(name) {
                listing.document.version = next.version;
                listing.document.changed = true;
            }
        }
        published.snapshot.changed = true;
        published.timestamp.changed = true;
        self.repo.save()
    }

    fn targets_body(&self, role: Role, listing: &Listing, document: Signed) -> anyhow::Result<String> {
        let wire = self.repo.state.dialect.wire();
        let mut targets = Vec::new();
        for (name, target) in &listing.targets {
            let custom =
                if target.custom.is_empty() { String::new() } else { serde_json::to_string(&target.custom)? };
            let sha256 = hash(&target.sha256)?;
            // Torizon's servers give every image a `custom`, and clients may rely on it.
            let custom = if custom.is_empty() && self.repo.state.dialect == Dialect::Uptane {
                "{}".to_owned()
            } else {
                custom
            };
            targets.push(TargetSpec { name: name.clone(), length: target.length, sha256, custom });
        }
        let delegations = delegations(&listing.delegations, wire)?;
        let spec = TargetsSpec {
            role,
            version: document.version,
            expires: UtcTime::from_unix(document.expires),
            targets: &targets,
            correlation_id: listing.correlation_id.as_deref(),
            delegations: delegations.as_ref(),
        };
        Ok(spec.body(wire))
    }

    fn entry(&self, version: u64, bytes: &[u8]) -> anyhow::Result<Entry> {
        let entry = FileEntry::of(version, bytes, self.repo.state.dialect.wire())?;
        let sha256 = ostree_objects::Checksum(entry.sha256).to_string();
        Ok(Entry { version, length: entry.length, sha256 })
    }

    /// The Lockboxes that are due, and the offline snapshot that lists them all.
    fn lockboxes(&mut self, side: Side) -> anyhow::Result<()> {
        let published = self.repo.side(side)?;
        let (mut due, mut any) = (Vec::new(), published.offline_snapshot.changed);
        for (name, listing) in &published.lockboxes {
            // A Lockbox is made for one occasion: it is not renewed because it expires.
            if listing.document.changed || self.choice.roles.contains(name) {
                due.push(name.clone());
            }
        }
        for name in due {
            let listing =
                self.repo.side(side)?.lockboxes.get(&name).context("a Lockbox without a listing")?;
            let next = self.next(Role::OfflineUpdates, listing.document);
            let body = self.targets_body(Role::OfflineUpdates, listing, next)?;
            let keys = self.keys(side, Role::OfflineUpdates)?;
            let bytes = self.signed(side, &name, next, &body, &keys)?;
            let entry = self.entry(next.version, &bytes)?;
            self.write(side, &format!("{name}.json"), &bytes)?;
            let listing = self.repo.side_mut(side)?.lockboxes.get_mut(&name);
            let listing = listing.context("a Lockbox without a listing")?;
            (listing.document, listing.file) = (next, Some(entry));
            any = true;
        }
        any |= self.choice.roles.iter().any(|role| role == Role::OfflineSnapshot.name());
        if !any {
            return Ok(());
        }
        let published = self.repo.side(side)?;
        let next = self.next(Role::OfflineSnapshot, published.offline_snapshot);
        let files = entries(published.lockboxes.iter())?;
        let body = self.meta(Role::OfflineSnapshot, next, &files);
        let keys = self.keys(side, Role::OfflineSnapshot)?;
        let bytes = self.signed(side, Role::OfflineSnapshot.name(), next, &body, &keys)?;
        self.write(side, "offline-snapshot.json", &bytes)?;
        self.repo.side_mut(side)?.offline_snapshot = next;
        self.repo.save()
    }

    fn meta(&self, role: Role, document: Signed, files: &[(String, FileEntry)]) -> String {
        let files: Vec<_> = files.iter().map(|(name, entry)| (name.as_str(), *entry)).collect();
        let expires = UtcTime::from_unix(document.expires);
        meta_body(role, self.repo.state.dialect.wire(), document.version, expires, &files)
    }

    fn snapshot_and_timestamp(&mut self, side: Side, targets_signed: bool) -> anyhow::Result<()> {
        let published = self.repo.side(side)?;
        if !published.root.roles.contains_key(Role::Timestamp.name()) {
            return Ok(());
        }
        let (snapshot, timestamp) = (published.snapshot, published.timestamp);
        let renewed = targets_signed || self.due(Role::Snapshot.name(), snapshot);
        if !renewed && !self.due(Role::Timestamp.name(), timestamp) {
            return Ok(());
        }
        let wire = self.repo.state.dialect.wire();
        // Both versions are taken before either is used, as for Targets.
        let next_snapshot = if renewed { self.next(Role::Snapshot, snapshot) } else { snapshot };
        let next_timestamp = self.next(Role::Timestamp, timestamp);
        let timestamp_keys = self.keys(side, Role::Timestamp)?;
        let snapshot_keys = if renewed { self.keys(side, Role::Snapshot)? } else { Vec::new() };
        let published = self.repo.side_mut(side)?;
        published.snapshot = Signed { changed: renewed || snapshot.changed, ..next_snapshot };
        published.timestamp = Signed { changed: true, ..next_timestamp };
        self.repo.save()?;
        if renewed {
            let files = entries(self.repo.side(side)?.targets.iter())?;
            let body = self.meta(Role::Snapshot, next_snapshot, &files);
            let bytes = self.signed(side, Role::Snapshot.name(), next_snapshot, &body, &snapshot_keys)?;
            self.write_listed(side, "snapshot.json", next_snapshot.version, &bytes)?;
        }
        let path = self.repo.metadata(side).join("snapshot.json");
        let snapshot = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let entry = FileEntry::of(next_snapshot.version, &snapshot, wire)?;
        let expires = UtcTime::from_unix(next_timestamp.expires);
        let body = timestamp_body(wire, next_timestamp.version, expires, entry);
        let bytes = self.signed(side, Role::Timestamp.name(), next_timestamp, &body, &timestamp_keys)?;
        // Last: from now on clients take all of it.
        self.write(side, "timestamp.json", &bytes)?;
        let published = self.repo.side_mut(side)?;
        (published.snapshot, published.timestamp) = (next_snapshot, next_timestamp);
        Ok(())
    }
}

/// The roles that a Root may name.
const ROOT_ROLES: [Role; 6] =
    [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets, Role::OfflineSnapshot, Role::OfflineUpdates];

/// The signed files of `listings`, by file name.
fn entries<'a>(
    listings: impl Iterator<Item = (&'a String, &'a Listing)>,
) -> anyhow::Result<Vec<(String, FileEntry)>> {
    let mut files = Vec::new();
    for (name, listing) in listings {
        let Some(Entry { version, length, sha256 }) = &listing.file else { continue };
        let sha256 = hash(sha256)?;
        files.push((format!("{name}.json"), FileEntry { version: *version, length: *length, sha256 }));
    }
    ensure!(!files.is_empty(), "there is nothing to list");
    Ok(files)
}

fn delegations(state: &Delegations, wire: core::Wire) -> anyhow::Result<Option<core::Delegations>> {
    Ok(match state {
        Delegations::Nobody => None,
        Delegations::Roles(roles) => {
            let mut listed = Vec::new();
            for role in roles {
                listed.push(core::DelegatedRole {
                    name: role.name.clone(),
                    keys: listed_role(&role.keys, wire)?,
                    scope: match role.scope.clone() {
                        Scope::Paths(paths) => core::Scope::Paths(paths),
                        Scope::Prefixes(prefixes) => core::Scope::HashPrefixes(prefixes),
                    },
                    terminating: role.terminating,
                    hardware_ids: role.hardware_ids.clone(),
                });
            }
            Some(core::Delegations::Roles(listed))
        }
        Delegations::Bins(bins) => Some(core::Delegations::Bins(core::Bins {
            keys: listed_role(&bins.keys, wire)?,
            bits: bins.bits,
            prefix: bins.prefix.clone(),
        })),
    })
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    crate::atomic::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}

/// Copies the file `from` to `to`, whole or not at all.
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if let Some(directory) = to.parent() {
        std::fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    }
    let beside = to.with_extension("part");
    std::fs::copy(from, &beside)
        .with_context(|| format!("copying {} to {}", from.display(), beside.display()))?;
    crate::atomic::rename(&beside, to).with_context(|| format!("writing {}", to.display()))
}
