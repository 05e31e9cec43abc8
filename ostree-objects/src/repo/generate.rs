//! Making static deltas.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use std::io::{Read, Write};

use lzma_rust2::{XzOptions, XzWriter};

use super::fsck::refused;
use super::{EntryObjects, LockKind, Repo, RepoError, make_directory};
use crate::delta::{BuiltPart, Compression, DeltaName, Fallback, PartBuilder, PartObject, SuperblockBuilder};
use crate::pull::{Planner, Request};
use crate::{Checksum, FileHeader, Limits, ObjectType, RepoMode};

/// How a delta is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeltaOptions {
    /// When it is made, in seconds since 1970-01-01T00:00:00Z.
    pub timestamp: u64,
    /// Whether files may be patches of what was at their place.
    pub patches: bool,
    /// Files that are larger are not patched, in bytes.
    pub patch_bytes: u64,
    /// A part ends when it has that much, in bytes.
    pub part_bytes: usize,
    /// Files that are larger are left to be fetched by themselves, in bytes; 0 for none. Only archives serve them, so
    /// only in those it has an effect.
    pub fallback_bytes: u64,
    /// The preset of `.xz`, 0 to 9.
    pub level: u32,
}

impl Default for DeltaOptions {
    /// As `ostree static-delta generate` does it.
    fn default() -> Self {
        Self {
            timestamp: 0,
            patches: true,
            patch_bytes: 128 * 1_000_000,
            part_bytes: 32 * 1_000_000,
            fallback_bytes: 4 * 1_000_000,
            level: 8,
        }
    }
}

/// A delta that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltDelta {
    /// From which commit to which one.
    pub name: DeltaName,
    /// Its parts.
    pub parts: Vec<BuiltPart>,
    fallbacks: Vec<Fallback>,
    commit: Vec<u8>,
    detached: Option<Vec<u8>>,
    timestamp: u64,
}

impl BuiltDelta {
    /// What all parts take as they are stored, in bytes.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        self.parts.iter().map(|part| part.stored.len()).sum()
    }

    /// The superblock, with the parts in it or not.
    #[must_use]
    pub fn superblock(&self, is_inline: bool) -> Vec<u8> {
        let Self { name, parts, fallbacks, commit, detached, timestamp } = self;
        let detached = detached.as_deref();
        SuperblockBuilder {
            name: *name,
            timestamp: *timestamp,
            commit,
            detached,
            parts,
            is_inline,
            fallbacks,
        }
        .encode()
    }
}

impl Repo {
    /// Makes the delta to the commit `to`, from another one or from scratch. Nothing is stored.
    ///
    /// # Errors
    /// If an object of the commits is missing or damaged, or as of the file system.
    pub fn make_delta(&self, name: DeltaName, options: &DeltaOptions) -> Result<BuiltDelta, RepoError> {
        let known = match &name.from {
            Some(from) => self.objects_of(from)?,
            None => Vec::new(),
        };
        let known: BTreeSet<_> =
            known.into_iter().map(|request| (request.object_type, request.checksum)).collect();
        let sources = match &name.from {
            Some(from) if options.patches => self.sources(from, &name.to)?,
            _ => BTreeMap::new(),
        };
        let (mut parts, mut part, mut fallbacks) = (Vec::new(), PartBuilder::default(), Vec::new());
        for Request { object_type, checksum } in self.objects_of(&name.to)? {
            // The commit itself is in the superblock.
            if known.contains(&(object_type, checksum)) || object_type == ObjectType::Commit {
                continue;
            }
            if object_type == ObjectType::File {
                fallbacks.extend(self.add_file(&mut part, &checksum, sources.get(&checksum), options)?);
            } else {
                part.metadata(
                    &PartObject { object_type, checksum },
                    &self.load_metadata(object_type, &checksum)?,
                );
            }
            if part.payload_len() >= options.part_bytes {
                parts.push(pack(core::mem::take(&mut part), options.level)?);
            }
        }
        if !part.is_empty() {
            parts.push(pack(part, options.level)?);
        }
        let commit = self.load_metadata(ObjectType::Commit, &name.to)?;
        let detached = self.read_detached(&name.to)?;
        Ok(BuiltDelta { name, parts, fallbacks, commit, detached, timestamp: options.timestamp })
    }

    /// Keeps a delta where clients of this repository look for it; the superblock comes last.
    ///
    /// # Errors
    /// As of the file system.
    pub fn write_delta(&self, delta: &BuiltDelta, is_inline: bool) -> Result<(), RepoError> {
        let _lock = self.lock(LockKind::Shared)?;
        let directory = delta.name.directory();
        for (at, _) in directory.as_str().match_indices('/').chain([(directory.as_str().len(), "")]) {
            make_directory(&self.directory, directory.as_str().get(..at).unwrap_or_default())?;
        }
        for (number, part) in delta.parts.iter().enumerate().filter(|_| !is_inline) {
            self.replace(&alloc::format!("{directory}/{number}"), &part.stored)?;
        }
        self.replace(delta.name.superblock_path().as_str(), &delta.superblock(is_inline))
    }

    /// All objects of a commit, each once, the commit first.
    fn objects_of(&self, commit: &Checksum) -> Result<Vec<Request>, RepoError> {
        let mut planner = Planner::new(*commit, Limits::DEFAULT);
        let mut all = Vec::new();
        while let Some(request) = planner.next_request() {
            all.push(request);
            let arrived = if request.object_type == ObjectType::File {
                planner.file_arrived(request)
            } else {
                let bytes = self.load_metadata(request.object_type, &request.checksum)?;
                planner.metadata_arrived(request, &bytes)
            };
            arrived.map_err(|error| refused(request, error))?;
        }
        Ok(all)
    }

    /// Which file was at the place of a new one.
    fn sources(&self, from: &Checksum, to: &Checksum) -> Result<BTreeMap<Checksum, Checksum>, RepoError> {
        let files = |commit: &Checksum| -> Result<BTreeMap<String, Checksum>, RepoError> {
            let mut files = BTreeMap::new();
            self.walk(self.root(commit)?, |entry| {
                if let EntryObjects::File { checksum } = entry.objects {
                    files.insert(entry.path.clone(), checksum);
                }
                Ok::<(), RepoError>(())
            })?;
            Ok(files)
        };
        let before = files(from)?;
        let pairs = files(to)?.into_iter().filter_map(|(path, new)| Some((new, *before.get(&path)?)));
        Ok(pairs.filter(|(new, old)| new != old).collect())
    }

    /// Adds a file to the part, unless it is left to be fetched by itself.
    fn add_file(
        &self,
        part: &mut PartBuilder,
        checksum: &Checksum,
        source: Option<&Checksum>,
        options: &DeltaOptions,
    ) -> Result<Option<Fallback>, RepoError> {
        let object = self.open_file(checksum)?;
        let (size, is_link) = (object.size, object.header.as_ref().symlink_target().is_some());
        if let Some(source) = source.filter(|_| !is_link && size <= options.patch_bytes) {
            let old = self.open_file(source)?;
            let is_link = old.header.as_ref().symlink_target().is_some();
            if !is_link && old.size <= options.patch_bytes {
                let (header, content) = (object.header.clone(), self.content_of(checksum)?);
                let old = self.content_of(source)?;
                if part.patched_file(checksum, &header.as_ref(), &content, source, &old) {
                    return Ok(None);
                }
            }
        }
        let is_large = options.fallback_bytes > 0 && size > options.fallback_bytes;
        if is_large && self.mode == RepoMode::Archive {
            let stored = self.open_object(ObjectType::File, checksum)?;
            let stored = stored.metadata().map_err(RepoError::io("reading an object"))?.len();
            return Ok(Some(Fallback { checksum: *checksum, size: stored, content_size: size }));
        }
        let header: FileHeader = object.header;
        let mut content = Vec::new();
        let mut reader = object.content;
        reader.read_to_end(&mut content).map_err(|error| super::read::malformed(checksum, error))?;
        part.file(checksum, &header.as_ref(), &content);
        Ok(None)
    }

    fn content_of(&self, checksum: &Checksum) -> Result<Vec<u8>, RepoError> {
        let mut content = Vec::new();
        let mut object = self.open_file(checksum)?;
        object.content.read_to_end(&mut content).map_err(|error| super::read::malformed(checksum, error))?;
        Ok(content)
    }
}

fn pack(part: PartBuilder, level: u32) -> Result<BuiltPart, RepoError> {
    let failed = || RepoError::io("compressing a part of a static delta");
    let bytes = part.encode();
    let mut options = XzOptions::with_preset(level.min(9));
    // A window beyond the part only costs whoever inflates it.
    let needed = u32::try_from(bytes.len()).unwrap_or(u32::MAX).clamp(4096, 1 << 30).next_power_of_two();
    options.lzma_options.dict_size = options.lzma_options.dict_size.min(needed);
    let mut writer = XzWriter::new(Vec::new(), options).map_err(failed())?;
    writer.write_all(&bytes).map_err(failed())?;
    let packed = writer.finish().map_err(failed())?;
    Ok(part.finish(Compression::Xz, &packed))
}
