//! The repository's `config`: a GKeyFile, of which the group `core` says how objects are stored and written.

use alloc::string::String;
use core::time::Duration;
use std::fs::File;
use std::io::Read;

use rustix::fs::{Mode, OFlags};

use super::RepoError;
use super::space::Reserve;
use crate::RepoMode;

/// Largest `config` that is read, in bytes.
pub(super) const MAX_CONFIG_BYTES: u64 = 64 * 1024;

/// How long a lock is waited for (`ostree.repo-config(5)`, `lock-timeout-secs`).
const DEFAULT_LOCK_TIMEOUT: Duration = Duration::from_secs(300);

/// A day (`ostree.repo-config(5)`, `tmp-expiry-secs`).
const DEFAULT_TEMPORARY_SECONDS: u64 = 24 * 60 * 60;

/// What `[core]` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) mode: RepoMode,
    /// Whether what is written is made durable.
    pub(super) fsync: bool,
    /// Whether the repository is locked while it is written.
    pub(super) locking: bool,
    /// How long a lock is waited for; without end if `None`.
    pub(super) lock_timeout: Option<Duration>,
    /// How old in seconds what is in `tmp` has to be before anybody may remove it.
    pub(super) temporary_seconds: u64,
    /// What has to stay free on its file system.
    pub(super) reserve: Reserve,
}

impl Config {
    pub(super) fn read(directory: &File) -> Result<Self, RepoError> {
        Self::parse(&text(directory)?)
    }

    pub(super) fn parse(text: &str) -> Result<Self, RepoError> {
        let value = |key| value(text, "core", key);
        if value("repo_version") != Some("1") {
            return Err(RepoError::Config { rule: "no repo_version=1" });
        }
        let name = value("mode").unwrap_or("bare");
        let mode = RepoMode::from_name(name).ok_or(RepoError::Config { rule: "an unknown mode" })?;
        let lock_timeout = match value("lock-timeout-secs").map(str::parse::<i64>) {
            None => Some(DEFAULT_LOCK_TIMEOUT),
            // -1 waits without end.
            Some(Ok(seconds)) => u64::try_from(seconds).ok().map(Duration::from_secs),
            Some(Err(_)) => return Err(RepoError::Config { rule: "lock-timeout-secs is no number" }),
        };
        Ok(Self {
            mode,
            fsync: boolean(value("fsync"), true, "fsync is neither true nor false")?,
            locking: boolean(value("locking"), true, "locking is neither true nor false")?,
            lock_timeout,
            temporary_seconds: match value("tmp-expiry-secs").map(str::parse) {
                None => DEFAULT_TEMPORARY_SECONDS,
                Some(Ok(seconds)) => seconds,
                Some(Err(_)) => return Err(RepoError::Config { rule: "tmp-expiry-secs is no number" }),
            },
            reserve: Reserve::parse(value("min-free-space-size"), value("min-free-space-percent"))?,
        })
    }
}

/// The text of `config`.
pub(super) fn text(directory: &File) -> Result<String, RepoError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let config = rustix::fs::openat(directory, "config", flags, Mode::empty());
    let config = File::from(config.map_err(RepoError::io("opening the config"))?);
    let mut text = String::new();
    config.take(MAX_CONFIG_BYTES).read_to_string(&mut text).map_err(RepoError::io("reading the config"))?;
    Ok(text)
}

/// The value of a key in `[group]`; of several the last one, wherever its group is, as GKeyFile has it.
pub(super) fn value<'a>(text: &'a str, group: &str, key: &str) -> Option<&'a str> {
    let (mut is_group, mut found) = (false, None);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            is_group = name.strip_suffix(']') == Some(group);
        } else if is_group
            && let Some((name, value)) = line.split_once('=')
            && name.trim_end() == key
        {
            found = Some(value.trim_start());
        }
    }
    found
}

/// What GKeyFile takes for a boolean.
pub(super) fn boolean(value: Option<&str>, default: bool, rule: &'static str) -> Result<bool, RepoError> {
    match value {
        None => Ok(default),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(_) => Err(RepoError::Config { rule }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &str) -> Result<Config, &'static str> {
        Config::parse(&alloc::format!("[core]\nrepo_version=1\nmode=archive-z2\n{lines}")).map_err(|error| {
            match error {
                RepoError::Config { rule } => rule,
                _ => "another error",
            }
        })
    }

    #[test]
    fn says_what_is_in_the_group_core() {
        let default = Config {
            mode: RepoMode::Archive,
            fsync: true,
            locking: true,
            lock_timeout: Some(Duration::from_secs(300)),
            temporary_seconds: 86_400,
            reserve: Reserve::Percent(3),
        };
        assert_eq!(parse(""), Ok(default));
        // Another group's, and the last one of the same name.
        let other = "fsync = true\n[remote \"core\"]\nfsync=maybe\n[core]\nfsync=false\nlocking=0\n";
        assert_eq!(parse(other), Ok(Config { fsync: false, locking: false, ..default }));
        let timeouts = parse("lock-timeout-secs=-1").map(|config| config.lock_timeout);
        assert_eq!(timeouts, Ok(None));
        let timeouts = parse("lock-timeout-secs=0").map(|config| config.lock_timeout);
        assert_eq!(timeouts, Ok(Some(Duration::ZERO)));
        assert_eq!(parse("tmp-expiry-secs=60").map(|config| config.temporary_seconds), Ok(60));
        assert_eq!(parse("tmp-expiry-secs=-1"), Err("tmp-expiry-secs is no number"));
        assert_eq!(parse("fsync=maybe"), Err("fsync is neither true nor false"));
        assert_eq!(parse("lock-timeout-secs=soon"), Err("lock-timeout-secs is no number"));
        assert_eq!(parse("mode=other"), Err("an unknown mode"));
        assert_eq!(parse("repo_version=2"), Err("no repo_version=1"));
    }
}
