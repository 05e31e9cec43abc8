//! The repository's directories and its `config`.

use alloc::string::String;
use std::fs::File;
use std::io::{Read, Write};

use rustix::fs::{Mode, OFlags};

use super::{RepoError, make_directory};
use crate::RepoMode;

/// Largest `config` that is read, in bytes.
const MAX_CONFIG_BYTES: u64 = 64 * 1024;

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

/// Reads `[core] mode`.
pub(super) fn mode(directory: &File) -> Result<RepoMode, RepoError> {
    let config = rustix::fs::openat(directory, "config", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let config = File::from(config.map_err(RepoError::io("opening the config"))?);
    let mut text = String::new();
    config.take(MAX_CONFIG_BYTES).read_to_string(&mut text).map_err(RepoError::io("reading the config"))?;
    let core = text.lines().map(str::trim).skip_while(|line| *line != "[core]").skip(1);
    let core = core.take_while(|line| !line.starts_with('['));
    let values = |key: &'static str| {
        core.clone().filter_map(move |line| line.split_once('=')).find(move |(name, _)| name.trim() == key)
    };
    match values("repo_version") {
        Some((_, version)) if version.trim() == "1" => {}
        _ => return Err(RepoError::Config { rule: "no repo_version=1" }),
    }
    let (_, name) = values("mode").unwrap_or(("mode", "bare"));
    let mode = RepoMode::from_name(name.trim()).ok_or(RepoError::Config { rule: "an unknown mode" })?;
    match mode {
        RepoMode::BareSplitXattrs => Err(RepoError::Mode { mode: mode.name() }),
        _ => Ok(mode),
    }
}
