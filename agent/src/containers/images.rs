//! Images that came from archives: the engine does not know the digest that they were pinned by.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use container_spec::digest::Sha256;
use container_spec::engine::ImageIdentity;
use container_spec::plan::Current;
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::files;

/// The digests of an image that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Of its manifest.
    pub manifest: Sha256,
    /// Of its config.
    pub config: Sha256,
}

impl Record {
    /// Whether this is the engine's id of the image, in whichever kind of store.
    fn is(&self, id: &str) -> bool {
        id == self.config.to_string() || id == self.manifest.to_string()
    }
}

/// The largest file of records, in bytes.
const MAX_RECORDS_BYTES: usize = 4 << 20;

/// Verified images by the digest that pins them, in a file.
#[derive(Clone, Debug)]
pub struct Images {
    path: PathBuf,
    records: BTreeMap<Sha256, Record>,
}

impl Images {
    /// Reads the file; there need not be one.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let records = match files::read_if_there(path, MAX_RECORDS_BYTES)? {
            None => BTreeMap::new(),
            Some(bytes) => {
                serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))?
            }
        };
        Ok(Self { path: path.into(), records })
    }

    /// Remembers an image for good.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn insert(&mut self, pinned: Sha256, record: Record) -> anyhow::Result<()> {
        self.records.insert(pinned, record);
        self.write()
    }

    /// Forgets the images that the engine no longer has.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn retain(&mut self, current: &Current) -> anyhow::Result<()> {
        let before = self.records.len();
        self.records.retain(|_, record| current.images.iter().any(|image| record.is(&image.id)));
        if self.records.len() == before { Ok(()) } else { self.write() }
    }

    fn write(&self) -> anyhow::Result<()> {
        let bytes = serde_json::to_vec_pretty(&self.records)?;
        atomic::write(&self.path, &bytes).with_context(|| format!("writing {}", self.path.display()))
    }

    /// All that is known of a pinned image.
    #[must_use]
    pub fn identity(&self, pinned: Sha256) -> ImageIdentity {
        let record = self.records.get(&pinned);
        ImageIdentity {
            pinned,
            manifest: record.map(|record| record.manifest),
            config: record.map(|record| record.config),
        }
    }

    /// Adds the pinned digests to the engine's images.
    pub fn name(&self, current: &mut Current) {
        for image in &mut current.images {
            for (pinned, record) in &self.records {
                if record.is(&image.id) && !image.digests.contains(pinned) {
                    image.digests.push(*pinned);
                }
            }
        }
    }
}
