//! Entries of a commit's tree by their paths.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::checkout::malformed;
use super::{EntryObjects, FileObject, Repo, RepoError, TreeEntry};
use crate::limits::MAX_LINKS;
use crate::{Checksum, DirTreeRef, ObjectType};

impl Repo {
    /// The entry at `path` of a commit's tree, from its root whether it starts with `/` or not. Symbolic links are
    /// entries, and are not followed.
    ///
    /// # Errors
    /// If there is no such entry, what is to have an entry is no directory, or an object is missing or malformed.
    pub fn entry(&self, commit: &Checksum, path: &str) -> Result<TreeEntry, RepoError> {
        let mut entry = self.root(commit)?;
        for name in components(path) {
            entry = self.child(&entry, name)?;
        }
        match entry.objects {
            EntryObjects::File { .. } if path.ends_with('/') => Err(not_directory(&entry.path)),
            _ => Ok(entry),
        }
    }

    /// The file at `path` of a commit's tree, open for reading. If that is a symbolic link, the file it leads to: what
    /// leads out of the tree ends at its root.
    ///
    /// # Errors
    /// As [`entry`](Self::entry), if it is a directory, or after [`MAX_LINKS`] symbolic links.
    pub fn open_path(&self, commit: &Checksum, path: &str) -> Result<FileObject, RepoError> {
        let mut path = path.to_string();
        for _ in 0..=MAX_LINKS {
            let entry = self.entry(commit, &path)?;
            let EntryObjects::File { checksum } = entry.objects else {
                return Err(RepoError::IsDirectory { path: entry.path.into() });
            };
            let object = self.open_file(&checksum)?;
            match object.header.as_ref().symlink_target() {
                None => return Ok(object),
                Some(target) => path = followed(&entry.path, target),
            }
        }
        Err(RepoError::Links { limit: MAX_LINKS })
    }

    fn child(&self, directory: &TreeEntry, name: &str) -> Result<TreeEntry, RepoError> {
        let EntryObjects::Directory { tree, .. } = directory.objects else {
            return Err(not_directory(&directory.path));
        };
        let bytes = self.load_metadata(ObjectType::DirTree, &tree)?;
        let parsed = DirTreeRef::parse(&bytes).map_err(malformed(ObjectType::DirTree, &tree))?;
        let path = format!("{}/{name}", directory.path.trim_end_matches('/'));
        let file = parsed.file(name).map(|file| EntryObjects::File { checksum: file.checksum });
        let directory =
            || parsed.dir(name).map(|dir| EntryObjects::Directory { tree: dir.tree, meta: dir.meta });
        match file.or_else(directory) {
            Some(objects) => Ok(TreeEntry { path, objects }),
            None => Err(RepoError::NoEntry { path: path.into() }),
        }
    }
}

fn not_directory(path: &str) -> RepoError {
    RepoError::NotDirectory { path: path.into() }
}

fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !matches!(*name, "" | "."))
}

/// Where a symbolic link at `path` leads.
fn followed(path: &str, target: &str) -> String {
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let start = if target.starts_with('/') { "" } else { parent };
    let mut names: Vec<&str> = components(start).collect();
    for name in components(target) {
        match name {
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_their_directory_and_no_further_than_the_root() {
        assert_eq!(followed("/usr/bin/link", "tool"), "usr/bin/tool");
        assert_eq!(followed("/usr/bin/link", "../lib/./x"), "usr/lib/x");
        assert_eq!(followed("/usr/bin/link", "/etc//x"), "etc/x");
        assert_eq!(followed("/link", "../../x"), "x");
    }
}
