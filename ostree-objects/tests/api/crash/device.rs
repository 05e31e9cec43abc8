//! A device with a few releases of a system.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ostree_objects::repo::CommitOptions;
use ostree_objects::sysroot::{
    BootEntry, DeployOptions, Deployment, Effect, EtcDirectories, Finalized, Fs, LoaderFile, PrepareError,
    RealFs, Staged, Sysroot, SysrootError,
};
use ostree_objects::{Checksum, RepoMode};

use super::disk::{Recorder, Tree};

/// A sysroot with three releases in its repository. Releases 2 and 3 have the same kernel.
pub struct Device {
    directory: tempfile::TempDir,
    commits: BTreeMap<u32, Checksum>,
    fs: Arc<dyn Fs>,
}

/// A file system that stops after some changes, as a process that is killed.
#[derive(Debug)]
struct Stopping(AtomicUsize);

impl Fs for Stopping {
    fn apply(&self, root: &Path, effect: &Effect<'_>) -> io::Result<()> {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map_err(|_| io::Error::other("killed"))?;
        RealFs.apply(root, effect)
    }
}

fn make_tree(directory: &Path, release: u32) {
    let kernel = release.min(2);
    let files = [
        (format!("usr/lib/modules/6.{kernel}/vmlinuz"), format!("kernel {kernel}")),
        (format!("usr/lib/modules/6.{kernel}/initramfs.img"), format!("initramfs {kernel}")),
        ("usr/lib/os-release".into(), format!("PRETTY_NAME=\"Release {release}\"\n")),
        ("usr/etc/hostname".into(), format!("release {release}\n")),
        ("usr/bin/tool".into(), format!("tool {release}\n")),
    ];
    for (path, content) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// The merge of a device without local edits.
fn take_new(etc: &EtcDirectories) -> io::Result<()> {
    fs::create_dir(&etc.out)?;
    fs::copy(etc.new.join("hostname"), etc.out.join("hostname")).map(drop)
}

fn loader(entries: &[BootEntry]) -> Vec<LoaderFile> {
    let file = |entry: &BootEntry| LoaderFile {
        path: format!("entries/ostree-{}-demo.conf", entry.version),
        content: format!(
            "title {}\nversion {}\noptions {}\nlinux {}\ninitrd {}\n",
            entry.title,
            entry.version,
            entry.options,
            entry.linux,
            entry.initrd.as_deref().unwrap()
        ),
    };
    entries.iter().map(file).collect()
}

impl Device {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sysroot = Sysroot::init(&directory.path().join("sysroot"), RepoMode::BareUser).unwrap();
        sysroot.os_init("demo").unwrap();
        let mut commits = BTreeMap::new();
        for release in 1..=3 {
            let tree = directory.path().join(format!("tree{release}"));
            make_tree(&tree, release);
            let commit = sysroot.repo().commit(&tree, &CommitOptions::default()).unwrap();
            commits.insert(release, commit);
        }
        Self { directory, commits, fs: Arc::new(RealFs) }
    }

    pub fn root(&self) -> std::path::PathBuf {
        self.directory.path().join("sysroot")
    }

    /// The state of the running system, which is in memory.
    pub fn run(&self) -> std::path::PathBuf {
        self.directory.path().join("run")
    }

    /// From now on every change is written down.
    pub fn record(&mut self) -> Arc<Recorder> {
        let recorder = Arc::new(Recorder::beside(&self.run()));
        self.fs = Arc::<Recorder>::clone(&recorder);
        recorder
    }

    fn sysroot(&self) -> Sysroot {
        Sysroot::open_with(&self.root(), Arc::clone(&self.fs)).unwrap()
    }

    /// The content of the deployments that are there, by the release in them.
    pub fn systems(&self) -> BTreeMap<String, Tree> {
        let mut systems = BTreeMap::new();
        for (release, commit) in &self.commits {
            let tree = self.directory.path().join(format!("tree{release}"));
            let mut system = Tree::read(tree);
            system.add_file("etc/hostname", format!("release {release}\n").as_bytes());
            assert!(systems.insert(format!("{commit}"), system).is_none());
        }
        systems
    }

    fn options<'a>(&self, release: u32, before: &'a [Deployment]) -> DeployOptions<'a> {
        let (commit, merge) = (self.commits[&release], before.first());
        DeployOptions { stateroot: "demo", commit, refspec: "demo", arguments: "quiet", merge }
    }

    fn install(&self, release: u32) -> Result<(), PrepareError<io::Error>> {
        let sysroot = self.sysroot();
        let before = sysroot.deployments()?;
        let new = sysroot.prepare(&self.options(release, &before), take_new)?;
        let order: Vec<Deployment> = [new].into_iter().chain(before.into_iter().take(1)).collect();
        sysroot.write_order(&order, loader)?.switch()?;
        Ok(sysroot.cleanup(None)?)
    }

    /// Deploys a release in front of the default.
    pub fn deploy(&self, release: u32) {
        self.install(release).unwrap();
    }

    /// As [`deploy`](Self::deploy), killed after some changes; whether it came to its end before.
    pub fn try_deploy(&mut self, release: u32, changes: usize) -> bool {
        self.try_for(changes, |device| device.install(release))
    }

    /// Does something until some changes are made; whether it came to its end before.
    fn try_for(
        &mut self,
        changes: usize,
        act: impl FnOnce(&Self) -> Result<(), PrepareError<io::Error>>,
    ) -> bool {
        self.fs = Arc::new(Stopping(AtomicUsize::new(changes)));
        let result = act(self);
        self.fs = Arc::new(RealFs);
        match result {
            Ok(()) => true,
            Err(PrepareError::Sysroot(SysrootError::Io { error, .. })) if error.to_string() == "killed" => {
                false
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn put_aside(&self, release: u32) -> Result<Staged, PrepareError<io::Error>> {
        let sysroot = self.sysroot();
        let before = sysroot.deployments()?;
        sysroot.stage(&self.run(), &self.options(release, &before), false, take_new)
    }

    fn shut_down(&self) -> Result<Finalized, PrepareError<io::Error>> {
        let sysroot = self.sysroot();
        let finalized = sysroot.finalize(&self.run(), take_new)?;
        if let Finalized::Ready(staged) = &finalized {
            let order = sysroot.order_with(&staged.deployment, None, staged.merge.as_ref())?;
            sysroot.write_order(&order, loader)?.switch()?;
        }
        Ok(finalized)
    }

    /// Has a release wait for the shutdown.
    pub fn stage(&self, release: u32) -> Staged {
        self.put_aside(release).unwrap()
    }

    /// What the shutdown does.
    pub fn finalize(&self) -> Finalized {
        self.shut_down().unwrap()
    }

    /// As [`stage`](Self::stage) and [`finalize`](Self::finalize), killed after some changes.
    pub fn try_stage_and_finalize(&mut self, release: u32, changes: usize) -> bool {
        self.try_for(changes, |device| {
            device.put_aside(release)?;
            device.shut_down().map(drop)
        })
    }

    /// Makes the second system the default.
    pub fn swap(&self) {
        let sysroot = self.sysroot();
        let mut order = sysroot.deployments().unwrap();
        order.reverse();
        sysroot.write_order(&order, loader).unwrap().switch().unwrap();
        sysroot.cleanup(None).unwrap();
    }

    pub fn clean_up(&self) {
        self.sysroot().cleanup(None).unwrap();
    }
}
