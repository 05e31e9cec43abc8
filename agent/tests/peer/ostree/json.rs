//! `--json` is heeded or refused by every sub-command, and never passed over.

use std::process::Command;

use serde_json::{Value, json};

use super::revisions::history;
use super::{Case, Server, text};

/// All sub-commands, as the help says.
fn sub_commands(of: &[&str]) -> Vec<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_ota-agent")).args(of).arg("-h").output().unwrap();
    let help = text(help.stdout);
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_sub_command_prints_json_or_refuses_to() {
    let case = Case::new();
    let commits = history(&case, "--mode=archive");
    case.theirs("repo", &["summary", "-u"]);
    let keys = crate::deltas::keys(&case);
    let server = Server::start(&case.path("repo"));
    let url = server.url.as_str();
    std::fs::create_dir(case.path("client")).unwrap();
    let secret = format!("--keys-file={}", keys[0]);
    let public = format!("--keys-file={}", keys[1]);
    let third = commits[2].as_str();
    let first_delta = || case.ours("client", &["static-delta", "list"]).trim().to_owned();
    // What it is called with, whether it prints JSON, and how many objects.
    let calls: Vec<(Vec<&str>, Option<usize>)> = vec![
        (vec!["init", "--mode=archive"], Some(1)),
        (vec!["pull-local", "repo", "os/main"], Some(1)),
        (vec!["commit", "-b", "mine", "one"], Some(1)),
        (vec!["checkout", "-U", "mine", "out"], Some(1)),
        (vec!["ls", "mine", "zz"], Some(7)),
        (vec!["ls", "-RXC", "mine", "zz/deep"], Some(1)),
        (vec!["ls", "--nul-filenames-only", "mine"], None),
        (vec!["cat", "mine", "zz/changed"], None),
        (vec!["show", "mine"], Some(1)),
        (vec!["show", "--raw", "mine"], None),
        (vec!["show", "--print-metadata-key=x", "mine"], None),
        (vec!["show", "--list-metadata-keys", "mine"], Some(1)),
        (vec!["log", "os/main"], Some(1)),
        (vec!["log", "--raw", "os/main"], None),
        (vec!["diff", "mine", "mine"], Some(0)),
        (vec!["diff", "--stats", "mine", "os/main"], Some(1)),
        (vec!["checksum", "one/zz/changed"], Some(1)),
        (vec!["refs"], Some(2)),
        (vec!["refs", "--create=new", "mine"], Some(1)),
        (vec!["refs", "--delete", "new"], Some(1)),
        (vec!["reset", "mine", third], Some(1)),
        (vec!["rev-parse", "mine", "os/main"], Some(2)),
        (vec!["fsck"], Some(1)),
        (vec!["prune", "--no-prune"], Some(1)),
        (vec!["remote", "add", "--no-gpg-verify", "o", url], Some(1)),
        (vec!["remote", "list"], Some(1)),
        (vec!["remote", "show-url", "o"], Some(1)),
        (vec!["remote", "refs", "o"], Some(2)),
        (vec!["remote", "summary", "o"], None),
        (vec!["pull", "o", "other"], Some(1)),
        (vec!["remote", "delete", "o"], Some(1)),
        (vec!["config", "set", "core.fsync", "false"], Some(1)),
        (vec!["config", "get", "core.fsync"], Some(1)),
        (vec!["config", "unset", "core.fsync"], Some(1)),
        (vec!["static-delta", "generate", "--empty", "--inline", "mine"], Some(1)),
        (vec!["static-delta", "list"], Some(1)),
        (vec!["summary", "-u"], Some(1)),
        (vec!["summary", "-v"], Some(3)),
        (vec!["summary", "--raw"], None),
        (vec!["sign", &secret, "mine"], Some(1)),
        (vec!["sign", "--verify", &public, "mine"], Some(1)),
    ];
    let mut seen: Vec<String> = Vec::new();
    let mut check = |arguments: &[&str], expected: Option<usize>| {
        let output = case.run("client", &[&["--json"], arguments].concat());
        let printed: Vec<Value> =
            text(output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        match expected {
            Some(count) => {
                assert_eq!(output.status.code(), Some(0), "{arguments:?}: {printed:?}");
                // A pull also tells how far it is.
                let printed: Vec<_> = printed.iter().filter(|value| value["event"] != "pulling").collect();
                assert_eq!(printed.len(), count, "{arguments:?}: {printed:?}");
                assert!(printed.iter().all(|value| value.is_object()), "{arguments:?}");
            }
            None => {
                assert_eq!(output.status.code(), Some(2), "{arguments:?}");
                assert!(
                    printed[0]["message"].as_str().unwrap().starts_with("not with --json: "),
                    "{printed:?}"
                );
            }
        }
        seen.push(arguments[0].to_owned());
        if ["remote", "config", "static-delta"].contains(&arguments[0]) {
            seen.push(format!(
                "{} {}",
                arguments[0],
                arguments.iter().skip(1).find(|word| !word.starts_with('-')).unwrap()
            ));
        }
    };
    for (arguments, expected) in &calls {
        check(arguments, *expected);
    }
    let delta = first_delta();
    check(&["static-delta", "show", &delta], None);
    let mut superblocks = Command::new("find");
    let superblocks = superblocks.args(["client/deltas", "-name", "superblock"]).current_dir(case.path(""));
    let superblock = text(super::tools::success(superblocks));
    check(&["static-delta", "apply-offline", superblock.trim()], Some(1));
    check(&["apply-delta", superblock.trim()], Some(1));
    // None was forgotten.
    for command in sub_commands(&["ostree"]) {
        assert!(seen.contains(&command), "{command}");
    }
    for group in ["remote", "config", "static-delta"] {
        for command in sub_commands(&["ostree", group]) {
            assert!(seen.contains(&format!("{group} {command}")), "{group} {command}");
        }
    }
}

#[test]
fn objects_say_what_the_lines_say() {
    let case = Case::new();
    let commits = history(&case, "--mode=archive");
    assert_eq!(
        case.json("repo", &["rev-parse", "os/main^", "other"]),
        [json!({ "rev": "os/main^", "commit": commits[1] }), json!({ "rev": "other", "commit": commits[3] })]
    );
    let listed = case.json("repo", &["ls", "-R", "-C", "os/main"]);
    let lines = case.theirs("repo", &["ls", "-RC", "os/main"]);
    assert_eq!(listed.len(), lines.lines().count());
    for (object, line) in listed.iter().zip(lines.lines()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(words[0].ends_with(object["mode"].as_str().unwrap()), "{line}");
        let kinds = [("d", "directory"), ("l", "symlink"), ("-", "file")];
        assert!(
            kinds.iter().any(|(letter, kind)| line.starts_with(letter) && object["type"] == *kind),
            "{line}"
        );
        let first = if object["type"] == "directory" { &object["tree"] } else { &object["checksum"] };
        assert_eq!(first, words[4], "{line}");
        assert!(line.contains(object["path"].as_str().unwrap()), "{line}");
    }
    let changed = case.json("repo", &["diff", "os/main"]);
    let lines = case.theirs("repo", &["diff", "os/main"]);
    let expected: Vec<Value> =
        lines.lines().map(|line| json!({ "change": &line[..1], "path": &line[5..] })).collect();
    assert_eq!(changed, expected);
    let log = case.json("repo", &["log", "os/main"]);
    let parents: Vec<&Value> = log.iter().map(|commit| &commit["parent"]).collect();
    assert_eq!(parents, [&json!(commits[1]), &json!(commits[0]), &Value::Null]);
    assert_eq!((&log[0]["version"], &log[0]["body"]), (&json!("1.0"), &json!("of\nlines")));
    // Errors are objects too.
    let output = case.run("repo", &["--json", "ls", "none"]);
    let printed: Value = serde_json::from_str(text(output.stdout).trim()).unwrap();
    assert_eq!((output.status.code(), &printed["event"]), (Some(1), &json!("error")));
}
