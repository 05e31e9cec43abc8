//! `ota-agent ostree` beside `ostree`: the same lines for the same arguments, and repositories that both accept.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use testkit::tools;

#[path = "../../../ostree-objects/tests/peer/tree.rs"]
#[allow(dead_code)] // The library's own tests use the rest.
mod tree;

mod json;
mod revisions;
mod settings;
mod transaction;
mod views;

pub struct Case {
    directory: tempfile::TempDir,
}

impl Case {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn repo(&self, name: &str) -> String {
        format!("--repo={}", self.path(name).display())
    }

    /// What the real tool prints.
    pub fn theirs(&self, repo: &str, arguments: &[&str]) -> String {
        let mut command = tools::tool("ostree");
        command.arg(self.repo(repo)).args(arguments).current_dir(self.directory.path());
        text(tools::success(&mut command))
    }

    pub fn run(&self, repo: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        command.arg("ostree").arg(self.repo(repo)).args(arguments).current_dir(self.directory.path());
        command.output().unwrap()
    }

    /// What both print and how both end, which must be the same on the same repository.
    pub fn both(&self, repo: &str, arguments: &[&str]) -> (String, Option<i32>) {
        let mut theirs = tools::tool("ostree");
        theirs.arg(self.repo(repo)).args(arguments).current_dir(self.directory.path());
        let theirs = theirs.output().unwrap();
        let ours = self.run(repo, arguments);
        let shown = |output: Output| (text(output.stdout), output.status.code());
        let errors = [text(ours.stderr.clone()), text(theirs.stderr.clone())];
        let (ours, theirs) = (shown(ours), shown(theirs));
        assert_eq!(ours, theirs, "{arguments:?}: {errors:?}");
        ours
    }

    /// As [`Self::both`], of lines whose order means nothing.
    pub fn both_sorted(&self, repo: &str, arguments: &[&str]) -> Vec<String> {
        let sorted = |lines: String| {
            let mut lines: Vec<String> = lines.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let (ours, theirs) = (sorted(self.ours(repo, arguments)), sorted(self.theirs(repo, arguments)));
        assert_eq!(ours, theirs, "{arguments:?}");
        ours
    }

    /// The lines of JSON that ours prints.
    pub fn json(&self, repo: &str, arguments: &[&str]) -> Vec<serde_json::Value> {
        let output = self.ours(repo, &[&["--json"], arguments].concat());
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What ours says on standard error as it fails.
    pub fn refused(&self, repo: &str, arguments: &[&str]) -> String {
        let output = self.run(repo, arguments);
        assert_eq!((output.status.code(), text(output.stdout)), (Some(1), String::new()), "{arguments:?}");
        text(output.stderr)
    }

    /// What ours prints.
    pub fn ours(&self, repo: &str, arguments: &[&str]) -> String {
        let output = self.run(repo, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(output.stderr));
        text(output.stdout)
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// Two releases of a tree: the second lacks one entry of the first, has one more, and one that changed.
pub fn two_trees(case: &Case, seed: u64) {
    for name in ["one", "two"] {
        tree::make(&case.path(name), seed);
        std::fs::create_dir_all(case.path(name).join("zz/deep")).unwrap();
        std::fs::write(case.path(name).join("zz/changed"), name).unwrap();
    }
    // Directories of another mode, the second with another content too.
    for (tree, mode) in [("one", 0o755), ("two", 0o700)] {
        for name in ["zz/mode", "zz/mode and more"] {
            let directory = case.path(tree).join(name);
            std::fs::create_dir(&directory).unwrap();
            std::fs::write(directory.join("same"), "").unwrap();
            std::fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        }
        std::fs::write(case.path(tree).join("zz/mode and more/changed"), tree).unwrap();
    }
    std::fs::write(case.path("one").join("zz/gone"), "").unwrap();
    std::fs::create_dir(case.path("one").join("zz/type")).unwrap();
    std::fs::write(case.path("one").join("zz/type/below"), "").unwrap();
    std::fs::write(case.path("two").join("zz/type"), "").unwrap();
    std::fs::create_dir_all(case.path("two").join("new/er")).unwrap();
    std::fs::write(case.path("two").join("new/er/file"), "").unwrap();
}

const OPTIONS: &[&str] = &["--branch=os/main", "--owner-uid=0", "--owner-gid=0"];

fn commit<'a>(more: &[&'a str], tree: &'a str) -> Vec<&'a str> {
    [&["commit", "--timestamp=1767225600"], OPTIONS, more, &[tree]].concat()
}

#[test]
fn commits_lists_and_differences_are_the_tools() {
    for seed in 0..8 {
        let case = Case::new();
        two_trees(&case, seed);
        let modes = ["--mode=archive", "--mode=bare-user", "--mode=bare", "--mode=bare-user-only"];
        let mode = modes[usize::try_from(seed).unwrap() % modes.len()];
        std::fs::create_dir(case.path("theirs")).unwrap();
        case.theirs("theirs", &["init", mode]);
        // Twice: what is there stays.
        case.ours("ours", &["init", mode]);
        case.ours("ours", &["init", mode]);
        let mut commits = Vec::new();
        for (tree, subject) in [("one", ""), ("two", "--subject=A subject")] {
            let more: Vec<&str> = if subject.is_empty() { vec![] } else { vec![subject] };
            let arguments = commit(&more, tree);
            // The tool reads a plain number as a date.
            let theirs: Vec<_> = arguments
                .iter()
                .map(|argument| argument.replace("--timestamp=", "--timestamp=@"))
                .chain(["--no-xattrs".into()])
                .collect();
            let theirs: Vec<_> = theirs.iter().map(String::as_str).collect();
            let theirs = case.theirs("theirs", &theirs);
            assert_eq!(case.ours("ours", &arguments), theirs, "seed {seed}");
            commits.push(theirs.trim().to_owned());
        }
        let [one, two] = &commits[..] else { panic!("two commits") };
        for arguments in [
            &["ls", "-R", two][..],
            &["ls", "-R", "-C", one],
            &["ls", "os/main"],
            &["show", "os/main"],
            &["show", one],
            &["rev-parse", "os/main"],
            &["diff", one, two],
            &["diff", two, one],
            &["diff", one, one],
        ] {
            let ours = case.ours("ours", arguments);
            assert_eq!(ours, case.theirs("theirs", arguments), "seed {seed}: {arguments:?}");
            assert_eq!(case.ours("theirs", arguments), ours, "seed {seed}: {arguments:?}");
        }
        case.theirs("ours", &["fsck"]);
        assert!(case.ours("theirs", &["fsck"]).ends_with(" 0 damaged\n"));
    }
}

#[test]
fn what_is_pulled_over_http_or_copied_passes_the_tools_fsck() {
    let case = Case::new();
    two_trees(&case, 3);
    std::fs::create_dir(case.path("theirs")).unwrap();
    case.theirs("theirs", &["init", "--mode=archive"]);
    let head = case.theirs("theirs", &["commit", "-b", "os/main", "--no-xattrs", "two"]);
    let server = Server::start(&case.path("theirs"));
    case.ours("pulled", &["init"]);
    for _ in 0..2 {
        case.ours("pulled", &["pull", server.url.as_str(), "os/main"]);
    }
    assert_eq!(case.ours("pulled", &["rev-parse", "origin:os/main"]), head);
    case.ours("copied", &["init", "--mode=archive"]);
    case.ours("copied", &["pull-local", "theirs", "os/main", head.trim()]);
    for repo in ["pulled", "copied"] {
        case.theirs(repo, &["fsck"]);
    }
    assert_eq!(case.theirs("pulled", &["rev-parse", "origin:os/main"]), head);
    assert_eq!(case.theirs("copied", &["rev-parse", "os/main"]), head);
    case.ours("pulled", &["checkout", "-U", head.trim(), "ours-out"]);
    case.theirs("pulled", &["checkout", "-U", head.trim(), "theirs-out"]);
    let names = |path: &str| {
        let listed = tree::list(&case.path(path)).into_iter();
        listed.map(|(path, entry)| (path, entry.mode, entry.content))
    };
    assert!(names("ours-out").eq(names("theirs-out")));
    let missing = case.run("pulled", &["pull", server.url.as_str(), "no/such"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(missing.stderr).contains("has no ref no/such"));
}

#[test]
fn sizes_are_listed_and_printed_as_by_the_tool() {
    let case = Case::new();
    let hello = case.path("two");
    two_trees(&case, 4);
    // From one byte to what is printed in megabytes.
    for (name, size) in [("1", 1), ("999", 999), ("5250", 5250), ("large", 5_350_000)] {
        let content = (0..size).map(|at: u32| (at ^ (at >> 8) ^ (at >> 13)).to_le_bytes()[0]);
        std::fs::write(hello.join(name), content.collect::<Vec<u8>>()).unwrap();
    }
    std::fs::create_dir(case.path("one byte")).unwrap();
    std::os::unix::fs::symlink("a", case.path("one byte/link")).unwrap();
    std::fs::create_dir(case.path("theirs")).unwrap();
    case.theirs("theirs", &["init", "--mode=archive"]);
    case.ours("ours", &["init", "--mode=archive"]);
    for tree in ["one byte", "one", "two"] {
        let ours = case.ours("ours", &commit(&["--generate-sizes"], tree));
        let arguments = ["commit", "--timestamp=@1767225600", "--generate-sizes", "--no-xattrs"];
        assert_eq!(case.theirs("theirs", &[&arguments[..], OPTIONS, &[tree]].concat()), ours, "{tree}");
        let print = ["show", "--print-sizes", "os/main"];
        assert_eq!(case.ours("ours", &print), case.theirs("theirs", &print), "{tree}");
    }
    // Objects that are not there are needed: all but what one file fewer has.
    case.theirs("partial", &["init", "--mode=archive"]);
    let server = Server::start(&case.path("theirs"));
    case.theirs("partial", &["remote", "add", "--no-gpg-verify", "origin", &server.url]);
    case.theirs("partial", &["pull", "--commit-metadata-only", "origin", "os/main"]);
    case.theirs("partial", &["commit", "-b", "other", "one byte"]);
    let print = ["show", "--print-sizes", "origin:os/main"];
    let printed = case.ours("partial", &print);
    assert_eq!(printed, case.theirs("partial", &print));
    assert!(printed.contains("MB/") && !printed.contains(": 0 bytes"), "{printed}");
    // Of a commit without sizes both say the same, too.
    case.ours("ours", &commit(&[], "one"));
    let mut theirs = tools::tool("ostree");
    let theirs = theirs.arg(case.repo("ours")).args(["show", "--print-sizes", "os/main"]).output().unwrap();
    let ours = case.run("ours", &["show", "--print-sizes", "os/main"]);
    assert_eq!((ours.status.code(), theirs.status.code()), (Some(1), Some(1)));
    let said = text(theirs.stderr);
    assert!(text(ours.stderr).contains(said.trim_start_matches("error: ").trim()), "{said}");
}

#[test]
fn a_checkout_of_links_is_committed_as_by_the_tool() {
    let case = Case::new();
    two_trees(&case, 6);
    case.ours("repo", &["init", "--mode=bare-user"]);
    case.ours("repo", &commit(&[], "two"));
    case.ours("repo", &["checkout", "-U", "-H", "os/main", "out"]);
    for options in [
        &["--link-checkout-speedup"][..],
        &["-I", "--no-xattrs"],
        &["--link-checkout-speedup", "--owner-uid=7"],
    ] {
        let ours =
            [&["commit", "--branch=again", "--timestamp=1", "--parent=none"], options, &["out"]].concat();
        let theirs =
            [&["commit", "--branch=again", "--timestamp=@1", "--parent=none"], options, &["out"]].concat();
        assert_eq!(case.ours("repo", &ours), case.theirs("repo", &theirs), "{options:?}");
    }
}

#[test]
fn damage_is_named_and_ends_with_1_in_both() {
    let case = Case::new();
    two_trees(&case, 5);
    case.ours("repo", &["init", "--mode=archive"]);
    case.ours("repo", &commit(&[], "one"));
    let listing = case.ours("repo", &["ls", "-R", "-C", "os/main"]);
    let line = listing.lines().find(|line| line.ends_with("/zz/changed")).unwrap();
    let checksum = line.split_whitespace().nth(4).unwrap();
    let object = case.path("repo/objects").join(&checksum[..2]).join(format!("{}.filez", &checksum[2..]));
    let mut bytes = std::fs::read(&object).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&object, bytes).unwrap();
    let output = case.run("repo", &["fsck"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(output.stdout).contains(checksum));
    let theirs = tools::tool("ostree").arg(case.repo("repo")).arg("fsck").output().unwrap();
    assert!(!theirs.status.success());
    std::fs::remove_file(&object).unwrap();
    let output = case.run("repo", &["fsck"]);
    assert!(text(output.stdout).contains(&format!("{checksum} is not in the repository")));
}

#[test]
fn trees_and_destinations_may_be_left_out_as_with_the_tool() {
    let case = Case::new();
    two_trees(&case, 4);
    for repo in ["ours", "theirs"] {
        case.ours(repo, &["init"]);
    }
    let rest = ["commit", "--branch=m", "--timestamp=@5", "--no-xattrs"];
    for (directory, tree) in [("", Some("--tree=dir=one")), ("two", None), ("", Some("--tree=dir=two"))] {
        let run = |mut command: Command, repo: &str| {
            command.arg(case.repo(repo)).args(rest).args(tree).current_dir(case.path(directory));
            text(tools::success(&mut command))
        };
        let mut ours = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        ours.arg("ostree");
        assert_eq!(run(ours, "ours"), run(tools::tool("ostree"), "theirs"), "{directory} {tree:?}");
    }
    // What is not known here is an error, not a directory of that name.
    assert!(
        case.refused("ours", &["commit", "-b", "m", "--tree=ref=m"]).contains("only dir=PATH is known here")
    );
    assert!(!case.run("ours", &["commit", "-b", "m", "--tree=dir=one", "two"]).status.success());
    case.ours("ours", &["checkout", "-U", "m"]);
    let listed = || {
        let entries = tree::list(&case.path("m")).into_iter();
        entries.map(|(path, entry)| (path, entry.mode, entry.content)).collect::<Vec<_>>()
    };
    let ours = listed();
    std::fs::remove_dir_all(case.path("m")).unwrap();
    case.theirs("ours", &["checkout", "-U", "m"]);
    assert!(ours.len() > 10 && ours == listed());
}

/// Python's server of plain files, on a port of its choice.
pub struct Server {
    child: Child,
    pub url: String,
}

impl Server {
    pub fn start(directory: &Path) -> Self {
        let mut command = tools::tool("/usr/bin/python3");
        command.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"]).arg(directory);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.split(" port ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        let url = format!("http://127.0.0.1:{port}");
        Self { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As nobody, if this is root: `setpriv` runs `program`, which nobody must be able to reach.
fn as_a_plain_user(program: &str, directory: &Path) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(directory);
    command
}

#[test]
fn a_plain_user_commits_and_checks_out_without_owners_as_with_the_tool() {
    // Where everybody may go, unlike perhaps to the target directory.
    let directory = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(directory.path(), open).unwrap();
    let ours = directory.path().join("ota-agent");
    std::fs::copy(env!("CARGO_BIN_EXE_ota-agent"), &ours).unwrap();
    std::fs::create_dir_all(directory.path().join("tree/directory")).unwrap();
    std::fs::write(directory.path().join("tree/directory/file"), "content").unwrap();
    std::fs::write(directory.path().join("tree/empty"), "").unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = as_a_plain_user(program, directory.path());
        text(tools::success(command.args(arguments)))
    };
    let ours = ours.to_str().unwrap();
    let mut commits = Vec::new();
    for (repo, program, first) in [("--repo=ours", ours, Some("ostree")), ("--repo=theirs", "ostree", None)] {
        let with = |words: &[&'static str]| {
            let words = first.into_iter().chain([repo]).chain(words.iter().copied());
            run(program, &words.collect::<Vec<_>>())
        };
        with(&["init", "--mode=bare-user-only"]);
        let time = if first.is_some() { "--timestamp=1" } else { "--timestamp=@1" };
        commits.push(with(&["commit", "--branch=m", time, "tree"]));
        with(&["checkout", "m", if first.is_some() { "out" } else { "out-theirs" }]);
    }
    assert_eq!(commits[0], commits[1]);
    for name in ["directory/file", "empty"] {
        let [ours, theirs] =
            ["out", "out-theirs"].map(|out| std::fs::read(directory.path().join(out).join(name)).unwrap());
        assert_eq!(ours, theirs, "{name}");
    }
}
