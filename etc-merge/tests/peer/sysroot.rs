//! A scratch sysroot in which the real `ostree admin deploy` merges /etc.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use etc_merge::apply::{Attributes, Disk, Storage as _};
use etc_merge::{DirectoryTree, Kind, MemoryTree, Policy, merge_in_memory};
use tempfile::TempDir;
use testkit::tools;

/// A sysroot without boot loader, for many deployments one after the other.
pub(crate) struct Sysroot {
    scratch: TempDir,
}

fn ostree(arguments: &[&str]) -> Command {
    let mut command = tools::tool("ostree");
    // Without the immutable bit on deployments they can be removed again.
    command.args(arguments).env("OSTREE_SYSROOT_DEBUG", "mutable-deployments");
    command
}

impl Sysroot {
    /// # Panics
    /// If this is not root: only root can own files as others do.
    pub(crate) fn new() -> Self {
        assert!(fs::metadata("/proc/self").is_ok(), "/proc is not mounted");
        let uid = tools::run("id", ["-u"]);
        assert_eq!(uid, b"0\n", "deploying with the real ostree needs root; run this test as root");
        let base =
            if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
        let scratch = tempfile::Builder::new().prefix("etc-merge-peer").tempdir_in(base).unwrap();
        let sysroot = Self { scratch };
        let root = sysroot.path("sysroot");
        fs::create_dir(&root).unwrap();
        tools::success(&mut ostree(&["admin", "init-fs", root.to_str().unwrap()]));
        sysroot.admin(&["os-init", "os"]).unwrap();
        for (key, value) in
            [("core.fsync", "false"), ("core.min-free-space-percent", "0"), ("sysroot.bootloader", "none")]
        {
            tools::success(&mut ostree(&[&sysroot.repo(), "config", "set", key, value]));
        }
        // What every bootable tree has; /usr/etc comes on top.
        let system = sysroot.path("system");
        for directory in
            ["boot", "dev", "proc", "run", "sys", "tmp", "var", "sysroot", "usr/lib/modules/6.0.0"]
        {
            fs::create_dir_all(system.join(directory)).unwrap();
        }
        std::os::unix::fs::symlink("sysroot/ostree", system.join("ostree")).unwrap();
        fs::write(system.join("usr/lib/os-release"), "NAME=peer\nID=peer\nVERSION=1\n").unwrap();
        fs::write(system.join("usr/lib/modules/6.0.0/vmlinuz"), "kernel").unwrap();
        fs::write(system.join("usr/lib/modules/6.0.0/initramfs.img"), "initrd").unwrap();
        sysroot
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn repo(&self) -> String {
        format!("--repo={}", self.path("sysroot/ostree/repo").display())
    }

    fn admin(&self, arguments: &[&str]) -> Result<(), String> {
        let root = format!("--sysroot={}", self.path("sysroot").display());
        let mut command = ostree(&["admin", arguments[0], &root]);
        let output = command.args(&arguments[1..]).output().unwrap();
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        Err(text.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned())
    }

    /// Commits `etc` as /usr/etc of a bootable tree and returns the commit.
    fn commit(&self, branch: &str, etc: &MemoryTree) -> String {
        let tree = self.path("tree");
        let _ = fs::remove_dir_all(&tree);
        fs::create_dir_all(tree.join("usr")).unwrap();
        write_tree(etc, &tree.join("usr"), "etc");
        let trees = [self.path("system"), tree].map(|tree| format!("--tree=dir={}", tree.display()));
        let arguments =
            ["commit", "-b", branch, "-s", branch, "--no-bindings", "--owner-uid=-1", "--owner-gid=-1"];
        let mut command = ostree(&[&self.repo()]);
        let output = tools::success(command.args(arguments).args(&trees));
        String::from_utf8(output).unwrap().trim().to_owned()
    }

    /// Where the newest deployment of `commit` lies.
    fn deployment(&self, commit: &str) -> PathBuf {
        let deployments = self.path("sysroot/ostree/deploy/os/deploy");
        let newest = (0..10).rev().map(|serial| deployments.join(format!("{commit}.{serial}")));
        newest.into_iter().find(|path| path.is_dir()).unwrap()
    }

    /// What the real tool makes of the three trees: the new deployment's /etc, or why it refuses.
    pub(crate) fn merge(
        &self,
        old: &MemoryTree,
        new: &MemoryTree,
        local: &MemoryTree,
    ) -> Result<MemoryTree, String> {
        let commit = self.commit("peer/old", old);
        self.admin(&["deploy", "--os=os", "--no-merge", "peer/old"]).unwrap();
        let deployment = self.deployment(&commit);
        fs::remove_dir_all(deployment.join("etc")).unwrap();
        write_tree(local, &deployment, "etc");
        let commit = self.commit("peer/new", new);
        self.admin(&["deploy", "--os=os", "peer/new"])?;
        Ok(read_tree(&self.deployment(&commit).join("etc")))
    }
}

/// Reads a directory into memory: the merge of nothing with it and nothing is it itself.
pub(crate) fn read_tree(path: &Path) -> MemoryTree {
    let empty = MemoryTree::new();
    let tree = DirectoryTree::open(path).unwrap();
    merge_in_memory(&empty, &tree, &empty, &Policy::libostree()).unwrap()
}

/// Writes a tree as the new directory `name`.
pub(crate) fn write_tree(tree: &MemoryTree, parent: &Path, name: &str) {
    let disk = Disk::default();
    let mut directories = vec![];
    for (path, node) in tree.iter() {
        let path = if path.is_empty() { name.into() } else { [name.as_bytes(), b"/", &path].concat() };
        let split = path
            .iter()
            .rposition(|&byte| byte == b'/')
            .map_or((&b""[..], &path[..]), |end| (&path[..end], &path[end + 1..]));
        let inside = parent.join(std::os::unix::ffi::OsStrExt::from_bytes(split.0) as &std::ffi::OsStr);
        let inside = std::os::fd::OwnedFd::from(fs::File::open(inside).unwrap());
        let meta = node.meta;
        let attributes = Attributes {
            mode: meta.mode,
            owner: Some((meta.uid, meta.gid)),
            xattrs: &node.xattrs,
            mtime: Some((1, 0)),
        };
        match meta.kind {
            Kind::Directory => {
                let made = disk.make_directory(&inside, split.1).unwrap();
                directories.push((made, node));
            }
            Kind::Symlink => disk.symlink(&inside, split.1, &node.content, &attributes).unwrap(),
            Kind::File => {
                let mut file = disk.create(&inside, split.1).unwrap();
                disk.write(&mut file, &node.content).unwrap();
                disk.finish(file, &attributes).unwrap();
            }
            _ => {
                let target: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(&path);
                tools::run("mkfifo", [parent.join(target)]);
            }
        }
    }
    for (directory, node) in directories.into_iter().rev() {
        let meta = node.meta;
        let attributes = Attributes {
            mode: meta.mode,
            owner: Some((meta.uid, meta.gid)),
            xattrs: &node.xattrs,
            mtime: None,
        };
        disk.set_attributes(&directory, &attributes).unwrap();
    }
}
