//! Which repository and which commit an argument means.

use std::process::Command;

use testkit::tools;

use super::{Case, text};

/// A repository with three commits on `os/main`, one on `other`, and refs of remotes.
pub(super) fn history(case: &Case, mode: &str) -> Vec<String> {
    super::two_trees(case, 3);
    std::fs::create_dir(case.path("repo")).unwrap();
    case.theirs("repo", &["init", mode]);
    let mut commits = Vec::new();
    for (branch, tree, second) in
        [("os/main", "one", 1), ("os/main", "two", 2), ("os/main", "one", 3), ("other", "two", 4)]
    {
        let (branch, time) = (format!("--branch={branch}"), format!("--timestamp=@{second}"));
        let more =
            ["--subject=A subject", "--body=of\nlines", "--add-metadata-string=version=1.0", "--no-xattrs"];
        let arguments =
            [&["commit", &branch, &time][..], &more, &["--owner-uid=0", "--owner-gid=0", tree]].concat();
        commits.push(case.theirs("repo", &arguments).trim().to_owned());
    }
    case.theirs("repo", &["refs", "--create=far:os/main", "os/main^"]);
    case.theirs("repo", &["refs", "--create=away:only/here", "other"]);
    commits
}

#[test]
fn revisions_are_what_they_are_for_the_tool() {
    let case = Case::new();
    let commits = history(&case, "--mode=archive");
    // So many that some start alike.
    for second in 10..40 {
        case.theirs("repo", &["commit", "--orphan", &format!("--timestamp=@{second}"), "--no-xattrs", "one"]);
    }
    let third = &commits[2];
    let unknown = "f".repeat(64);
    // A ref that looks like the start of a checksum, of one that there is and of none.
    std::fs::write(case.path("repo/refs/heads").join(&third[..7]), &commits[3]).unwrap();
    case.theirs("repo", &["refs", "--create=abcdef0123", "other"]);
    let mut resolved = 0;
    for rev in [
        "os/main",
        "os/main^",
        "os/main^^",
        "os/main^^^",
        "other",
        "other^",
        third,
        &format!("{third}^"),
        &third[..12],
        &format!("{}^", &third[..12]),
        &third[..7],
        &third[..63],
        "abcdef0123",
        "abcdef012",
        "far:os/main",
        "far:os/main^",
        "far/os/main",
        "only/here",
        "away/only/here",
        "away:only",
        "os",
        "no/such",
        "far:nothing",
        "nowhere:os/main",
        "a//b",
        "^",
        "../x",
        "os/main~",
        &unknown,
        &format!("{unknown}^"),
        "0",
        "1",
        "2",
        "3",
    ] {
        let (printed, code) = case.both("repo", &["rev-parse", rev]);
        resolved += usize::from(code == Some(0) && printed.len() == 65);
    }
    assert!(resolved >= 17, "{resolved}");
    case.both("repo", &["rev-parse", "os/main", "other", "os/main^"]);
    case.both("repo", &["rev-parse", "--single"]);
}

#[test]
fn errors_of_revisions_say_what_to_do() {
    let case = Case::new();
    let commits = history(&case, "--mode=archive");
    case.theirs("repo", &["refs", "--create=near:both", "other"]);
    case.theirs("repo", &["refs", "--create=far:both", "os/main"]);
    let mut first: Vec<&str> = commits.iter().map(|commit| &commit[..1]).collect();
    first.sort_unstable();
    for (rev, expected) in [
        (
            "nothing",
            "nothing (`ota-agent ostree refs` lists what there is): no such ref or commit".to_owned(),
        ),
        ("other^", format!("other^: commit {} has no parent", commits[3])),
        ("both", "both: a ref of 2 remotes: name one, as REMOTE:REF".to_owned()),
        (
            "",
            "\"\" (a checksum or its start, BRANCH, REMOTE:REF, or one of them and ^): not a name of a ref"
                .to_owned(),
        ),
    ] {
        assert_eq!(case.refused("repo", &["rev-parse", rev]), format!("ota-agent: error: {expected}\n"));
    }
    // Commits until two start alike.
    let shared = (10..).find_map(|second| {
        let time = format!("--timestamp=@{second}");
        case.theirs("repo", &["commit", "--orphan", &time, "--no-xattrs", "one"]);
        (0..16).map(|digit| format!("{digit:x}")).find(|digit| {
            case.run("repo", &["rev-parse", digit]).status.code() == Some(1) && {
                let commits = std::fs::read_dir(case.path("repo/objects")).unwrap();
                let of_digit = commits
                    .map(|entry| entry.unwrap())
                    .filter(|entry| entry.file_name().to_str().unwrap().starts_with(digit.as_str()));
                of_digit
                    .flat_map(|entry| std::fs::read_dir(entry.path()).unwrap())
                    .filter(|file| {
                        file.as_ref()
                            .unwrap()
                            .path()
                            .extension()
                            .is_some_and(|extension| extension == "commit")
                    })
                    .count()
                    == 2
            }
        })
    });
    let shared = shared.unwrap();
    let expected =
        format!("ota-agent: error: {shared}: the checksums of 2 commits start like that: give more of it\n");
    assert_eq!(case.refused("repo", &["rev-parse", &shared]), expected);
}

#[test]
fn the_repository_is_the_one_that_the_tool_takes() {
    let case = Case::new();
    history(&case, "--mode=archive");
    case.ours("empty", &["init"]);
    let at = |name: &str| case.path(name).to_str().unwrap().to_owned();
    let (full, empty, none) = (at("repo"), at("empty"), at(""));
    let named = format!("--repo={full}");
    let mut found = 0;
    for directory in [&full, &empty, &none] {
        for variable in [None, Some(""), Some(&*full), Some(&*empty), Some("nowhere")] {
            for arguments in [
                &["refs"][..],
                &["refs", &named],
                &["refs", "--repo", &full],
                &[&named, "refs"],
                &["rev-parse", &named, "other"],
            ] {
                let run = |mut command: Command| {
                    command.env_remove("OSTREE_REPO").current_dir(directory).args(arguments);
                    if let Some(variable) = variable {
                        command.env("OSTREE_REPO", variable);
                    }
                    let output = command.output().unwrap();
                    let mut lines: Vec<String> = text(output.stdout).lines().map(str::to_owned).collect();
                    lines.sort();
                    // The tool prints how it is used on standard output.
                    if output.status.success() { Some(lines) } else { None }
                };
                let mut ours = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
                ours.arg("ostree");
                let ours = run(ours);
                assert_eq!(ours, run(tools::tool("ostree")), "in {directory}: {variable:?} {arguments:?}");
                found += usize::from(ours.is_some_and(|lines| !lines.is_empty()));
            }
        }
    }
    assert!(found > 60, "{found}");
}
