//! The boot order: written beside the one that counts, switched to by one rename.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::disk::Disk;
use super::entry::pretty_name;
use super::kernel::Kernel;
use super::{BootEntry, Deployment, LOADER, Sysroot, SysrootError};
use crate::{CommitRef, ObjectType};

/// A file for the boot loader, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderFile {
    /// Its path below `boot/loader`, such as `uEnv.txt`.
    pub path: String,
    /// Its content.
    pub content: String,
}

/// A boot order that is complete and durable, but does not count yet.
#[derive(Debug)]
#[must_use = "the old order boots until this one is switched to"]
pub struct NextOrder<'s> {
    disk: &'s Disk,
    version: u8,
}

impl NextOrder<'_> {
    /// Makes this order count: the commit point of a deployment.
    ///
    /// # Errors
    /// As of the file system. Then either order may boot, and both are complete.
    pub fn switch(self) -> Result<(), SysrootError> {
        self.disk.replace_link(LOADER, &format!("loader.{}", self.version))?;
        self.disk.sync("boot")
    }
}

impl Sysroot {
    /// Writes `order`, the default first, as the next boot order: kernels into /boot, links for the initial RAM
    /// disk, and the files that `loader` makes of the entries. Everything is durable when this returns, and the
    /// old order still counts.
    ///
    /// # Errors
    /// If a deployment has no kernel, or as of the file system.
    pub fn write_order(
        &self,
        order: &[Deployment],
        loader: impl FnOnce(&[BootEntry]) -> Vec<LoaderFile>,
    ) -> Result<NextOrder<'_>, SysrootError> {
        let version = 1 - self.version()?.min(1);
        let subversion = 1 - self.subversion(version)?.unwrap_or(0).min(1);
        let links = format!("ostree/boot.{version}.{subversion}");
        self.disk.remove(&links)?;
        self.disk.make_directories(&links)?;
        let mut entries = Vec::new();
        let mut seen = Vec::new();
        for (index, deployment) in order.iter().enumerate() {
            let kernel = Kernel::find(&self.disk, &deployment.path())?;
            kernel.install(&self.disk, &deployment.stateroot)?;
            let boot = format!("{}/{}", deployment.stateroot, kernel.checksum);
            let number = seen.iter().filter(|other| **other == boot).count();
            self.disk.make_directories(&format!("{links}/{boot}"))?;
            let target = format!("../../../deploy/{}/deploy/{}", deployment.stateroot, deployment.name());
            self.disk.replace_link(&format!("{links}/{boot}/{number}"), &target)?;
            let link = format!("ostree=/ostree/boot.{version}/{boot}/{number}");
            let options = [deployment.arguments.as_str(), link.as_str()];
            entries.push(BootEntry {
                title: self.title(deployment, index)?,
                version: (order.len() - index).to_string(),
                options: options.join(" ").trim_start().to_string(),
                ..kernel.entry(&deployment.stateroot)
            });
            seen.push(boot);
        }
        self.write_loader(version, &loader(&entries))?;
        self.disk.replace_link(&format!("ostree/boot.{version}"), &format!("boot.{version}.{subversion}"))?;
        self.disk.sync("ostree")?;
        self.disk.sync("boot")?;
        Ok(NextOrder { disk: &self.disk, version })
    }

    fn write_loader(&self, version: u8, files: &[LoaderFile]) -> Result<(), SysrootError> {
        let directory = format!("boot/loader.{version}");
        self.disk.remove(&directory)?;
        self.disk.make_directories(&format!("{directory}/entries"))?;
        for LoaderFile { path, content } in files {
            self.disk.write(&format!("{directory}/{path}"), content.as_bytes())?;
        }
        Ok(())
    }

    /// `PRETTY_NAME VERSION (ostree:INDEX)`, the version only if the name does not hold it already.
    fn title(&self, deployment: &Deployment, index: usize) -> Result<String, SysrootError> {
        let path = format!("{}/usr/lib/os-release", deployment.path());
        let mut title = pretty_name(&self.disk.read_text(&path)?).ok_or(SysrootError::NoOsRelease)?;
        let commit = self.repo.load_metadata(ObjectType::Commit, &deployment.commit)?;
        let version = CommitRef::parse(&commit).ok().and_then(|commit| commit.metadata().get("version"));
        if let Some(version) = version.and_then(|version| version.as_str())
            && !title.contains(version)
        {
            title.extend([" ", version]);
        }
        Ok(format!("{title} (ostree:{index})"))
    }
}
