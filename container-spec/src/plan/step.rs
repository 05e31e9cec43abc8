//! Steps and their reverses.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::size::Bytes;

/// What a started service is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaitFor {
    /// It runs, and still runs when the time is over.
    Running,
    /// Its health check passes before the time is over.
    Healthy,
    /// It ends with exit code 0 before the time is over.
    Completed,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Step {
    /// See that the engine's disk has room for the images whose size is known.
    CheckSpace {
        /// Bytes that are needed at least; 0 if no size is known.
        needed_bytes: u64,
    },
    /// Fetch an image from its registry.
    Pull {
        /// The reference with its digest.
        image: String,
        /// The digest that pins it.
        digest: Sha256,
    },
    /// Give the engine an image from a verified archive.
    Load {
        /// The reference with its digest.
        image: String,
        /// The digest that pins it.
        digest: Sha256,
    },
    /// See that what the engine has under this digest is what it should be.
    Verify {
        /// The reference with its digest.
        image: String,
        /// The digest that pins it.
        digest: Sha256,
    },
    /// Make a network.
    CreateNetwork {
        /// Its name for the engine.
        network: String,
        /// Its key in the project.
        key: String,
    },
    /// Make a volume.
    CreateVolume {
        /// Its name for the engine.
        volume: String,
        /// Its key in the project.
        key: String,
    },
    /// Make a container, without starting it, and with the restart policy `no`.
    Create {
        /// The service.
        service: String,
        /// Which of the service's containers.
        number: u32,
        /// Name of the container for now.
        container: String,
        /// The reference with its digest.
        image: String,
        /// The digest that pins it.
        digest: Sha256,
        /// Hash of the service.
        config_hash: Sha256,
    },
    /// Set when the engine starts a container again by itself.
    SetRestart {
        /// Name of the container.
        container: String,
        /// Policy before.
        from: String,
        /// Policy after.
        to: String,
    },
    /// Stop a container.
    Stop {
        /// The service.
        service: String,
        /// Name of the container.
        container: String,
        /// Whether it runs now: if not, going back does not start it.
        was_running: bool,
    },
    /// Rename a container.
    Rename {
        /// Name before.
        from: String,
        /// Name after.
        to: String,
    },
    /// Start a container.
    Start {
        /// The service.
        service: String,
        /// Name of the container.
        container: String,
    },
    /// Wait for a container.
    Wait {
        /// The service.
        service: String,
        /// Name of the container.
        container: String,
        /// For what.
        until: WaitFor,
        /// For how long, in milliseconds.
        timeout_ms: u64,
    },
    /// The new state is the good one from here on.
    Confirm,
    /// Remove an old container.
    RemoveContainer {
        /// Name of the container.
        container: String,
    },
    /// Remove an image that only old containers used. That others use it is no failure.
    RemoveImage {
        /// The engine's id of the image.
        image_id: String,
    },
}

/// The reverse of a step. Nothing in here needs a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Undo {
    /// The step changed nothing.
    Nothing,
    /// Remove an image that was fetched, if nothing uses it.
    RemoveImage {
        /// The reference with its digest.
        image: String,
    },
    /// Remove a network that was made.
    RemoveNetwork {
        /// Its name for the engine.
        network: String,
    },
    /// Remove a volume that was made.
    RemoveVolume {
        /// Its name for the engine.
        volume: String,
    },
    /// Remove a container that was made, running or not.
    RemoveContainer {
        /// Name of the container.
        container: String,
    },
    /// Set the restart policy that was.
    SetRestart {
        /// Name of the container.
        container: String,
        /// The policy.
        to: String,
    },
    /// Start a container that was stopped.
    Start {
        /// Name of the container.
        container: String,
    },
    /// Stop a container that was started.
    Stop {
        /// Name of the container.
        container: String,
    },
    /// Give a container its name back.
    Rename {
        /// Name before.
        from: String,
        /// Name after.
        to: String,
    },
}

impl Step {
    /// What takes the step back; `None` for [`Step::Confirm`] and everything after it.
    #[must_use]
    pub fn undo(&self) -> Option<Undo> {
        Some(match self {
            Self::CheckSpace { .. } | Self::Verify { .. } | Self::Wait { .. } => Undo::Nothing,
            Self::Pull { image, .. } | Self::Load { image, .. } => Undo::RemoveImage { image: image.clone() },
            Self::CreateNetwork { network, .. } => Undo::RemoveNetwork { network: network.clone() },
            Self::CreateVolume { volume, .. } => Undo::RemoveVolume { volume: volume.clone() },
            Self::Create { container, .. } => Undo::RemoveContainer { container: container.clone() },
            Self::SetRestart { container, from, .. } => {
                Undo::SetRestart { container: container.clone(), to: from.clone() }
            }
            Self::Stop { container, was_running: true, .. } => Undo::Start { container: container.clone() },
            Self::Stop { was_running: false, .. } => Undo::Nothing,
            Self::Rename { from, to } => Undo::Rename { from: to.clone(), to: from.clone() },
            Self::Start { container, .. } => Undo::Stop { container: container.clone() },
            Self::Confirm | Self::RemoveContainer { .. } | Self::RemoveImage { .. } => return None,
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CheckSpace { needed_bytes: 0 } => {
                f.write_str("check nothing of the disk: no image's size is known")
            }
            Self::CheckSpace { needed_bytes } => write!(f, "check that {} are free", Bytes(*needed_bytes)),
            Self::Pull { image, .. } => write!(f, "pull {image}"),
            Self::Load { image, .. } => write!(f, "load {image}"),
            Self::Verify { image, .. } => write!(f, "verify {image}"),
            Self::CreateNetwork { network, .. } => write!(f, "create network {network}"),
            Self::CreateVolume { volume, .. } => write!(f, "create volume {volume}"),
            Self::Create { container, image, .. } => write!(f, "create container {container} from {image}"),
            Self::SetRestart { container, to, .. } => write!(f, "set restart policy of {container} to {to}"),
            Self::Stop { container, .. } => write!(f, "stop container {container}"),
            Self::Rename { from, to } => write!(f, "rename container {from} to {to}"),
            Self::Start { container, .. } => write!(f, "start container {container}"),
            Self::Wait { container, until, timeout_ms, .. } => {
                let until = match until {
                    WaitFor::Running => "keeps running for",
                    WaitFor::Healthy => "is healthy, at most",
                    WaitFor::Completed => "has ended well, at most",
                };
                write!(f, "wait until {container} {until} {} s", timeout_ms.div_ceil(1000))
            }
            Self::Confirm => f.write_str("confirm"),
            Self::RemoveContainer { container } => write!(f, "remove container {container}"),
            Self::RemoveImage { image_id } => write!(f, "remove image {image_id}"),
        }
    }
}

impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing to undo"),
            Self::RemoveImage { image } => write!(f, "remove image {image}"),
            Self::RemoveNetwork { network } => write!(f, "remove network {network}"),
            Self::RemoveVolume { volume } => write!(f, "remove volume {volume}"),
            Self::RemoveContainer { container } => write!(f, "remove container {container}"),
            Self::SetRestart { container, to } => write!(f, "set restart policy of {container} to {to}"),
            Self::Start { container } => write!(f, "start container {container}"),
            Self::Stop { container } => write!(f, "stop container {container}"),
            Self::Rename { from, to } => write!(f, "rename container {from} to {to}"),
        }
    }
}
