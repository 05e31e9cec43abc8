//! The repository's lock, `.lock`, as libostree takes it (`ostree_repo_lock_push`): shared by whoever adds, alone
//! whoever removes. It is one of open file descriptions (`F_OFD_SETLK`, fcntl(2)), which ends with its descriptor.

use core::time::Duration;
use std::fs::File;
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use rustix::fs::{Mode, OFlags};

use super::{Repo, RepoError};

/// How often a lock that somebody has is asked for again.
const INTERVAL: Duration = Duration::from_millis(20);

/// With whom a lock is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// With others that add objects.
    Shared,
    /// With nobody: for removing.
    Exclusive,
}

impl LockKind {
    /// `shared` or `exclusive`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Exclusive => "exclusive",
        }
    }
}

/// A lock that lasts until this is dropped.
#[derive(Debug)]
#[must_use = "the lock ends when this is dropped"]
pub struct RepoLock {
    _file: Option<File>,
}

impl Repo {
    /// Takes the repository's lock, which the real tool takes too: [`commit`](Self::commit) and the like share it,
    /// [`prune`](Self::prune) and the like have it alone. They take it themselves; a caller that adds objects one by
    /// one holds a shared one until a ref leads to them. Not to be taken twice by the same thread: the second one
    /// waits for the first.
    ///
    /// Waits as long as `lock-timeout-secs` of the repository's config says, 300 seconds without it. With
    /// `locking=false` there it does nothing.
    ///
    /// # Errors
    /// If somebody else has it that long, or as of the file system.
    pub fn lock(&self, kind: LockKind) -> Result<RepoLock, RepoError> {
        if !self.config.locking {
            return Ok(RepoLock { _file: None });
        }
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::openat(&self.directory, ".lock", flags, Mode::from_raw_mode(0o660));
        let file = File::from(file.map_err(RepoError::io("opening the repository's lock"))?);
        let began = Instant::now();
        while !try_lock(&file, kind)? {
            let waited = began.elapsed();
            if self.config.lock_timeout.is_some_and(|timeout| waited >= timeout) {
                return Err(RepoError::Locked { kind: kind.name(), seconds: waited.as_secs() });
            }
            std::thread::sleep(INTERVAL);
        }
        Ok(RepoLock { _file: Some(file) })
    }
}

/// False if somebody else has it.
pub(super) fn try_lock(file: &File, kind: LockKind) -> Result<bool, RepoError> {
    let kind = match kind {
        LockKind::Shared => libc::F_RDLCK,
        LockKind::Exclusive => libc::F_WRLCK,
    };
    // Numbers of one digit: none may turn into another lock than the one that was asked for.
    let short = |number: libc::c_int| {
        libc::c_short::try_from(number).map_err(|_| RepoError::io("locking the repository")(Errno::EINVAL))
    };
    let whole = libc::flock {
        l_type: short(kind)?,
        l_whence: short(libc::SEEK_SET)?,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    match fcntl(file, FcntlArg::F_OFD_SETLK(&whole)) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(error) => Err(RepoError::io("locking the repository")(error)),
    }
}
