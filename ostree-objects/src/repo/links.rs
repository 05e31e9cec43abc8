//! Which files are links to a repository's own, so that a commit of them need not read them again.

use alloc::collections::BTreeMap;
use alloc::format;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, Dir, FileType, Stat};
use rustix::io::Errno;

use super::{EPOCH, Repo, RepoError};
use crate::{Checksum, ObjectType};

/// Files by where they are, their device and number on it: what libostree calls a devino cache.
///
/// [`Repo::checkout`] fills it with what it links ([`CheckoutOptions::known_links`](super::CheckoutOptions)), or
/// [`Repo::scan_links`] with all files of a repository. [`Repo::commit`] looks each one up in the repository before it
/// believes it: what is not that very file any more, or was written to since, is read and hashed as any other.
#[derive(Debug, Default)]
pub struct KnownLinks {
    files: Mutex<BTreeMap<(u64, u64), Checksum>>,
}

impl KnownLinks {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { files: Mutex::new(BTreeMap::new()) }
    }

    /// How many files are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn note(&self, stat: &Stat, checksum: &Checksum) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(place(stat), *checksum);
    }

    fn get(&self, stat: &Stat) -> Option<Checksum> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).get(&place(stat)).copied()
    }
}

const fn place(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

impl Repo {
    /// All files and symbolic links of the repository, to commit directories of links to them (`ostree commit
    /// --link-checkout-speedup`). An archive has none that could be linked.
    ///
    /// # Errors
    /// As of the file system.
    pub fn scan_links(&self) -> Result<KnownLinks, RepoError> {
        let io = || RepoError::io("listing the objects");
        let known = KnownLinks::new();
        for folder in 0..=u8::MAX {
            let Some(directory) = self.folder(folder)? else { continue };
            for entry in Dir::read_from(&directory).map_err(io())? {
                let entry = entry.map_err(io())?;
                let name = entry.file_name().to_str().unwrap_or_default();
                let Some(rest) = name.strip_suffix(".file") else { continue };
                let Ok(checksum) = Checksum::from_hex(format!("{folder:02x}{rest}").as_bytes()) else {
                    continue;
                };
                let stat = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io())?;
                known.note(&stat, &checksum);
            }
        }
        Ok(known)
    }

    /// The object that the file with this `stat` is, if it is known as one: it is still there under its name, and nobody
    /// wrote to it, as that would have changed its time from 1970. Nobody can write to a symbolic link.
    pub(super) fn object_of(&self, known: &KnownLinks, stat: &Stat) -> Result<Option<Checksum>, RepoError> {
        let Some(checksum) = known.get(stat) else { return Ok(None) };
        let path = checksum.loose_path(ObjectType::File, self.mode);
        let own = match rustix::fs::statat(&self.objects, path.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(own) => own,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(RepoError::io("looking at an object")(error)),
        };
        let epoch = EPOCH.last_modification;
        let is_untouched = FileType::from_raw_mode(own.st_mode) == FileType::Symlink
            || (own.st_mtime == epoch.tv_sec && own.st_mtime_nsec == 0);
        Ok((place(&own) == place(stat) && is_untouched).then_some(checksum))
    }
}
