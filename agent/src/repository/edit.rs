//! Images: what there is, and what the Director assigns to whom.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use ostree_objects::Checksum;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uptane_core::Role;

use super::keys::NewKeys;
use super::publish::copy;
use super::state::{Delegations, Dialect, Side, Target};
use super::{Repo, delegate};

/// Longest name of an image, in bytes, as ota-tuf has it.
pub const MAX_TARGET_NAME_BYTES: usize = 254;

/// What an image is.
#[derive(Clone, Debug)]
pub enum Content {
    /// A file, which is copied to where images are served.
    File(PathBuf),
    /// A commit of an OSTree repository, which has its own way of being served.
    OstreeCommit(Checksum),
}

/// An image to be listed.
#[derive(Clone, Debug)]
pub struct NewTarget {
    /// Its name.
    pub name: String,
    /// What it is.
    pub content: Content,
    /// The role that lists it.
    pub role: String,
    /// The hardware it fits (Uptane).
    pub hardware_ids: Vec<String>,
    /// Its version (Uptane).
    pub version: Option<String>,
    /// More members of `custom`; they win.
    pub custom: Map<String, Value>,
}

impl Repo {
    /// Lists an image, and returns the role that lists it: in the bin of its name if the role has bins.
    ///
    /// # Errors
    /// If there is no such role, the name is none, or as of the file system.
    pub fn add_target(&mut self, new: NewTarget) -> anyhow::Result<String> {
        check_name(&new.name)?;
        let role = self.bin_or(&new.role, &new.name)?;
        self.listing_mut(Side::Image, &role)?;
        let (length, sha256, format) = match &new.content {
            Content::OstreeCommit(commit) => (0, *commit, "OSTREE"),
            Content::File(path) => {
                let (length, checksum) = digest(path)?;
                copy(path, &self.images().join(self.image_file(&new.name, checksum)))?;
                (length, checksum, "BINARY")
            }
        };
        let mut custom = Map::new();
        if self.state.dialect == Dialect::Uptane {
            ensure!(!new.hardware_ids.is_empty(), "say which hardware the image fits: --hardware ID");
            custom.insert("hardwareIds".into(), json!(new.hardware_ids));
            custom.insert("name".into(), json!(new.name));
            custom.insert("targetFormat".into(), json!(format));
            custom.insert("version".into(), json!(new.version.unwrap_or_else(|| "1".into())));
        }
        custom.extend(new.custom);
        let target = Target { length, sha256: sha256.to_string(), custom };
        let listing = self.listing_mut(Side::Image, &role)?;
        listing.targets.insert(new.name, target);
        listing.document.changed = true;
        self.save()?;
        Ok(role)
    }

    /// Lists the image `name` no longer, and returns the role that did. Its file stays: clients may still fetch it.
    ///
    /// # Errors
    /// If no role lists it.
    pub fn remove_target(&mut self, name: &str) -> anyhow::Result<String> {
        let published = self.side_mut(Side::Image)?;
        let found = published.targets.iter_mut().find(|(_, listing)| listing.targets.contains_key(name));
        let (role, listing) = found.with_context(|| format!("no role lists {name}"))?;
        listing.targets.remove(name);
        listing.document.changed = true;
        let role = role.clone();
        self.save()?;
        Ok(role)
    }

    /// The Director assigns the image `name` to an ECU, in the place of any other image.
    ///
    /// # Errors
    /// If the Image repository does not list the image, or not for that hardware.
    pub fn assign(&mut self, name: &str, serial: &str, hardware_id: &str) -> anyhow::Result<()> {
        let image = self.image(name)?.clone();
        ensure!(
            image.hardware_ids().contains(hardware_id),
            "{name} does not fit {hardware_id}, only {}",
            image.hardware_ids().into_iter().collect::<Vec<_>>().join(", ")
        );
        self.side(Side::Director)?;
        self.release(Some(serial))?;
        let listing = self.listing_mut(Side::Director, Role::Targets.name())?;
        let target = listing.targets.entry(name.into()).or_insert_with(|| Target {
            length: image.length,
            sha256: image.sha256.clone(),
            custom: Map::new(),
        });
        (target.length, target.sha256) = (image.length, image.sha256);
        let ecus = target.custom.entry("ecuIdentifiers").or_insert_with(|| json!({}));
        let ecus = ecus.as_object_mut().context("ecuIdentifiers is no object")?;
        ecus.insert(serial.into(), json!({ "hardwareId": hardware_id }));
        listing.document.changed = true;
        self.save()
    }

    /// The Director's name for what it assigns.
    ///
    /// # Errors
    /// If there is no Director.
    pub fn set_correlation_id(&mut self, id: &str) -> anyhow::Result<()> {
        let listing = self.listing_mut(Side::Director, Role::Targets.name())?;
        listing.correlation_id = Some(id.into());
        listing.document.changed = true;
        self.save()
    }

    /// The Director assigns nothing to the ECU, or to none; whether it had assigned something.
    ///
    /// # Errors
    /// If there is no Director.
    pub fn unassign(&mut self, serial: Option<&str>) -> anyhow::Result<bool> {
        let had = self.release(serial)?;
        self.save()?;
        Ok(had)
    }

    fn release(&mut self, serial: Option<&str>) -> anyhow::Result<bool> {
        let listing = self.listing_mut(Side::Director, Role::Targets.name())?;
        let mut had = false;
        listing.targets.retain(|_, target| {
            let Some(ecus) = target.custom.get_mut("ecuIdentifiers").and_then(Value::as_object_mut) else {
                return true;
            };
            let before = ecus.len();
            ecus.retain(|other, _| serial.is_some_and(|serial| serial != other));
            had |= ecus.len() != before;
            !ecus.is_empty()
        });
        listing.document.changed |= had;
        Ok(had)
    }

    /// Whether the Image repository lists the image `name`.
    #[must_use]
    pub fn lists(&self, name: &str) -> bool {
        self.image(name).is_ok()
    }

    /// The image `name` as the Image repository lists it.
    pub(super) fn image(&self, name: &str) -> anyhow::Result<&Target> {
        let mut listings = self.side(Side::Image)?.targets.values().filter(|listing| !listing.revoked);
        let found = listings.find_map(|listing| listing.targets.get(name));
        found.with_context(|| format!("no role of the Image repository lists {name}"))
    }

    /// The role that lists `target` if it is added to `role`.
    fn bin_or(&self, role: &str, target: &str) -> anyhow::Result<String> {
        let listing = self.side(Side::Image)?.targets.get(role);
        Ok(match listing.map(|listing| &listing.delegations) {
            Some(Delegations::Bins(bins)) => {
                let bins = delegate::names(bins);
                bins.name(bins.of(target))
            }
            _ => role.to_owned(),
        })
    }

    /// The file of an image below [`Self::images`].
    pub(super) fn image_file(&self, name: &str, sha256: Checksum) -> PathBuf {
        let path = Path::new(name);
        match path.file_name() {
            // TUF 1.0.34, clause 5.7.2: the hash stands before the last component.
            Some(file) if self.state.consistent_snapshot => {
                path.with_file_name(format!("{sha256}.{}", file.to_string_lossy()))
            }
            _ => path.into(),
        }
    }

    /// Gives `role` new keys, which the next signing uses, as many and of the kinds that it had unless `new` says
    /// otherwise; returns the role whose metadata says so.
    ///
    /// # Errors
    /// If there is no such role, a key that is given cannot be read, or none can be made.
    pub fn rotate(&mut self, side: Side, role: &str, new: &NewKeys) -> anyhow::Result<String> {
        let old = self.key_set(side, role)?.clone();
        let new = self.keys.provide(new, Some(&old))?;
        *self.key_set_mut(side, role)? = new;
        self.check_keys_apart()?;
        let published = self.side_mut(side)?;
        let says = if published.root.roles.contains_key(role) {
            published.root.document.changed = true;
            Role::Root.name().to_owned()
        } else {
            let delegator = published.delegator(role).context("nobody delegates to it")?.to_owned();
            if let Some(listing) = published.targets.get_mut(&delegator) {
                listing.document.changed = true;
            }
            delegator
        };
        // What the role said is said again, with the new keys.
        let signed_anew: Vec<String> = if role == Role::Timestamp.name() {
            published.timestamp.changed = true;
            Vec::new()
        } else if role == Role::Snapshot.name() {
            published.snapshot.changed = true;
            Vec::new()
        } else if role == Role::OfflineSnapshot.name() {
            published.offline_snapshot.changed = published.offline_snapshot.version > 0;
            Vec::new()
        } else if role == Role::OfflineUpdates.name() {
            published.lockboxes.values_mut().for_each(|listing| listing.document.changed = true);
            Vec::new()
        } else {
            self.same_keys(side, role)?
        };
        for name in signed_anew {
            if let Some(listing) = self.side_mut(side)?.targets.get_mut(&name) {
                listing.document.changed = true;
            }
        }
        self.save()?;
        Ok(says)
    }
}

/// A name of an image: components without a way out of their directory.
fn check_name(name: &str) -> anyhow::Result<()> {
    ensure!(
        name.len() < MAX_TARGET_NAME_BYTES,
        "a name of {} bytes, {MAX_TARGET_NAME_BYTES} is too long",
        name.len()
    );
    let good = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\0');
    ensure!(name.split('/').all(good), "{name:?} is no name of an image: it leads elsewhere");
    Ok(())
}

/// Length and SHA-256 of a file.
fn digest(path: &Path) -> anyhow::Result<(u64, Checksum)> {
    let mut file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let (mut hasher, mut length, mut buffer) = (Sha256::new(), 0_u64, vec![0; 64 * 1024]);
    loop {
        let count = file.read(&mut buffer).with_context(|| format!("reading {}", path.display()))?;
        let Some(part @ [_, ..]) = buffer.get(..count) else { break };
        hasher.update(part);
        length = length.saturating_add(u64::try_from(count)?);
    }
    Ok((length, Checksum(hasher.finalize().into())))
}
