//! Planning a merge of /etc beside what libostree does: `ostree admin config-diff`, which tells the local changes,
//! and the merge inside `ostree admin deploy`, as the difference of a deployment with local changes and without.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{RUNS, Row, print, scratch};
use crate::command;

const FILES: usize = 3000;
const LOCAL_EDITS: usize = 20;
const CHANGED_DEFAULTS: usize = 30;

pub(super) fn run(agent: &Path) -> Result<()> {
    let scratch = scratch()?;
    let root = scratch.path();
    println!(
        "{FILES} files, {LOCAL_EDITS} local edits, {CHANGED_DEFAULTS} changed defaults, in {}",
        root.display()
    );
    for (name, changed) in [("old", 0), ("new", CHANGED_DEFAULTS)] {
        make_tree(&root.join(name), changed)?;
    }
    let sysroot = Sysroot { path: root.join("sysroot") };
    sysroot.make(root)?;
    let deployment = sysroot.deployment()?;
    let (old, local) = (deployment.join("usr/etc"), deployment.join("etc"));
    // As on a device: both deployments share the files that are equal.
    let new = root.join("new-defaults");
    command::quiet(sysroot.repo(&["checkout", "-H", "--subpath=/usr/etc", "new"]).arg(&new))?;

    // The objects as the agent has them: the repository of this sysroot is in mode `bare`.
    let repo = root.join("repo");
    command::quiet(
        Command::new("ostree").args(["init", "--mode=archive"]).arg(format!("--repo={}", repo.display())),
    )?;
    let pull = ["pull-local", "--untrusted"];
    command::quiet(
        Command::new("ostree")
            .args(pull)
            .arg(format!("--repo={}", repo.display()))
            .arg(sysroot.path.join("ostree/repo")),
    )?;

    let mut known = Row::new("ota-agent etc-merge plan --repo --index");
    let mut objects = Row::new("ota-agent etc-merge plan --repo");
    let mut indexed = Row::new("ota-agent etc-merge plan --index");
    let mut plan = Row::new("ota-agent etc-merge plan");
    let mut diff = Row::new("ostree admin config-diff");
    let mut deploy = Row::new("ostree admin deploy, no local edit");
    let mut merge = Row::new("ostree admin deploy, with local edits");
    for _ in 0..RUNS {
        deploy.time(&mut sysroot.admin(&["deploy", "--os=os", "--no-prune", "--retain", "new"]))?;
        sysroot.undeploy()?;
    }
    // The indexes are those of the update before this one: of the running system, before it was edited.
    let plan_with = |options: &[&str], trees: [&Path; 3]| {
        let mut command = Command::new(agent);
        command.args(["etc-merge", "plan"]).args(options).args(trees).current_dir(root);
        command
    };
    let of_objects = ["--repo", "repo", "--index", "index"];
    let commits = [Path::new("old"), Path::new("new"), &local];
    // A file that changed this very second is not remembered, for it might change again within it.
    std::thread::sleep(std::time::Duration::from_secs(4));
    command::quiet(&mut plan_with(&of_objects, [Path::new("old"), Path::new("old"), &local]))?;
    fs::rename(root.join("index"), root.join("index-of-objects"))?;
    command::quiet(&mut plan_with(&["--index", "index"], [&old, &old, &local]))?;
    fs::rename(root.join("index"), root.join("index-of-directories"))?;
    for number in 0..LOCAL_EDITS {
        fs::write(local.join(file(number * 97)), format!("edited {number}\n"))?;
    }
    for _ in 0..RUNS {
        fs::copy(root.join("index-of-objects"), root.join("index"))?;
        known.time(&mut plan_with(&of_objects, commits))?;
        objects.time(&mut plan_with(&["--repo", "repo"], commits))?;
        fs::copy(root.join("index-of-directories"), root.join("index"))?;
        indexed.time(&mut plan_with(&["--index", "index"], [&old, &new, &local]))?;
        plan.time(&mut plan_with(&[], [&old, &new, &local]))?;
        diff.time(&mut sysroot.admin(&["config-diff", "--os=os"]))?;
        merge.time(&mut sysroot.admin(&["deploy", "--os=os", "--no-prune", "--retain", "new"]))?;
        sysroot.undeploy()?;
    }
    print(&[known, objects, indexed, plan, diff, deploy, merge]);
    Ok(())
}

struct Sysroot {
    path: PathBuf,
}

impl Sysroot {
    fn make(&self, root: &Path) -> Result<()> {
        fs::create_dir(&self.path)?;
        command::quiet(Command::new("ostree").args(["admin", "init-fs"]).arg(&self.path))?;
        command::quiet(&mut self.admin(&["os-init", "os"]))?;
        for setting in [["core.fsync", "false"], ["sysroot.bootloader", "none"]] {
            command::quiet(self.repo(&["config", "set"]).args(setting))?;
        }
        for name in ["old", "new"] {
            command::quiet(self.repo(&["commit", "--no-bindings", "-b", name]).arg(root.join(name)))?;
        }
        command::quiet(&mut self.admin(&["deploy", "--os=os", "old"]))?;
        Ok(())
    }

    fn admin(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("ostree");
        command.arg("admin").args(arguments).arg(format!("--sysroot={}", self.path.display()));
        // Without the immutable bit, which a scratch directory could not be removed with.
        command.env("OSTREE_SYSROOT_DEBUG", "mutable-deployments");
        command
    }

    fn repo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("ostree");
        command.arg(format!("--repo={}", self.path.join("ostree/repo").display())).args(arguments);
        command
    }

    /// The one deployment there is.
    fn deployment(&self) -> Result<PathBuf> {
        let directory = self.path.join("ostree/deploy/os/deploy");
        let mut entries = fs::read_dir(&directory)?.filter_map(|entry| Some(entry.ok()?.path()));
        entries.find(|path| path.is_dir()).context("no deployment was made")
    }

    /// Takes the newest deployment back.
    fn undeploy(&self) -> Result<()> {
        command::quiet(&mut self.admin(&["undeploy", "0"]))?;
        Ok(())
    }
}

fn make_tree(tree: &Path, changed: usize) -> Result<()> {
    let modules = tree.join("usr/lib/modules/6.0");
    fs::create_dir_all(&modules)?;
    fs::create_dir_all(tree.join("sysroot"))?;
    fs::create_dir_all(tree.join("var"))?;
    fs::write(modules.join("vmlinuz"), "kernel")?;
    fs::write(modules.join("initramfs.img"), "initramfs")?;
    fs::write(tree.join("usr/lib/os-release"), "ID=demo\nPRETTY_NAME=demo\n")?;
    for number in 0..FILES {
        let path = tree.join("usr/etc").join(file(number));
        fs::create_dir_all(path.parent().context("a file in a directory")?)?;
        let release = if number < changed { "new" } else { "old" };
        fs::write(path, format!("# file {number}\n").repeat(40) + release)?;
    }
    Ok(())
}

fn file(number: usize) -> String {
    format!("d{}/e{}/file{number}.conf", number % 40, number % 3)
}
