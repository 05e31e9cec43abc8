//! Copies that take no space, on a file system where files can share it.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ostree_objects::RepoMode;
use ostree_objects::repo::{CheckoutOptions, Links, Ownership, Repo};
use testkit::tools;

use crate::repository::{options, tempfile};

/// A btrfs in a file, which only root can mount.
struct Shared(PathBuf);

impl Shared {
    fn mount(directory: &Path) -> Self {
        let (image, at) = (directory.join("image"), directory.join("mounted"));
        File::create(&image).unwrap().set_len(512 << 20).unwrap();
        fs::create_dir(&at).unwrap();
        tools::success(tools::tool("mkfs.btrfs").arg("-q").arg(&image));
        tools::success(tools::tool("mount").args(["-o", "loop"]).arg(&image).arg(&at));
        Self(at)
    }

    /// Bytes that are taken, after everything is written.
    fn taken(&self) -> u64 {
        let at = File::open(&self.0).unwrap();
        rustix::fs::syncfs(&at).unwrap();
        let stat = rustix::fs::fstatvfs(&at).unwrap();
        (stat.f_blocks - stat.f_bfree) * stat.f_frsize
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = tools::tool("umount").arg(&self.0).status();
    }
}

#[test]
fn a_copy_shares_what_is_on_the_disk() {
    const BYTES: usize = 64 << 20;
    if !rustix::process::geteuid().is_root() {
        eprintln!("not run: only root can mount a file system");
        return;
    }
    let directory = tempfile();
    let shared = Shared::mount(&directory);
    let tree = directory.join("tree");
    fs::create_dir(&tree).unwrap();
    let mut state = 1_u64;
    let content = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    });
    fs::write(tree.join("large"), content.take(BYTES).collect::<Vec<u8>>()).unwrap();
    for (mode, ownership) in [(RepoMode::Bare, Ownership::Committed), (RepoMode::BareUser, Ownership::User)] {
        let repo = Repo::init(&shared.0.join(format!("repo-{mode}")), mode).unwrap();
        let commit = repo.commit(&tree, &options()).unwrap();
        let before = shared.taken();
        assert!(before > 64 << 20, "{before}");
        let options = CheckoutOptions { links: Links::Never, ownership, ..CheckoutOptions::default() };
        repo.checkout(&commit, &File::open(&shared.0).unwrap(), mode.name(), options).unwrap();
        let copy = shared.0.join(mode.name()).join("large");
        assert_eq!(fs::metadata(&copy).unwrap().nlink(), 1);
        let more = shared.taken() - before;
        assert!(more < 4 << 20, "{mode}: {more} bytes");
        assert!(fs::read(&copy).unwrap() == fs::read(tree.join("large")).unwrap());
        // What is written to the one is not in the other.
        fs::write(&copy, "edited").unwrap();
        assert!(repo.fsck().unwrap().damaged.is_empty());
    }
    drop(shared);
    fs::remove_dir_all(&directory).unwrap();
}
