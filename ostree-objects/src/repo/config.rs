//! The repository's `config`: a GKeyFile, of which the group `core` says how objects are stored and written.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
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
    /// Whether a commit that is deleted leaves a tombstone.
    pub(super) tombstones: bool,
    /// The smallest file that another file's content may be shared with through a link, in bytes
    /// (`ostree-repo.c`, `payload_link_threshold`).
    pub(super) payload_link_bytes: u64,
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
            tombstones: boolean(
                value("tombstone-commits"),
                false,
                "tombstone-commits is neither true nor false",
            )?,
            payload_link_bytes: match value("payload-link-threshold").map(str::parse) {
                None => u64::MAX,
                Some(Ok(bytes)) => bytes,
                Some(Err(_)) => {
                    return Err(RepoError::Config { rule: "payload-link-threshold is no number" });
                }
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

/// The text with another value of a key in `[core]`, at the end of that group if it is not there, as GKeyFile writes it.
/// Everything else stays, comments too, which libostree drops.
pub(super) fn with(text: &str, key: &str, value: &str) -> String {
    let line = format!("{key}={value}");
    let mut lines: Vec<&str> = text.lines().collect();
    let (mut is_core, mut is_there, mut end) = (false, false, 0);
    for (index, old) in lines.iter_mut().enumerate() {
        let trimmed = old.trim();
        if let Some(name) = trimmed.strip_prefix('[') {
            is_core = name.strip_suffix(']') == Some("core");
        }
        if is_core && trimmed.split_once('=').is_some_and(|(name, _)| name.trim_end() == key) {
            *old = &line;
            is_there = true;
        }
        if is_core && !trimmed.is_empty() {
            end = index + 1;
        }
    }
    if !is_there {
        lines.insert(end, &line);
    }
    lines.push("");
    lines.join("\n")
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

    /// The lines of the first and the last text are what `ostree prune --delete-commit` makes of them.
    #[test]
    fn a_value_is_set_and_nothing_else_changes() {
        for (before, after) in [
            (
                "[core]\nmode=bare\n\n[remote \"o\"]\nurl=a\n",
                "[core]\nmode=bare\nkey=true\n\n[remote \"o\"]\nurl=a\n",
            ),
            ("# c\n[a]\nkey=1\n[core]\n key = false\n\nb=2\n", "# c\n[a]\nkey=1\n[core]\nkey=true\n\nb=2\n"),
            ("[core]\nmode=bare", "[core]\nmode=bare\nkey=true\n"),
        ] {
            assert_eq!(with(before, "key", "true"), after);
            assert_eq!(with(after, "key", "true"), after);
        }
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
            tombstones: false,
            payload_link_bytes: u64::MAX,
        };
        assert_eq!(parse(""), Ok(default));
        let more = "tombstone-commits=true\npayload-link-threshold=0\n";
        assert_eq!(parse(more), Ok(Config { tombstones: true, payload_link_bytes: 0, ..default }));
        // Another group's, and the last one of the same name.
        let other = "fsync = true\n[remote \"core\"]\nfsync=maybe\n[core]\nfsync=false\nlocking=0\n";
        assert_eq!(parse(other), Ok(Config { fsync: false, locking: false, ..default }));
        let timeouts = parse("lock-timeout-secs=-1").map(|config| config.lock_timeout);
        assert_eq!(timeouts, Ok(None));
        let timeouts = parse("lock-timeout-secs=0").map(|config| config.lock_timeout);
        assert_eq!(timeouts, Ok(Some(Duration::ZERO)));
        assert_eq!(parse("tombstone-commits=no"), Err("tombstone-commits is neither true nor false"));
        assert_eq!(parse("payload-link-threshold=-1"), Err("payload-link-threshold is no number"));
        assert_eq!(parse("tmp-expiry-secs=60").map(|config| config.temporary_seconds), Ok(60));
        assert_eq!(parse("tmp-expiry-secs=-1"), Err("tmp-expiry-secs is no number"));
        assert_eq!(parse("fsync=maybe"), Err("fsync is neither true nor false"));
        assert_eq!(parse("lock-timeout-secs=soon"), Err("lock-timeout-secs is no number"));
        assert_eq!(parse("mode=other"), Err("an unknown mode"));
        assert_eq!(parse("repo_version=2"), Err("no repo_version=1"));
    }
}
