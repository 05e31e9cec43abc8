//! Images from archives: verified whole, then given to the engine, and the same bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::PathBuf;

use anyhow::Context;
use container_spec::archive::{Guard, Pinned, Reader, Verified};
use container_spec::compose::Project;
use container_spec::digest::Sha256;
use container_spec::engine::Request;
use container_spec::platform::Platform;
use container_spec::reference::Normalized;

use super::Engine;
use super::images::{Images, Record};
use crate::files;
use crate::report::{Event, Observer};

/// An archive of one image, and the indexes and manifests that lead to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    /// What `docker save` wrote.
    pub file: PathBuf,
    /// Indexes and manifests beside it; archives of Docker 25 and later need none.
    pub manifests: Vec<PathBuf>,
}

/// Where archives are.
pub trait Archives {
    /// The archive of the image that `digest` pins; nothing if there is none.
    ///
    /// # Errors
    /// If that cannot be said, or what should lead to it does not.
    fn archive(&self, digest: Sha256) -> anyhow::Result<Option<Archive>>;
}

/// What the archives of a project's images take, in bytes, for the check of the disk: the engine unpacks them.
///
/// # Errors
/// As [`Archives::archive`].
pub fn archive_sizes(archives: &dyn Archives, project: &Project) -> anyhow::Result<BTreeMap<Sha256, u64>> {
    let mut sizes = BTreeMap::new();
    for image in project.services.values().filter_map(|service| service.image.as_ref()) {
        if let Some(digest) = image.normalized().and_then(|image| image.pinned())
            && let Some(archive) = archives.archive(digest)?
        {
            let metadata = std::fs::metadata(&archive.file);
            let metadata = metadata.with_context(|| format!("reading {}", archive.file.display()))?;
            sizes.insert(digest, metadata.len());
        }
    }
    Ok(sizes)
}

impl<F: Fn(Sha256) -> Option<Archive>> Archives for F {
    fn archive(&self, digest: Sha256) -> anyhow::Result<Option<Archive>> {
        Ok(self(digest))
    }
}

/// There are none: images come from their registries.
#[derive(Clone, Copy, Debug)]
pub struct NoArchives;

impl Archives for NoArchives {
    fn archive(&self, _: Sha256) -> anyhow::Result<Option<Archive>> {
        Ok(None)
    }
}

/// The largest index or manifest, in bytes.
pub(super) const MAX_MANIFEST_BYTES: usize = 4 << 20;

/// Verifies the archive and loads it. The record of what it is comes first: an image that the engine has and
/// that nothing names would be loaded again, one that is named and missing is seen to be missing.
pub(super) fn load(
    engine: &Engine,
    archive: &Archive,
    image: &str,
    platform: Platform<'_>,
    images: &mut Images,
    observer: &mut dyn Observer,
) -> anyhow::Result<()> {
    let what = || format!("{}", archive.file.display());
    let image = Normalized::parse(image)?;
    let mut manifests = Vec::new();
    for path in &archive.manifests {
        manifests.push(files::read(path, MAX_MANIFEST_BYTES)?);
    }
    let manifests: Vec<&[u8]> = manifests.iter().map(Vec::as_slice).collect();
    let mut file =
        File::open(&archive.file).with_context(|| format!("opening {}", archive.file.display()))?;
    let total = file.metadata()?.len();
    let pinned = Pinned { image, manifests: &manifests, platform };
    let verified = verify(&mut file, &pinned, total, observer).with_context(what)?;
    for loadable in verified.images() {
        if let (Some(manifest), Some(config)) = (loadable.identity.manifest, loadable.identity.config) {
            images.insert(loadable.identity.pinned, Record { manifest, config })?;
        }
    }
    file.rewind()?;
    let mut guarded = Guarded { file, guard: Some(Guard::new(&verified)), ready: Vec::new(), start: 0 };
    engine
        .load(&Request::load(engine.api()), &mut guarded, |told| tracing::debug!("{told:?}"))
        .with_context(what)
}

fn verify(
    file: &mut File,
    pinned: &Pinned<'_>,
    total: u64,
    observer: &mut dyn Observer,
) -> anyhow::Result<Verified> {
    let mut reader = Reader::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        reader.feed(buffer.get(..read).unwrap_or_default())?;
        observer.event(Event::Progress { what: "verify", done: reader.len(), total, unit: "bytes" });
    }
    Ok(reader.finish(&[*pinned])?)
}

/// The bytes of the file, as far as the guard lets them go.
struct Guarded {
    file: File,
    guard: Option<Guard>,
    ready: Vec<u8>,
    start: usize,
}

impl Read for Guarded {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut buffer = [0; 32 << 10];
        while self.start == self.ready.len() {
            let Some(guard) = &mut self.guard else { return Ok(0) };
            self.start = 0;
            let read = self.file.read(&mut buffer)?;
            if read > 0 {
                let go = guard.feed(buffer.get(..read).unwrap_or_default()).map_err(io::Error::other)?;
                self.ready = go.to_vec();
            } else if let Some(guard) = self.guard.take() {
                self.ready = guard.finish().map_err(io::Error::other)?;
            }
        }
        let ready = self.ready.get(self.start..).unwrap_or_default();
        let count = ready.len().min(out.len());
        let (Some(from), Some(to)) = (ready.get(..count), out.get_mut(..count)) else { return Ok(0) };
        to.copy_from_slice(from);
        self.start += count;
        Ok(count)
    }
}
