//! One update: the workflow's actions, carried out against a directory and a server.

use std::path::{Path, PathBuf};

use anyhow::Context;
use uptane_core::tuf::{Action, Client, Limits};
use uptane_core::{Role, UtcTime};

use super::quote;
use crate::dialect::Tuf;
use crate::files::{MAX_SETTINGS_BYTES, prefix_if_there, read, read_prefix};
use crate::{atomic, clock, http};

/// Keeps `root` as the trusted Root; it is verified when it is used.
pub(super) fn init(directory: &Path, root: &Path) -> anyhow::Result<()> {
    let bytes = read(root, MAX_SETTINGS_BYTES)?;
    std::fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    let path = directory.join("root.json");
    atomic::write(&path, &bytes).with_context(|| format!("writing {}", path.display()))
}

/// A client whose top-level metadata is up to date.
pub(super) struct Session {
    pub(super) client: Client<Tuf>,
    pub(super) http: http::Client,
    directory: PathBuf,
    url: String,
}

impl Session {
    /// Brings the metadata in `directory` up to date with the repository at `url`.
    pub(super) fn refresh(directory: &Path, url: &str) -> anyhow::Result<Self> {
        let mut session = Self {
            client: Client::with_dialect(UtcTime::from_unix(clock::unix_now()), Limits::default()),
            http: http::Client::new(),
            directory: directory.into(),
            url: url.trim_end_matches('/').into(),
        };
        session.drive()?;
        Ok(session)
    }

    /// Does what the client asks for until it is done.
    pub(super) fn drive(&mut self) -> anyhow::Result<()> {
        loop {
            match self.client.poll() {
                Action::Load { role } => {
                    // Only what passed its limit was ever kept.
                    let bytes = prefix_if_there(&self.path(role), usize::MAX)?;
                    self.client.feed(bytes.as_deref())?;
                }
                Action::Fetch { role, version, max_bytes } => {
                    let version = version.map_or(String::new(), |version| format!("{version}."));
                    let url = format!("{}/{version}{}.json", self.url, quote(role));
                    let absent = if role == Role::Root.name() { http::NO_NEWER_ROOT } else { http::ABSENT };
                    let bytes = match self.http.open_unless(&url, absent)? {
                        Some(body) => {
                            Some(read_prefix(body, max_bytes).with_context(|| format!("GET {url}"))?)
                        }
                        None => None,
                    };
                    self.client.feed(bytes.as_deref())?;
                }
                Action::Persist { role, bytes } => {
                    let path = self.path(role);
                    atomic::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
                    self.client.persisted();
                }
                Action::Forget { role } => {
                    let path = self.path(role);
                    atomic::remove(&path).with_context(|| format!("removing {}", path.display()))?;
                    self.client.persisted();
                }
                Action::Done => return Ok(()),
            }
        }
    }

    fn path(&self, role: &str) -> PathBuf {
        self.directory.join(format!("{}.json", quote(role)))
    }
}
