//! Deploying: the new system beside the running one, /etc merged, the trial announced, the boot order switched.

use anyhow::Context;
use bsp_imx95::boot_entry;
use etc_merge::{Class, Policy, apply};
use ostree_objects::Checksum;
use ostree_objects::sysroot::{BootEntry, DeployOptions, Deployment, EtcDirectories, LoaderFile, Sysroot};

use super::Device;
use crate::report::{Event, Observer};
use crate::update::journal::{Image, Update};

impl Device {
    /// Makes `image` the system that boots next, on trial. It may be repeated.
    pub(crate) fn deploy(&self, image: &Image, observer: &mut dyn Observer) -> anyhow::Result<()> {
        let commit: Checksum = image.sha256.parse()?;
        let sysroot = self.sysroot()?;
        let running = self.running()?;
        // The trial is announced before the switch: if that was made, all of this was.
        if sysroot.deployments()?.first().is_some_and(|first| first.commit == commit) {
            return Ok(());
        }
        self.install(&sysroot, commit, running.as_ref(), "", observer)
    }

    /// Deploys `commit` on top of `running`; the first system of a device has none.
    ///
    /// # Errors
    /// If the tree cannot be booted, /etc not be merged, or as of the file system. The old boot order then counts.
    pub fn install(
        &self,
        sysroot: &Sysroot,
        commit: Checksum,
        running: Option<&Deployment>,
        arguments: &str,
        observer: &mut dyn Observer,
    ) -> anyhow::Result<()> {
        // What an interrupted deployment left behind.
        sysroot.cleanup(running)?;
        let refspec = commit.to_string();
        let options = DeployOptions {
            stateroot: &self.config.paths.stateroot,
            commit,
            refspec: &refspec,
            arguments: running.map_or(arguments, |running| &running.arguments),
            merge: running,
        };
        let new = sysroot.prepare(&options, |etc| merge_etc(etc, observer))?;
        if let Some(running) = running {
            // Between the announcement and the switch boots are counted, and beyond the limit U-Boot takes the
            // second deployment: it must not be an older system. The running one alone boots whatever is counted.
            reduce_to(sysroot, running)?;
        }
        let order: Vec<Deployment> = std::iter::once(new).chain(running.cloned()).collect();
        let next = sysroot.write_order(&order, |entries| loader_files(sysroot, &order, entries))?;
        if running.is_some() {
            self.boot_environment()?.stage()?;
        }
        next.switch()?;
        sysroot.cleanup(running)?;
        Ok(())
    }

    /// Removes what `update` brought that does not run: its deployment, its application, its downloads.
    pub(crate) fn discard(&self, update: &Update) -> anyhow::Result<()> {
        if let (Some(image), Some(running)) = (&update.system, self.running()?) {
            let commit: Checksum = image.sha256.parse()?;
            let sysroot = self.sysroot()?;
            if sysroot.deployments()?.first().is_some_and(|first| first.commit == commit) {
                // The running system alone: it boots then, whatever the environment says of a rollback.
                reduce_to(&sysroot, &running)?;
            }
            self.boot_environment()?.confirm()?;
            sysroot.cleanup(Some(&running))?;
        }
        self.discard_application(update)?;
        self.forget_downloads()
    }

    /// Makes the other deployment the default again; `false` if there is no other.
    ///
    /// # Errors
    /// As of the file system.
    pub fn swap_order(&self) -> anyhow::Result<bool> {
        let sysroot = self.sysroot()?;
        let mut order = sysroot.deployments()?;
        if order.len() < 2 {
            return Ok(false);
        }
        order.swap(0, 1);
        let next = sysroot.write_order(&order, |entries| loader_files(&sysroot, &order, entries))?;
        self.boot_environment()?.confirm()?;
        next.switch()?;
        sysroot.cleanup(self.running()?.as_ref())?;
        Ok(true)
    }

    pub(crate) fn forget_downloads(&self) -> anyhow::Result<()> {
        let downloads = self.downloads();
        match std::fs::remove_dir_all(&downloads) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", downloads.display()))
            }
            _ => Ok(()),
        }
    }
}

/// Makes `running` the only deployment in the boot order, unless it is already.
fn reduce_to(sysroot: &Sysroot, running: &Deployment) -> anyhow::Result<()> {
    let order = [running.clone()];
    if sysroot.deployments()? != order {
        sysroot.write_order(&order, |entries| loader_files(sysroot, &order, entries))?.switch()?;
    }
    Ok(())
}

/// Merges /etc by the safe policy and tells what is not simply the new default.
fn merge_etc(etc: &EtcDirectories, observer: &mut dyn Observer) -> Result<(), apply::ApplyError> {
    let (old, local) = etc.previous.as_ref().map_or((&etc.new, &etc.new), |(old, local)| (old, local));
    let report = etc_merge::merge_directories(old, &etc.new, local, &etc.out, &Policy::safe())?;
    for step in report.steps.iter().filter(|step| step.class != Class::Same) {
        observer.event(Event::Note { text: format!("/etc: {step}") });
    }
    Ok(())
}

/// The boot loader's files: an entry each, and U-Boot's `uEnv.txt` with what the first deployment adds to it.
fn loader_files(sysroot: &Sysroot, order: &[Deployment], entries: &[BootEntry]) -> Vec<LoaderFile> {
    let entries: Vec<_> = entries.iter().cloned().map(boot_loader_entry).collect();
    let extra = order.first().map(|first| sysroot.path_of(first).join("usr/lib/ostree-boot/uEnv.txt"));
    let extra = extra.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    let stateroots = order.iter().map(|deployment| &deployment.stateroot);
    let mut files: Vec<_> = entries
        .iter()
        .zip(stateroots)
        .map(|(entry, stateroot)| LoaderFile {
            path: format!("entries/ostree-{}-{stateroot}.conf", entry.version),
            content: boot_entry::bls(entry),
        })
        .collect();
    files.push(LoaderFile { path: "uEnv.txt".into(), content: boot_entry::uenv_txt(&entries, &extra) });
    files
}

fn boot_loader_entry(entry: BootEntry) -> boot_entry::BootEntry {
    let BootEntry { title, version, options, linux, initrd, devicetree, fdtdir } = entry;
    boot_entry::BootEntry { title, version, options, linux, initrd, devicetree, fdtdir }
}
