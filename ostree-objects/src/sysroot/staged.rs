//! Deployments that wait for the shutdown of the running system, as `ostree admin deploy --stage` leaves them.
//!
//! ```text
//! /run/ostree/staged-deployment           which one, until it is finalized
//! /run/ostree/staged-deployment-locked    it is not to be finalized yet
//! ```
//!
//! [`Sysroot::stage`] checks the new system out and writes the record; nothing that boots changes. When the system shuts
//! down, [`Sysroot::finalize`] merges /etc as it is then, and the caller goes on as after [`Sysroot::prepare`]: it
//! writes the order and switches to it. The record is in /run, which no power cut survives: a system that is not shut
//! down properly boots what it booted before.

mod record;

use alloc::string::String;
use std::path::Path;

use record::{Named, Record};

use super::disk::Disk;
use super::kernel::Kernel;
use super::{DeployOptions, Deployment, EtcDirectories, PrepareError, StagedError, Sysroot, SysrootError};
use crate::limits::MAX_STAGED_BYTES;

/// The record of the deployment that is staged, in the directory of the running system's state.
const STAGED: &str = "staged-deployment";
/// While this is beside it, the deployment is not finalized. It is all that libostree before 2023.8 knows of; later ones
/// have it beside the record's own `locked`, too.
const LOCK: &str = "staged-deployment-locked";

/// A deployment that is staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// The deployment, with the arguments that its kernel will have.
    pub deployment: Deployment,
    /// The deployment whose /etc it takes over.
    pub merge: Option<Deployment>,
    /// Whether it stays staged when the system shuts down.
    pub locked: bool,
}

/// What became of the staged deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a deployment that is ready is in no boot order yet"]
pub enum Finalized {
    /// There was none.
    Nothing,
    /// It is locked, and stays as it is.
    Locked(Staged),
    /// Its /etc is merged and the record gone: what is left is its [order](Sysroot::order_with).
    Ready(Staged),
}

impl Sysroot {
    /// Checks a commit out beside the other deployments, to become the default when the running system shuts down, and
    /// writes that down in `state`, which is `/run/ostree`. What was staged before is removed.
    ///
    /// `make_etc` is to make an /etc of the defaults alone: libostree, should it be the one that finalizes, expects one.
    ///
    /// # Errors
    /// As of [`prepare`](Self::prepare). What was staged before is then still staged, unless it was being removed.
    pub fn stage<E>(
        &self,
        state: &Path,
        options: &DeployOptions<'_>,
        locked: bool,
        make_etc: impl FnOnce(&EtcDirectories) -> Result<(), E>,
    ) -> Result<Staged, PrepareError<E>> {
        let state = self.disk.beside(state);
        let before = match self.read_record(&state) {
            // What nobody can read is replaced.
            Err(SysrootError::Staged(_)) => None,
            before => before?,
        };
        let deployment = self.check_out(options)?;
        self.make_etc(&deployment, None, make_etc)?;
        let named = |deployment: &Deployment| {
            let kernel = Kernel::find(&self.disk, &deployment.path())?;
            Ok::<_, SysrootError>(Named::new(deployment, kernel.checksum))
        };
        let record = Record {
            target: named(&deployment)?,
            locked,
            merge: options.merge.map(named).transpose()?,
            arguments: Some(deployment.arguments.clone()),
        };
        let bytes = record.encode().map_err(SysrootError::Staged)?;
        // Most of what there is to write is written before the shutdown.
        self.disk.sync("ostree")?;
        state.make_directories("")?;
        if locked {
            state.write(LOCK, b"")?;
        }
        state.replace(STAGED, &bytes)?;
        if !locked {
            state.remove(LOCK)?;
        }
        if let Some(before) = before {
            self.remove_deployment(&before.target.with_arguments(String::new()))?;
        }
        self.write_refs(&self.deployments()?, Some(&deployment))?;
        Ok(Staged { deployment, merge: options.merge.cloned(), locked })
    }

    /// The deployment that is staged in `state`, if one is.
    ///
    /// # Errors
    /// If the record cannot be read, or names a deployment to take /etc over from that is not in the boot order.
    pub fn staged(&self, state: &Path) -> Result<Option<Staged>, SysrootError> {
        self.read_staged(&self.disk.beside(state))
    }

    /// Locks the staged deployment, so that a shutdown does not finalize it, or unlocks it; `false` if none is staged.
    ///
    /// # Errors
    /// As of [`staged`](Self::staged) and the file system.
    pub fn set_locked(&self, state: &Path, locked: bool) -> Result<bool, SysrootError> {
        let state = self.disk.beside(state);
        let Some(record) = self.read_record(&state)? else { return Ok(false) };
        if locked {
            state.write(LOCK, b"")?;
        }
        state.replace(STAGED, &Record { locked, ..record }.encode()?)?;
        if !locked {
            state.remove(LOCK)?;
        }
        Ok(true)
    }

    /// Gives the staged deployment up and removes it; `false` if none is staged.
    ///
    /// # Errors
    /// As of [`staged`](Self::staged) and the file system.
    pub fn unstage(&self, state: &Path) -> Result<bool, SysrootError> {
        let state = self.disk.beside(state);
        let Some(record) = self.read_record(&state)? else { return Ok(false) };
        state.remove(STAGED)?;
        state.remove(LOCK)?;
        self.remove_deployment(&record.target.with_arguments(String::new()))?;
        self.write_refs(&self.deployments()?, None)?;
        Ok(true)
    }

    /// Has `merge_etc` make the /etc of the staged deployment, unless it is locked. It is then as after
    /// [`prepare`](Self::prepare): complete, and in no boot order.
    ///
    /// The record is removed first. Whatever interrupts this, nothing is finalized by halves: the old order boots, and
    /// [`cleanup`](Self::cleanup) removes what is left.
    ///
    /// # Errors
    /// As of [`staged`](Self::staged), if the deployment is not there, or if the merge fails.
    pub fn finalize<E>(
        &self,
        state: &Path,
        merge_etc: impl FnOnce(&EtcDirectories) -> Result<(), E>,
    ) -> Result<Finalized, PrepareError<E>> {
        let state = self.disk.beside(state);
        let Some(staged) = self.read_staged(&state)? else { return Ok(Finalized::Nothing) };
        if staged.locked {
            return Ok(Finalized::Locked(staged));
        }
        let path = staged.deployment.path();
        if !self.disk.is_directory(&path) {
            return Err(SysrootError::from(StagedError::Gone).into());
        }
        state.remove(STAGED)?;
        self.disk.remove(&alloc::format!("{path}/etc"))?;
        self.make_etc(&staged.deployment, staged.merge.as_ref(), merge_etc)?;
        self.forget_var_updated(&staged.deployment)?;
        Ok(Finalized::Ready(staged))
    }

    fn read_record(&self, state: &Disk) -> Result<Option<Record>, SysrootError> {
        let bytes = state.read_some(STAGED, MAX_STAGED_BYTES)?;
        Ok(bytes.map(|bytes| Record::parse(&bytes)).transpose()?)
    }

    fn read_staged(&self, state: &Disk) -> Result<Option<Staged>, SysrootError> {
        let Some(Record { target, locked, merge, arguments }) = self.read_record(state)? else {
            return Ok(None);
        };
        let merge = match merge {
            None => None,
            Some(merge) => {
                let named = merge.with_arguments(String::new());
                let found = self.deployments()?.into_iter().find(|other| other.is_same(&named));
                Some(found.ok_or(StagedError::Merge)?)
            }
        };
        let inherited = || merge.as_ref().map(|merge| merge.arguments.clone()).unwrap_or_default();
        let deployment = target.with_arguments(arguments.unwrap_or_else(inherited));
        Ok(Some(Staged { deployment, locked: locked || state.exists(LOCK), merge }))
    }

    fn remove_deployment(&self, deployment: &Deployment) -> Result<(), SysrootError> {
        self.disk.remove(&deployment.path())?;
        self.disk.remove(&deployment.origin())
    }
}
