//! Whoever adds to a repository and whoever removes from it wait for each other, whichever tool they are.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use ostree_objects::RepoMode;
use ostree_objects::repo::{CommitOptions, LockKind, PruneOptions, Repo, RepoError};
use testkit::tools;

use crate::repository::{options, ostree, tempfile};

fn tool(repo: &Path, arguments: &[&str]) -> Command {
    let mut tool = tools::tool("ostree");
    tool.arg(format!("--repo={}", repo.display())).args(arguments);
    tool
}

/// Whether the tool gives up at once, for want of the lock.
fn is_locked_out(repo: &Path, arguments: &[&str]) -> bool {
    let output = tool(repo, arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() || said.contains("Locking repo"), "{said}");
    !output.status.success()
}

#[test]
fn the_tool_waits_for_us_and_we_for_the_tool() {
    let directory = tempfile();
    let (path, tree) = (directory.join("repo"), directory.join("tree"));
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), "content").unwrap();
    Repo::init(&path, RepoMode::BareUser).unwrap();
    // Nobody waits: whether somebody would is seen at once.
    ostree(&path, &["config", "set", "core.lock-timeout-secs", "0"]);
    let repo = Repo::open(&path).unwrap();
    let add = ["commit", "--branch=theirs", tree.to_str().unwrap()];
    let is_locked = |result: Result<(), RepoError>, kind: &str| matches!(result, Err(RepoError::Locked { kind: found, seconds: 0 }) if found == kind);
    let prune = |repo: &Repo| repo.prune(&PruneOptions::default()).map(drop);

    let ours = repo.lock(LockKind::Exclusive).unwrap();
    assert!(is_locked_out(&path, &add) && is_locked_out(&path, &["prune"]));
    assert!(is_locked(repo.commit(&tree, &options()).map(drop), "shared"));
    assert!(is_locked(prune(&repo), "exclusive"));
    drop(ours);
    let ours = repo.lock(LockKind::Shared).unwrap();
    assert!(!is_locked_out(&path, &add) && is_locked_out(&path, &["prune"]));
    repo.commit(&tree, &options()).unwrap();
    drop(ours);
    assert!(!is_locked_out(&path, &["prune"]));

    // The tool commits what comes through a pipe: once it opens that, it has the lock, until we are done.
    let pipe = directory.join("tar");
    let (kind, bits) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600));
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, bits, 0).unwrap();
    let tar = format!("--tree=tar={}", pipe.display());
    let mut adds = tool(&path, &["commit", "--branch=piped", &tar]).stdout(Stdio::null()).spawn().unwrap();
    let mut writer = File::options().write(true).open(&pipe).unwrap();
    assert!(is_locked(prune(&repo), "exclusive"));
    repo.commit(&tree, &CommitOptions::default()).unwrap();
    // A tar without files, which is a tree that the tool does not commit after all; the lock goes with it.
    writer.write_all(&[0; 10_240]).unwrap();
    drop(writer);
    assert!(!adds.wait().unwrap().success());
    prune(&repo).unwrap();

    // Both wait if they are told to, as long as it takes.
    ostree(&path, &["config", "set", "core.lock-timeout-secs", "300"]);
    let repo = Repo::open(&path).unwrap();
    let ours = repo.lock(LockKind::Exclusive).unwrap();
    let mut waits = tool(&path, &["prune"]).stdout(Stdio::null()).spawn().unwrap();
    std::thread::scope(|scope| {
        let too = scope.spawn(|| prune(&repo));
        drop(ours);
        too.join().unwrap().unwrap();
    });
    assert!(waits.wait().unwrap().success());
    // Without locking nobody looks.
    ostree(&path, &["config", "set", "core.locking", "false"]);
    let _ours = repo.lock(LockKind::Exclusive).unwrap();
    prune(&Repo::open(&path).unwrap()).unwrap();
    fs::remove_dir_all(&directory).unwrap();
}
