//! Commits that are deleted, and other objects that are no commit's, beside the real tool.

use std::fs;
use std::path::{Path, PathBuf};

use ostree_objects::repo::{PruneOptions, Repo, RepoError};
use ostree_objects::summary::SummaryRef;
use ostree_objects::{Checksum, ObjectType, RepoMode, TombstoneRef};

use crate::repository::{mode_of, options, ostree, tempfile};
use crate::tree;

/// Three commits in a row, in a repository of ours and the same for the tool.
struct Case {
    directory: PathBuf,
    ours: PathBuf,
    theirs: PathBuf,
    repo: Repo,
    commits: Vec<Checksum>,
}

impl Case {
    fn new(mode: RepoMode) -> Self {
        let directory = tempfile();
        let (ours, theirs) = (directory.join("ours"), directory.join("theirs"));
        let repo = Repo::init(&ours, mode).unwrap();
        let mut commits = Vec::new();
        for number in 0..3 {
            let source = directory.join(format!("tree{number}"));
            tree::make(&source, 40 + number);
            let mut options = options();
            options.parent = commits.last().copied();
            commits.push(repo.commit(&source, &options).unwrap());
        }
        let case = Self { directory, ours, theirs, repo, commits };
        case.copy();
        case
    }

    fn copy(&self) {
        let mut copy = testkit::tools::tool("cp");
        testkit::tools::success(copy.arg("-a").arg(&self.ours).arg(&self.theirs));
    }

    /// What both have, with the contents of tombstones and of the config.
    fn assert_same(&self) {
        let all = |repo: &Path| {
            let objects = tree::list(&repo.join("objects")).into_iter();
            let named = objects.filter(|(name, _)| name.contains('.')).map(|(name, entry)| {
                let is_compared = name.ends_with(".tombstone-commit");
                (name, if is_compared { entry.content } else { Vec::new() })
            });
            (named.collect::<Vec<_>>(), fs::read_to_string(repo.join("config")).unwrap())
        };
        assert_eq!(all(&self.ours), all(&self.theirs));
    }

    fn the_tool_refuses(&self, arguments: &[&str]) {
        let mut tool = testkit::tools::tool("ostree");
        let output = tool.arg(format!("--repo={}", self.theirs.display())).args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.directory).unwrap();
        }
    }
}

#[test]
fn a_deleted_commit_leaves_the_tools_tombstone_until_it_is_back() {
    for seed in 0..3 {
        let case = Case::new(mode_of(seed).0);
        let (repo, [first, second, head]) = (&case.repo, case.commits[..].try_into().unwrap());
        let delete = |commit: &Checksum| format!("--delete-commit={commit}");
        let error = repo.delete_commit(&head).unwrap_err();
        assert!(
            matches!(&error, RepoError::Referenced { commit, path } if *commit == head && &**path == "refs/heads/os/main"),
            "{error}"
        );
        case.the_tool_refuses(&["prune", &delete(&head)]);
        case.assert_same();

        repo.delete_commit(&first).unwrap();
        let report = repo.prune(&PruneOptions::default()).unwrap();
        let printed = ostree(&case.theirs, &["prune", &delete(&first)]);
        assert!(printed.starts_with(&format!("Total objects: {}\n", report.total)), "{printed}");
        case.assert_same();
        assert!(repo.is_deleted(&first).unwrap() && !repo.is_deleted(&second).unwrap());
        let error = repo.delete_commit(&first).unwrap_err();
        assert!(matches!(error, RepoError::Missing { checksum, .. } if checksum == first), "{error}");
        case.the_tool_refuses(&["prune", &delete(&first)]);

        // The config has it from now on, for whatever is pruned.
        let prune = PruneOptions { refs_only: true, depth: Some(0), dry_run: true };
        repo.prune(&prune).unwrap();
        assert!(!repo.is_deleted(&second).unwrap());
        repo.prune(&PruneOptions { dry_run: false, ..prune }).unwrap();
        ostree(&case.theirs, &["prune", "--refs-only", "--depth=0"]);
        case.assert_same();
        assert!(repo.is_deleted(&second).unwrap());
        for path in [&case.ours, &case.theirs] {
            ostree(path, &["fsck"]);
            let report = Repo::open(path).unwrap().fsck().unwrap();
            assert_eq!((report.commits, report.damaged.len()), (1, 0));
            ostree(path, &["summary", "-u"]);
        }
        let theirs = Repo::open(&case.theirs).unwrap().read_summary().unwrap().unwrap();
        let ours = repo.update_summary(1).unwrap();
        for summary in [&theirs, &ours] {
            assert!(SummaryRef::parse(summary).unwrap().has_tombstones());
        }

        // Written again it is not deleted any more.
        let mut options = options();
        options.parent = Some(first);
        assert_eq!(repo.commit(&case.directory.join("tree1"), &options).unwrap(), second);
        let parent = format!("--parent={first}");
        ostree(
            &case.theirs,
            &[
                "commit",
                "--timestamp=@1767225600",
                "--subject=A subject",
                "--body=A body",
                "--branch=os/main",
                "--add-metadata-string=version=1.0",
                &parent,
                case.directory.join("tree1").to_str().unwrap(),
            ],
        );
        case.assert_same();
        assert!(!repo.is_deleted(&second).unwrap());
        assert!(!case.ours.join("objects").join(tombstone(&second)).exists());
        assert!(case.ours.join("objects").join(tombstone(&first)).exists());
    }
}

fn tombstone(commit: &Checksum) -> String {
    commit.loose_path(ObjectType::TombstoneCommit, RepoMode::Archive).as_str().to_owned()
}

#[test]
fn a_tombstone_of_another_commit_is_none() {
    let case = Case::new(RepoMode::Archive);
    let [first, second, _] = case.commits[..].try_into().unwrap();
    case.repo.delete_commit(&first).unwrap();
    fs::write(case.ours.join("objects").join(tombstone(&first)), TombstoneRef::encode(&second)).unwrap();
    let error = case.repo.is_deleted(&first).unwrap_err();
    let is_expected = |error: &RepoError| match error {
        RepoError::Malformed { object_type: ObjectType::TombstoneCommit, checksum, .. } => *checksum == first,
        _ => false,
    };
    assert!(is_expected(&error), "{error}");
    // Without a config that says so, pruning leaves none.
    let case = Case::new(RepoMode::Archive);
    case.repo.prune(&PruneOptions { refs_only: true, depth: Some(0), dry_run: false }).unwrap();
    assert!(!case.repo.is_deleted(&case.commits[0]).unwrap());
    let now = case.repo.update_summary(1).unwrap();
    assert!(!SummaryRef::parse(&now).unwrap().has_tombstones());
}

#[test]
fn links_of_payloads_are_kept_and_pruned_as_by_the_tool() {
    for threshold in [None, Some(1), Some(5000)] {
        let case = Case::new(RepoMode::BareUser);
        fs::remove_dir_all(&case.theirs).unwrap();
        if let Some(threshold) = threshold {
            ostree(&case.ours, &["config", "set", "core.payload-link-threshold", &threshold.to_string()]);
        }
        // To files of all sizes, needed by the head or not, one that is not there; and what no mode knows.
        let files: Vec<String> = tree::list(&case.ours.join("objects")).into_keys().collect();
        let files = files.iter().filter(|name| name.ends_with(".file"));
        for (number, file) in files.map(String::as_str).chain(["00/11.file"]).enumerate() {
            let target =
                if file.len() < 60 { format!("00/{}.file", "1".repeat(62)) } else { file.to_owned() };
            let folder = case.ours.join(format!("objects/{number:02x}"));
            fs::create_dir_all(&folder).unwrap();
            let link = folder.join(format!("{}.payload-link", "ab".repeat(31)));
            std::os::unix::fs::symlink(format!("../{target}"), link).unwrap();
        }
        for name in ["file-xattrs", "file-xattrs-link"] {
            fs::write(case.ours.join(format!("objects/00/{}.{name}", "cd".repeat(31))), "").unwrap();
        }
        case.copy();
        let repo = Repo::open(&case.ours).unwrap();
        let options = PruneOptions { refs_only: true, depth: Some(0), dry_run: true };
        let planned = repo.prune(&options).unwrap();
        let pruned = repo.prune(&PruneOptions { dry_run: false, ..options }).unwrap();
        assert_eq!(planned, pruned);
        let printed = ostree(&case.theirs, &["prune", "--refs-only", "--depth=0"]);
        let counts = format!("Total objects: {}\nDeleted {} objects, ", pruned.total, pruned.unneeded.len());
        assert!(printed.starts_with(&counts), "{threshold:?}: {printed} {counts}");
        case.assert_same();
        let links = tree::list(&case.ours.join("objects")).into_keys().filter(|name| name.ends_with("-link"));
        let links = links.filter(|name| name.ends_with("payload-link")).count();
        assert_eq!(links > 0, threshold.is_some(), "{threshold:?}");
        ostree(&case.ours, &["fsck"]);
        assert!(repo.fsck().unwrap().damaged.is_empty());
    }
}
