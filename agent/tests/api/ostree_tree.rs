//! Trees of a repository as sides of a merge of /etc.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use etc_merge::{DirectoryTree, Policy, Report};
use ostree_objects::repo::{CommitOptions, Repo};
use ostree_objects::{Checksum, CommitRef, DirTreeRef, ObjectType, RepoMode};
use ota_agent::ostree_tree::{Facts, OstreeTree};

fn write(root: &Path, path: &str, content: &str, mode: u32) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A tree whose /usr/etc has some of everything.
fn defaults(root: &Path, release: &str) {
    write(root, "usr/etc/motd", &format!("welcome to {release}\n"), 0o644);
    write(root, "usr/etc/shadow", "root:*:1::::::\n", 0o600);
    write(root, "usr/etc/big", &release.repeat(5000), 0o644);
    write(root, "usr/etc/same/deep/file", "equal\n", 0o644);
    write(root, "usr/etc/mixed/equal", "equal\n", 0o644);
    write(root, "usr/etc/mixed/other", release, 0o640);
    symlink(format!("../{release}"), root.join("usr/etc/link")).unwrap();
}

fn commit(repo: &Repo, tree: &Path) -> Checksum {
    let owner = fs::metadata(tree).unwrap();
    repo.commit(
        tree,
        &CommitOptions { uid: Some(owner.uid()), gid: Some(owner.gid()), ..CommitOptions::default() },
    )
    .unwrap()
}

struct Case {
    directory: tempfile::TempDir,
    repo: Repo,
    old: Checksum,
    new: Checksum,
}

impl Case {
    fn new(mode: RepoMode) -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for (name, release) in [("old", "one"), ("new", "two")] {
            defaults(&directory.path().join(name), release);
        }
        let local = directory.path().join("local");
        defaults(&local, "one");
        write(&local, "usr/etc/motd", "mine\n", 0o644);
        write(&local, "usr/etc/mixed/mine", "new here\n", 0o644);
        fs::remove_file(local.join("usr/etc/shadow")).unwrap();
        let repo = Repo::init(&directory.path().join("repo"), mode).unwrap();
        let old = commit(&repo, &directory.path().join("old"));
        let new = commit(&repo, &directory.path().join("new"));
        Self { directory, repo, old, new }
    }

    fn directory(&self, name: &str) -> DirectoryTree {
        DirectoryTree::open(&self.directory.path().join(name).join("usr/etc")).unwrap()
    }

    fn tree(&self, commit: &Checksum) -> OstreeTree<'_> {
        OstreeTree::open(&self.repo, commit, "usr/etc").unwrap().unwrap()
    }
}

#[test]
fn the_plan_is_the_one_of_the_checked_out_directories() {
    for mode in [RepoMode::Archive, RepoMode::BareUser] {
        let case = Case::new(mode);
        for policy in [Policy::safe(), Policy::libostree()] {
            let local = case.directory("local");
            let directories =
                Report::plan(&case.directory("old"), &case.directory("new"), &local, &policy).unwrap();
            let trees = Report::plan(&case.tree(&case.old), &case.tree(&case.new), &local, &policy).unwrap();
            assert_eq!(trees.steps, directories.steps);
            assert_ne!(trees.steps.len(), 0);
        }
    }
}

#[test]
fn a_directory_that_is_equal_in_both_commits_is_not_read() {
    let case = Case::new(RepoMode::Archive);
    // Its dirtree object is taken away: whoever reads it fails.
    let mut tree = case.repo.load_metadata(ObjectType::DirTree, &{
        let commit = case.repo.load_metadata(ObjectType::Commit, &case.old).unwrap();
        CommitRef::parse(&commit).unwrap().tree()
    });
    let mut last = None;
    for name in ["usr", "etc", "same"] {
        let bytes = tree.unwrap();
        let entry = DirTreeRef::parse(&bytes).unwrap().dir(name).unwrap();
        last = Some(entry.tree);
        tree = case.repo.load_metadata(ObjectType::DirTree, &entry.tree);
    }
    case.repo.remove(ObjectType::DirTree, &last.unwrap()).unwrap();
    let (old, new) = (case.tree(&case.old), case.tree(&case.new));
    // Without a local directory there, nobody needs what is in it.
    fs::remove_dir_all(case.directory.path().join("local/usr/etc/same")).unwrap();
    let report = Report::plan(&old, &new, &case.directory("local"), &Policy::safe()).unwrap();
    assert!(report.steps.iter().any(|step| step.path == b"same"), "{report}");
}

#[test]
fn an_object_that_both_commits_have_is_read_once() {
    let case = Case::new(RepoMode::Archive);
    let read = |new: &Checksum| {
        let old = case.tree(&case.old);
        let new = old.open_beside(new, "usr/etc").unwrap().unwrap();
        let report = Report::plan(&old, &new, &case.directory("local"), &Policy::safe()).unwrap();
        (report.steps.len(), old.objects_read())
    };
    let alone = {
        let (old, empty) = (case.tree(&case.old), etc_merge::MemoryTree::new());
        Report::plan(&empty, &old, &empty, &Policy::safe()).unwrap();
        old.objects_read()
    };
    // A commit beside itself costs nothing.
    assert_eq!(read(&case.old), (3, alone));
    // Four entries and the directories that hold them are of this release: /usr/etc, mixed.
    let (steps, objects) = read(&case.new);
    assert_eq!((steps, objects), (6, alone + 6));
}

#[test]
fn what_is_known_of_objects_is_not_read_again_and_changes_no_plan() {
    for mode in [RepoMode::Archive, RepoMode::BareUser] {
        let case = Case::new(mode);
        for policy in [Policy::safe(), Policy::libostree()] {
            let plan = |facts: Facts| {
                let old = case.tree(&case.old).with_facts(facts);
                let new = old.open_beside(&case.new, "usr/etc").unwrap().unwrap();
                let report = Report::plan(&old, &new, &case.directory("local"), &policy).unwrap();
                (report, old.facts(), old.objects_read())
            };
            let plain =
                Report::plan(&case.tree(&case.old), &case.tree(&case.new), &case.directory("local"), &policy);
            let (first, facts, read) = plan(Facts::default());
            assert_eq!(first, plain.unwrap());
            assert!(facts.len() > 8, "the entries of two releases: {facts:?}");
            let (second, again, read_again) = plan(facts.clone());
            assert_eq!((&second, &again), (&first, &facts));
            // What is left are directories, of which nothing is kept.
            assert_eq!(read - read_again, facts.len(), "{read_again} objects were read again");
        }
    }
}

#[test]
fn what_is_known_of_objects_outlives_the_process_and_forgets_what_is_not_met() {
    let case = Case::new(RepoMode::Archive);
    let facts = |commit: &Checksum, facts: Facts| {
        let tree = case.tree(commit).with_facts(facts);
        let local = case.directory("local");
        Report::plan(&tree, &tree, &local, &Policy::safe()).unwrap();
        tree.facts()
    };
    let old = facts(&case.old, Facts::default());
    let bytes = postcard::to_allocvec(&old).unwrap();
    assert_eq!(postcard::from_bytes::<Facts>(&bytes), Ok(old.clone()));
    let new = facts(&case.new, old.clone());
    assert_ne!(new, old);
    assert_eq!(new, facts(&case.new, Facts::default()));
}

#[test]
fn the_content_of_a_path_is_that_of_a_checkout() {
    let case = Case::new(RepoMode::Archive);
    let (tree, directory) = (case.tree(&case.old), case.directory("old"));
    let size = "one".len() * 5000;
    for limit in [size, size - 1, 0] {
        for path in ["big", "same/deep/file", "same/deep", "same", "link", "none", "motd/none"] {
            let content = tree.content(path.as_bytes(), limit).unwrap();
            assert_eq!(content, directory.content(path.as_bytes(), limit).unwrap(), "{path} at {limit}");
        }
    }
    assert_eq!(tree.content(b"big", size).unwrap().unwrap().len(), size);
}

#[test]
fn a_path_that_the_commit_lacks_is_none() {
    let case = Case::new(RepoMode::Archive);
    assert!(OstreeTree::open(&case.repo, &case.old, "usr/none").unwrap().is_none());
    assert!(
        OstreeTree::open(&case.repo, &Checksum::of(b"no such commit"), "usr")
            .is_err_and(|error| { error.to_string().ends_with("is not in the repository") })
    );
}
