//! Pulls of commits that were deleted from the server.

use std::path::Path;

use super::server::{Answer, Server};
use crate::ostree::Case;
use testkit::tools;

/// Three commits of the tool's in a row.
fn history(case: &Case) -> Vec<String> {
    std::fs::create_dir(case.path("served")).unwrap();
    case.theirs("served", &["init", "--mode=archive"]);
    let commits = (1..=3).map(|number| {
        std::fs::create_dir_all(case.path("tree")).unwrap();
        std::fs::write(case.path("tree/file"), format!("release {number}\n")).unwrap();
        let time = format!("--timestamp=@{number}");
        case.theirs("served", &["commit", "-b", "os/main", &time, "--no-xattrs", "tree"]).trim().to_owned()
    });
    commits.collect()
}

/// Whether the tool's pull of the branch with all parents goes well.
fn the_tool_pulls(case: &Case, url: &str, name: &str) -> bool {
    std::fs::create_dir(case.path(name)).unwrap();
    case.theirs(name, &["init", "--mode=archive"]);
    case.theirs(name, &["remote", "add", "--no-gpg-verify", "origin", url]);
    let mut tool = tools::tool("ostree");
    tool.arg(case.repo(name)).args(["pull", "--depth=-1", "origin", "os/main"]);
    tool.output().unwrap().status.success()
}

fn tombstones(directory: &Path) -> Vec<std::path::PathBuf> {
    let files = testkit::files::walk(directory).into_iter().map(|found| found.path);
    files.filter(|path| path.to_str().is_some_and(|path| path.ends_with(".tombstone-commit"))).collect()
}

#[test]
fn a_deleted_commit_is_named_and_ends_the_history() {
    let case = Case::new();
    let commits = history(&case);
    let [_, second, _] = &commits[..] else { panic!("three commits") };
    let server = Server::start(&case.path("served"), |_| Answer::File);
    let url = server.url.as_str();
    case.ours("served", &["prune", &format!("--delete-commit={second}")]);
    case.theirs("served", &["summary", "-u"]);
    case.ours("pulled", &["init", "--mode=archive"]);
    let refused = case.run("pulled", &["pull", url, second]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains(&format!("commit {second} was deleted from the source on purpose")), "{said}");
    let local = case.run("pulled", &["pull-local", "served", second]);
    let said = String::from_utf8(local.stderr).unwrap();
    assert!(said.contains(&format!("commit {second} was deleted")), "{said}");

    let all = ["pull", "--depth=-1", url, "os/main"];
    case.ours("pulled", &all);
    assert!(the_tool_pulls(&case, url, "theirs"));
    assert_eq!(case.ours("pulled", &["fsck"]).lines().count(), 1);
    case.theirs("pulled", &["fsck"]);

    // A server whose summary promises tombstones, and that has none, lost the commit.
    let found = tombstones(&case.path("served"));
    assert_eq!(found.len(), 1);
    std::fs::remove_file(case.path("served").join(&found[0])).unwrap();
    case.ours("again", &["init", "--mode=archive"]);
    let lost = case.run("again", &all);
    let said = String::from_utf8(lost.stderr).unwrap();
    assert_eq!(lost.status.code(), Some(1));
    assert!(said.contains(&format!("parent {second} has no tombstone either")), "{said}");
    assert!(!the_tool_pulls(&case, url, "theirs again"));
    // Without a summary nothing is promised.
    std::fs::remove_file(case.path("served/summary")).unwrap();
    case.ours("again", &all);
    assert!(the_tool_pulls(&case, url, "theirs at last"));
    let other = case.run("again", &["pull", url, second]);
    assert!(String::from_utf8(other.stderr).unwrap().contains("404"));
}
