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

/// The text of `config`.
pub(super) fn config(directory: &File) -> Result<String, RepoError> {
    let config = rustix::fs::openat(directory, "config", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let config = File::from(config.map_err(RepoError::io("opening the config"))?);
    let mut text = String::new();
    config.take(MAX_CONFIG_BYTES).read_to_string(&mut text).map_err(RepoError::io("reading the config"))?;
    Ok(text)
}

/// The value of `key` in `group`, which is written with its brackets.
pub(super) fn value<'a>(text: &'a str, group: &str, key: &str) -> Option<&'a str> {
    let lines = text.lines().map(str::trim).skip_while(|line| *line != group).skip(1);
    let mut pairs = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
    pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
}

/// Reads `[core] mode`.
pub(super) fn mode(directory: &File) -> Result<RepoMode, RepoError> {
    let text = config(directory)?;
    if value(&text, "[core]", "repo_version") != Some("1") {
        return Err(RepoError::Config { rule: "no repo_version=1" });
    }
    let name = value(&text, "[core]", "mode").unwrap_or("bare");
    let mode = RepoMode::from_name(name).ok_or(RepoError::Config { rule: "an unknown mode" })?;
    match mode {
        RepoMode::BareSplitXattrs => Err(RepoError::Mode { mode: mode.name() }),
        _ => Ok(mode),
    }
}
