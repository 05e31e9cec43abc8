//! Lockboxes: offline updates on a medium (PURE-2, as Torizon has them).

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use ostree_objects::{Checksum, Name};
use serde_json::{Map, json};
use uptane_core::{Role, UtcTime};

use super::Repo;
use super::publish::{Choice, Document, copy};
use super::state::{Listing, Side, Target};

/// What a Lockbox was written with.
#[derive(Clone, Debug)]
pub struct Written {
    /// What was signed for it.
    pub signed: Vec<Document>,
    /// How many images were copied; commits of OSTree repositories are not.
    pub images: usize,
}

impl Repo {
    /// Signs the Lockbox `name` of these images, each with the hardware that it is for, and writes it to `out`.
    ///
    /// # Errors
    /// If an image is not listed or does not fit, `out` is not empty, or as of the file system.
    pub fn lockbox(
        &mut self,
        name: &str,
        images: &[(String, Option<String>)],
        out: &Path,
        now: UtcTime,
    ) -> anyhow::Result<Written> {
        let name = Name::new(name).with_context(|| format!("{name:?} is no name of a Lockbox"))?.as_str();
        let reserved = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets, Role::OfflineSnapshot];
        ensure!(
            !reserved.iter().any(|role| role.name() == name) && !name.ends_with(".root"),
            "{name} is another file of the Director"
        );
        ensure!(!images.is_empty(), "a Lockbox holds an image: --target NAME");
        ensure!(
            !out.exists() || fs::read_dir(out)?.next().is_none(),
            "{} is not empty: a Lockbox has a medium of its own",
            out.display()
        );
        let mut listing = Listing::default();
        for (image, hardware_id) in images {
            let found = self.image(image)?;
            let fits = found.hardware_ids();
            let ids = match hardware_id {
                Some(id) => {
                    ensure!(fits.contains(id), "{image} does not fit {id}");
                    vec![id.clone()]
                }
                None => fits.into_iter().collect(),
            };
            let custom: Map<_, _> = [("hardwareIds".to_owned(), json!(ids))].into_iter().collect();
            let target = Target { length: found.length, sha256: found.sha256.clone(), custom };
            listing.targets.insert(image.clone(), target);
        }
        let director = self.side_mut(Side::Director)?;
        if let Some(before) = director.lockboxes.get(name) {
            listing.document = before.document;
        }
        listing.document.changed = true;
        director.lockboxes.insert(name.into(), listing);
        self.save()?;
        let signed = self.sign(&Choice::default(), now)?;
        let images = self.export(name, out)?;
        Ok(Written { signed, images })
    }

    fn export(&self, name: &str, out: &Path) -> anyhow::Result<usize> {
        let metadata = out.join("metadata");
        for (side, folder) in [(Side::Director, "director"), (Side::Image, "image-repo")] {
            let (from, to) = (self.metadata(side), metadata.join(folder));
            let published = self.side(side)?;
            for version in 1..=published.root.document.version {
                let file = format!("{version}.root.json");
                copy(&from.join(&file), &to.join(&file))?;
            }
            match side {
                Side::Director => {
                    for file in ["offline-snapshot.json".to_owned(), format!("{name}.json")] {
                        copy(&from.join(&file), &to.join(&file))?;
                    }
                }
                Side::Image => {
                    // No Timestamp, which would expire before the medium is used; delegated roles lie beside.
                    copy(&from.join("snapshot.json"), &to.join("snapshot.json"))?;
                    for role in published.targets.keys() {
                        let file = self.file_name(role);
                        let flat = file.strip_prefix("delegations/").unwrap_or(&file);
                        copy(&from.join(&file), &to.join(flat))?;
                    }
                }
            }
        }
        let listing = self.side(Side::Director)?.lockboxes.get(name).context("the Lockbox is gone")?;
        let mut copied = 0_usize;
        for (image, target) in &listing.targets {
            let sha256: Checksum = target.sha256.parse()?;
            let file = self.images().join(self.image_file(image, sha256));
            if target.length > 0 && file.is_file() {
                copy(&file, &out.join("images").join(image))?;
                copied = copied.saturating_add(1);
            }
        }
        Ok(copied)
    }
}
