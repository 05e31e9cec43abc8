//! `ostree admin deploy` with its U-Boot back end: the same `uEnv.txt` and boot entries.

use bsp_imx95::boot_entry::{BootEntry, KernelArguments, bls, parse_bls, parse_uenv, uenv_txt};
use bsp_imx95::boot_script::{Entry, power_on};
use bsp_imx95::env::Variables;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::fs;
use std::path::{Path, PathBuf};
use testkit::tools::run;

/// The files that differ between the deployments: initial RAM disk, device tree, extra lines.
const TREES: [(&[&str], &str); 4] = [
    (&["initramfs.img", "dtb/imx95.dtb"], "bootcmd_run=run a; run b\n"),
    (&["devicetree"], "last=without a newline"),
    (&["initramfs.img", "devicetree"], "three=3\n\n"),
    (&["dtb/imx95.dtb"], "escaped=one \\\n two\n"),
];

fn make_tree(directory: &Path, version: usize, files: &[&str], extra: &str) {
    let modules = directory.join(format!("usr/lib/modules/6.6.{version}"));
    for path in ["usr/etc", "sysroot", "usr/lib/ostree-boot"] {
        fs::create_dir_all(directory.join(path)).unwrap();
    }
    for file in files.iter().chain(&["vmlinuz"]) {
        let path = modules.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{file} {version}")).unwrap();
    }
    fs::write(directory.join("usr/lib/os-release"), format!("ID=demo\nPRETTY_NAME=\"Demo {version}\"\n"))
        .unwrap();
    fs::write(directory.join("usr/lib/ostree-boot/uEnv.txt"), extra).unwrap();
}

struct Sysroot {
    directory: tempfile::TempDir,
}

impl Sysroot {
    fn new() -> Self {
        let sysroot = Self { directory: tempfile::tempdir().unwrap() };
        let path = sysroot.path("");
        let path = path.to_str().unwrap();
        fs::create_dir(path).unwrap();
        run("ostree", ["admin", "init-fs", "--modern", path]);
        run("ostree", ["admin", "os-init", "demo", "--sysroot", path]);
        sysroot.ostree(&["config", "set", "sysroot.bootloader", "uboot"]);
        fs::create_dir(sysroot.path("boot/loader.0")).unwrap();
        std::os::unix::fs::symlink("loader.0", sysroot.path("boot/loader")).unwrap();
        // The back end reads the old file before it writes the new one.
        fs::write(sysroot.path("boot/loader/uEnv.txt"), "").unwrap();
        sysroot
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join("sysroot").join(path)
    }

    fn ostree(&self, arguments: &[&str]) {
        let repository = format!("--repo={}", self.path("ostree/repo").display());
        run("ostree", [&[repository.as_str()], arguments].concat());
    }

    fn deploy(&self, version: usize, files: &[&str], extra: &str) {
        let tree = self.directory.path().join(format!("tree{version}"));
        make_tree(&tree, version, files, extra);
        self.ostree(&["commit", "-b", "demo", "--owner-uid=0", "--owner-gid=0", tree.to_str().unwrap()]);
        let sysroot = format!("--sysroot={}", self.path("").display());
        let kernel_argument = format!("--karg=n={version}");
        let deploy = ["admin", "deploy", &sysroot, "--os=demo", "--retain", "--karg=root=LABEL=otaroot"];
        run("ostree", [&deploy[..], &[kernel_argument.as_str(), "demo"]].concat());
    }

    /// The entries, first to boot first, with their files' text.
    fn entries(&self) -> Vec<(BootEntry, String)> {
        let mut entries: Vec<_> = fs::read_dir(self.path("boot/loader/entries"))
            .unwrap()
            .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
            .map(|text| (parse_bls(&text).unwrap(), text))
            .collect();
        entries.sort_by(|a, b| b.0.version.cmp(&a.0.version));
        entries
    }
}

impl Drop for Sysroot {
    fn drop(&mut self) {
        // Deployments are immutable directories; without this the temporary directory would stay.
        for deployment in fs::read_dir(self.path("ostree/deploy/demo/deploy")).into_iter().flatten().flatten()
        {
            let _ = std::process::Command::new("chattr").arg("-i").arg(deployment.path()).output();
        }
    }
}

#[test]
fn uenv_txt_and_entries_are_those_of_ostree() {
    let sysroot = Sysroot::new();
    for (index, (files, extra)) in TREES.iter().enumerate() {
        sysroot.deploy(index + 1, files, extra);
        let (entries, texts): (Vec<_>, Vec<_>) = sysroot.entries().into_iter().unzip();
        assert_eq!(entries.len(), index + 1);
        let uenv = fs::read_to_string(sysroot.path("boot/loader/uEnv.txt")).unwrap();
        assert_eq!(uenv_txt(&entries, extra), uenv);
        for (entry, text) in entries.iter().zip(texts) {
            assert_eq!(bls(entry), text);
        }
        let untitled =
            |entry: &BootEntry| BootEntry { title: String::new(), version: String::new(), ..entry.clone() };
        assert_eq!(parse_uenv(&uenv).unwrap(), entries.iter().map(untitled).collect::<Vec<_>>());
        // What OSTree wrote, the boot script boots; the deployment before it after a rollback.
        let mut store = Variables::new();
        let boot = power_on(&store, &uenv).unwrap();
        assert_eq!(boot.kernel_image, format!("/boot{}", entries[0].linux));
        assert_eq!(boot.bootargs.as_deref(), Some(entries[0].options.as_str()));
        store.set("rollback", Some("1")).unwrap();
        let boot = power_on(&store, &uenv).unwrap();
        let (entry, expected) =
            if index == 0 { (Entry::First, &entries[0]) } else { (Entry::Second, &entries[1]) };
        assert_eq!((boot.entry, boot.kernel_image), (entry, format!("/boot{}", expected.linux)));
        assert_eq!(boot.ramdisk_image, expected.initrd.as_ref().map(|path| format!("/boot{path}")));
    }
}

/// An edit of the command line, as `ostree admin instutil set-kargs --merge` takes it.
fn edits() -> impl Strategy<Value = (bool, String)> {
    (any::<bool>(), "[abc]{1,2}(=[12=]{0,2})?")
}

#[test]
fn kernel_arguments_are_edited_as_ostree_does() {
    let sysroot = Sysroot::new();
    sysroot.deploy(1, TREES[0].0, "");
    let path = format!("--sysroot={}", sysroot.path("").display());
    let mut runner = TestRunner::deterministic();
    for _ in 0..30 {
        // What `ostree=` names changes with each new boot order.
        let options = |sysroot: &Sysroot| {
            let options = sysroot.entries().remove(0).0.options;
            let mut arguments = KernelArguments::parse(&options);
            arguments.replace("ostree=x");
            arguments
        };
        let mut ours = options(&sysroot);
        let mut command = testkit::tools::tool("ostree");
        command.args(["admin", "instutil", "set-kargs", "--merge", &path]);
        let (mut replaced, mut appended) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let (replaces, argument) = edits().new_tree(&mut runner).unwrap().current();
            command.arg(format!("--{}={argument}", if replaces { "replace" } else { "append" }));
            if replaces { replaced.push(argument) } else { appended.push(argument) }
        }
        testkit::tools::success(&mut command);
        // The tool replaces first, whatever the order of its options.
        replaced.iter().for_each(|argument| ours.replace(argument));
        appended.iter().for_each(|argument| ours.append(argument));
        assert_eq!(options(&sysroot), ours, "{command:?}");
    }
}

#[test]
fn kernel_arguments_are_deleted_as_ostree_does() {
    let sysroot = Sysroot::new();
    sysroot.deploy(1, TREES[0].0, "");
    let path = format!("--sysroot={}", sysroot.path("").display());
    for argument in ["a=1", "b", "c=2", "d", "e=5", "n", "missing", "a=9"] {
        run(
            "ostree",
            ["admin", "instutil", "set-kargs", &path, "a=1", "a=2", "b", "b=1", "c=2", "d=3", "n=1", "e=5"],
        );
        let before = sysroot.entries().remove(0).0.options;
        let mut ours = KernelArguments::parse(&before);
        let mut command = testkit::tools::tool("ostree");
        command.args(["admin", "deploy", &path, "--os=demo", &format!("--karg-delete={argument}"), "demo"]);
        let succeeded = command.output().unwrap().status.success();
        let deleted = ours.delete(argument);
        assert_eq!(succeeded, deleted == Ok(true), "{argument}: {deleted:?}");
        let after = sysroot.entries().remove(0).0.options;
        let without_link = |text: &str| {
            let mut arguments = KernelArguments::parse(text);
            arguments.replace("ostree=x");
            arguments
        };
        assert_eq!(without_link(&after), without_link(&ours.to_string()), "{argument}");
    }
}
