//! Everything the sysroot does with the file system. Paths are relative to the sysroot; what comes from a tree is
//! never part of one, but for directories that were seen to be directories.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Effect, Fs, SysrootError};

/// Largest text file that is read whole, in bytes: boot entries, `os-release`, `uEnv.txt`.
const MAX_TEXT_BYTES: u64 = 1024 * 1024;

#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    fs: Arc<dyn Fs>,
}

/// An entry of a directory.
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) is_directory: bool,
}

impl Disk {
    pub(super) fn new(root: &Path, fs: Arc<dyn Fs>) -> Self {
        Self { root: root.into(), fs }
    }

    /// Another directory, changed by the same file system.
    pub(super) fn beside(&self, root: &Path) -> Self {
        Self::new(root, Arc::clone(&self.fs))
    }

    /// All that changes something goes through here.
    fn apply(&self, doing: &'static str, effect: &Effect<'_>) -> Result<(), SysrootError> {
        self.fs.apply(&self.root, effect).map_err(io(doing, effect.path()))
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        fs::symlink_metadata(self.path(path)).is_ok()
    }

    pub(super) fn is_directory(&self, path: &str) -> bool {
        fs::symlink_metadata(self.path(path)).is_ok_and(|metadata| metadata.is_dir())
    }

    pub(super) fn make_directories(&self, path: &str) -> Result<(), SysrootError> {
        self.apply("making", &Effect::MakeDirectories { path })
    }

    /// A directory that everybody may write to, each their own files.
    pub(super) fn make_sticky(&self, path: &str) -> Result<(), SysrootError> {
        self.make_directories(path)?;
        self.apply("opening up", &Effect::MakeSticky { path })
    }

    /// Entries in order of their names; none if there is no such directory. Names that are not UTF-8 are none of
    /// ours.
    pub(super) fn list(&self, path: &str) -> Result<Vec<Listed>, SysrootError> {
        let entries = match fs::read_dir(self.path(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io("listing", path))?,
        };
        let mut listed = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io("listing", path))?;
            let is_directory = entry.file_type().map_err(io("listing", path))?.is_dir();
            if let Ok(name) = entry.file_name().into_string() {
                listed.push(Listed { name, is_directory });
            }
        }
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(listed)
    }

    pub(super) fn read_text(&self, path: &str) -> Result<String, SysrootError> {
        let mut text = String::new();
        let file = File::open(self.path(path)).map_err(io("reading", path))?;
        file.take(MAX_TEXT_BYTES).read_to_string(&mut text).map_err(io("reading", path))?;
        Ok(text)
    }

    /// Up to `limit` bytes of a file and one more, which tells that it is longer; `None` if there is none.
    pub(super) fn read_some(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, SysrootError> {
        let file = match File::open(self.path(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(io("reading", path))?,
        };
        let mut bytes = Vec::new();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        file.take(most).read_to_end(&mut bytes).map_err(io("reading", path))?;
        Ok(Some(bytes))
    }

    /// The target of a symbolic link; `None` if there is none.
    pub(super) fn read_link(&self, path: &str) -> Result<Option<String>, SysrootError> {
        match fs::read_link(self.path(path)) {
            Ok(target) => Ok(target.to_str().map(ToString::to_string)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => {
                Ok(None)
            }
            Err(error) => Err(io("reading the link", path)(error)),
        }
    }

    /// Makes `path` a symbolic link to `target`, in place of the one that is there, in one step.
    pub(super) fn replace_link(&self, path: &str, target: &str) -> Result<(), SysrootError> {
        let beside = format!("{path}.tmp");
        self.remove(&beside)?;
        self.apply("linking", &Effect::Link { path: &beside, target })?;
        self.apply("linking", &Effect::Rename { from: &beside, to: path })
    }

    /// Writes a file whose content counts only after a [`Self::sync`].
    pub(super) fn write(&self, path: &str, bytes: &[u8]) -> Result<(), SysrootError> {
        self.apply("writing", &Effect::Write { path, bytes })
    }

    /// Writes a file beside the one that is there, and puts it in its place in one step.
    pub(super) fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), SysrootError> {
        let beside = format!("{path}.tmp");
        self.write(&beside, bytes)?;
        self.rename(&beside, path)
    }

    /// Copies a file of a tree, from its start, as [`Self::write`].
    pub(super) fn copy(&self, from: &File, path: &str) -> Result<(), SysrootError> {
        self.apply("writing", &Effect::Copy { from, path })
    }

    /// Says that a tree or a part of the repository at `path` is about to be changed by other means.
    pub(super) fn hand_over(&self, path: &str) -> Result<(), SysrootError> {
        self.apply("changing", &Effect::HandOver { path })
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), SysrootError> {
        self.apply("renaming", &Effect::Rename { from, to })
    }

    /// Removes whatever is at `path`, with all that is in it; symbolic links are not followed.
    pub(super) fn remove(&self, path: &str) -> Result<(), SysrootError> {
        self.apply("removing", &Effect::Remove { path })
    }

    /// Makes everything on the file system of `path` durable.
    pub(super) fn sync(&self, path: &str) -> Result<(), SysrootError> {
        self.apply("syncing", &Effect::Sync { path })
    }
}

/// What tells a directory from all others.
pub(super) fn identity(path: &Path) -> Result<(u64, u64), SysrootError> {
    let metadata = fs::metadata(path).map_err(io("looking at", &path.display().to_string()))?;
    Ok((metadata.dev(), metadata.ino()))
}

pub(super) fn io(doing: &'static str, path: &str) -> impl FnOnce(io::Error) -> SysrootError + use<> {
    let path = path.to_string();
    move |error| SysrootError::Io { doing, path, error }
}
