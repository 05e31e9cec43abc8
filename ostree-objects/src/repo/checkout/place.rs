//! The files of a checkout: linked, copied or inflated.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use std::fs::File;
use std::io::Read;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;

use super::tree::Checkout;
use super::{Links, Ownership, Union};
use crate::repo::content::BUFFER_BYTES;
use crate::repo::read::{Content, StoredFile};
use crate::repo::{EPOCH, RepoError, attributes};
use crate::{Checksum, FileHeaderRef, ObjectType, RepoMode};

impl Checkout<'_> {
    /// Makes the file object as `name` in `directory`, or leaves what is there as it is.
    pub(super) fn place(&self, checksum: &Checksum, directory: &File, name: &str) -> Result<(), RepoError> {
        match self.make_file(checksum, directory, name) {
            Err(RepoError::Io { error, .. }) if is_exist(&error) => match self.options.union {
                Union::None => Err(RepoError::io("making a file")(error)),
                Union::Files => self.replace(checksum, directory, name),
                Union::Add => Ok(()),
                Union::Identical => self.compare(checksum, directory, name),
            },
            result => result,
        }
    }

    fn replace(&self, checksum: &Checksum, directory: &File, name: &str) -> Result<(), RepoError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let beside = format!(".new-{}-{number}", std::process::id());
            match self.make_file(checksum, directory, &beside) {
                // Left behind by a process of the same number that was killed.
                Err(RepoError::Io { error, .. }) if is_exist(&error) => continue,
                result => result?,
            }
            let renamed = rustix::fs::renameat(directory, &*beside, directory, name);
            // It is still there if that failed, and if both names were links to the same file.
            let _ = rustix::fs::unlinkat(directory, &*beside, AtFlags::empty());
            return renamed.map_err(RepoError::io("replacing a file"));
        }
    }

    /// Whether what is there is what the checkout would make.
    fn compare(&self, checksum: &Checksum, directory: &File, name: &str) -> Result<(), RepoError> {
        let io = || RepoError::io("reading what is there");
        let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io())?;
        let path = checksum.loose_path(ObjectType::File, self.repo.mode);
        let own = rustix::fs::statat(&self.repo.objects, path.as_str(), AtFlags::SYMLINK_NOFOLLOW);
        if own.is_ok_and(|own| (own.st_dev, own.st_ino) == (stat.st_dev, stat.st_ino)) {
            return Ok(());
        }
        let object = self.repo.open_stored(checksum)?;
        let header = object.header.as_ref();
        let is_owner = self.options.ownership == Ownership::User
            || (stat.st_uid, stat.st_gid) == (header.uid(), header.gid());
        let is_same = match header.symlink_target() {
            Some(target) => {
                is_owner
                    && FileType::from_raw_mode(stat.st_mode) == FileType::Symlink
                    && rustix::fs::readlinkat(directory, name, Vec::new()).map_err(io())?.as_bytes()
                        == target.as_bytes()
            }
            None => {
                is_owner
                    && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
                    && stat.st_mode & 0o7777 == self.bits(&header)
                    && u64::try_from(stat.st_size).is_ok_and(|size| size == object.size)
                    && same_content(object, directory, name)?
            }
        };
        if is_same { Ok(()) } else { Err(RepoError::Differs { checksum: *checksum }) }
    }

    fn make_file(&self, checksum: &Checksum, directory: &File, name: &str) -> Result<(), RepoError> {
        if self.options.links != Links::Never && self.link(checksum, directory, name)? {
            return Ok(());
        }
        let object = self.repo.open_stored(checksum)?;
        let header = object.header.as_ref();
        if let Some(target) = header.symlink_target() {
            rustix::fs::symlinkat(target, directory, name)
                .map_err(RepoError::io("making a symbolic link"))?;
            if self.options.ownership == Ownership::Committed {
                let (uid, gid) = (Uid::from_raw(header.uid()), Gid::from_raw(header.gid()));
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                rustix::fs::chownat(directory, name, Some(uid), Some(gid), flags)
                    .map_err(RepoError::io("setting a file's owner"))?;
                attributes::set_of_name(directory, name, header.xattrs())?;
            }
            return Ok(());
        }
        self.count_bytes(object.size)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(0o600));
        let mut file = File::from(file.map_err(RepoError::io("making a file"))?);
        object.content.copy_to(&mut file).map_err(RepoError::io("writing a file"))?;
        if self.options.ownership == Ownership::Committed {
            // Changing the owner takes set-id bits and capabilities away: it comes first.
            let (uid, gid) = (Uid::from_raw(header.uid()), Gid::from_raw(header.gid()));
            rustix::fs::fchown(&file, Some(uid), Some(gid))
                .map_err(RepoError::io("setting a file's owner"))?;
            attributes::set_of_file(&file, header.xattrs())?;
        }
        rustix::fs::fchmod(&file, Mode::from_raw_mode(self.bits(&header)))
            .map_err(RepoError::io("setting a file's mode"))?;
        // What is linked has the time of its object, 1970. What is copied gets the same, unlike from
        // `ostree checkout`, so that the same commit always makes the same tree.
        rustix::fs::futimens(&file, &EPOCH).map_err(RepoError::io("setting a file's time"))
    }

    /// Links the repository's own file, if that is what the checkout should have; false if it is not.
    fn link(&self, checksum: &Checksum, directory: &File, name: &str) -> Result<bool, RepoError> {
        let repo = self.repo;
        if !can_link(repo.mode, self.options.ownership) {
            return Ok(false);
        }
        let path = checksum.loose_path(ObjectType::File, repo.mode);
        let stat = match rustix::fs::statat(&repo.objects, path.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => {
                return Err(RepoError::Missing { object_type: ObjectType::File, checksum: *checksum });
            }
            Err(error) => return Err(RepoError::io("reading an object")(error)),
        };
        if !self.is_linkable(checksum, &stat)? {
            return Ok(false);
        }
        match rustix::fs::linkat(&repo.objects, path.as_str(), directory, name, AtFlags::empty()) {
            Ok(()) => {
                if let Some(known) = self.options.known_links {
                    known.note(&stat, checksum);
                }
                Ok(true)
            }
            // Another file system, too many links to one file, or a file of another user's that the kernel
            // protects (`fs.protected_hardlinks`): copied instead.
            Err(Errno::XDEV) => self.copy_instead("the destination is another file system"),
            Err(Errno::MLINK) => self.copy_instead("a file has as many links as it may have"),
            Err(Errno::PERM) => self.copy_instead("the kernel protects files of other users"),
            Err(error) => Err(RepoError::io("linking a file")(error)),
        }
    }

    /// False, for a file that could be linked but for `rule`; an error if it must be.
    fn copy_instead(&self, rule: &'static str) -> Result<bool, RepoError> {
        match self.options.links {
            Links::Required => Err(RepoError::CannotLink { mode: self.repo.mode, rule }),
            Links::Allowed | Links::Never => Ok(false),
        }
    }

    fn is_linkable(&self, checksum: &Checksum, stat: &Stat) -> Result<bool, RepoError> {
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => Ok(self.repo.mode == RepoMode::Bare),
            // One empty object would get a link for every empty file there is, more than a file may have.
            FileType::RegularFile if size == 0 => Ok(false),
            FileType::RegularFile => Ok(match self.repo.mode {
                RepoMode::BareUser => {
                    let header = self.repo.open_stored(checksum)?.header;
                    header.as_ref().symlink_target().is_none() && is_readable(header.as_ref().mode())
                }
                RepoMode::BareUserOnly => is_readable(stat.st_mode),
                _ => true,
            }),
            _ => Ok(false),
        }
    }

    /// The permissions of a file that is copied.
    fn bits(&self, header: &FileHeaderRef<'_>) -> u32 {
        match self.options.ownership {
            Ownership::Committed => header.mode() & 0o7777,
            // User mode drops the set-id bits and keeps the file readable by its owner
            // (`ostree-repo-checkout.c`).
            Ownership::User => (header.mode() & 0o1777) | 0o400,
        }
    }
}

/// Whether files of a repository of this mode are what a checkout should have.
pub(super) const fn can_link(mode: RepoMode, ownership: Ownership) -> bool {
    matches!(
        (mode, ownership),
        (RepoMode::Bare, Ownership::Committed)
            | (RepoMode::BareUser, Ownership::User)
            | (RepoMode::BareUserOnly, Ownership::User)
    )
}

/// What its owner may not read is copied in user mode, and made readable (`ostree-repo-checkout.c`,
/// `override_user_unreadable`).
const fn is_readable(mode: u32) -> bool {
    mode & 0o400 != 0
}

fn is_exist(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::AlreadyExists
}

fn same_content(object: StoredFile, directory: &File, name: &str) -> Result<bool, RepoError> {
    let io = || RepoError::io("reading what is there");
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let there = rustix::fs::openat(directory, name, flags, Mode::empty());
    let mut there = File::from(there.map_err(RepoError::io("reading what is there"))?);
    let mut content: Box<dyn Read> = match object.content {
        Content::Plain(file) => Box::new(file),
        Content::Packed(inflate) => inflate,
        Content::Empty => Box::new(std::io::empty()),
    };
    let (mut ours, mut theirs) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
    loop {
        let count = content.read(&mut ours).map_err(io())?;
        let Some(bytes @ [_, ..]) = ours.get(..count) else {
            return Ok(there.read(&mut theirs).map_err(io())? == 0);
        };
        let other = theirs.get_mut(..count).unwrap_or_default();
        match there.read_exact(other) {
            Ok(()) if other == bytes => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(io()(error)),
        }
    }
}
