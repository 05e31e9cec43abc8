//! The journal of the update in progress: which state is durable. It is what a restart continues from.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use crate::atomic;

/// The version of the journal's format; another one is refused, never guessed at.
const FORMAT: u32 = 1;

/// The largest journal that is read, in bytes. It holds one update, not a history.
pub const MAX_JOURNAL_BYTES: u64 = 256 * 1024;

/// Where the update stands. Each state is durable before the next step starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Nothing is in progress.
    #[default]
    Idle,
    /// The metadata of both repositories holds, and names something new.
    Verified {
        /// What to install.
        update: Update,
    },
    /// Everything the update needs is on the device and checked.
    Fetched {
        /// What to install.
        update: Update,
    },
    /// The new deployment boots next, on trial.
    Deployed {
        /// What to install.
        update: Update,
        /// The boot during which it was deployed: another one means that a reboot happened.
        boot_id: String,
    },
    /// The new system was booted; it is still to prove itself.
    Trial {
        /// What is tried.
        update: Update,
    },
    /// The new system proved itself and is the default for good.
    Confirmed {
        /// What was installed.
        update: Update,
    },
    /// The old system runs again.
    RolledBack {
        /// What was tried.
        update: Update,
        /// Why it was given up.
        reason: String,
    },
}

/// What an update installs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The Director's name for this assignment, reported back with its outcome.
    pub correlation_id: Option<String>,
    /// The new operating system, if the update has one.
    pub system: Option<Image>,
    /// The new application, if the update has one.
    pub application: Option<Image>,
    /// Where the images come from.
    pub source: Source,
}

/// An image as the Targets metadata of both repositories describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The target's name.
    pub name: String,
    /// Its length in bytes; 0 for an OSTree commit, whose objects carry their own.
    pub length: u64,
    /// SHA-256 in lower-case hex; of an OSTree commit, its checksum.
    pub sha256: String,
}

/// Where images come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The configured servers.
    Servers,
    /// A Lockbox in this directory.
    Lockbox(PathBuf),
}

/// What runs on the device now, as its manifest reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// The operating system.
    pub system: Option<Image>,
    /// The application.
    pub application: Option<Image>,
}

impl State {
    /// The state's name, as commands print it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Verified { .. } => "verified",
            Self::Fetched { .. } => "fetched",
            Self::Deployed { .. } => "deployed",
            Self::Trial { .. } => "trial",
            Self::Confirmed { .. } => "confirmed",
            Self::RolledBack { .. } => "rolled-back",
        }
    }

    /// The update in progress, unless idle.
    #[must_use]
    pub fn update(&self) -> Option<&Update> {
        match self {
            Self::Idle => None,
            Self::Verified { update }
            | Self::Fetched { update }
            | Self::Deployed { update, .. }
            | Self::Trial { update }
            | Self::Confirmed { update }
            | Self::RolledBack { update, .. } => Some(update),
        }
    }
}

/// Values of the agent's state directory, each in a file of its own that is replaced whole.
#[derive(Clone, Debug)]
pub struct Records {
    directory: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Record<T> {
    format: u32,
    #[serde(flatten)]
    value: T,
}

impl Records {
    /// The records below `directory`.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.into() }
    }

    /// Where the update stands; idle if nothing was ever written.
    ///
    /// # Errors
    /// If the journal is damaged or of another format: guessing could confirm what was never proven.
    pub fn state(&self) -> anyhow::Result<State> {
        self.read("journal.json")
    }

    /// Makes `state` durable.
    ///
    /// # Errors
    /// As of the file system.
    pub fn set_state(&self, state: &State) -> anyhow::Result<()> {
        self.write("journal.json", state)
    }

    /// What is installed; nothing if nothing was ever written.
    ///
    /// # Errors
    /// If the record is damaged or of another format.
    pub fn installed(&self) -> anyhow::Result<Installed> {
        self.read("installed.json")
    }

    /// Makes what is installed durable.
    ///
    /// # Errors
    /// As of the file system.
    pub fn set_installed(&self, installed: &Installed) -> anyhow::Result<()> {
        self.write("installed.json", installed)
    }

    /// The next number for a signed report, never given out before: it is stored before it is used.
    ///
    /// # Errors
    /// If the counter is damaged or cannot be stored.
    pub fn next_report(&self) -> anyhow::Result<u64> {
        let Counter { report_counter } = self.read("reports.json")?;
        let report_counter = report_counter.checked_add(1).context("the report counter is exhausted")?;
        self.write("reports.json", &Counter { report_counter })?;
        Ok(report_counter)
    }

    fn read<T: Default + for<'de> Deserialize<'de>>(&self, name: &str) -> anyhow::Result<T> {
        let path = self.directory.join(name);
        let bytes = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(T::default()),
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
            Ok(metadata) if metadata.len() > MAX_JOURNAL_BYTES => {
                bail!("{}: {} bytes, more than {MAX_JOURNAL_BYTES}", path.display(), metadata.len())
            }
            Ok(_) => std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?,
        };
        let record: Record<T> =
            serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))?;
        if record.format != FORMAT {
            bail!("{}: format {}, this agent knows {FORMAT}", path.display(), record.format);
        }
        Ok(record.value)
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> anyhow::Result<()> {
        let path = self.directory.join(name);
        let bytes = serde_json::to_vec_pretty(&Record { format: FORMAT, value })?;
        atomic::write(&path, &bytes).with_context(|| format!("writing {}", path.display()))
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Counter {
    report_counter: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update() -> Update {
        let system = Some(Image { name: "os-1".into(), length: 0, sha256: "ab".repeat(32) });
        Update { correlation_id: None, system, application: None, source: Source::Lockbox("/media/stick".into()) }
    }

    #[test]
    fn every_state_is_read_back_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let records = Records::new(directory.path());
        assert_eq!(records.state().unwrap(), State::Idle);
        for state in [
            State::Verified { update: update() },
            State::Fetched { update: update() },
            State::Deployed { update: update(), boot_id: "7".into() },
            State::Trial { update: update() },
            State::Confirmed { update: update() },
            State::RolledBack { update: update(), reason: "bootlimit".into() },
            State::Idle,
        ] {
            records.set_state(&state).unwrap();
            assert_eq!(records.state().unwrap(), state);
        }
    }

    #[test]
    fn refuses_a_journal_that_is_damaged_or_of_another_format() {
        let directory = tempfile::tempdir().unwrap();
        let records = Records::new(directory.path());
        records.set_state(&State::Verified { update: update() }).unwrap();
        let path = directory.path().join("journal.json");
        let good = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &good[..good.len() / 2]).unwrap();
        assert!(records.state().unwrap_err().to_string().ends_with("journal.json is damaged"));
        std::fs::write(&path, good.replace("\"format\": 1", "\"format\": 2")).unwrap();
        assert!(records.state().unwrap_err().to_string().ends_with("format 2, this agent knows 1"));
    }

    #[test]
    fn a_report_number_is_never_given_out_twice() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Records::new(directory.path()).next_report().unwrap(), 1);
        assert_eq!(Records::new(directory.path()).next_report().unwrap(), 2);
    }
}
