//! The directories of a new repository, and its `config`.

use std::fs::File;
use std::io::Write;

use rustix::fs::{Mode, OFlags};

use super::{RepoError, make_directory};
use crate::RepoMode;

pub(super) fn create(directory: &File, mode: RepoMode) -> Result<(), RepoError> {
    for name in
        ["objects", "tmp", "extensions", "state", "refs", "refs/heads", "refs/mirrors", "refs/remotes"]
    {
        make_directory(directory, name)?;
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let config = rustix::fs::openat(directory, "config", flags, Mode::from_raw_mode(0o644));
    let mut config = File::from(config.map_err(RepoError::io("making the config"))?);
    let text = alloc::format!("[core]\nrepo_version=1\nmode={}\n", mode.name());
    config.write_all(text.as_bytes()).map_err(RepoError::io("writing the config"))?;
    config.sync_all().map_err(RepoError::io("writing the config"))
}
