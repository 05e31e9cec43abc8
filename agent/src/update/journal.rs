//! The journal of the update in progress: which state is durable. It is what a restart continues from.

mod records;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use records::{MAX_RECORD_BYTES, Records};

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
    /// System and application proved themselves: both are to be confirmed, whatever is cut off from here on.
    Proven {
        /// What is confirmed next.
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
            Self::Proven { .. } => "proven",
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
            | Self::Proven { update }
            | Self::Confirmed { update }
            | Self::RolledBack { update, .. } => Some(update),
        }
    }
}

/// How an update went, until the Director was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The Director's name for the assignment.
    pub correlation_id: String,
    /// Whether it was installed.
    pub success: bool,
    /// aktualizr's result code.
    pub code: String,
    /// The result in words.
    pub description: String,
    /// Whether it was about the operating system.
    pub system: bool,
    /// Whether it was about the application.
    pub application: bool,
}
