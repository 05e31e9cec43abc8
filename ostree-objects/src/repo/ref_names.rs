//! Listing, making and removing refs.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::refs::{head, ref_path};
use super::{Repo, RepoError, open_directory};
use crate::Checksum;

/// What a ref is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefTarget {
    /// The commit it leads to.
    pub commit: Checksum,
    /// The branch that it is another name of, if it is an alias.
    pub alias_of: Option<String>,
}

const HEADS: &str = "refs/heads/";
const REMOTES: &str = "refs/remotes/";

impl Repo {
    /// The branches, by their names, and the refs of other repositories, as `REMOTE:REF`. What has a name that no ref
    /// has is left out.
    ///
    /// # Errors
    /// If one of them holds no checksum, or as of the file system.
    pub fn list_refs(&self) -> Result<BTreeMap<String, RefTarget>, RepoError> {
        let mut refs = BTreeMap::new();
        for path in self.refs()? {
            let name = match (path.strip_prefix(HEADS), path.strip_prefix(REMOTES)) {
                (Some(name), _) => name.into(),
                (None, Some(name)) => match name.split_once('/') {
                    Some((remote, name)) => format!("{remote}:{name}"),
                    None => continue,
                },
                (None, None) => continue,
            };
            if ref_path(&name).is_err() {
                continue;
            }
            match self.read_ref(&path) {
                Ok(commit) => {
                    let alias_of = self.alias_of(&path)?;
                    refs.insert(name, RefTarget { commit, alias_of });
                }
                // An alias of what is gone.
                Err(RepoError::NoRef) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(refs)
    }

    /// The branch that the ref at `path` is a symbolic link to.
    fn alias_of(&self, path: &str) -> Result<Option<String>, RepoError> {
        let target = match rustix::fs::readlinkat(&self.directory, path, Vec::new()) {
            Ok(target) => target,
            // No symbolic link.
            Err(Errno::INVAL) => return Ok(None),
            Err(error) => return Err(RepoError::io("reading an alias")(error)),
        };
        let target = target.to_str().map_err(|_| RepoError::RefName)?;
        let mut names: Vec<&str> = path.split('/').collect();
        names.pop();
        for name in target.split('/') {
            if name == ".." {
                names.pop();
            } else {
                names.push(name);
            }
        }
        Ok(names.join("/").strip_prefix(HEADS).map(String::from))
    }

    /// Makes the ref `name`, a branch or `REMOTE:REF`, lead to `commit`, durably.
    ///
    /// # Errors
    /// If the name is not allowed, or other refs are below it or in its way; or as of the file system.
    pub fn set_any_ref(&self, name: &str, commit: &Checksum) -> Result<(), RepoError> {
        self.write_ref(&ref_path(name)?, commit)
    }

    /// Makes the branch `name` another name of the branch `target`, durably.
    ///
    /// # Errors
    /// As [`set_any_ref`](Self::set_any_ref), or if there is no branch `target`.
    pub fn set_alias(&self, name: &str, target: &str) -> Result<(), RepoError> {
        let (path, to) = (head(name)?, head(target)?);
        self.read_ref(&to)?;
        let up = "../".repeat(name.matches('/').count());
        let link = self.temporary_link(&format!("{up}{target}"))?;
        self.put_ref(link, &path)
    }

    /// Removes the ref `name`, a branch or `REMOTE:REF`, durably. Whether there was one.
    ///
    /// # Errors
    /// If the name is not allowed, or as of the file system.
    pub fn remove_ref(&self, name: &str) -> Result<bool, RepoError> {
        let path = ref_path(name)?;
        match rustix::fs::unlinkat(&self.directory, &*path, AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(false),
            Err(error) => return Err(RepoError::io("removing a ref")(error)),
        }
        let parent = path.rsplit_once('/').map_or("refs", |(parent, _)| parent);
        let parent = open_directory(&self.directory, parent)?;
        self.sync_file(&parent).map_err(RepoError::io("syncing a ref"))?;
        Ok(true)
    }

    /// Removes the directories at `path` if no ref is in them: what is left of refs that are gone is in nobody's way.
    pub(super) fn remove_empty_refs(&self, path: &str) -> Result<(), RepoError> {
        let mut directories = Vec::from([String::from(path)]);
        let mut next = 0;
        while let Some(directory) = directories.get(next).cloned() {
            next = next.saturating_add(1);
            for name in self.names_in(&directory)? {
                directories.push(format!("{directory}/{name}"));
            }
        }
        // Those inside of others first; a ref is no directory, and stays.
        for directory in directories.iter().rev() {
            match rustix::fs::unlinkat(&self.directory, &**directory, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(Errno::NOTDIR | Errno::NOTEMPTY | Errno::EXIST) => return Err(RepoError::RefConflict),
                Err(error) => return Err(RepoError::io("removing an empty directory of refs")(error)),
            }
        }
        Ok(())
    }
}
