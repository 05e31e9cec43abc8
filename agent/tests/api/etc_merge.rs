//! `ota-agent etc-merge`, run as a process on directories.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use ostree_objects::RepoMode;
use ostree_objects::repo::{CommitOptions, Repo};

struct Trees {
    directory: tempfile::TempDir,
}

impl Trees {
    /// Directories `old`, `new` and `local` with these files.
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for tree in ["old", "new", "local"] {
            fs::create_dir(directory.path().join(tree)).unwrap();
        }
        let trees = Self { directory };
        for (path, content) in files {
            let path = trees.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        trees
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn command(&self, what: &str, options: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        command.args(["etc-merge", what]).args(options);
        command.args(["old", "new", "local"]).current_dir(self.directory.path());
        command
    }

    fn run(&self, what: &str, options: &[&str]) -> Output {
        self.command(what, options).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

const CONFLICT: &[(&str, &str)] = &[
    ("old/same", "1"),
    ("new/same", "2"),
    ("local/same", "1"),
    ("old/sshd", "port 22\n"),
    ("new/sshd", "port 23\n"),
    ("local/sshd", "port 2222\n"),
    ("old/hosts", "a\n"),
    ("new/hosts", "a\n"),
    ("local/hosts", "b\n"),
];

#[test]
fn plan_prints_a_line_for_each_path_that_differs_and_writes_nothing() {
    let trees = Trees::new(CONFLICT);
    let output = trees.run("plan", &[]);
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<_> = text(&output.stdout).lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["kept     hosts", "updated  same", "conflict sshd"]);
    let entries = fs::read_dir(trees.directory.path()).unwrap().count();
    assert_eq!(entries, 3);
    let with_diff = trees.run("plan", &["--diff"]);
    assert!(text(&with_diff.stdout).contains("-port 23\n+port 2222\n"), "{}", text(&with_diff.stdout));
}

#[test]
fn plan_for_machines_is_an_object_a_line_and_ends_with_the_totals() {
    let trees = Trees::new(CONFLICT);
    let output = trees.run("plan", &["--json"]);
    let lines: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let paths: Vec<_> = lines.iter().filter_map(|line| line["path"].as_str()).collect();
    assert_eq!(paths, ["hosts", "same", "sshd"]);
    assert_eq!(lines.last().unwrap()["event"], "totals");
}

#[test]
fn plan_with_an_index_says_the_same_and_notices_what_changed_since() {
    let trees = Trees::new(CONFLICT);
    // Only what changed longer ago than a tick of the clock is remembered.
    std::thread::sleep(Duration::from_secs(3));
    let plain = trees.run("plan", &[]);
    for _ in 0..2 {
        let output = trees.run("plan", &["--index", "index"]);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), text(&plain.stdout)));
    }
    assert!(fs::metadata(trees.path("index")).unwrap().len() > 0);
    fs::write(trees.path("local/hosts"), "c\n").unwrap();
    fs::write(trees.path("local/same"), "3").unwrap();
    let output = trees.run("plan", &["--index", "index"]);
    assert_eq!(text(&output.stdout), text(&trees.run("plan", &[]).stdout));
    assert_ne!(text(&output.stdout), text(&plain.stdout));
    fs::write(trees.path("index"), "damaged").unwrap();
    assert_eq!(text(&trees.run("plan", &["--index", "index"]).stdout), text(&output.stdout));
}

#[test]
fn plan_of_commits_says_what_the_plan_of_their_checkouts_says() {
    let trees = Trees::new(CONFLICT);
    let owner = fs::metadata(trees.path("local")).unwrap();
    let options =
        CommitOptions { uid: Some(owner.uid()), gid: Some(owner.gid()), ..CommitOptions::default() };
    let repo = Repo::init(&trees.path("repo"), RepoMode::Archive).unwrap();
    for name in ["old", "new"] {
        fs::create_dir_all(trees.path("root/usr")).unwrap();
        fs::rename(trees.path(name), trees.path("root/usr/etc")).unwrap();
        let commit = repo.commit(&trees.path("root"), &options).unwrap();
        repo.set_ref(name, &commit).unwrap();
        fs::rename(trees.path("root/usr/etc"), trees.path(name)).unwrap();
    }
    std::thread::sleep(Duration::from_secs(4));
    for options in [&["--diff"][..], &["--policy", "libostree"], &["--index", "index"], &["--index", "index"]]
    {
        let of_directories = trees.run("plan", options);
        let of_commits = trees.run("plan", &[&["--repo", "repo"], options].concat());
        assert_eq!(of_commits.status.code(), Some(0), "{}", text(&of_commits.stderr));
        assert_eq!(text(&of_commits.stdout), text(&of_directories.stdout));
        assert_ne!(of_commits.stdout, b"");
    }
    let unknown = trees.command("plan", &["--repo", "repo"]).arg("more").output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    fs::remove_file(trees.path("repo/refs/heads/old")).unwrap();
    let unknown = trees.run("plan", &["--repo", "repo"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("looking for the commit `old`"), "{}", text(&unknown.stderr));
}

#[test]
fn apply_leaves_the_merged_tree_and_prints_nothing() {
    let trees = Trees::new(CONFLICT);
    let output = trees.run("apply", &["--out", "out"]);
    assert_eq!((output.status.code(), text(&output.stdout), text(&output.stderr)), (Some(0), "", ""));
    let read = |path: &str| fs::read_to_string(trees.path(path)).unwrap();
    assert_eq!((&*read("out/same"), &*read("out/sshd"), &*read("out/hosts")), ("2", "port 2222\n", "b\n"));
    assert_eq!(read("out.conflicts/new/sshd"), "port 23\n");
    let again = trees.run("apply", &["--out", "out"]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(text(&again.stderr).lines().count(), 1, "{}", text(&again.stderr));
}

#[test]
fn a_merge_that_libostree_refuses_is_refused_with_one_line_and_leaves_nothing() {
    let trees = Trees::new(&[("old/p", "1"), ("new/p/q", "2"), ("local/p", "3")]);
    let output = trees.run("apply", &["--policy", "libostree", "--out", "out"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("p: the changed file newly defaults to a directory"), "{said}");
    assert!(!trees.path("out").exists());
    assert_eq!(trees.run("plan", &["--policy", "libostree"]).status.code(), Some(1));
    assert_eq!(trees.run("apply", &["--out", "out"]).status.code(), Some(0));
}

#[test]
fn rules_come_from_a_file() {
    let trees = Trees::new(CONFLICT);
    fs::write(trees.path("rules.toml"), "[[rule]]\npattern = 'sshd'\ntreatment = 'take-new'\n").unwrap();
    assert_eq!(trees.run("apply", &["--config", "rules.toml", "--out", "out"]).status.code(), Some(0));
    assert_eq!(fs::read_to_string(trees.path("out/sshd")).unwrap(), "port 23\n");
    let refused = trees.run("apply", &["--config", "rules.toml", "--policy", "libostree", "--out", "other"]);
    assert_eq!(refused.status.code(), Some(1));
}

/// Every file below `root` with its content.
fn listing(root: &Path) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    let mut left = vec![root.to_path_buf()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                let content = fs::read_to_string(&path).unwrap();
                all.push((path.strip_prefix(root).unwrap().to_path_buf(), content));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn killed_at_any_moment_it_leaves_nothing_or_the_whole_and_the_next_run_finishes() {
    let files: Vec<(String, String)> = (0..60)
        .flat_map(|number| {
            let path = |tree: &str| format!("{tree}/d{}/f{number}", number % 7);
            [
                (path("old"), "old"),
                (path("new"), "new"),
                (path("local"), if number % 3 == 0 { "local" } else { "old" }),
            ]
            .map(|(path, content)| (path, format!("{content} {number}\n")))
        })
        .collect();
    let files: Vec<_> = files.iter().map(|(path, content)| (path.as_str(), content.as_str())).collect();
    let trees = Trees::new(&files);
    assert_eq!(trees.run("apply", &["--out", "expected"]).status.code(), Some(0));
    let expected = listing(&trees.path("expected"));
    assert_eq!(expected.len(), 60);
    let mut finished = 0;
    for round in 0..12 {
        let out = trees.path("out");
        let mut child = trees.command("apply", &["--out", "out"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(round * round * 2));
        child.kill().unwrap();
        child.wait().unwrap();
        if out.exists() {
            finished += 1;
        } else {
            let output = trees.run("apply", &["--out", "out"]);
            assert_eq!(output.status.code(), Some(0), "round {round}: {}", text(&output.stderr));
        }
        assert_eq!(listing(&out), expected, "round {round}");
        fs::remove_dir_all(&out).unwrap();
    }
    assert!(finished < 12, "the first kill comes before anything is done");
}
