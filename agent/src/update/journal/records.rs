//! The files of the agent's state directory, each replaced whole.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::{Installed, Outcome, State, Update};
use crate::atomic;

/// The version of the records' format; another one is refused, never guessed at.
const FORMAT: u32 = 1;

/// The largest record that is read, in bytes. Each holds one update, not a history.
pub const MAX_RECORD_BYTES: u64 = 256 * 1024;

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

    /// The update that failed last: it is not tried again.
    ///
    /// # Errors
    /// If the record is damaged or of another format.
    pub fn failed(&self) -> anyhow::Result<Option<Update>> {
        self.read("failed.json").map(|slot: Slot<Update>| slot.value)
    }

    pub(crate) fn set_failed(&self, update: &Update) -> anyhow::Result<()> {
        self.write("failed.json", &Slot { value: Some(update) })
    }

    /// How the last update went, if the Director was not told yet.
    ///
    /// # Errors
    /// If the record is damaged or of another format.
    pub fn outcome(&self) -> anyhow::Result<Option<Outcome>> {
        self.read("outcome.json").map(|slot: Slot<Outcome>| slot.value)
    }

    pub(crate) fn set_outcome(&self, outcome: &Outcome) -> anyhow::Result<()> {
        self.write("outcome.json", &Slot { value: Some(outcome) })
    }

    pub(crate) fn forget_outcome(&self) -> anyhow::Result<()> {
        self.forget("outcome.json")
    }

    /// The last refusal of metadata or an image, if the Director was not told yet.
    ///
    /// # Errors
    /// If the record is damaged or of another format.
    pub fn attack(&self) -> anyhow::Result<Option<String>> {
        self.read("attack.json").map(|slot: Slot<String>| slot.value)
    }

    pub(crate) fn set_attack(&self, refusal: &str) -> anyhow::Result<()> {
        self.write("attack.json", &Slot { value: Some(refusal) })
    }

    pub(crate) fn forget_attack(&self) -> anyhow::Result<()> {
        self.forget("attack.json")
    }

    /// Whether the device was provisioned.
    ///
    /// # Errors
    /// If the record is damaged or of another format.
    pub fn is_provisioned(&self) -> anyhow::Result<bool> {
        self.read("provisioned.json").map(|slot: Slot<bool>| slot.value == Some(true))
    }

    pub(crate) fn set_provisioned(&self) -> anyhow::Result<()> {
        self.write("provisioned.json", &Slot { value: Some(true) })
    }

    /// Excludes other processes from updating while the returned file is held.
    ///
    /// # Errors
    /// If another process is at it.
    pub(crate) fn lock(&self) -> anyhow::Result<File> {
        std::fs::create_dir_all(&self.directory)
            .with_context(|| format!("making {}", self.directory.display()))?;
        let path = self.directory.join("lock");
        let file = File::options().write(true).create(true).truncate(false).open(&path);
        let file = file.with_context(|| format!("opening {}", path.display()))?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
            .context("another ota-agent is updating this device")?;
        Ok(file)
    }

    fn read<T: Default + for<'de> Deserialize<'de>>(&self, name: &str) -> anyhow::Result<T> {
        let path = self.directory.join(name);
        let bytes = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(T::default()),
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
            Ok(metadata) if metadata.len() > MAX_RECORD_BYTES => {
                bail!("{}: {} bytes, more than {MAX_RECORD_BYTES}", path.display(), metadata.len())
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

    fn forget(&self, name: &str) -> anyhow::Result<()> {
        let path = self.directory.join(name);
        atomic::remove(&path).with_context(|| format!("removing {}", path.display()))
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Counter {
    report_counter: u64,
}

/// A record that may be absent.
#[derive(Serialize, Deserialize)]
struct Slot<T> {
    value: Option<T>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { value: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::journal::{Image, Source};

    fn update() -> Update {
        let system = Some(Image { name: "os-1".into(), length: 0, sha256: "ab".repeat(32) });
        Update {
            correlation_id: None,
            system,
            application: None,
            source: Source::Lockbox("/media/stick".into()),
        }
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
            State::Proven { update: update() },
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
