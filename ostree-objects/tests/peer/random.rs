//! Random trees through both tools, both ways: 512 of them, 128 in each mode that is written.
//!
//! Each tree is a commit of its own. That of the whole batch, in which each tree is a directory, is checked out by
//! the tool at once. A failure names the seed of its tree: [`generate::make`] makes it again.

mod generate;
mod listing;

use std::fs::{self, File};
use std::path::Path;

use ostree_objects::repo::{CheckoutOptions, CommitOptions, Ownership, Repo, RepoError};
use ostree_objects::{Checksum, NameError, ObjectType, RepoMode};
use testkit::tools;

use crate::repository::{ostree, tempfile};
use listing::{Entry, list};

const TREES_A_MODE: u64 = 128;

/// What every commit here says.
const SECONDS: u64 = 1_767_225_600;

fn init(path: &Path, mode: RepoMode) {
    fs::create_dir(path).unwrap();
    ostree(path, &["init", &format!("--mode={}", mode.name())]);
    // Only the time that the tests take depends on it.
    ostree(path, &["config", "set", "core.fsync", "false"]);
}

fn commit_by_ostree(repo: &Path, branch: &str, tree: &Path) -> Checksum {
    let (branch, tree) = (format!("--branch={branch}"), tree.to_str().unwrap());
    let timestamp = format!("--timestamp=@{SECONDS}");
    ostree(repo, &["commit", &timestamp, "--subject=random", &branch, tree]).parse().unwrap()
}

fn commit(repo: &Repo, branch: &str, tree: &Path) -> Result<Checksum, RepoError> {
    let (branch, subject) = (Some(branch.to_owned()), "random".to_owned());
    repo.commit(tree, &CommitOptions { branch, subject, timestamp: SECONDS, ..CommitOptions::default() })
}

/// As whose files a repository is checked out: as committed too, if the user may, or the repository knows no owners.
fn ownerships(mode: RepoMode) -> impl Iterator<Item = Ownership> {
    let is_root = rustix::process::geteuid().is_root();
    let committed = (is_root || mode == RepoMode::BareUserOnly).then_some(Ownership::Committed);
    committed.into_iter().chain([Ownership::User])
}

fn checkout_by_ostree(repo: &Path, commit: Checksum, to: &Path, ownership: Ownership) {
    let mut arguments = vec!["checkout", "--disable-cache"];
    arguments.extend((ownership == Ownership::User).then_some("-U"));
    let commit = commit.to_hex();
    arguments.extend([commit.as_str(), to.to_str().unwrap()]);
    ostree(repo, &arguments);
}

/// Commits a batch with both tools, checks both repositories with the other one, and checks everything out.
fn exchange(mode: RepoMode, first_seed: u64) {
    let directory = tempfile();
    let (batch, ours, theirs) = (directory.join("batch"), directory.join("ours"), directory.join("theirs"));
    fs::create_dir(&batch).unwrap();
    init(&ours, mode);
    init(&theirs, mode);
    let (repo, other) = (Repo::open(&ours).unwrap(), Repo::open(&theirs).unwrap());
    let mut commits = Vec::new();
    for seed in first_seed..first_seed + TREES_A_MODE {
        let name = format!("seed-{seed}");
        let tree = batch.join(&name);
        generate::make(&tree, seed);
        let expected = commit_by_ostree(&theirs, &name, &tree);
        let found = commit(&repo, &name, &tree).unwrap_or_else(|error| panic!("{name}: {error}"));
        // Beside the checksums, that a failure shows what differs.
        let bytes = |repo: &Repo, commit| repo.load_metadata(ObjectType::Commit, commit).unwrap();
        assert_eq!(bytes(&repo, &found), bytes(&other, &expected), "{name}");
        assert_eq!(found, expected, "{name}");
        commits.push((name, found));
    }
    let all = commit_by_ostree(&ours, "all", &batch);
    assert_eq!(commit(&other, "all", &batch).unwrap(), all);
    assert_eq!(names(&ours), names(&theirs));
    ostree(&ours, &["fsck"]);
    let report = other.fsck().unwrap();
    assert!(report.damaged.is_empty() && report.partial.is_empty(), "{report:?}");
    assert_eq!(report.commits, commits.len() + 1);

    for ownership in ownerships(mode) {
        checkout_by_ostree(&ours, all, &directory.join("out"), ownership);
        fs::create_dir(directory.join("in")).unwrap();
        let at = File::open(directory.join("in")).unwrap();
        for (name, commit) in &commits {
            let options = CheckoutOptions { ownership, ..CheckoutOptions::default() };
            other.checkout(commit, &at, name, options).unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut expected = list(&directory.join("out").join(name));
            for (path, entry) in &mut expected {
                // What the tool copies is of the time of the copying; ours is of 1970 however it was made.
                if entry.is_copied() {
                    entry.time = 0;
                }
                assert_eq!(entry.time, 0, "{name} {path:?}");
            }
            let found = list(&directory.join("in").join(name));
            compare(&found, &expected, name);
            // That mode takes owners, attributes and some bits away when it is committed.
            if ownership == Ownership::Committed && mode != RepoMode::BareUserOnly {
                let mut source = list(&batch.join(name));
                source.values_mut().for_each(|entry| entry.time = 0);
                compare(&found, &source, name);
            }
        }
        fs::remove_dir_all(directory.join("out")).unwrap();
        fs::remove_dir_all(directory.join("in")).unwrap();
    }
    fs::remove_dir_all(&directory).unwrap();
}

type Listing = std::collections::BTreeMap<Vec<u8>, Entry>;

fn compare(found: &Listing, expected: &Listing, name: &str) {
    for (path, entry) in expected {
        assert_eq!(found.get(path), Some(entry), "{name} {:?}", path.escape_ascii().to_string());
    }
    assert_eq!(found.len(), expected.len(), "{name}");
}

/// The objects of a repository, by name.
fn names(repo: &Path) -> Vec<Vec<u8>> {
    list(&repo.join("objects")).into_keys().collect()
}

#[test]
fn random_trees_pass_between_archives() {
    exchange(RepoMode::Archive, 1000);
}

#[test]
fn random_trees_pass_between_bare_repositories() {
    exchange(RepoMode::Bare, 2000);
}

#[test]
fn random_trees_pass_between_bare_user_repositories() {
    exchange(RepoMode::BareUser, 3000);
}

#[test]
fn random_trees_pass_between_bare_user_only_repositories() {
    exchange(RepoMode::BareUserOnly, 4000);
}

#[test]
fn a_name_that_is_not_utf8_is_refused_by_both() {
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile();
    let (tree, path) = (directory.join("tree"), directory.join("repo"));
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join(std::ffi::OsStr::from_bytes(b"latin-\xe9")), "1").unwrap();
    init(&path, RepoMode::Archive);
    let error = commit(&Repo::open(&path).unwrap(), "main", &tree).unwrap_err();
    let RepoError::At { path: at, error } = error else { panic!("{error}") };
    assert!(matches!(*error, RepoError::Name(NameError::NotUtf8)), "{at}: {error}");
    let mut tool = tools::tool("ostree");
    tool.arg(format!("--repo={}", path.display())).args(["commit", "--branch=main"]).arg(&tree);
    assert!(!tool.output().unwrap().status.success());
    fs::remove_dir_all(&directory).unwrap();
}
