//! Summaries of repositories, and what lies beside commits.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use std::io::Write;

use rustix::fs::AtFlags;

use super::{LockKind, Repo, RepoError};
use crate::delta::DeltaName;
use crate::limits::{MAX_METADATA_BYTES, MAX_SUMMARY_BYTES};
use crate::summary::{Summary, SummaryCommit};
use crate::{Checksum, CommitRef, DetachedRef, ObjectType, Variant};

impl Repo {
    /// The branches of `refs/heads`, and their commits.
    ///
    /// # Errors
    /// As of the file system.
    pub fn heads(&self) -> Result<BTreeMap<String, Checksum>, RepoError> {
        let mut heads = BTreeMap::new();
        let mut left = vec![String::new()];
        while let Some(parent) = left.pop() {
            for entry in self.names_in(format!("refs/heads/{parent}").trim_end_matches('/'))? {
                let name = if parent.is_empty() { entry } else { format!("{parent}/{entry}") };
                match self.resolve_ref(&name) {
                    Ok(commit) => drop(heads.insert(name, commit)),
                    // A directory, or what is no ref. Those with names that no ref has are left out.
                    Err(RepoError::NoRef | RepoError::Io { .. }) => left.push(name),
                    Err(RepoError::RefName) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(heads)
    }

    /// Makes the repository's `summary` anew: its branches and its static deltas, which get
    /// indexes too, `now` in seconds since
    /// 1970-01-01T00:00:00Z. A signature of the former one is removed. Returns the summary's bytes.
    ///
    /// # Errors
    /// If the commit of a branch is missing or malformed, or as of the file system.
    pub fn update_summary(&self, now: u64) -> Result<Vec<u8>, RepoError> {
        let _lock = self.lock(LockKind::Exclusive)?;
        let mut summary = Summary::default();
        for (name, checksum) in self.heads()? {
            let bytes = self.load_metadata(ObjectType::Commit, &checksum)?;
            let commit = CommitRef::parse(&bytes)
                .map_err(super::checkout::malformed(ObjectType::Commit, &checksum))?;
            let mut metadata: Vec<(String, Variant)> = Vec::new();
            if let Some(version) = commit.metadata().get("version").filter(|value| value.as_str().is_some()) {
                metadata.push(("ostree.commit.version".into(), version.into()));
            }
            metadata.push(("ostree.commit.timestamp".into(), Variant::be_u64(commit.timestamp())));
            let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            summary.refs.insert(name, SummaryCommit { size, checksum, metadata });
        }
        let mode = Variant::string(self.mode().name()).ok();
        summary.metadata.extend(mode.map(|mode| ("ostree.summary.mode".into(), mode)));
        summary.metadata.push(("ostree.summary.last-modified".into(), Variant::be_u64(now)));
        summary
            .metadata
            .push(("ostree.summary.tombstone-commits".into(), Variant::boolean(self.has_tombstones()?)));
        let mut deltas = Vec::new();
        for delta in self.deltas()? {
            let superblock = self.read_superblock(&delta)?;
            deltas.extend(superblock.map(|bytes| (delta, Checksum::of(&bytes))));
        }
        if !deltas.is_empty() {
            summary.metadata.push(("ostree.static-deltas".into(), Summary::deltas(&deltas)));
        }
        self.write_delta_indexes(&deltas)?;
        summary.metadata.push(("ostree.summary.indexed-deltas".into(), Variant::boolean(true)));
        let bytes = summary.encode();
        // In this order there is never a signature beside a summary that it is not of, but for a moment none.
        match rustix::fs::unlinkat(&self.directory, "summary.sig", AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(RepoError::io("removing the summary's signature")(error)),
        }
        self.replace("summary", &bytes)?;
        Ok(bytes)
    }

    /// Writes which deltas lead to each commit, for clients that take no summary, and removes what was written for
    /// commits to which none leads any more.
    fn write_delta_indexes(&self, deltas: &[(DeltaName, Checksum)]) -> Result<(), RepoError> {
        let mut kept = BTreeSet::new();
        let mut deltas = deltas.to_vec();
        deltas.sort_unstable_by_key(|(name, _)| (name.to, name.from));
        for one in deltas.chunk_by(|one, other| one.0.to == other.0.to) {
            let Some((name, _)) = one.first() else { continue };
            let path = DeltaName::index_path(&name.to);
            let entries = [("ostree.static-deltas".into(), Summary::deltas(one))];
            let directory = path.as_str().rsplit_once('/').map_or("", |(directory, _)| directory);
            for directory in ["delta-indexes", directory] {
                super::make_directory(&self.directory, directory)?;
            }
            self.replace(path.as_str(), Variant::metadata(&entries).as_ref().bytes())?;
            kept.insert(path.as_str().to_owned());
        }
        for directory in self.names_in("delta-indexes")? {
            for name in self.names_in(&format!("delta-indexes/{directory}"))? {
                let path = format!("delta-indexes/{directory}/{name}");
                if name.ends_with(".index") && !kept.contains(&path) {
                    rustix::fs::unlinkat(&self.directory, &*path, AtFlags::empty())
                        .map_err(RepoError::io("removing an index of static deltas"))?;
                }
            }
        }
        Ok(())
    }

    /// The repository's `summary`; `None` if it has none.
    ///
    /// # Errors
    /// If it is larger than [`MAX_SUMMARY_BYTES`], or as of the file system.
    pub fn read_summary(&self) -> Result<Option<Vec<u8>>, RepoError> {
        self.read_file("summary", MAX_SUMMARY_BYTES)
    }

    /// Keeps `bytes`, detached metadata, as `summary.sig`.
    ///
    /// # Errors
    /// As of the file system.
    pub fn write_summary_signature(&self, bytes: &[u8]) -> Result<(), RepoError> {
        self.replace("summary.sig", bytes)
    }

    /// What lies beside `commit`; `None` if there is nothing.
    ///
    /// # Errors
    /// If it is larger than [`MAX_METADATA_BYTES`], or as of the file system.
    pub fn read_detached(&self, commit: &Checksum) -> Result<Option<Vec<u8>>, RepoError> {
        let path = commit.loose_path(ObjectType::CommitMeta, self.mode);
        self.read_file(&format!("objects/{path}"), MAX_METADATA_BYTES)
    }

    /// Keeps `bytes` beside `commit`, in the place of what was there.
    ///
    /// # Errors
    /// If they are no detached metadata, or as of the file system.
    pub fn write_detached(&self, commit: &Checksum, bytes: &[u8]) -> Result<(), RepoError> {
        let object_type = ObjectType::CommitMeta;
        DetachedRef::parse(bytes).map_err(super::checkout::malformed(object_type, commit))?;
        let path = commit.loose_path(object_type, self.mode);
        super::make_directory(&self.objects, path.directory())?;
        self.replace(&format!("objects/{path}"), bytes)
    }

    /// Puts a file into the place of another at once, durably.
    pub(super) fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), RepoError> {
        let mut file = self.temporary_file()?;
        let written = file.file.write_all(bytes).and_then(|()| self.sync_file(&file.file));
        written.map_err(RepoError::io("writing beside objects"))?;
        file.rename_to(&self.directory, path)?;
        let parent = path.rsplit_once('/').map_or(".", |(parent, _)| parent);
        let parent = super::open_directory(&self.directory, parent)?;
        self.sync_file(&parent).map_err(RepoError::io("syncing what is beside objects"))
    }
}
