//! Taking objects from another repository on this machine.

use std::os::fd::AsFd;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::{Repo, RepoError, make_directory};
use crate::{Checksum, ObjectType, RepoMode};

impl Repo {
    /// Takes a file object from the repository `from`, after its content was compared with its name: by a hard link if
    /// both keep it as the same file, as libostree does, else by a copy.
    ///
    /// # Errors
    /// If it is missing there, malformed or corrupt, cannot be in a repository of this mode, or as of the file system.
    pub fn import_file(&self, from: &Self, checksum: &Checksum) -> Result<(), RepoError> {
        if self.may_link(from)? && self.keeps_as(from, checksum)? {
            from.check_file(checksum)?;
            if self.link(from, ObjectType::File, checksum)? {
                return Ok(());
            }
        }
        let object = from.open_file(checksum)?;
        self.write_file(&object.header.as_ref(), Some(checksum), object.content).map(drop)
    }

    /// Takes the object of metadata whose `bytes` were read from the repository `from`: repositories of all modes keep
    /// it as the same file.
    ///
    /// # Errors
    /// If the bytes have another checksum, or as of the file system.
    pub fn import_metadata(
        &self,
        from: &Self,
        object_type: ObjectType,
        checksum: &Checksum,
        bytes: &[u8],
    ) -> Result<(), RepoError> {
        self.check_expected(object_type, Some(checksum), Checksum::of(bytes))?;
        if self.may_link(from)? && self.link(from, object_type, checksum)? {
            return Ok(());
        }
        self.write_metadata(object_type, Some(checksum), bytes).map(drop)
    }

    /// Whether files of both have the same owner: what another user may still write is no object of ours
    /// (`ostree_repo_import_object_from_with_trust`).
    fn may_link(&self, from: &Self) -> Result<bool, RepoError> {
        let owner = |objects: std::os::fd::BorrowedFd<'_>| {
            rustix::fs::fstat(objects)
                .map(|stat| stat.st_uid)
                .map_err(RepoError::io("looking at a repository"))
        };
        Ok(self.pending.is_none() && owner(self.objects.as_fd())? == owner(from.objects.as_fd())?)
    }

    /// Whether the file object would be the same file here.
    fn keeps_as(&self, from: &Self, checksum: &Checksum) -> Result<bool, RepoError> {
        if self.mode == from.mode {
            return Ok(true);
        }
        // But for its attribute, which nobody looks at.
        if (from.mode, self.mode) != (RepoMode::BareUser, RepoMode::BareUserOnly) {
            return Ok(false);
        }
        let object = from.open_file(checksum)?;
        let header = object.header.as_ref();
        Ok(header.symlink_target().is_none() && self.check_storable(&header).is_ok())
    }

    /// Whether the object is here now; false if the file system does not link it.
    fn link(&self, from: &Self, object_type: ObjectType, checksum: &Checksum) -> Result<bool, RepoError> {
        let source = checksum.loose_path(object_type, from.mode);
        let path = checksum.loose_path(object_type, self.mode);
        let link = || {
            let flags = AtFlags::empty();
            rustix::fs::linkat(&from.objects, source.as_str(), &self.objects, path.as_str(), flags)
        };
        let linked = match link() {
            Err(Errno::NOENT) => {
                make_directory(&self.objects, path.directory())?;
                link()
            }
            linked => linked,
        };
        match linked {
            Ok(()) | Err(Errno::EXIST) => Ok(true),
            // Another file system, one without links, too many links, or not allowed (fs.protected_hardlinks).
            Err(Errno::XDEV | Errno::OPNOTSUPP | Errno::MLINK | Errno::PERM | Errno::ACCESS) => Ok(false),
            Err(error) => Err(RepoError::io("linking an object")(error)),
        }
    }
}
