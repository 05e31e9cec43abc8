//! Containers: an application is switched from one Compose file to the next by the engine on this device.
//!
//! `container-spec` says what to ask and in which order; here are the socket, the journal and the clock. The
//! journal is written before the first step and after each, so a process that is killed at any moment is
//! continued by the next: forwards, or back if a step had failed.
//!
//! ```text
//! docker-compose.yml          what runs: the file of the last switch that was confirmed
//! next/docker-compose.yml     what is switched to
//! next/progress.json          the plan, and how much of it is done
//! next/held                   whether somebody else, such as an update of the system, decides on the confirmation
//! images.json                 which of the engine's images came from a verified archive, and for which digest
//! ```
//!
//! A switch is confirmed when its journal says so. That `docker-compose.yml` then holds its file follows from
//! that, and is made so by whoever reads the journal next.

mod archives;
mod client;
mod fetch;
mod images;
mod lockbox;
mod registry;
mod settings;
mod steps;
mod switch;
mod unix;

pub use archives::{Archive, Archives, NoArchives, archive_sizes};
pub use client::{Engine, NoSpace, Timeouts};
pub use fetch::{fetch, remove_image};
pub use images::{Images, Record};
pub use lockbox::Lockbox;
pub use registry::RegistryError;
pub use settings::Settings;
pub use switch::{Switch, start};
