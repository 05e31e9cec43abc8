//! Deployments: which systems a device can boot, in the layout of libostree's sysroot, and how the next one gets
//! there.
//!
//! ```text
//! ostree/repo                                   the repository
//! ostree/deploy/NAME/var                        the stateroot's data, shared by its deployments
//! ostree/deploy/NAME/deploy/COMMIT.SERIAL       a checked-out tree with an /etc of its own
//! ostree/boot.V -> boot.V.S                     V and S are 0 or 1
//! ostree/boot.V.S/NAME/BOOTCSUM/N -> ../../../deploy/NAME/deploy/COMMIT.SERIAL
//! boot/ostree/NAME-BOOTCSUM                     kernel, initial RAM disk, device trees
//! boot/loader -> loader.V                       the boot order that counts
//! ```
//!
//! A new system takes three steps. [`Sysroot::prepare`] checks it out beside the others and lets the caller merge
//! /etc; [`Sysroot::write_order`] writes the next boot order into the `V` that is not in use and syncs everything;
//! [`NextOrder::switch`] renames one symbolic link. Only the last step changes what boots, so power may fail at any
//! point: the old order boots, or the new one. [`Sysroot::cleanup`] then removes what no order needs.
//!
//! A running system may have the merge and the switch wait until it shuts down: [`Sysroot::stage`] and
//! [`Sysroot::finalize`] are the two halves of [`Sysroot::prepare`].
//!
//! What the boot loader reads is not written here: the entries go out as data and come back as files.

mod cleanup;
mod deployment;
mod disk;
mod entry;
mod error;
mod fs;
mod kernel;
mod order;
mod prepare;
mod retention;
mod staged;

pub use deployment::Deployment;
pub use entry::BootEntry;
pub use error::{PrepareError, StagedError, SysrootError};
pub use fs::{Effect, Fs, RealFs};
pub use order::{LoaderFile, NextOrder};
pub use prepare::{DeployOptions, EtcDirectories};
pub use staged::{Finalized, Staged};

use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use std::path::{Path, PathBuf};

use disk::Disk;

use crate::repo::Repo;
use crate::{Name, RepoMode};

/// An open sysroot.
#[derive(Debug)]
pub struct Sysroot {
    disk: Disk,
    repo: Repo,
}

/// Where the repository is.
const REPO: &str = "ostree/repo";
/// Where the stateroots are.
const DEPLOY: &str = "ostree/deploy";
/// The symbolic link to the boot order that counts.
const LOADER: &str = "boot/loader";

impl Sysroot {
    /// Makes an empty sysroot at `path`, as `ostree admin init-fs`, with a repository of `mode`.
    ///
    /// # Errors
    /// If the mode is none that is written, or as of the file system.
    pub fn init(path: &Path, mode: RepoMode) -> Result<Self, SysrootError> {
        let disk = Disk::new(path, Arc::new(RealFs));
        disk.make_directories(DEPLOY)?;
        disk.make_directories("boot/loader.0")?;
        // The boot loader's paths name /boot, wherever the partition with it is mounted.
        disk.replace_link("boot/boot", ".")?;
        disk.replace_link(LOADER, "loader.0")?;
        disk.write("boot/loader.0/uEnv.txt", b"")?;
        let repo = Repo::init(&disk.path(REPO), mode)?;
        disk.sync("")?;
        Ok(Self { disk, repo })
    }

    /// Opens the sysroot at `path`.
    ///
    /// # Errors
    /// If it has no repository that can be opened.
    pub fn open(path: &Path) -> Result<Self, SysrootError> {
        Self::open_with(path, Arc::new(RealFs))
    }

    /// As [`open`](Self::open), with all changes made by `fs`.
    ///
    /// # Errors
    /// As of [`open`](Self::open).
    pub fn open_with(path: &Path, fs: Arc<dyn Fs>) -> Result<Self, SysrootError> {
        let disk = Disk::new(path, fs);
        let repo = Repo::open(&disk.path(REPO))?;
        Ok(Self { disk, repo })
    }

    /// Makes the stateroot `name`, as `ostree admin os-init`; one that is there already stays as it is.
    ///
    /// # Errors
    /// If the name is not allowed, or as of the file system.
    pub fn os_init(&self, name: &str) -> Result<(), SysrootError> {
        Name::new(name).map_err(|_| SysrootError::Stateroot)?;
        let stateroot = format!("{DEPLOY}/{name}");
        self.disk.make_directories(&format!("{stateroot}/deploy"))?;
        for directory in ["log", "lib"] {
            self.disk.make_directories(&format!("{stateroot}/var/{directory}"))?;
        }
        self.disk.make_sticky(&format!("{stateroot}/var/tmp"))?;
        self.disk.replace_link(&format!("{stateroot}/var/run"), "../run")?;
        self.disk.replace_link(&format!("{stateroot}/var/lock"), "../run/lock")?;
        self.disk.sync(&stateroot)
    }

    /// The repository.
    #[must_use]
    pub const fn repo(&self) -> &Repo {
        &self.repo
    }

    /// The deployments in boot order: the first is the default.
    ///
    /// # Errors
    /// If the boot order cannot be read, or an entry of it leads to no deployment.
    pub fn deployments(&self) -> Result<Vec<Deployment>, SysrootError> {
        let mut entries = Vec::new();
        for file in self.disk.list(&format!("{LOADER}/entries"))? {
            if !file.name.ends_with(".conf") {
                continue;
            }
            let text = self.disk.read_text(&format!("{LOADER}/entries/{}", file.name))?;
            let parsed =
                entry::parse(&text).ok_or_else(|| SysrootError::Entry { file: file.name.clone() })?;
            entries.push((parsed, file.name));
        }
        // libostree counts versions up: the highest is the default.
        entries.sort_by_key(|(entry, _)| core::cmp::Reverse(entry.version.parse::<u32>().unwrap_or(0)));
        let mut deployments = Vec::new();
        for (entry, file) in entries {
            // An entry that boots something else is none of ours.
            let Some((link, arguments)) = entry::split_options(&entry.options) else { continue };
            let target = self.disk.read_link(link.trim_start_matches('/'))?;
            let deployment = target.and_then(|target| Deployment::from_link(&target, arguments));
            deployments.push(deployment.ok_or(SysrootError::Entry { file })?);
        }
        Ok(deployments)
    }

    /// The deployment whose root directory is `root`, which may be another path of it: the running one, for `/`.
    ///
    /// # Errors
    /// As of the file system.
    pub fn deployment_at(&self, root: &Path) -> Result<Option<Deployment>, SysrootError> {
        let identity = disk::identity(root)?;
        for deployment in self.deployments()? {
            if disk::identity(&self.path_of(&deployment)).ok() == Some(identity) {
                return Ok(Some(deployment));
            }
        }
        Ok(None)
    }

    /// The root directory of a deployment.
    #[must_use]
    pub fn path_of(&self, deployment: &Deployment) -> PathBuf {
        self.disk.path(&deployment.path())
    }

    /// Where the symbolic link `ostree=` of a kernel command line leads: what an initial RAM disk boots.
    ///
    /// # Errors
    /// If the command line has none, or the link leads to no deployment.
    pub fn deployment_of_command_line(&self, command_line: &str) -> Result<Deployment, SysrootError> {
        let no_entry = || SysrootError::Entry { file: "the kernel's command line".to_string() };
        let (link, arguments) = entry::split_options(command_line).ok_or_else(no_entry)?;
        let target = self.disk.read_link(link.trim_start_matches('/'))?.ok_or_else(no_entry)?;
        Deployment::from_link(&target, arguments).ok_or_else(no_entry)
    }

    /// Which of both boot orders counts: 0 or 1.
    fn version(&self) -> Result<u8, SysrootError> {
        match self.disk.read_link(LOADER)?.as_deref() {
            Some("loader.0") => Ok(0),
            Some("loader.1") => Ok(1),
            _ => Err(SysrootError::Loader),
        }
    }

    /// The second number of `boot.VERSION`; `None` if it is not there.
    fn subversion(&self, version: u8) -> Result<Option<u8>, SysrootError> {
        let target = self.disk.read_link(&format!("ostree/boot.{version}"))?;
        let target = target.as_deref().and_then(|target| target.strip_prefix(&*format!("boot.{version}.")));
        Ok(target.and_then(|number| number.parse().ok()))
    }
}
