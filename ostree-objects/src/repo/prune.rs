//! Removing what no commit needs, and what is damaged.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use rustix::fs::{AtFlags, Dir};

use super::checkout::malformed;
use super::fsck::FsckReport;
use super::{LockKind, Repo, RepoError, open_directory};
use crate::pull::{Planner, Request};
use crate::{Checksum, CommitRef, DirTreeRef, Limits, ObjectType};

/// What is kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct PruneOptions {
    /// Keep the commits that refs lead to, not every commit that is there.
    pub refs_only: bool,
    /// How many parents of each of these commits are kept; all that are there if `None`.
    pub depth: Option<usize>,
    /// Remove nothing, only say what would be.
    pub dry_run: bool,
}

/// What a prune found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneReport {
    /// Objects that there were: commits, dirtrees, dirmetas, files and payload links.
    pub total: usize,
    /// Those that are needed by nothing that is kept, and are gone unless it was a dry run; in order.
    pub unneeded: Vec<Request>,
    /// How many bytes these have.
    pub bytes: u64,
}

impl Repo {
    /// Removes objects that no commit needs which is kept, and static deltas to commits that are gone. A commit that is kept and incomplete keeps what is there
    /// of it.
    ///
    /// Commits go first, durably: a power cut leaves none that lacks an object without saying so. Each leaves a tombstone
    /// if the config says so (`core.tombstone-commits`).
    ///
    /// # Errors
    /// If an object of a commit that is kept is missing or malformed, which says nothing about what it needs; or as
    /// of the file system. Nothing was removed then, unless it is the removing that failed.
    pub fn prune(&self, options: &PruneOptions) -> Result<PruneReport, RepoError> {
        let _lock = self.lock(if options.dry_run { LockKind::Shared } else { LockKind::Exclusive })?;
        let start =
            if options.refs_only { self.referenced()? } else { self.commits()?.into_iter().collect() };
        let needed = self.needed(&start, options.depth)?;
        let mut report = PruneReport::default();
        for (request, bytes) in self.objects()? {
            report.total += 1;
            let is_needed = match request.object_type {
                ObjectType::PayloadLink => self.is_payload_link_needed(&request.checksum, &needed)?,
                object_type => needed.contains(&(object_type, request.checksum)),
            };
            if !is_needed {
                report.unneeded.push(request);
                report.bytes = report.bytes.saturating_add(bytes);
            }
        }
        report.unneeded.sort_by_key(|request| (request.object_type, request.checksum));
        if options.dry_run {
            return Ok(report);
        }
        let is_commit = |request: &&Request| request.object_type == ObjectType::Commit;
        let has_tombstones = self.has_tombstones()?;
        for Request { checksum, .. } in report.unneeded.iter().filter(is_commit) {
            self.remove_commit(checksum, has_tombstones)?;
        }
        self.sync()?;
        for Request { object_type, checksum } in &report.unneeded {
            self.remove(*object_type, checksum)?;
        }
        self.prune_deltas()?;
        Ok(report)
    }

    /// Whether a link from content to a file object leads to one that is kept, and large enough for it
    /// (`ostree-repo-prune.c`, `maybe_prune_loose_object`).
    fn is_payload_link_needed(
        &self,
        content: &Checksum,
        needed: &BTreeSet<(ObjectType, Checksum)>,
    ) -> Result<bool, RepoError> {
        let path = content.loose_path(ObjectType::PayloadLink, self.mode);
        let target = rustix::fs::readlinkat(&self.objects, path.as_str(), Vec::new())
            .map_err(RepoError::io("reading a payload link"))?;
        let file = target.to_str().ok().and_then(|target| {
            let (folder, rest) = target.strip_prefix("../")?.strip_suffix(".file")?.split_once('/')?;
            Checksum::from_hex(format!("{folder}{rest}").as_bytes()).ok()
        });
        let Some(file) = file.filter(|file| needed.contains(&(ObjectType::File, *file))) else {
            return Ok(false);
        };
        let path = file.loose_path(ObjectType::File, self.mode);
        match rustix::fs::statat(&self.objects, path.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                Ok(u64::try_from(stat.st_size).is_ok_and(|size| size >= self.config.payload_link_bytes))
            }
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(RepoError::io("looking at an object")(error)),
        }
    }

    /// Removes static deltas that lead to commits that are gone, as `ostree prune` does; the superblock first, which
    /// is what clients look for.
    fn prune_deltas(&self) -> Result<(), RepoError> {
        let io = || RepoError::io("removing a static delta");
        for delta in self.deltas()? {
            if self.has(ObjectType::Commit, &delta.to)? {
                continue;
            }
            let path = delta.directory();
            let directory = open_directory(&self.directory, path.as_str())?;
            match rustix::fs::unlinkat(&directory, "superblock", AtFlags::empty()) {
                Ok(()) | Err(rustix::io::Errno::NOENT) => {}
                Err(error) => return Err(io()(error)),
            }
            for name in self.names_in(path.as_str())? {
                rustix::fs::unlinkat(&directory, &*name, AtFlags::empty()).map_err(io())?;
            }
            rustix::fs::unlinkat(&self.directory, path.as_str(), AtFlags::REMOVEDIR).map_err(io())?;
        }
        Ok(())
    }

    /// Removes what a check found damaged, and marks the commits that need it as partial, so that a pull fetches it
    /// again. Returns these commits. An object that could not be read stays: it may be whole
    /// ([`RepoError::is_of_object`]).
    ///
    /// # Errors
    /// As of the file system; if metadata cannot be read for another reason than damage, nothing was removed.
    pub fn remove_damaged(&self, report: &FsckReport) -> Result<Vec<Checksum>, RepoError> {
        let _lock = self.lock(LockKind::Exclusive)?;
        let of_object = report.damaged.iter().filter(|one| one.error.is_of_object());
        let damaged: BTreeSet<_> =
            of_object.map(|one| (one.request.object_type, one.request.checksum)).collect();
        let mut affected = Vec::new();
        for commit in self.commits()? {
            if !self.is_partial(&commit)? && self.needs_any(&commit, &damaged)? {
                affected.push(commit);
            }
        }
        // The marks come first: no commit may look complete without its objects.
        for commit in &affected {
            self.set_partial(commit)?;
        }
        for (object_type, checksum) in &damaged {
            self.remove(*object_type, checksum)?;
        }
        Ok(affected)
    }

    fn needs_any(
        &self,
        commit: &Checksum,
        objects: &BTreeSet<(ObjectType, Checksum)>,
    ) -> Result<bool, RepoError> {
        let mut planner = Planner::new(*commit, Limits::DEFAULT);
        while let Some(request) = planner.next_request() {
            let Request { object_type, checksum } = request;
            if objects.contains(&(object_type, checksum)) {
                return Ok(true);
            }
            let arrived = match object_type {
                ObjectType::File => planner.file_arrived(request).is_ok(),
                _ => match self.load_metadata(object_type, &checksum) {
                    Ok(bytes) => planner.metadata_arrived(request, &bytes).is_ok(),
                    Err(error @ RepoError::Io { .. }) => return Err(error),
                    Err(_) => false,
                },
            };
            if !arrived {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The commits that refs lead to: of branches, of other repositories, of mirrors.
    fn referenced(&self) -> Result<BTreeSet<Checksum>, RepoError> {
        // What is no ref would be a reason to remove what it may stand for.
        self.refs()?.iter().map(|path| self.read_ref(path)).collect()
    }

    /// The objects that these commits need, with as many parents.
    pub(super) fn needed(
        &self,
        start: &BTreeSet<Checksum>,
        depth: Option<usize>,
    ) -> Result<BTreeSet<(ObjectType, Checksum)>, RepoError> {
        let mut needed = BTreeSet::new();
        let mut commits: Vec<_> = start.iter().map(|commit| (*commit, depth, true)).collect();
        // A commit is kept with most parents by the ref that leads furthest.
        let mut furthest = alloc::collections::BTreeMap::new();
        while let Some((commit, depth, is_head)) = commits.pop() {
            let left = depth.unwrap_or(usize::MAX);
            if furthest.get(&commit).is_some_and(|known| *known >= left) {
                continue;
            }
            furthest.insert(commit, left);
            if !self.has(ObjectType::Commit, &commit)? {
                // Parents need not be there, nor the commits of refs to what was never fetched.
                if is_head && !self.is_partial(&commit)? {
                    return Err(RepoError::Missing { object_type: ObjectType::Commit, checksum: commit });
                }
                continue;
            }
            let bytes = self.load_metadata(ObjectType::Commit, &commit)?;
            let parsed = CommitRef::parse(&bytes).map_err(malformed(ObjectType::Commit, &commit))?;
            if needed.insert((ObjectType::Commit, commit)) {
                let is_partial = self.is_partial(&commit)?;
                self.need_tree(&mut needed, parsed.tree(), parsed.meta(), is_partial)?;
            }
            if let (Some(parent), 1..) = (parsed.parent(), left) {
                commits.push((parent, depth.map(|depth| depth - 1), false));
            }
        }
        Ok(needed)
    }

    fn need_tree(
        &self,
        needed: &mut BTreeSet<(ObjectType, Checksum)>,
        tree: Checksum,
        meta: Checksum,
        is_partial: bool,
    ) -> Result<(), RepoError> {
        needed.insert((ObjectType::DirMeta, meta));
        let mut left = Vec::from([tree]);
        while let Some(tree) = left.pop() {
            // A tree that a partial commit lacked may be there for another one: seen is seen.
            if !needed.insert((ObjectType::DirTree, tree)) {
                continue;
            }
            let bytes = match self.load_metadata(ObjectType::DirTree, &tree) {
                Err(RepoError::Missing { .. }) if is_partial => {
                    needed.remove(&(ObjectType::DirTree, tree));
                    continue;
                }
                bytes => bytes?,
            };
            let entries = DirTreeRef::parse(&bytes).map_err(malformed(ObjectType::DirTree, &tree))?;
            needed.extend(entries.files().map(|file| (ObjectType::File, file.checksum)));
            for dir in entries.dirs() {
                needed.insert((ObjectType::DirMeta, dir.meta));
                left.push(dir.tree);
            }
        }
        Ok(())
    }

    /// All commits, dirtrees, dirmetas, files and payload links that are there, with their sizes in bytes.
    fn objects(&self) -> Result<Vec<(Request, u64)>, RepoError> {
        let io = || RepoError::io("listing the objects");
        let mut all = Vec::new();
        for folder in 0..=u8::MAX {
            let Some(directory) = self.folder(folder)? else { continue };
            for entry in Dir::read_from(&directory).map_err(io())? {
                let entry = entry.map_err(io())?;
                let name = entry.file_name().to_str().unwrap_or_default();
                let Some((rest, extension)) = name.split_once('.') else { continue };
                let Some(object_type) = ObjectType::from_extension(extension, self.mode) else { continue };
                let is_counted = matches!(object_type, ObjectType::File | ObjectType::PayloadLink)
                    || object_type.is_named_by_bytes();
                let checksum = Checksum::from_hex(format!("{folder:02x}{rest}").as_bytes());
                let (true, Ok(checksum)) = (is_counted, checksum) else { continue };
                let stat = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io())?;
                all.push((Request { object_type, checksum }, u64::try_from(stat.st_size).unwrap_or(0)));
            }
        }
        Ok(all)
    }
}
