//! A repository's metadata in a directory, under the names that servers and clients give the files.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use uptane_core::canonical::Slot;
use uptane_core::dialect::Dialect;
use uptane_core::metadata::root::Root;
use uptane_core::primary::MAX_ROTATIONS;
use uptane_core::{Error, ErrorKind, Repository, Role, Step, Verified};

use crate::files::prefix_if_there;

/// One repository's directory, and the largest files that are taken from it.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) repository: Repository,
    pub(super) directory: PathBuf,
    pub(super) max_root: usize,
    pub(super) max_timestamp: usize,
    pub(super) max_snapshot: usize,
    pub(super) max_targets: usize,
}

impl Files {
    /// The file `name`, at most one byte more than `max_bytes`; `None` if it is not there.
    pub(super) fn find(&self, name: &str, max_bytes: usize) -> anyhow::Result<Option<Vec<u8>>> {
        prefix_if_there(&self.directory.join(name), max_bytes)
    }

    /// As [`Self::find`], for a file that has to be there.
    pub(super) fn read(&self, name: &str, max_bytes: usize) -> anyhow::Result<Vec<u8>> {
        self.find(name, max_bytes)?.with_context(|| format!("no {name} in {}", self.directory.display()))
    }

    /// A delegated role's metadata: beside the others, or as aktualizr has it in `delegations`.
    pub(super) fn delegated(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        let file = format!("{}.json", crate::http::encode_path(name).replace('/', "%2F"));
        match self.find(&file, self.max_targets)? {
            Some(bytes) => Ok(bytes),
            None => self.read(&format!("delegations/{file}"), self.max_targets),
        }
    }

    /// The Root metadata to start from, `trust` or version 1 or the only one there is, and all that follow it.
    ///
    /// A `root.json` beside the numbered ones is the newest of them, or follows it: what clients without a chain take
    /// is verified too, and never passed over.
    pub(super) fn roots<D: Dialect>(&self, trust: Option<&Path>) -> anyhow::Result<Vec<Vec<u8>>> {
        let named = self.find("root.json", self.max_root)?;
        let first = match trust {
            Some(path) => crate::files::read(path, self.max_root)?,
            None => match self.find("1.root.json", self.max_root)? {
                Some(bytes) => bytes,
                None => {
                    named.clone().with_context(|| format!("no root.json in {}", self.directory.display()))?
                }
            },
        };
        let first_version = self.version_of::<D>(&first)?;
        let mut newest = first_version;
        let mut roots = vec![first];
        for _ in 0..MAX_ROTATIONS {
            let name = format!("{}.root.json", newest.saturating_add(1));
            let Some(bytes) = self.find(&name, self.max_root)? else {
                return self.with_named::<D>(roots, newest, named);
            };
            newest = newest.saturating_add(1);
            roots.push(bytes);
        }
        bail!("{} root: more than {MAX_ROTATIONS} rotations", self.repository.name())
    }

    /// The version of a Root that its own keys signed.
    fn version_of<D: Dialect>(&self, root: &[u8]) -> Result<u64, Error> {
        let mut index: Vec<Slot> = Vec::new();
        Ok(Verified::<Root<'_>>::trusted::<D, _>(self.repository, root, &mut index)?.version())
    }

    /// The chain `roots` up to version `newest`, with `root.json` if that goes on from it.
    fn with_named<D: Dialect>(
        &self,
        mut roots: Vec<Vec<u8>>,
        newest: u64,
        named: Option<Vec<u8>>,
    ) -> anyhow::Result<Vec<Vec<u8>>> {
        let Some(named) = named else { return Ok(roots) };
        if roots.last() == Some(&named) {
            return Ok(roots);
        }
        let offered = self.version_of::<D>(&named).context("root.json")?;
        let kind = match offered.cmp(&newest) {
            Ordering::Greater => {
                roots.push(named);
                return Ok(roots);
            }
            // Where the walk started: there is no other, or it is what is trusted.
            Ordering::Less if roots.first() == Some(&named) && self.find("1.root.json", 0)?.is_none() => {
                return Ok(roots);
            }
            Ordering::Less => ErrorKind::Rollback { trusted: newest, offered },
            Ordering::Equal => ErrorKind::SameVersion { version: newest },
        };
        let refusal = Error { repository: self.repository, role: Role::Root, step: Step::R2Version, kind };
        Err(anyhow::Error::new(refusal).context("root.json"))
    }

    /// The newest of `roots`, each signed as the one before it asks.
    pub(super) fn newest_root<'a, D: Dialect>(
        &self,
        roots: &'a [Vec<u8>],
        index: &mut Vec<Slot>,
    ) -> anyhow::Result<Verified<Root<'a>>> {
        let (first, newer) = roots.split_first().context("there is no root")?;
        let mut root = Verified::<Root<'_>>::trusted::<D, _>(self.repository, first, index)?;
        for bytes in newer {
            root = root.next::<D, _>(bytes, self.max_root, index)?;
        }
        Ok::<_, Error>(root).map_err(Into::into)
    }
}
