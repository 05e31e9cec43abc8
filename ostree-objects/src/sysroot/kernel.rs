//! The kernel of a tree, with what it boots with: found, named by a checksum, put into /boot.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use std::fs::File;
use std::io::Read;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::disk::{Disk, io};
use super::{BootEntry, SysrootError};
use crate::limits::MAX_DEPTH;
use crate::repo::{DIRECTORY, open_directory};
use crate::{Checksum, Name, Sha256Writer};

/// A file of the tree that goes into /boot.
struct BootFile {
    file: File,
    /// Its path in the kernel's directory of /boot.
    path: String,
}

/// What a deployment boots with.
pub(super) struct Kernel {
    files: Vec<BootFile>,
    version: String,
    /// SHA-256 of kernel, initial RAM disk and device trees, one after the other.
    pub(super) checksum: Checksum,
    initrd: bool,
    devicetree: bool,
    fdtdir: bool,
}

impl Kernel {
    /// Looks where libostree does: `usr/lib/modules/VERSION`, without following a symbolic link.
    pub(super) fn find(disk: &Disk, deployment: &str) -> Result<Self, SysrootError> {
        let modules = enter(disk, deployment, &["usr", "lib", "modules"]).ok_or(SysrootError::NoKernel)?;
        let mut found = None;
        for name in names(&modules)? {
            let Ok(directory) = open_directory(&modules, &*name) else { continue };
            if let Some(vmlinuz) = open(&directory, "vmlinuz")
                && found.replace((name, directory, vmlinuz)).is_some()
            {
                return Err(SysrootError::ManyKernels);
            }
        }
        let (version, directory, vmlinuz) = found.ok_or(SysrootError::NoKernel)?;
        let mut files = vec![BootFile { file: vmlinuz, path: format!("vmlinuz-{version}") }];
        let initrd = open(&directory, "initramfs.img").or_else(|| open(&directory, "initramfs"));
        let has_initrd = initrd.is_some();
        files.extend(initrd.map(|file| BootFile { file, path: format!("initramfs-{version}.img") }));
        let devicetree = open(&directory, "devicetree");
        let has_devicetree = devicetree.is_some();
        files.extend(devicetree.map(|file| BootFile { file, path: format!("devicetree-{version}") }));
        let dtb = open_directory(&directory, "dtb").ok().filter(|_| !has_devicetree);
        let fdtdir = dtb.is_some();
        if let Some(dtb) = dtb {
            device_trees(dtb, &mut files)?;
        }
        let checksum = checksum(&mut files)?;
        Ok(Self { files, version, checksum, initrd: has_initrd, devicetree: has_devicetree, fdtdir })
    }

    /// Where it is in /boot.
    pub(super) fn directory(&self, stateroot: &str) -> String {
        format!("/ostree/{stateroot}-{}", self.checksum)
    }

    /// Copies it to /boot, unless that was done to its end before: the directory gets its name last.
    pub(super) fn install(&self, disk: &Disk, stateroot: &str) -> Result<(), SysrootError> {
        let directory = format!("boot{}", self.directory(stateroot));
        if disk.exists(&directory) {
            return Ok(());
        }
        let beside = format!("{directory}.tmp");
        disk.remove(&beside)?;
        disk.make_directories(&beside)?;
        for BootFile { file, path } in &self.files {
            let path = format!("{beside}/{path}");
            if let Some((parent, _)) = path.rsplit_once('/') {
                disk.make_directories(parent)?;
            }
            disk.copy(file, &path)?;
        }
        disk.sync("boot")?;
        disk.rename(&beside, &directory)
    }

    /// The boot entry of a deployment with this kernel.
    pub(super) fn entry(&self, stateroot: &str) -> BootEntry {
        let (directory, version) = (self.directory(stateroot), &self.version);
        BootEntry {
            linux: format!("{directory}/vmlinuz-{version}"),
            initrd: self.initrd.then(|| format!("{directory}/initramfs-{version}.img")),
            devicetree: self.devicetree.then(|| format!("{directory}/devicetree-{version}")),
            fdtdir: self.fdtdir.then(|| format!("{directory}/dtb")),
            ..BootEntry::default()
        }
    }
}

/// A directory of the tree; `None` if it, or one above it, is none. No symbolic link is followed.
pub(super) fn enter(disk: &Disk, deployment: &str, path: &[&str]) -> Option<File> {
    let root = open_directory(rustix::fs::CWD, disk.path(deployment)).ok()?;
    path.iter().try_fold(root, |directory, name| open_directory(&directory, *name).ok())
}

/// All files below `dtb`, in the order of their names, each directory where its name stands.
fn device_trees(dtb: File, files: &mut Vec<BootFile>) -> Result<(), SysrootError> {
    let mut levels = vec![level(dtb, "dtb".to_string())?];
    while let Some((directory, path, left)) = levels.last_mut() {
        let Some(name) = left.pop() else {
            levels.pop();
            continue;
        };
        let path = format!("{path}/{name}");
        if let Some(file) = open(directory, &name) {
            files.push(BootFile { file, path });
        } else if let Ok(below) = open_directory(&*directory, &*name) {
            if levels.len() == MAX_DEPTH {
                return Err(SysrootError::Depth { limit: MAX_DEPTH });
            }
            levels.push(level(below, path)?);
        }
    }
    Ok(())
}

/// A directory with its path and the names that are left in it, the next one last.
fn level(directory: File, path: String) -> Result<(File, String, Vec<String>), SysrootError> {
    let mut left = names(&directory)?;
    left.reverse();
    Ok((directory, path, left))
}

fn checksum(files: &mut [BootFile]) -> Result<Checksum, SysrootError> {
    let mut hash = Sha256Writer::default();
    let mut buffer = vec![0; 64 * 1024];
    for BootFile { file, path } in files {
        loop {
            let count = file.read(&mut buffer).map_err(io("reading", path))?;
            let Some(bytes @ [_, ..]) = buffer.get(..count) else { break };
            let Ok(()) = embedded_io::Write::write_all(&mut hash, bytes);
        }
    }
    Ok(hash.finish())
}

/// A regular file; `None` if it is something else or not there.
fn open(directory: &File, name: &str) -> Option<File> {
    let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let flags = DIRECTORY.difference(OFlags::DIRECTORY);
    rustix::fs::openat(directory, name, flags, Mode::empty()).ok().map(File::from)
}

/// The names in a directory, in their order.
fn names(directory: &File) -> Result<Vec<String>, SysrootError> {
    let failed = |error: rustix::io::Errno| io("listing", "usr/lib/modules")(error.into());
    let mut names = Vec::new();
    for entry in Dir::read_from(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // `.` and `..` are no names.
        if let Ok(name) = Name::from_bytes(entry.file_name().to_bytes()) {
            names.push(name.as_str().to_string());
        }
    }
    names.sort();
    Ok(names)
}
