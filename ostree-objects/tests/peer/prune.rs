//! What is removed beside what the real tool removes, and how damage is repaired.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use ostree_objects::pull::Request;
use ostree_objects::repo::{PruneOptions, Repo};
use ostree_objects::{Checksum, ObjectType};

use crate::repository::{mode_of, options, ostree, tempfile};
use crate::tree;

/// Three commits in a row on one branch, and another branch that is deleted; returns the three.
fn history(repo: &Repo, directory: &Path, seed: u64) -> Vec<Checksum> {
    let mut commits = Vec::new();
    for number in 0..3 {
        let source = directory.join(format!("tree{number}"));
        tree::make(&source, seed * 10 + number);
        let mut options = options();
        options.parent = commits.last().copied();
        commits.push(repo.commit(&source, &options).unwrap());
    }
    let source = directory.join("other");
    tree::make(&source, seed + 7000);
    let mut options = options();
    options.branch = Some("other".into());
    repo.commit(&source, &options).unwrap();
    fs::remove_file(directory.join("ours/refs/heads/other")).unwrap();
    commits
}

fn objects(repo: &Path) -> BTreeSet<String> {
    let all = tree::list(&repo.join("objects"));
    all.into_iter().filter(|(name, _)| name.contains('.')).map(|(name, _)| name).collect()
}

#[test]
fn the_same_objects_remain() {
    for seed in 0..8 {
        let directory = tempfile();
        let (ours, theirs) = (directory.join("ours"), directory.join("theirs"));
        let repo = Repo::init(&ours, mode_of(seed).0).unwrap();
        let commits = history(&repo, &directory, seed);
        let mut copy = testkit::tools::tool("cp");
        testkit::tools::success(copy.arg("-a").arg(&ours).arg(&theirs));
        for (refs_only, depth) in [(false, None), (true, None), (true, Some(1)), (true, Some(0))] {
            let mut arguments = vec!["prune".to_owned()];
            arguments.extend(refs_only.then(|| "--refs-only".to_owned()));
            arguments.extend(depth.map(|depth| format!("--depth={depth}")));
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let before = objects(&ours);
            let options = PruneOptions { refs_only, depth, dry_run: true };
            let planned = repo.prune(&options).unwrap();
            assert_eq!(objects(&ours), before);
            let printed = ostree(&theirs, &arguments);
            let pruned = repo.prune(&PruneOptions { dry_run: false, ..options }).unwrap();
            assert_eq!(pruned, planned);
            assert_eq!(objects(&ours), objects(&theirs), "seed {seed}, {arguments:?}");
            assert_eq!(before.len() - objects(&ours).len(), pruned.unneeded.len());
            let total = format!("Total objects: {}", pruned.total);
            assert!(printed.starts_with(&total), "{printed} {total}");
        }
        let left = repo.commits().unwrap();
        assert_eq!(left, [commits[2]]);
        ostree(&ours, &["fsck"]);
        fs::remove_dir_all(&directory).unwrap();
    }
}

#[test]
fn deltas_to_commits_that_are_gone_go_too() {
    let directory = tempfile();
    let (ours, theirs) = (directory.join("ours"), directory.join("theirs"));
    let repo = Repo::init(&ours, ostree_objects::RepoMode::Archive).unwrap();
    let commits = history(&repo, &directory, 3);
    for (from, to) in [(None, 1), (Some(0), 1), (Some(1), 2), (None, 2)] {
        let to = format!("--to={}", commits[to]);
        let from = from.map_or("--empty".to_owned(), |from: usize| format!("--from={}", commits[from]));
        ostree(&ours, &["static-delta", "generate", &from, &to]);
    }
    let mut copy = testkit::tools::tool("cp");
    testkit::tools::success(copy.arg("-a").arg(&ours).arg(&theirs));
    let options = PruneOptions { refs_only: true, depth: Some(0), dry_run: true };
    repo.prune(&options).unwrap();
    assert_eq!(repo.deltas().unwrap().len(), 4);
    repo.prune(&PruneOptions { dry_run: false, ..options }).unwrap();
    ostree(&theirs, &["prune", "--refs-only", "--depth=0"]);
    let left = repo.deltas().unwrap();
    assert!(left.len() == 2 && left.iter().all(|delta| delta.to == commits[2]), "{left:?}");
    let listed = |path: &Path| ostree(path, &["static-delta", "list"]);
    assert_eq!(listed(&ours), listed(&theirs));
    let files = |path: &Path| tree::list(&path.join("deltas")).into_keys().collect::<Vec<_>>();
    assert_eq!(files(&ours), files(&theirs));
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn an_index_says_what_the_tools_says_which_deltas_lead_to_a_commit() {
    let directory = tempfile();
    let ours = directory.join("ours");
    let repo = Repo::init(&ours, ostree_objects::RepoMode::Archive).unwrap();
    let commits = history(&repo, &directory, 4);
    for (from, to) in [(0, 1), (1, 2)] {
        let (from, to) = (format!("--from={}", commits[from]), format!("--to={}", commits[to]));
        ostree(&ours, &["static-delta", "generate", &from, &to]);
    }
    ostree(&ours, &["summary", "-u"]);
    let indexes = || -> Vec<_> {
        let all = tree::list(&ours.join("delta-indexes")).into_iter();
        all.map(|(name, entry)| (name, entry.content)).collect()
    };
    let theirs = indexes();
    assert_eq!(theirs.iter().filter(|(name, _)| name.ends_with(".index")).count(), 2);
    let summary = repo.read_summary().unwrap().unwrap();
    let now = ostree_objects::summary::SummaryRef::parse(&summary).unwrap().last_modified().unwrap();
    fs::remove_dir_all(ours.join("delta-indexes")).unwrap();
    let bytes = repo.update_summary(now).unwrap();
    assert!(ostree_objects::summary::SummaryRef::parse(&bytes).unwrap().has_delta_indexes());
    assert_eq!(indexes(), theirs);
    // Without the deltas there are none.
    fs::remove_dir_all(ours.join("deltas")).unwrap();
    repo.update_summary(now).unwrap();
    assert_eq!(indexes().iter().filter(|(name, _)| name.ends_with(".index")).count(), 0);
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn what_is_damaged_is_removed_and_its_commits_say_so() {
    let directory = tempfile();
    let ours = directory.join("ours");
    let repo = Repo::init(&ours, mode_of(0).0).unwrap();
    let commits = history(&repo, &directory, 1);
    // Only the last commit has this file.
    fs::write(directory.join("tree2/only here"), "only here").unwrap();
    let mut options = options();
    options.parent = Some(commits[2]);
    let last = repo.commit(&directory.join("tree2"), &options).unwrap();
    let root = repo.root(&last).unwrap();
    let entry = repo.entries(&root).unwrap().into_iter().find(|entry| entry.path == "/only here").unwrap();
    let ostree_objects::repo::EntryObjects::File { checksum } = entry.objects else { panic!("{entry:?}") };
    let path = checksum.loose_path(ObjectType::File, repo.mode());
    let path = ours.join("objects").join(path.as_str());
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let report = repo.fsck().unwrap();
    let damaged: Vec<Request> = report.damaged.iter().map(|damage| damage.request).collect();
    assert_eq!(damaged, [Request { object_type: ObjectType::File, checksum }]);
    assert_eq!(repo.remove_damaged(&report).unwrap(), [last]);
    assert!(!path.exists() && repo.is_partial(&last).unwrap() && !repo.is_partial(&commits[2]).unwrap());
    let report = repo.fsck().unwrap();
    assert_eq!((report.partial, report.damaged.len(), report.commits), (vec![last], 0, 4));
    // With the object back, the commit is whole again.
    repo.write_filez(&checksum, &whole[..]).unwrap();
    repo.set_complete(&last).unwrap();
    ostree(&ours, &["fsck"]);
    assert!(repo.fsck().unwrap().damaged.is_empty());
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn what_cannot_be_read_is_not_taken_for_gone() {
    let directory = tempfile();
    let ours = directory.join("ours");
    let repo = Repo::init(&ours, mode_of(0).0).unwrap();
    let commits = history(&repo, &directory, 2);
    let before = objects(&ours);

    // A directory of objects that does not open, for whatever reason: here it is none.
    let commit = commits[2].loose_path(ObjectType::Commit, repo.mode());
    let folder = ours.join("objects").join(&commit.as_str()[..2]);
    let aside = directory.join("aside");
    fs::rename(&folder, &aside).unwrap();
    fs::write(&folder, "").unwrap();
    for refs_only in [false, true] {
        repo.prune(&PruneOptions { refs_only, ..Default::default() }).unwrap_err();
    }
    repo.fsck().unwrap_err();
    fs::remove_file(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();
    assert_eq!(objects(&ours), before);

    // A file that does not open: nobody can open a socket. It is reported, and stays.
    let root = repo.root(&commits[2]).unwrap();
    let mut entries = repo.entries(&root).unwrap().into_iter();
    let checksum = entries.find_map(|entry| match entry.objects {
        ostree_objects::repo::EntryObjects::File { checksum } => Some(checksum),
        _ => None,
    });
    let path = checksum.unwrap().loose_path(ObjectType::File, repo.mode());
    let path = ours.join("objects").join(path.as_str());
    fs::rename(&path, &aside).unwrap();
    // The path of a socket has to be short.
    let mut command = std::process::Command::new("python3");
    command
        .args(["-c", "import socket; socket.socket(socket.AF_UNIX).bind('socket')"])
        .current_dir(&directory);
    testkit::tools::success(&mut command);
    fs::rename(directory.join("socket"), &path).unwrap();
    let report = repo.fsck().unwrap();
    let [damage] = &report.damaged[..] else { panic!("{report:?}") };
    assert!(!damage.error.is_of_object(), "{damage:?}");
    assert_eq!(repo.remove_damaged(&report).unwrap(), []);
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn refs_that_lead_nowhere_are_found_as_the_tool_finds_them() {
    let directory = tempfile();
    let ours = directory.join("ours");
    let repo = Repo::init(&ours, mode_of(0).0).unwrap();
    history(&repo, &directory, 3);
    let path = ours.join("refs/heads/of/nothing");
    fs::create_dir(ours.join("refs/heads/of")).unwrap();
    let nowhere = format!("{}\n", "0".repeat(64));
    for content in ["", "no checksum\n", &nowhere] {
        fs::write(&path, content).unwrap();
        let report = repo.fsck().unwrap();
        let bad: Vec<&str> = report.refs.iter().map(|bad| &*bad.path).collect();
        assert_eq!((bad, report.damaged.len()), (vec!["refs/heads/of/nothing"], 0), "{content:?}");
        let mut theirs = testkit::tools::tool("ostree");
        theirs.arg(format!("--repo={}", ours.display())).arg("fsck");
        assert!(!theirs.output().unwrap().status.success(), "{content:?}");
        let error = repo.prune(&PruneOptions { refs_only: true, ..Default::default() }).unwrap_err();
        assert!(content == nowhere || error.to_string().contains("refs/heads/of/nothing"), "{error}");
    }
    fs::remove_file(&path).unwrap();
    assert!(repo.fsck().unwrap().refs.is_empty());
    fs::remove_dir_all(&directory).unwrap();
}
