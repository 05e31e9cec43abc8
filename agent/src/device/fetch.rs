//! Fetching: everything an update needs, checked while it arrives.

use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use ostree_objects::Checksum;
use ostree_objects::repo::Repo;
use uptane_core::metadata::Hashes;
use uptane_core::target::ImageVerifier;

use super::Device;
use crate::atomic;
use crate::http::Patience;
use crate::pull::{ObjectSource, pull};
use crate::report::Observer;
use crate::update::journal::{Image, Source, Update};

/// The largest application file that is taken, in bytes: Compose's own limit here.
const MAX_APPLICATION_BYTES: u64 = 4 * 1024 * 1024;

impl Device {
    /// Brings everything that `update` needs onto the device. It may be repeated, and then fetches what is missing.
    pub(crate) fn fetch(&self, update: &Update, observer: &mut dyn Observer) -> anyhow::Result<()> {
        if let Some(image) = &update.system {
            let commit: Checksum = image.sha256.parse()?;
            let source = self.objects(&update.source)?;
            pull(&source, self.sysroot()?.repo(), commit, observer).with_context(|| image.name.clone())?;
        }
        if let Some(image) = &update.application {
            let bytes = self.application_file(image, &update.source).with_context(|| image.name.clone())?;
            let prepared = match self.engine(&update.source, image)? {
                Some(engine) => engine.fetch(&self.application(), image, &bytes, observer),
                None => self.application().prepare(image, &bytes, observer),
            };
            prepared.with_context(|| image.name.clone())?;
        }
        Ok(())
    }

    fn objects(&self, source: &Source) -> anyhow::Result<ObjectSource> {
        Ok(match source {
            Source::Servers => {
                // What an update needs is worth waiting for.
                let client = self.patient_client(Patience::PULL)?;
                ObjectSource::Server { client, url: self.config.server.ostree.clone() }
            }
            Source::Lockbox(directory) => {
                let path = directory.join("images/ostree");
                let repo = Repo::open(&path).with_context(|| format!("opening {}", path.display()))?;
                ObjectSource::Local(repo)
            }
        })
    }

    /// The application's file: fetched, and verified as the image that the metadata describes.
    pub(super) fn application_file(&self, image: &Image, source: &Source) -> anyhow::Result<Vec<u8>> {
        if image.length > MAX_APPLICATION_BYTES {
            bail!("{} bytes, more than {MAX_APPLICATION_BYTES} for a Compose file", image.length);
        }
        let sha256: Checksum = image.sha256.parse()?;
        let hashes = Hashes { sha256: Some(sha256.0), sha512: None };
        let kept = self.downloads().join(&image.sha256);
        if let Ok(bytes) = std::fs::read(&kept)
            && verified(&bytes[..], image.length, hashes).is_ok()
        {
            return Ok(bytes);
        }
        let bytes = match source {
            Source::Servers => {
                let url =
                    format!("{}/targets/{}", self.config.server.image, crate::http::encode_path(&image.name));
                let body = self.client()?.open(&url)?.with_context(|| format!("GET {url}: not found"))?;
                verified(body, image.length, hashes)?
            }
            Source::Lockbox(directory) => {
                let path = directory.join("images").join(file_name(&image.name)?);
                let file =
                    std::fs::File::open(&path).with_context(|| format!("opening {}", path.display()))?;
                verified(file, image.length, hashes)?
            }
        };
        atomic::write(&kept, &bytes).with_context(|| format!("writing {}", kept.display()))?;
        Ok(bytes)
    }

    /// Where verified downloads are kept until their update is over.
    pub(super) fn downloads(&self) -> PathBuf {
        self.config.paths.state.join("downloads")
    }
}

/// Reads the image and checks length and hashes; the first byte too many ends it.
fn verified(mut reader: impl Read, length: u64, hashes: Hashes) -> anyhow::Result<Vec<u8>> {
    let mut verifier = ImageVerifier::new(length, hashes);
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let count = reader.read(&mut buffer)?;
        let Some(part @ [_, ..]) = buffer.get(..count) else { break };
        verifier.update(part)?;
        bytes.write_all(part)?;
    }
    verifier.finish()?;
    Ok(bytes)
}

/// A target's name as a file in a Lockbox: one component, never a way out of it.
fn file_name(name: &str) -> anyhow::Result<&str> {
    ostree_objects::Name::new(name)
        .map(ostree_objects::Name::as_str)
        .context("the target's name is no file name")
}
