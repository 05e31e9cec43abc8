//! Refs: names of commits, each a file with a checksum in it. And the marks of commits that are incomplete.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use std::io::{Read, Write};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::temporary::TemporaryName;
use super::{Repo, RepoError, make_directory, open_directory};
use crate::{Checksum, Name};

impl Repo {
    /// The files of all refs, of branches, of other repositories and of mirrors.
    pub(super) fn refs(&self) -> Result<Vec<String>, RepoError> {
        let io = || RepoError::io("listing the refs");
        let mut refs = Vec::new();
        let mut left = Vec::from([String::from("refs")]);
        while let Some(path) = left.pop() {
            let directory = open_directory(&self.directory, &*path)?;
            for entry in Dir::read_from(&directory).map_err(io())? {
                let entry = entry.map_err(io())?;
                let name = entry.file_name().to_str().map_err(|_| RepoError::RefName)?;
                if name == "." || name == ".." {
                    continue;
                }
                let stat = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io())?;
                let path = format!("{path}/{name}");
                match FileType::from_raw_mode(stat.st_mode) {
                    FileType::Directory => left.push(path),
                    _ => refs.push(path),
                }
            }
        }
        Ok(refs)
    }

    /// Whether a branch may have this name; for asking others about it, before there is anything to be noted.
    ///
    /// # Errors
    /// If not.
    pub fn check_branch(name: &str) -> Result<(), RepoError> {
        head(name).map(drop)
    }

    /// The checksum in the file of a ref.
    pub(super) fn read_ref(&self, path: &str) -> Result<Checksum, RepoError> {
        let file = rustix::fs::openat(&self.directory, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let file = std::fs::File::from(file.map_err(|error| match error {
            Errno::NOENT | Errno::NOTDIR | Errno::ISDIR => RepoError::NoRef,
            error => RepoError::io("opening a ref")(error),
        })?);
        let mut text = Vec::new();
        file.take(128).read_to_end(&mut text).map_err(RepoError::io("reading a ref"))?;
        Checksum::from_hex(text.trim_ascii_end()).map_err(|_| RepoError::BadRef { path: path.into() })
    }

    /// Makes the branch `name` point at `commit`, durably.
    ///
    /// # Errors
    /// If the name is not allowed, or as of the file system.
    pub fn set_ref(&self, name: &str, commit: &Checksum) -> Result<(), RepoError> {
        self.write_ref(&head(name)?, commit)
    }

    /// Notes durably that the branch `name` of the remote repository `remote` points at `commit`.
    ///
    /// # Errors
    /// As [`Self::set_ref`].
    pub fn set_remote_ref(&self, remote: &str, name: &str, commit: &Checksum) -> Result<(), RepoError> {
        self.write_ref(&remote_head(remote, name)?, commit)
    }

    pub(super) fn write_ref(&self, path: &str, commit: &Checksum) -> Result<(), RepoError> {
        self.sync()?;
        let mut file = self.temporary_file()?;
        let io = RepoError::io("writing a ref");
        std::writeln!(file.file, "{commit}").and_then(|()| self.sync_file(&file.file)).map_err(io)?;
        self.put_ref(file.into_name(), path)
    }

    /// Gives a file or symbolic link the name of a ref, durably.
    pub(super) fn put_ref(&self, made: TemporaryName<'_>, path: &str) -> Result<(), RepoError> {
        for (at, _) in path.match_indices('/').skip(1) {
            match make_directory(&self.directory, path.get(..at).unwrap_or_default()) {
                Err(error) if error.errno() == Some(Errno::NOTDIR) => return Err(RepoError::RefConflict),
                made => made?,
            }
        }
        let conflict = |error| match error {
            Errno::NOTDIR => RepoError::RefConflict,
            error => RepoError::io("naming a ref")(error),
        };
        match made.rename_to(&self.directory, path) {
            Err((made, Errno::ISDIR)) => {
                self.remove_empty_refs(path)?;
                made.rename_to(&self.directory, path).map_err(|(_, error)| conflict(error))?;
            }
            renamed => renamed.map_err(|(_, error)| conflict(error))?,
        }
        let parent = path.rsplit_once('/').map_or("refs", |(parent, _)| parent);
        let parent = open_directory(&self.directory, parent)?;
        self.sync_file(&parent).map_err(RepoError::io("syncing a ref"))
    }

    /// Says that objects of `commit` may be missing, until [`Self::set_complete`].
    ///
    /// # Errors
    /// As of the file system.
    pub fn set_partial(&self, commit: &Checksum) -> Result<(), RepoError> {
        make_directory(&self.directory, "state")?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mark = rustix::fs::openat(&self.directory, partial(commit), flags, Mode::from_raw_mode(0o644));
        mark.map_err(RepoError::io("marking a commit as partial"))?;
        self.sync_state()
    }

    /// Says that everything `commit` needs is here.
    ///
    /// # Errors
    /// As of the file system.
    pub fn set_complete(&self, commit: &Checksum) -> Result<(), RepoError> {
        self.sync()?;
        match rustix::fs::unlinkat(&self.directory, partial(commit), AtFlags::empty()) {
            Ok(()) => self.sync_state(),
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(RepoError::io("marking a commit as complete")(error)),
        }
    }

    /// Whether objects of `commit` may be missing.
    ///
    /// # Errors
    /// As of the file system.
    pub fn is_partial(&self, commit: &Checksum) -> Result<bool, RepoError> {
        match rustix::fs::statat(&self.directory, partial(commit), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(RepoError::io("looking for the mark of a partial commit")(error)),
        }
    }

    fn sync_state(&self) -> Result<(), RepoError> {
        let state = open_directory(&self.directory, "state")?;
        self.sync_file(&state).map_err(RepoError::io("syncing the state of commits"))
    }
}

fn partial(commit: &Checksum) -> String {
    format!("state/{commit}.commitpartial")
}

/// The path of a branch, or of `REMOTE:REF`.
pub(super) fn ref_path(name: &str) -> Result<String, RepoError> {
    match name.split_once(':') {
        Some((remote, name)) => remote_head(remote, name),
        None => head(name),
    }
}

/// The path of a branch.
pub(super) fn head(name: &str) -> Result<String, RepoError> {
    path_of("heads", name)
}

/// The path of a branch of a remote repository.
pub(super) fn remote_head(remote: &str, name: &str) -> Result<String, RepoError> {
    if remote.contains('/') {
        Err(RepoError::RefName)
    } else {
        path_of("remotes", &format!("{remote}/{name}"))
    }
}

/// The path of a ref: components as libostree allows them (`ostree_validate_rev`).
fn path_of(kind: &str, name: &str) -> Result<String, RepoError> {
    let legal = |component: &str| {
        let mut bytes = component.bytes();
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        Name::new(component).is_ok()
            && bytes.next().is_some_and(word)
            && bytes.all(|byte| word(byte) || b"-.".contains(&byte))
    };
    // What looks like a checksum would never be looked for among the refs.
    let is_checksum = Checksum::from_hex(name.as_bytes()).is_ok();
    if !is_checksum && name.split('/').all(legal) {
        Ok(format!("refs/{kind}/{name}"))
    } else {
        Err(RepoError::RefName)
    }
}
