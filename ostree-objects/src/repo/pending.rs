//! Objects that come into the repository all at once, or not at all.

use alloc::collections::BTreeMap;
use alloc::string::String;
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::fs::{AtFlags, Stat, statat};
use rustix::io::Errno;

use super::temporary::TemporaryName;
use super::{Repo, RepoError, make_directory};
use crate::{Checksum, ObjectType};

/// Objects that are complete, by what they are; and the names they have until they are published. Of those there, the
/// commit comes last.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<BTreeMap<(ObjectType, Checksum), String>>);

impl Pending {
    pub(super) fn has(&self, object_type: ObjectType, checksum: &Checksum) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&(object_type, *checksum))
    }

    /// The name that the object has until it is published.
    fn name_of(&self, object_type: ObjectType, checksum: &Checksum) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(object_type, *checksum)).cloned()
    }

    /// Keeps a file as this object, unless another is kept as that already.
    pub(super) fn keep(&self, name: TemporaryName<'_>, object_type: ObjectType, checksum: &Checksum) {
        let mut objects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        objects.entry((object_type, *checksum)).or_insert_with(|| name.into_kept());
    }
}

impl Repo {
    /// The same repository, of which what is written comes in by [`publish`](Self::publish). Dropped without that it
    /// leaves nothing: whoever shares the repository never sees objects that go away again.
    pub(super) fn staged(&self) -> Result<Self, RepoError> {
        let again = |file: &std::fs::File| file.try_clone().map_err(RepoError::io("opening a directory"));
        Ok(Self {
            directory: again(&self.directory)?,
            objects: again(&self.objects)?,
            temporary: again(&self.temporary)?,
            mode: self.mode,
            config: self.config,
            staging: OnceLock::new(),
            pending: Some(Pending::default()),
        })
    }

    /// What the file of an object is that was written or is there.
    pub(super) fn stat_of(&self, object_type: ObjectType, checksum: &Checksum) -> Result<Stat, RepoError> {
        let stat = match self.pending.as_ref().and_then(|pending| pending.name_of(object_type, checksum)) {
            Some(name) => statat(&self.staging()?.directory, &*name, AtFlags::SYMLINK_NOFOLLOW),
            None => {
                let path = checksum.loose_path(object_type, self.mode);
                statat(&self.objects, path.as_str(), AtFlags::SYMLINK_NOFOLLOW)
            }
        };
        stat.map_err(RepoError::io("looking at an object"))
    }

    /// Makes what was written durable, and then gives it the names of objects.
    pub(super) fn publish(self) -> Result<(), RepoError> {
        let Some(Pending(objects)) = &self.pending else { return Ok(()) };
        let objects = core::mem::take(&mut *objects.lock().unwrap_or_else(PoisonError::into_inner));
        if objects.is_empty() {
            return Ok(());
        }
        self.sync()?;
        let staging = self.staging()?;
        for ((object_type, checksum), name) in objects {
            let path = checksum.loose_path(object_type, self.mode);
            let rename = || rustix::fs::renameat(&staging.directory, &*name, &self.objects, path.as_str());
            match rename() {
                Err(Errno::NOENT) => {
                    make_directory(&self.objects, path.directory())?;
                    rename()
                }
                renamed => renamed,
            }
            .map_err(RepoError::io("naming an object"))?;
        }
        Ok(())
    }
}
