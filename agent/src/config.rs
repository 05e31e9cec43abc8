//! The device's configuration: where its servers are, who its ECUs are, where its state lives.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::files;
use crate::http::TlsFiles;

/// Where the configuration is looked for when no `--config` is given.
pub const DEFAULT_PATH: &str = "/etc/ota-agent.toml";

/// A device's configuration. Relative paths are relative to the file's own directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The servers.
    pub server: Server,
    /// The ECUs this device answers for.
    pub ecu: Ecus,
    /// Where things are on this device.
    pub paths: Paths,
    /// How a freshly booted system proves itself.
    #[serde(default)]
    pub health: Health,
    /// The container engine that runs the application. Without it, what is to run is planned and recorded, and
    /// carried out by somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containers: Option<Containers>,
}

/// The servers, as URLs without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The Director repository.
    pub director: String,
    /// The Image repository.
    pub image: String,
    /// The OSTree repository that holds what the Image repository vouches for.
    pub ostree: String,
    /// Whom connections trust, and as whom they speak; the authorities of the system and no certificate if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFiles>,
}

/// The ECUs: the operating system is the Primary, the application a Secondary beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ecus {
    /// The Primary: the OSTree-based system itself.
    pub primary: Ecu,
    /// The ECU that takes Compose files.
    pub application: Ecu,
}

/// One ECU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ecu {
    /// Its serial number, unique in the fleet.
    pub serial: String,
    /// Its hardware identifier: which images fit it.
    pub hardware_id: String,
}

/// Where things are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paths {
    /// The physical root of the OSTree system: `/sysroot` on a booted device, or `/`.
    pub sysroot: PathBuf,
    /// The name of the stateroot, as in `ostree admin os-init`.
    pub stateroot: String,
    /// The agent's own state: keys, trusted metadata, the journal.
    pub state: PathBuf,
    /// Where the application's Compose file is kept.
    pub application: PathBuf,
    /// The U-Boot environment's description, as `fw_setenv` reads it.
    pub fw_env_config: PathBuf,
    /// The root of the running system: `/`.
    pub root: PathBuf,
    /// A file whose content differs at each boot, such as `/proc/sys/kernel/random/boot_id`.
    pub boot_id: PathBuf,
    /// The Root metadata that the factory installed: `director.json` and `image.json`.
    pub roots: PathBuf,
}

/// How a freshly booted system proves itself before it is confirmed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// A program and its arguments; exit status 0 means healthy. Empty: reaching the agent is enough.
    #[serde(default)]
    pub command: Vec<String>,
}

/// The container engine of this device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Containers {
    /// Its socket.
    pub socket: PathBuf,
    /// The platform that images are for, such as `linux/arm64`; that of this program if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// A `config.json` of Docker's with the credentials for registries, in `auths`; without it they are asked without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<PathBuf>,
    /// How long a service may take to become healthy, in seconds.
    #[serde(default = "start_timeout_s")]
    pub start_timeout_s: u32,
    /// How long a service without a health check must run to count as started, in milliseconds.
    #[serde(default = "settle_ms")]
    pub settle_ms: u32,
}

const fn start_timeout_s() -> u32 {
    300
}

const fn settle_ms() -> u32 {
    5000
}

impl Config {
    /// Reads the configuration at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, or says something that is not understood.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = files::read_text(path, files::MAX_SETTINGS_BYTES)
            .with_context(|| format!("reading the configuration {}", path.display()))?;
        let mut config: Self =
            toml::from_str(&text).with_context(|| format!("in the configuration {}", path.display()))?;
        let base = std::path::absolute(path)?;
        let base = base.parent().unwrap_or(Path::new("/"));
        for relative in [
            &mut config.paths.sysroot,
            &mut config.paths.state,
            &mut config.paths.application,
            &mut config.paths.fw_env_config,
            &mut config.paths.root,
            &mut config.paths.boot_id,
            &mut config.paths.roots,
        ] {
            *relative = base.join(&*relative);
        }
        if let Some(tls) = &mut config.server.tls {
            for relative in [&mut tls.authorities, &mut tls.certificate, &mut tls.key].into_iter().flatten() {
                *relative = base.join(&*relative);
            }
        }
        if let Some(containers) = &mut config.containers {
            containers.socket = base.join(&containers.socket);
            if let Some(credentials) = &mut containers.credentials {
                *credentials = base.join(&*credentials);
            }
        }
        Ok(config)
    }
}
