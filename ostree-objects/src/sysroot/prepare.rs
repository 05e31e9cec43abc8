//! A new deployment beside the others, complete but in no boot order yet.

use alloc::format;
use alloc::string::ToString;
use std::path::PathBuf;

use super::deployment::{directory_of, parse_name};
use super::kernel::enter;
use super::{Deployment, PrepareError, Sysroot, SysrootError};
use crate::repo::{CheckoutOptions, Ownership, open_directory};
use crate::{Checksum, Name, RepoMode};

/// What is deployed.
#[derive(Clone, Copy, Debug)]
pub struct DeployOptions<'a> {
    /// The stateroot, which must have been made.
    pub stateroot: &'a str,
    /// The commit, which must be complete.
    pub commit: Checksum,
    /// What `.origin` names as the source: a ref, or the commit itself.
    pub refspec: &'a str,
    /// The kernel's arguments, without `ostree=`.
    pub arguments: &'a str,
    /// The deployment whose /etc is carried over; the running one.
    pub merge: Option<&'a Deployment>,
}

/// The directories of a merge of /etc.
#[derive(Clone, Debug)]
pub struct EtcDirectories {
    /// Default and actual configuration of the deployment that is carried over; `None` for a first one.
    pub previous: Option<(PathBuf, PathBuf)>,
    /// The new deployment's defaults.
    pub new: PathBuf,
    /// Where the merged tree goes; it does not exist yet.
    pub out: PathBuf,
}

impl Sysroot {
    /// Checks a commit out beside the other deployments and has `merge_etc` make its /etc. Nothing that boots
    /// changes; what an interrupted call left behind is removed by [`Self::cleanup`].
    ///
    /// From a repository of mode `bare` files have owners, modes and extended attributes as committed. From one of
    /// another mode they are checked out in user mode: without set-id bits, the caller's.
    ///
    /// # Errors
    /// If the commit is not complete, the tree is none that can be booted, or the merge fails.
    pub fn prepare<E>(
        &self,
        options: &DeployOptions<'_>,
        merge_etc: impl FnOnce(&EtcDirectories) -> Result<(), E>,
    ) -> Result<Deployment, PrepareError<E>> {
        let deployment = self.check_out(options)?;
        self.make_etc(&deployment, options.merge, merge_etc)?;
        self.forget_var_updated(&deployment)?;
        Ok(deployment)
    }

    /// Checks the tree out, with its defaults in /usr/etc and no /etc yet, and says where it came from.
    pub(super) fn check_out(&self, options: &DeployOptions<'_>) -> Result<Deployment, SysrootError> {
        let DeployOptions { stateroot, commit, refspec, arguments, merge: _ } = *options;
        Name::new(stateroot).map_err(|_| SysrootError::Stateroot)?;
        if self.repo.is_partial(&commit)? {
            return Err(SysrootError::Partial { commit });
        }
        let serial = self.next_serial(stateroot, &commit)?;
        let (stateroot, arguments) = (stateroot.to_string(), arguments.to_string());
        let deployment = Deployment { stateroot, commit, serial, arguments };
        let path = deployment.path();
        let parent = open_directory(rustix::fs::CWD, self.disk.path(&directory_of(&deployment.stateroot)))?;
        let ownership = match self.repo.mode() {
            RepoMode::Bare => Ownership::Committed,
            _ => Ownership::User,
        };
        let how = CheckoutOptions { ownership, ..CheckoutOptions::default() };
        self.disk.hand_over(&path)?;
        self.repo.checkout(&commit, &parent, &deployment.name(), how)?;
        self.defaults_to_usr_etc(&path)?;
        self.disk.write(&deployment.origin(), format!("[origin]\nrefspec={refspec}\n").as_bytes())?;
        Ok(deployment)
    }

    /// Has `merge_etc` make the /etc of a deployment that has none.
    pub(super) fn make_etc<E>(
        &self,
        deployment: &Deployment,
        merge: Option<&Deployment>,
        merge_etc: impl FnOnce(&EtcDirectories) -> Result<(), E>,
    ) -> Result<(), PrepareError<E>> {
        let previous = merge.map(|previous| {
            let root = self.path_of(previous);
            (root.join("usr/etc"), root.join("etc"))
        });
        let root = self.path_of(deployment);
        let directories = EtcDirectories { previous, new: root.join("usr/etc"), out: root.join("etc") };
        let path = deployment.path();
        self.disk.hand_over(&format!("{path}/etc"))?;
        merge_etc(&directories).map_err(PrepareError::Merge)?;
        // Services that act on the first start after an update look for this one and for the one of /var (systemd's
        // ConditionNeedsUpdate).
        Ok(self.disk.remove(&format!("{path}/etc/.updated"))?)
    }

    pub(super) fn forget_var_updated(&self, deployment: &Deployment) -> Result<(), SysrootError> {
        self.disk.remove(&format!("{}/{}/var/.updated", super::DEPLOY, deployment.stateroot))
    }

    /// One more than the highest serial number of the commit's deployments.
    fn next_serial(&self, stateroot: &str, commit: &Checksum) -> Result<u32, SysrootError> {
        let mut next = 0;
        for entry in self.disk.list(&directory_of(stateroot))? {
            if let Some((other, serial)) = parse_name(&entry.name)
                && other == *commit
            {
                next = next.max(serial.saturating_add(1));
            }
        }
        Ok(next)
    }

    /// Makes the tree's /etc its defaults, as libostree does.
    fn defaults_to_usr_etc(&self, deployment: &str) -> Result<(), SysrootError> {
        if enter(&self.disk, deployment, &["usr"]).is_none() {
            return Err(SysrootError::NotDirectory { path: "usr" });
        }
        let (etc, usr_etc) = (format!("{deployment}/etc"), format!("{deployment}/usr/etc"));
        match (self.disk.is_directory(&etc), self.disk.exists(&usr_etc)) {
            (true, true) => return Err(SysrootError::BothEtc),
            (true, false) => self.disk.rename(&etc, &usr_etc)?,
            (false, true) => {}
            (false, false) => return Err(SysrootError::NoEtc),
        }
        match enter(&self.disk, deployment, &["usr", "etc"]) {
            Some(_) => Ok(()),
            None => Err(SysrootError::NotDirectory { path: "usr/etc" }),
        }
    }
}
