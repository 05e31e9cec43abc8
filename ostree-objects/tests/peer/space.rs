//! What the config keeps free stays free, with us as with the real tool.

use std::fs;
use std::path::{Path, PathBuf};

use ostree_objects::repo::{CommitOptions, Repo, RepoError};
use testkit::tools;

use crate::repository::{ostree, tempfile};

/// A small file system in memory, which only root can mount.
struct Small(PathBuf);

impl Small {
    const BYTES: u64 = 16 << 20;

    fn mount(at: PathBuf) -> Self {
        fs::create_dir(&at).unwrap();
        let size = format!("size={}", Self::BYTES);
        let mut mount = tools::tool("mount");
        tools::success(mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at));
        Self(at)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = tools::tool("umount").arg(&self.0).status();
    }
}

/// Files that do not get smaller.
fn tree(directory: &Path, megabytes: usize) -> PathBuf {
    let path = directory.join(format!("tree-{megabytes}"));
    fs::create_dir(&path).unwrap();
    let mut state = 1_u64;
    let content: Vec<u8> = (0..megabytes << 20)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .collect();
    fs::write(path.join("content"), content).unwrap();
    path
}

fn the_tool_refuses(repo: &Path, tree: &Path) {
    let mut tool = tools::tool("ostree");
    tool.arg(format!("--repo={}", repo.display())).args(["commit", "--branch=large"]).arg(tree);
    let refused = tool.output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("min-free-space"), "{said}");
}

#[test]
fn no_file_system_has_as_much_free_as_some_would_keep() {
    let directory = tempfile();
    let (path, large) = (directory.join("repo"), tree(&directory, 1));
    fs::create_dir(&path).unwrap();
    ostree(&path, &["init", "--mode=archive"]);
    ostree(&path, &["config", "set", "core.min-free-space-size", "999999TB"]);
    let error = Repo::open(&path).unwrap().commit(&large, &CommitOptions::default()).unwrap_err();
    assert!(matches!(error, RepoError::FreeSpace { reserved, .. } if reserved == 999_999 << 40), "{error}");
    the_tool_refuses(&path, &large);
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn what_would_not_stay_free_is_not_written() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can mount a small file system");
        return;
    }
    let directory = tempfile();
    let small = Small::mount(directory.join("small"));
    for mode in ["archive", "bare-user-only"] {
        let path = small.0.join("repo");
        fs::create_dir(&path).unwrap();
        ostree(&path, &["init", &format!("--mode={mode}")]);
        let reserved = 8_u64 << 20;
        ostree(&path, &["config", "set", "core.min-free-space-size", "8MB"]);
        let (fits, large) = (tree(&directory, 4), tree(&directory, 6));
        let repo = Repo::open(&path).unwrap();
        let error = repo.commit(&tree(&directory, 9), &CommitOptions::default()).unwrap_err();
        let RepoError::FreeSpace { free, reserved: found, .. } = error else { panic!("{error}") };
        assert!(found == reserved && free < Small::BYTES, "{error}");
        // Nothing of it is left.
        let left = fs::read_dir(path.join("tmp")).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(left.filter(|name| name != "cache").count(), 0);
        repo.commit(&fits, &CommitOptions::default()).unwrap();
        let error = repo.commit(&large, &CommitOptions::default()).unwrap_err();
        let RepoError::FreeSpace { needed, free, .. } = error else { panic!("{error}") };
        assert!(free < reserved + needed || (needed == 0 && free < reserved), "{error}");
        the_tool_refuses(&path, &large);
        // With nothing reserved both write it.
        ostree(&path, &["config", "set", "core.min-free-space-size", "0MB"]);
        ostree(&path, &["config", "set", "core.min-free-space-percent", "0"]);
        Repo::open(&path).unwrap().commit(&large, &CommitOptions::default()).unwrap();
        ostree(&path, &["fsck"]);
        fs::remove_dir_all(&path).unwrap();
        for megabytes in [4, 6, 9] {
            fs::remove_dir_all(directory.join(format!("tree-{megabytes}"))).unwrap();
        }
    }
    drop(small);
    fs::remove_dir_all(&directory).unwrap();
}
