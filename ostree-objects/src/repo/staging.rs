//! The directory in `tmp` in which files are made, `staging-BOOT-…`, with a lock beside it, as libostree's
//! (`_ostree_repo_allocate_tmpdir`): whoever makes one later sees by the lock whether somebody still uses it, and removes
//! what a process that was killed has left.

use alloc::format;
use alloc::string::{String, ToString};
use core::sync::atomic::{AtomicU64, Ordering};
use std::fs::File;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::interrupted::is_kept_for_a_pull;
use super::lock::{LockKind, try_lock};
use super::remove::remove;
use super::{Repo, RepoError, open_directory};

const PREFIX: &str = "staging-";
const LOCK: &str = "-lock";

/// What follows the number of the boot in the names of directories that are made here. Nobody goes on with those, so
/// that they may go at once; libostree goes on with its own after a pull that was interrupted.
const OURS: &str = "ota-";

/// What libostree keeps of the summaries of remotes.
const CACHE: &str = "cache";

#[derive(Debug)]
pub(super) struct Staging {
    pub(super) directory: File,
    temporary: File,
    name: String,
    _lock: File,
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is by whoever comes next. The lock goes last: it says that this is in use.
        let _ = remove(&self.temporary, &self.name);
        let _ = rustix::fs::unlinkat(&self.temporary, lock_of(&self.name), AtFlags::empty());
    }
}

impl Repo {
    /// The directory in which this makes its files.
    pub(super) fn staging(&self) -> Result<&Staging, RepoError> {
        if let Some(staging) = self.staging.get() {
            return Ok(staging);
        }
        self.sweep();
        let made = self.make_staging()?;
        // Of two threads that come here at once the second one's goes away again.
        Ok(self.staging.get_or_init(|| made))
    }

    fn make_staging(&self) -> Result<Staging, RepoError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let boot = boot_id();
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{PREFIX}{boot}-{OURS}{}-{number}", std::process::id());
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let lock = match rustix::fs::openat(
                &self.temporary,
                lock_of(&name),
                flags,
                Mode::from_raw_mode(0o600),
            ) {
                Ok(lock) => File::from(lock),
                // Left behind by a process of the same number, or one in another container.
                Err(Errno::EXIST) => continue,
                Err(error) => return Err(RepoError::io("making a lock in tmp")(error)),
            };
            // Before the directory is there nobody looks at the lock.
            try_lock(&lock, LockKind::Exclusive)?;
            rustix::fs::mkdirat(&self.temporary, &*name, Mode::from_raw_mode(0o755))
                .map_err(RepoError::io("making a directory in tmp"))?;
            let directory = open_directory(&self.temporary, &*name)?;
            let temporary = self.temporary.try_clone().map_err(RepoError::io("opening a directory"))?;
            return Ok(Staging { directory, temporary, name, _lock: lock });
        }
    }

    /// Removes what others left in `tmp` and nobody uses. What it cannot remove does no harm, and no error is worth
    /// not writing.
    fn sweep(&self) {
        let Ok(names) = self.names_in("tmp") else { return };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        for name in names {
            let stat = rustix::fs::statat(&self.temporary, &*name, AtFlags::SYMLINK_NOFOLLOW);
            let Ok(stat) = stat else { continue };
            let is_old = age(&stat, now).is_some_and(|age| age > self.config.temporary_seconds);
            let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            if let (true, Some(rest)) = (is_directory, name.strip_prefix(PREFIX)) {
                self.sweep_staging(&name, rest, is_old);
            } else if is_old && name != CACHE && !is_kept_for_a_pull(&name) && !self.is_locked(&name) {
                let _ = remove(&self.temporary, &name);
            }
        }
    }

    /// Removes a directory of this kind if nobody uses it and nobody would go on with it.
    fn sweep_staging(&self, name: &str, rest: &str, is_old: bool) {
        let of_this_boot = rest.strip_prefix(&boot_id()).and_then(|rest| rest.strip_prefix('-'));
        if of_this_boot.is_some_and(|rest| !rest.starts_with(OURS)) && !is_old {
            return;
        }
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let lock = rustix::fs::openat(&self.temporary, lock_of(name), flags, Mode::from_raw_mode(0o600));
        let Ok(lock) = lock.map(File::from) else { return };
        if !try_lock(&lock, LockKind::Exclusive).unwrap_or(false) {
            return;
        }
        if remove(&self.temporary, name).is_ok() {
            let _ = rustix::fs::unlinkat(&self.temporary, lock_of(name), AtFlags::empty());
        }
    }

    /// Whether this is the lock of a directory that somebody uses, however long.
    fn is_locked(&self, name: &str) -> bool {
        if !name.starts_with(PREFIX) || !name.ends_with(LOCK) {
            return false;
        }
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let lock = rustix::fs::openat(&self.temporary, name, flags, Mode::empty()).map(File::from);
        !lock.is_ok_and(|lock| try_lock(&lock, LockKind::Exclusive).unwrap_or(false))
    }
}

fn lock_of(name: &str) -> String {
    format!("{name}{LOCK}")
}

/// In seconds; `None` for what comes from the future, which libostree leaves alone too.
fn age(stat: &Stat, now: u64) -> Option<u64> {
    #[allow(clippy::useless_conversion)] // The type depends on the machine.
    now.checked_sub(u64::try_from(stat.st_mtime).ok()?)
}

/// What tells one run of the system from the next.
fn boot_id() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let id = id.trim();
    if id.is_empty() { "00000000-0000-0000-0000-000000000000".to_string() } else { id.to_string() }
}
