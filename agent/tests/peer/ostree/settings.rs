//! Refs, the config and remotes: what is changed is as the tool would have changed it.

use std::fs;

use super::revisions::history;
use super::{Case, Server};

/// Two copies of one repository, of which the tool changes one and ours the other.
struct Twins {
    case: Case,
}

impl Twins {
    fn new() -> Self {
        let case = Case::new();
        history(&case, "--mode=archive");
        let copy = super::tools::success(
            std::process::Command::new("cp").args(["-a", "repo", "twin"]).current_dir(case.path("")),
        );
        assert!(copy.is_empty());
        Self { case }
    }

    /// Runs both, and compares how they end and what is in refs and config then.
    fn change(&self, arguments: &[&str]) -> bool {
        let case = &self.case;
        let mut theirs = super::tools::tool("ostree");
        theirs.arg(case.repo("repo")).args(arguments).current_dir(case.path(""));
        let theirs = theirs.output().unwrap();
        let ours = case.run("twin", arguments);
        let shown = |output: std::process::Output| (super::text(output.stdout), output.status.success());
        let (theirs, ours) = (shown(theirs), shown(ours));
        assert_eq!(ours.1, theirs.1, "{arguments:?}");
        assert_eq!(ours.0, theirs.0, "{arguments:?}");
        assert_eq!(self.state("twin"), self.state("repo"), "{arguments:?}");
        ours.1
    }

    fn state(&self, repo: &str) -> Vec<String> {
        let mut find = std::process::Command::new("find");
        find.args(["refs", "-type", "f", "-printf", "%p ", "-exec", "cat", "{}", ";"]);
        let files = super::text(super::tools::success(find.current_dir(self.case.path(repo))));
        let mut find = std::process::Command::new("find");
        find.args(["refs", "-type", "l", "-printf", "%p -> %l\n"]);
        let links = super::text(super::tools::success(find.current_dir(self.case.path(repo))));
        let mut state: Vec<String> = files.lines().chain(links.lines()).map(str::to_owned).collect();
        state.sort();
        state.push(fs::read_to_string(self.case.path(repo).join("config")).unwrap());
        state
    }
}

#[test]
fn refs_are_listed_made_and_removed_as_by_the_tool() {
    let twins = Twins::new();
    let checksum = twins.case.theirs("repo", &["rev-parse", "other"]);
    let mut changed = 0;
    for (arguments, is_done) in [
        (&["--create=new/ref", "os/main^"][..], true),
        (&["--create=new/ref", "other"], false),
        (&["--create=new/ref", "--force", "other"], true),
        (&["--create=new", "other"], false),
        (&["--create=new/ref/below", "other"], false),
        (&["--create=there:a/b", "os/main"], true),
        (&["--create=bad//name", "other"], false),
        (&["--create=-bad", "other"], false),
        (&["--create", checksum.trim(), "other"], false),
        (&["--create=lacks"], false),
        (&["--create=lacks", "none"], false),
        (&["--create=two", "other", "os/main"], false),
        (&["--alias", "--create=stable", "os/main"], true),
        (&["--alias", "--create=deep/er", "os/main"], true),
        (&["--alias", "--create=stable", "other"], true),
        (&["--alias", "--create=none", "nothing"], false),
        (&["--delete", "other"], false),
        (&["--delete"], false),
        (&["--delete", "nothing"], true),
        (&["--delete", "stable"], true),
        (&["--delete", "new"], true),
        (&["--create=new", "other"], true),
        (&["--delete", "there:a"], true),
    ] {
        let done = twins.change(&[&["refs"], arguments].concat());
        assert_eq!(done, is_done, "{arguments:?}");
        changed += usize::from(done);
        for list in [
            &[][..],
            &["--list"],
            &["os"],
            &["--list", "os"],
            &["o"],
            &["os/main"],
            &["there:"],
            &["far:os"],
            &["os", "other"],
            &["--alias"],
            &["--list", "far:os"],
        ] {
            twins.case.both_sorted("repo", &[&["refs"], list].concat());
        }
    }
    assert_eq!(changed, 11);
    // The tool makes an alias that leads nowhere.
    twins.case.refused("twin", &["refs", "--alias", "--create=none", "far:os/main"]);
    // Names that no file of a ref has are refused by both; and the start of a commit's checksum.
    assert!(!twins.change(&["refs", "--create", &checksum[..8], "other"]));
    assert!(!twins.change(&["refs", "os/"]));
}

#[test]
fn refs_are_reset_as_by_the_tool() {
    let twins = Twins::new();
    for (arguments, is_done) in [
        (&["os/main", "os/main^"][..], true),
        (&["os/main", "other"], true),
        (&["far:os/main", "other"], true),
        (&["nothing", "other"], false),
        (&["os/main", "nothing"], false),
    ] {
        assert_eq!(twins.change(&[&["reset"], arguments].concat()), is_done, "{arguments:?}");
    }
    // To what is not there the tool resets too, and then makes no summary any more.
    let unknown = "f".repeat(64);
    let error = twins.case.refused("twin", &["reset", "os/main", &unknown]);
    assert_eq!(error, format!("ota-agent: error: commit {unknown} is not in the repository\n"));
}

#[test]
fn settings_are_read_and_written_as_by_the_tool() {
    let twins = Twins::new();
    let mut changed = 0;
    for (arguments, is_done) in [
        (&["get", "core.mode"][..], true),
        (&["get", "core.none"], false),
        (&["get", "none.x"], false),
        (&["get", "mode"], false),
        (&["--group=core", "get", "mode"], true),
        (&["set", "core.fsync", "false"], true),
        (&["set", "core.fsync", "true"], true),
        (&["set", "new.key", "a b=c"], true),
        (&["get", "new.key"], true),
        (&["set", "new.other", "  lead\ttab"], true),
        (&["get", "new.other"], true),
        (&["set", "new.other", "a\\sb\nc"], true),
        (&["get", "new.other"], true),
        (&["set", "core.min-free-space-percent", "1"], true),
        (&["unset", "new.key"], true),
        (&["unset", "new.key"], true),
        (&["unset", "none.x"], true),
        (&["--group=remote \"q\"", "set", "url", "http://x/y.z"], true),
        (&["get", "remote \"q\".url"], true),
        (&["--group", "remote \"q\"", "get", "url"], true),
        (&["set", "a b.c d", "e"], true),
    ] {
        let done = twins.change(&[&["config"], arguments].concat());
        assert_eq!(done, is_done, "{arguments:?}");
        changed += usize::from(done);
    }
    assert_eq!(changed, 18);
    // What the tool lets be written, and then cannot open, is refused; and what it drops.
    let case = &twins.case;
    for (key, value, why) in [
        ("core.mode", "other", "an unknown mode in the repository's config"),
        ("core.fsync", "maybe", "fsync is neither true nor false in the repository's config"),
        ("core.a=b", "x", "not a name that a key can have in the repository's config"),
        ("co]re.a", "x", "not a name that a group can have in the repository's config"),
    ] {
        assert_eq!(
            case.refused("twin", &["config", "set", key, value]),
            format!("ota-agent: error: {why}\n")
        );
    }
    assert_eq!(twins.state("twin"), twins.state("repo"));
    // Comments stay, unlike with the tool.
    let path = case.path("twin/config");
    fs::write(&path, format!("# mine\n{}", fs::read_to_string(&path).unwrap())).unwrap();
    case.ours("twin", &["config", "set", "core.fsync", "false"]);
    assert!(fs::read_to_string(&path).unwrap().starts_with("# mine\n[core]\n"));
}

#[test]
fn remotes_are_kept_as_by_the_tool() {
    let twins = Twins::new();
    let mut changed = 0;
    for (arguments, is_done) in [
        (&["list"][..], true),
        (&["add", "o", "http://127.0.0.1:1/"], true),
        (&["add", "o", "http://127.0.0.1:2/"], false),
        (&["add", "--if-not-exists", "o", "http://127.0.0.1:2/"], true),
        (&["add", "--force", "o", "http://127.0.0.1:3/"], true),
        (&["add", "--no-gpg-verify", "p", "http://h/", "os/main", "other"], true),
        (&["add", "--no-sign-verify", "longer", "http://h/"], true),
        (&["add", "--set=proxy=http://x", "--set=unconfigured-state=hi there", "u", "http://h/"], true),
        (&["add", "--contenturl=http://c/", "v", "http://h/"], true),
        (&["add", "bad/name", "http://h/"], false),
        (&["add", "lacks"], false),
        (&["list"], true),
        (&["list", "-u"], true),
        (&["list", "--show-urls"], true),
        (&["show-url", "p"], true),
        (&["show-url", "none"], false),
        (&["delete", "p"], true),
        (&["delete", "p"], false),
        (&["delete", "--if-exists", "p"], true),
        (&["add", "m", "metalink=http://m/"], true),
        (&["show-url", "m"], false),
        (&["refs", "none"], false),
        (&["list"], true),
    ] {
        let done = twins.change(&[&["remote"], arguments].concat());
        assert_eq!(done, is_done, "{arguments:?}");
        changed += usize::from(done);
    }
    assert_eq!(changed, 16);
}

#[test]
fn what_a_remote_has_is_listed_as_by_the_tool_and_pulled_by_its_branches() {
    let case = Case::new();
    history(&case, "--mode=archive");
    case.theirs("repo", &["summary", "-u"]);
    let server = Server::start(&case.path("repo"));
    fs::create_dir(case.path("client")).unwrap();
    case.theirs("client", &["init", "--mode=archive"]);
    case.ours("client", &["remote", "add", "--no-gpg-verify", "o", &server.url, "other"]);
    case.ours("client", &["remote", "add", "--no-gpg-verify", "none", &server.url]);
    assert_eq!(case.both_sorted("client", &["remote", "refs", "o"]), ["o:os/main", "o:other"]);
    case.both("client", &["remote", "summary", "o"]);
    case.both("client", &["remote", "summary", "--raw", "o"]);
    case.ours("client", &["pull", "o"]);
    assert_eq!(case.both_sorted("client", &["refs"]), ["o:other"]);
    assert!(case.refused("client", &["pull", "none"]).contains("Name a REV"));
    // A remote whose summary has to be signed is not asked without.
    let key = "ed25519=inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    case.ours(
        "client",
        &["remote", "add", "--no-gpg-verify", &format!("--sign-verify={key}"), "s", &server.url],
    );
    case.ours("client", &["config", "--group=remote \"s\"", "set", "sign-verify-summary", "true"]);
    case.refused("client", &["remote", "refs", "s"]);
    case.refused("client", &["pull", "s", "other"]);
}
