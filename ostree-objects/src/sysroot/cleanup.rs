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
        let version = self.version()?;
        let order = self.deployments()?;
        let mut kept = order.clone();
        kept.extend(booted.filter(|booted| !order.iter().any(|other| other.is_same(booted))).cloned());
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
        self.write_refs(&order, version, subversion.unwrap_or(0))
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

    /// `ostree/V/S/INDEX` for each deployment: the new ones first, then the others go.
    fn write_refs(&self, order: &[Deployment], version: u8, subversion: u8) -> Result<(), SysrootError> {
        const REFS: &str = "ostree/repo/refs/heads/ostree";
        self.disk.hand_over(REFS)?;
        for (index, deployment) in order.iter().enumerate() {
            self.repo.set_ref(&format!("ostree/{version}/{subversion}/{index}"), &deployment.commit)?;
        }
        for (v, s) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            if (v, s) != (version, subversion) {
                self.disk.remove(&format!("{REFS}/{v}/{s}"))?;
            }
        }
        let current = format!("{REFS}/{version}/{subversion}");
        for entry in self.disk.list(&current)? {
            if !entry.name.parse::<usize>().is_ok_and(|index| index < order.len()) {
                self.disk.remove(&format!("{current}/{}", entry.name))?;
            }
        }
        let empty = 1 - version.min(1);
        self.disk.remove(&format!("{REFS}/{empty}"))
    }
}
