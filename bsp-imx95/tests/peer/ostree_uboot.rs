//! `ostree admin deploy` with its U-Boot back end: the same `uEnv.txt` and boot entries.

use bsp_imx95::boot_entry::{BootEntry, bls, uenv_txt};
use bsp_imx95::boot_script::{Entry, power_on};
use bsp_imx95::env::Variables;
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
            .map(|text| (parse(&text), text))
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

fn parse(text: &str) -> BootEntry {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
        line.map(String::from)
    };
    BootEntry {
        title: value("title").unwrap(),
        version: value("version").unwrap(),
        options: value("options").unwrap(),
        linux: value("linux").unwrap(),
        initrd: value("initrd"),
        devicetree: value("devicetree"),
        fdtdir: value("fdtdir"),
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
