//! Removing what the boot order no longer needs.

use alloc::format;
use alloc::vec::Vec;

use super::deployment::{directory_of, parse_name};
use super::kernel::Kernel;
use super::{DEPLOY, Deployment, Sysroot, SysrootError};

impl Sysroot {
    /// Removes deployments, kernels and links that neither the boot order nor `booted` needs, and keeps the
    /// commits of the others alive by refs. It may be called at any time.
    ///
    /// # Errors
    /// As of the file system; the next call goes on.
    pub fn cleanup(&self, booted: Option<&Deployment>) -> Result<(), SysrootError> {
        self.cleanup_beside(booted, None)
    }

    /// As [`cleanup`](Self::cleanup), of a sysroot in which `staged` waits for the shutdown: it stays, too.
    ///
    /// # Errors
    /// As [`cleanup`](Self::cleanup).
    pub fn cleanup_beside(
        &self,
        booted: Option<&Deployment>,
        staged: Option<&Deployment>,
    ) -> Result<(), SysrootError> {
        let version = self.version()?;
        let order = self.deployments()?;
        let mut kept = order.clone();
        for also in [booted, staged].into_iter().flatten() {
            if !kept.iter().any(|other| other.is_same(also)) {
                kept.push(also.clone());
            }
        }
        self.remove_deployments(&kept)?;
        self.remove_kernels(&kept)?;
        let other = 1 - version.min(1);
        for path in [format!("ostree/boot.{other}"), format!("boot/loader.{other}")] {
            self.disk.remove(&path)?;
        }
        let subversion = self.subversion(version)?;
        for (version, number) in [(version, 0), (version, 1), (other, 0), (other, 1)] {
            if version == other || Some(number) != subversion {
                self.disk.remove(&format!("ostree/boot.{version}.{number}"))?;
            }
        }
        self.write_refs(&order, staged)
    }

    fn remove_deployments(&self, kept: &[Deployment]) -> Result<(), SysrootError> {
        for stateroot in self.disk.list(DEPLOY)? {
            let directory = directory_of(&stateroot.name);
            for entry in self.disk.list(&directory)? {
                let name = entry.name.strip_suffix(".origin").unwrap_or(&entry.name);
                let Some((commit, serial)) = parse_name(name) else { continue };
                let is_kept = kept.iter().any(|kept| {
                    (kept.stateroot.as_str(), kept.commit, kept.serial) == (&stateroot.name, commit, serial)
                });
                if !is_kept {
                    self.disk.remove(&format!("{directory}/{}", entry.name))?;
                }
            }
        }
        Ok(())
    }

    fn remove_kernels(&self, kept: &[Deployment]) -> Result<(), SysrootError> {
        let mut needed = Vec::new();
        for deployment in kept {
            let kernel = Kernel::find(&self.disk, &deployment.path())?;
            needed.push(kernel.directory(&deployment.stateroot));
        }
        for entry in self.disk.list("boot/ostree")?.iter().filter(|entry| entry.is_directory) {
            let path = format!("/ostree/{}", entry.name);
            if !needed.contains(&path) {
                self.disk.remove(&format!("boot{path}"))?;
            }
        }
        Ok(())
    }

    /// `ostree/V/S/INDEX` for each deployment, with the staged one in front as in libostree. The new refs are written
    /// first, then the others go.
    pub(super) fn write_refs(
        &self,
        order: &[Deployment],
        staged: Option<&Deployment>,
    ) -> Result<(), SysrootError> {
        const REFS: &str = "ostree/repo/refs/heads/ostree";
        let version = self.version()?;
        let subversion = self.subversion(version)?.unwrap_or(0);
        let needed: Vec<&Deployment> = staged.into_iter().chain(order).collect();
        self.disk.hand_over(REFS)?;
        for (index, deployment) in needed.iter().enumerate() {
            self.repo.set_ref(&format!("ostree/{version}/{subversion}/{index}"), &deployment.commit)?;
        }
        for (v, s) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            if (v, s) != (version, subversion) {
                self.disk.remove(&format!("{REFS}/{v}/{s}"))?;
            }
        }
        let current = format!("{REFS}/{version}/{subversion}");
        for entry in self.disk.list(&current)? {
            if !entry.name.parse::<usize>().is_ok_and(|index| index < needed.len()) {
                self.disk.remove(&format!("{current}/{}", entry.name))?;
            }
        }
        let empty = 1 - version.min(1);
        self.disk.remove(&format!("{REFS}/{empty}"))
    }
}
