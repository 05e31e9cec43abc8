//! The Compose specification as types, in long form.
//!
//! Source: `schema/compose-spec.json` of compose-go. Short forms become long ones when a file is read.

pub mod build;
pub mod common;
pub mod deploy;
pub mod file;
pub mod forms;
pub mod mount;
pub mod network;
pub mod port;
pub mod resource;
pub mod service;

pub use build::Build;
pub use common::{ByteSize, Command, ImageName, List, PairMap, Span, Strings};
pub use deploy::Deploy;
pub use file::{EnvFile, FileReference};
pub use forms::{
    Condition, Dependency, Device, DeviceRule, Extends, HealthTest, Healthcheck, Restart, Ulimit,
};
pub use mount::{Mount, MountKind};
pub use network::ServiceNetwork;
pub use port::Port;
pub use resource::{Config, Model, Network, Secret, Volume};
pub use service::Service;
