//! `ostree admin`: the same sysroot is made of the same commits, and each tool reads the other's.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ostree_objects::pull::Planner;
use ostree_objects::repo::Repo;
use ostree_objects::sysroot::{BootEntry, DeployOptions, Deployment, EtcDirectories, LoaderFile, Sysroot};
use ostree_objects::{Checksum, Limits, ObjectType, RepoMode};
use testkit::tools::{self, run};

use crate::repository::tempfile;

const ARGUMENTS: &str = "root=LABEL=otaroot quiet";

/// A tree with a kernel. Releases 2 and 3 have the same one.
fn make_tree(directory: &Path, release: u32) {
    let kernel = release.min(2);
    let files = [
        (format!("usr/lib/modules/6.6.{kernel}/vmlinuz"), format!("kernel {kernel}")),
        (format!("usr/lib/modules/6.6.{kernel}/initramfs.img"), format!("initramfs {kernel}")),
        (format!("usr/lib/modules/6.6.{kernel}/dtb/b.dtb"), "one".into()),
        (format!("usr/lib/modules/6.6.{kernel}/dtb/a/z.dtb"), format!("two {kernel}")),
        (format!("usr/lib/modules/6.6.{kernel}/dtb/a.dtb"), "three".into()),
        ("usr/lib/os-release".into(), "ID=demo\nPRETTY_NAME=\"Demo OS\"\n".into()),
        ("usr/etc/hostname".into(), format!("demo {release}\n")),
        ("usr/bin/tool".into(), format!("tool {release}\n")),
    ];
    for (path, content) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    // What a running system has mounted, and its links.
    for name in ["sysroot", "var", "boot", "run", "proc", "dev"] {
        fs::create_dir_all(directory.join(name)).unwrap();
    }
    for name in ["bin", "lib", "lib64"] {
        symlink(format!("usr/{name}"), directory.join(name)).unwrap();
    }
    symlink("sysroot/ostree", directory.join("ostree")).unwrap();
}

/// An archive of the tool with three commits.
pub(crate) fn commits(directory: &Path) -> (PathBuf, Vec<Checksum>) {
    let archive = directory.join("archive");
    let repo = format!("--repo={}", archive.display());
    fs::create_dir(&archive).unwrap();
    run("ostree", [&repo, "init", "--mode=archive"]);
    let commits = (1..=3).map(|release| {
        let tree = directory.join(format!("tree{release}"));
        make_tree(&tree, release);
        let (tree, version) =
            (tree.display().to_string(), format!("--add-metadata-string=version={release}.0"));
        let options =
            ["commit", "-b", "os", "--owner-uid=0", "--owner-gid=0", "--no-xattrs", "--timestamp=@0"];
        let printed = run("ostree", [&[&*repo][..], &options, &[&version, &tree]].concat());
        String::from_utf8(printed).unwrap().trim().parse().unwrap()
    });
    (archive.clone(), commits.collect())
}

/// The tool's sysroot, with a bare-user repository and the U-Boot back end.
pub(crate) fn init_by_ostree(path: &Path) {
    let shown = path.display().to_string();
    let repo = format!("--repo={shown}/ostree/repo");
    fs::create_dir(path).unwrap();
    run("ostree", ["admin", "init-fs", "--modern", &shown]);
    fs::remove_dir_all(path.join("ostree/repo")).unwrap();
    run("ostree", [&repo, "init", "--mode=bare-user"]);
    run("ostree", ["admin", "os-init", "demo", "--sysroot", &shown]);
}

pub(crate) fn deploy_by_ostree(path: &Path, archive: &Path, commit: &Checksum) {
    let (repo, sysroot) =
        (format!("--repo={}/ostree/repo", path.display()), format!("--sysroot={}", path.display()));
    run("ostree", [&repo, "pull-local", archive.to_str().unwrap(), commit.to_hex().as_str()]);
    let deploy = ["admin", "deploy", &sysroot, "--os=demo", "--no-prune"];
    // Arguments are taken over from the deployment before.
    let arguments = ["--karg=root=LABEL=otaroot", "--karg=quiet"];
    let arguments = if path.join("boot/loader/entries").exists() { &[][..] } else { &arguments };
    run("ostree", [&deploy, arguments, &[commit.to_hex().as_str()]].concat());
}

pub(crate) fn pull(from: &Path, to: &Repo, commit: Checksum) {
    let from = Repo::open(from).unwrap();
    let mut planner = Planner::new(commit, Limits::DEFAULT);
    while let Some(request) = planner.next_request() {
        if request.object_type == ObjectType::File {
            let object = from.open_file(&request.checksum).unwrap();
            to.write_file(&object.header.as_ref(), Some(&request.checksum), object.content).unwrap();
            planner.file_arrived(request).unwrap();
        } else {
            let bytes = from.load_metadata(request.object_type, &request.checksum).unwrap();
            to.write_metadata(request.object_type, Some(&request.checksum), &bytes).unwrap();
            planner.metadata_arrived(request, &bytes).unwrap();
        }
    }
}

/// The merge of a device without local edits.
pub(crate) fn take_new(etc: &EtcDirectories) -> Result<(), String> {
    let arguments = [Path::new("-a"), etc.new.as_path(), etc.out.as_path()];
    tools::success(tools::tool("cp").args(arguments));
    Ok(())
}

/// The files as libostree writes them without a boot loader's back end.
pub(crate) fn boot_loader_spec(entries: &[BootEntry]) -> Vec<LoaderFile> {
    let file = |entry: &BootEntry| LoaderFile {
        path: format!("entries/ostree-{}-demo.conf", entry.version),
        content: format!(
            "title {}\nversion {}\noptions {}\nlinux {}\ninitrd {}\nfdtdir {}\n",
            entry.title,
            entry.version,
            entry.options,
            entry.linux,
            entry.initrd.as_deref().unwrap(),
            entry.fdtdir.as_deref().unwrap()
        ),
    };
    entries.iter().map(file).collect()
}

fn deploy(sysroot: &Sysroot, archive: &Path, commit: Checksum) -> Deployment {
    pull(archive, sysroot.repo(), commit);
    let before = sysroot.deployments().unwrap();
    let hex = commit.to_hex();
    let options = DeployOptions {
        stateroot: "demo",
        commit,
        refspec: hex.as_str(),
        arguments: ARGUMENTS,
        merge: before.first(),
    };
    let new = sysroot.prepare(&options, take_new).unwrap();
    let order: Vec<Deployment> = [new.clone()].into_iter().chain(before.into_iter().take(1)).collect();
    sysroot.write_order(&order, boot_loader_spec).unwrap().switch().unwrap();
    sysroot.cleanup(None).unwrap();
    assert_eq!(sysroot.deployments().unwrap(), order);
    new
}

/// Every path but those inside the repository and what a tool writes beside the format, with its mode, target and
/// content.
pub(crate) fn list(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left = vec![root.to_path_buf()];
    while let Some(path) = left.pop() {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let other = ["ostree/repo/objects", "ostree/repo/tmp", "ostree/repo/.lock", "ostree/repo/config"];
        if other.contains(&&*name) || name.ends_with(".ostree-selabeled") || name.ends_with("uEnv.txt") {
            continue;
        }
        let stat = fs::symlink_metadata(&path).unwrap();
        let content = if stat.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            String::new()
        } else if stat.is_symlink() {
            fs::read_link(&path).unwrap().display().to_string()
        } else {
            fs::read_to_string(&path).unwrap()
        };
        // The tool leaves empty directories behind where refs were.
        if stat.is_dir() && name.starts_with("ostree/repo/refs/heads/ostree/") {
            continue;
        }
        let mode = if stat.is_symlink() { 0 } else { std::os::unix::fs::MetadataExt::mode(&stat) };
        lines.push(format!("{name} {mode:o} {content}"));
    }
    lines.sort();
    lines
}

/// Shows only what differs.
pub(crate) fn assert_same(ours: &[String], theirs: &[String]) {
    let only =
        |a: &[String], b: &[String]| a.iter().filter(|line| !b.contains(line)).cloned().collect::<Vec<_>>();
    assert_eq!((only(ours, theirs), only(theirs, ours)), (Vec::new(), Vec::new()));
}

pub(crate) fn status(sysroot: &Path) -> String {
    let sysroot = format!("--sysroot={}", sysroot.display());
    String::from_utf8(run("ostree", ["admin", "status", &sysroot])).unwrap()
}

#[test]
fn three_deployments_leave_the_sysroot_that_ostree_admin_leaves() {
    let directory = tempfile();
    let (archive, commits) = commits(&directory);
    let (ours, theirs) = (directory.join("ours"), directory.join("theirs"));
    init_by_ostree(&theirs);
    let sysroot = Sysroot::init(&ours, RepoMode::BareUser).unwrap();
    sysroot.os_init("demo").unwrap();
    for commit in &commits {
        deploy_by_ostree(&theirs, &archive, commit);
        let new = deploy(&sysroot, &archive, *commit);
        assert_same(&list(&ours), &list(&theirs));
        assert_eq!(status(&ours), status(&theirs));
        assert_eq!(
            sysroot
                .deployment_at(&ours.join("ostree/deploy/demo/deploy").join(format!("{commit}.0")))
                .unwrap(),
            Some(new)
        );
    }
    // The same commit once more is another deployment.
    let again = deploy(&sysroot, &archive, commits[2]);
    assert_eq!(again.serial, 1);
    allow_removal(&theirs);
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_sysroot_of_ostree_admin_is_continued() {
    let directory = tempfile();
    let (archive, commits) = commits(&directory);
    let theirs = directory.join("theirs");
    init_by_ostree(&theirs);
    deploy_by_ostree(&theirs, &archive, &commits[0]);
    let sysroot = Sysroot::open(&theirs).unwrap();
    let [first] = &sysroot.deployments().unwrap()[..] else { panic!("one deployment") };
    assert_eq!((first.commit, first.serial, &*first.arguments), (commits[0], 0, ARGUMENTS));
    allow_removal(&theirs);
    deploy(&sysroot, &archive, commits[1]);
    let told = status(&theirs);
    assert!(
        told.contains(commits[1].to_hex().as_str()) && told.contains(commits[0].to_hex().as_str()),
        "{told}"
    );
    deploy_by_ostree(&theirs, &archive, &commits[2]);
    assert_eq!(sysroot.deployments().unwrap()[0].commit, commits[2]);
    allow_removal(&theirs);
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn until_the_switch_the_old_order_boots_and_a_second_try_starts_anew() {
    let directory = tempfile();
    let (archive, commits) = commits(&directory);
    let ours = directory.join("ours");
    let sysroot = Sysroot::init(&ours, RepoMode::BareUser).unwrap();
    sysroot.os_init("demo").unwrap();
    let first = deploy(&sysroot, &archive, commits[0]);
    pull(&archive, sysroot.repo(), commits[1]);
    let hex = commits[1].to_hex();
    let options = DeployOptions {
        stateroot: "demo",
        commit: commits[1],
        refspec: hex.as_str(),
        arguments: ARGUMENTS,
        merge: Some(&first),
    };
    let refused = sysroot.prepare(&options, |_| Err("a conflict")).unwrap_err();
    assert_eq!(refused.to_string(), "merging /etc: a conflict");
    let second = sysroot.prepare(&options, take_new).unwrap();
    assert_eq!(second.serial, 1, "the refused one is still there");
    drop(sysroot.write_order(&[second.clone(), first.clone()], boot_loader_spec).unwrap());
    assert_eq!(sysroot.deployments().unwrap(), std::slice::from_ref(&first));
    sysroot.cleanup(Some(&first)).unwrap();
    assert!(!sysroot.path_of(&second).exists());
    assert!(sysroot.path_of(&first).join("etc/hostname").exists());
    let new = deploy(&sysroot, &archive, commits[1]);
    assert_eq!(new.serial, 0);
    fs::remove_dir_all(&directory).unwrap();
}

/// The tool makes a deployment's root immutable, where the file system can.
pub(crate) fn allow_removal(sysroot: &Path) {
    for entry in fs::read_dir(sysroot.join("ostree/deploy/demo/deploy")).unwrap() {
        let _ = tools::tool("chattr").arg("-i").arg(entry.unwrap().path()).output().unwrap();
    }
    File::open(sysroot).unwrap().sync_all().unwrap();
}
