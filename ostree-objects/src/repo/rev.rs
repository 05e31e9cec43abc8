//! Which commit a revision names: the one rule of `ostree_repo_resolve_rev`, for everything that takes one.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use rustix::fs::Dir;

use super::checkout::malformed;
use super::refs::{head, ref_path, remote_head};
use super::{Repo, RepoError};
use crate::{Checksum, CommitRef, ObjectType};

/// Digits of a checksum.
const DIGITS: usize = 64;

impl Repo {
    /// The commit that `rev` names:
    ///
    /// * a checksum in hex, whether the commit is here or not,
    /// * the first digits of the checksum of a commit that is here, if there is no other one: these go before a ref
    ///   of the same name,
    /// * a branch, `REMOTE:REF`, `REMOTE/REF`, or a ref that only one remote has,
    /// * any of these with `^` behind it, its parent; and so on.
    ///
    /// # Errors
    /// If there is no such commit or more than one, a commit has no parent or is not here, or a ref holds no checksum.
    pub fn resolve(&self, rev: &str) -> Result<Checksum, RepoError> {
        let base = rev.trim_end_matches('^');
        let parents = rev.len().saturating_sub(base.len());
        let mut commit = self.resolve_base(base)?;
        for _ in 0..parents {
            commit = self.parent(&commit)?.ok_or(RepoError::NoParent { commit })?;
        }
        Ok(commit)
    }

    /// The commit of exactly this ref: a branch, or `REMOTE:REF`.
    ///
    /// # Errors
    /// If there is no such ref, or it holds no checksum.
    pub fn resolve_ref(&self, name: &str) -> Result<Checksum, RepoError> {
        self.read_ref(&ref_path(name)?)
    }

    /// The commit before `commit`.
    ///
    /// # Errors
    /// If `commit` is missing, corrupt or malformed.
    pub fn parent(&self, commit: &Checksum) -> Result<Option<Checksum>, RepoError> {
        let bytes = self.load_metadata(ObjectType::Commit, commit)?;
        let parsed = CommitRef::parse(&bytes).map_err(malformed(ObjectType::Commit, commit))?;
        Ok(parsed.parent())
    }

    fn resolve_base(&self, rev: &str) -> Result<Checksum, RepoError> {
        // The tool takes nothing for the start of every checksum: what is meant by that is a mistake.
        if rev.is_empty() {
            return Err(RepoError::RefName);
        }
        if let Ok(checksum) = Checksum::from_hex(rev.as_bytes()) {
            return Ok(checksum);
        }
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if rev.len() < DIGITS && rev.bytes().all(is_digit) {
            let commits = self.commits_starting_with(rev)?;
            match commits.as_slice() {
                [] => {}
                [commit] => return Ok(*commit),
                commits => return Err(RepoError::Ambiguous { commits: commits.len() }),
            }
        }
        if rev.contains(':') {
            return self.resolve_ref(rev);
        }
        match self.read_ref(&head(rev)?) {
            Err(RepoError::NoRef) => self.resolve_in_remotes(rev),
            found => found,
        }
    }

    /// A ref of another repository without its name.
    fn resolve_in_remotes(&self, rev: &str) -> Result<Checksum, RepoError> {
        if let Some((remote, name)) = rev.split_once('/')
            && let Ok(path) = remote_head(remote, name)
        {
            match self.read_ref(&path) {
                Err(RepoError::NoRef) => {}
                found => return found,
            }
        }
        let mut found = BTreeSet::new();
        for remote in self.names_in("refs/remotes")? {
            // What no remote is called has no refs.
            let Ok(path) = remote_head(&remote, rev) else { continue };
            match self.read_ref(&path) {
                Ok(commit) => drop(found.insert(commit)),
                Err(RepoError::NoRef) => {}
                Err(error) => return Err(error),
            }
        }
        // The tool takes whichever its file system lists first.
        match (found.len(), found.pop_first()) {
            (_, None) => Err(RepoError::NoRef),
            (1, Some(commit)) => Ok(commit),
            (remotes, _) => Err(RepoError::AmbiguousRemote { remotes }),
        }
    }

    /// The commits that are here and whose checksums start with these digits, in order.
    pub(super) fn commits_starting_with(&self, digits: &str) -> Result<Vec<Checksum>, RepoError> {
        let failed = || RepoError::io("listing the objects");
        let extension = format!(".{}", ObjectType::Commit.extension(self.mode));
        let mut commits = Vec::new();
        for folder in 0..=u8::MAX {
            let name = format!("{folder:02x}");
            if !name.starts_with(digits.get(..2).unwrap_or(digits)) {
                continue;
            }
            let Some(directory) = self.folder(folder)? else { continue };
            for entry in Dir::read_from(&directory).map_err(failed())? {
                let entry = entry.map_err(failed())?;
                let file = entry.file_name().to_str().unwrap_or_default();
                let Some(rest) = file.strip_suffix(&*extension) else { continue };
                let checksum = format!("{name}{rest}");
                if let (true, Ok(checksum)) =
                    (checksum.starts_with(digits), Checksum::from_hex(checksum.as_bytes()))
                {
                    commits.push(checksum);
                }
            }
        }
        commits.sort_unstable();
        Ok(commits)
    }
}
