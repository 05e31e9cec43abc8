//! Commands that only look.

use super::revisions::history;
use super::{Case, tree};

const MODES: [&str; 4] = ["--mode=archive", "--mode=bare", "--mode=bare-user", "--mode=bare-user-only"];

fn set_xattr(path: &std::path::Path, name: &str, value: &[u8]) {
    rustix::fs::setxattr(path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
}

/// A tree with what listings show: extended attributes, names with spaces, links that lead on and out.
fn tree_to_look_at(case: &Case) {
    let root = case.path("look");
    std::fs::create_dir_all(root.join("usr/bin")).unwrap();
    std::fs::create_dir_all(root.join("etc/a dir")).unwrap();
    for (name, content) in
        [("usr/bin/tool", "tool\n"), ("etc/one", "1\n"), ("etc/two words", "2"), ("empty", "")]
    {
        std::fs::write(root.join(name), content).unwrap();
    }
    for (name, target) in [
        ("usr/bin/link", "tool"),
        ("usr/bin/chain", "link"),
        ("absolute", "/etc/one"),
        ("dangling", "none"),
        ("to-directory", "usr"),
    ] {
        std::os::unix::fs::symlink(target, root.join(name)).unwrap();
    }
    set_xattr(&root.join("etc/one"), "user.text", b"hello");
    set_xattr(&root.join("etc/one"), "user.binary", b"y\xff\0\"'");
    set_xattr(&root.join("etc/one"), "user.ended", b"it's\t\\ \x01\xc3\xa9\0");
    set_xattr(&root.join("usr"), "user.of.directory", b"");
}

#[test]
fn paths_are_listed_as_by_the_tool() {
    for mode in MODES {
        let case = Case::new();
        tree_to_look_at(&case);
        std::fs::create_dir(case.path("repo")).unwrap();
        case.theirs("repo", &["init", mode]);
        let canonical: &[&str] =
            if mode == "--mode=bare-user-only" { &["--canonical-permissions"] } else { &[] };
        case.theirs("repo", &[&["commit", "-b", "m"], canonical, &["look"]].concat());
        for arguments in [
            &["m"][..],
            &["m", "/"],
            &["m", "usr"],
            &["m", "/usr/bin", "etc/one"],
            &["-d", "m", "usr"],
            &["-d", "m"],
            &["-R", "m"],
            &["-R", "m", "usr", "etc"],
            &["-Rd", "m"],
            &["-C", "m", "etc"],
            &["-RC", "m"],
            &["-X", "m", "etc"],
            &["-RXC", "m"],
            &["--nul-filenames-only", "m"],
            &["--nul-filenames-only", "-R", "m", "usr"],
            &["m", "none"],
            &["m", "usr", "none", "etc"],
            &["m", "empty/x"],
            &["m", "usr/bin/link"],
            &["m", "usr/bin/link/x"],
            &["m", "../usr"],
            &["m", "usr/bin/tool/"],
            &["m", "to-directory"],
            &["m", "to-directory/bin"],
        ] {
            case.both("repo", &[&["ls"], arguments].concat());
        }
        for arguments in [
            &["etc/one"][..],
            &["/etc/one", "etc/two words", "empty"],
            &["usr/bin/link"],
            &["usr/bin/chain"],
            &["absolute"],
            &["dangling"],
            &["usr"],
            &["to-directory"],
            &["etc/one", "none"],
            &["usr/bin/link/x"],
            &["to-directory/bin/tool"],
        ] {
            case.both("repo", &[&["cat", "m"], arguments].concat());
        }
    }
}

/// The tool's process dies of links that lead in a circle.
#[test]
fn links_in_a_circle_and_out_of_the_tree_end() {
    let case = Case::new();
    std::fs::create_dir_all(case.path("look/below")).unwrap();
    std::fs::write(case.path("look/file"), "content").unwrap();
    for (target, name) in [("circle", "circle"), ("../../../file", "below/out"), ("../file", "below/up")] {
        std::os::unix::fs::symlink(target, case.path("look").join(name)).unwrap();
    }
    let mut before = "file".to_owned();
    for number in 0..=40 {
        let name = format!("link-{number}");
        std::os::unix::fs::symlink(&before, case.path("look").join(&name)).unwrap();
        before = name;
    }
    case.ours("repo", &["init"]);
    case.ours("repo", &["commit", "-b", "m", "look"]);
    for (name, code) in [("below/out", 0), ("below/up", 0), ("link-39", 0), ("link-40", 1), ("circle", 1)] {
        let output = case.run("repo", &["cat", "m", name]);
        assert_eq!(output.status.code(), Some(code), "{name}");
        if code == 1 {
            let error = super::text(output.stderr);
            assert_eq!(error, "ota-agent: error: more than 40 symbolic links lead to each other\n");
        }
    }
}

#[test]
fn commits_and_other_objects_are_shown_as_by_the_tool() {
    for mode in MODES {
        let case = Case::new();
        let commits = history(&case, mode);
        tree_to_look_at(&case);
        let values = [
            "--add-metadata=number=uint64 7",
            "--add-metadata=all=(byte 1, true, int16 -2, uint16 3, -4, uint32 5, int64 -6)",
            "--add-metadata=text='it\\'s \"\\t\\u00e9\\u0001\\U0001f600\\ue000\\u00ad\\u0301'",
            "--add-metadata=bytes=[b'one', b'two\\\\three\\001']",
            "--add-metadata=raw=[byte 1, 0]",
            "--add-metadata=maybe=(@mi nothing, just 1, @ms just 'x', @mmi just nothing)",
            "--add-metadata=numbers=[0.1, 1.0, 1e100, 1.5e-9, 123456789012345680.0, -0.0, 0.0001]",
            "--add-metadata=nested=<<[<1>, <'x'>]>>",
            "--add-metadata=dict={'a': <1>, 'b': <@as []>}",
            "--add-metadata=empty=(@a{sv} {}, @ay [], @a(ss) [], ())",
            "--add-metadata=path=objectpath '/a/b'",
            "--add-metadata=fixed=[(1, true), (2, false)]",
            "--add-metadata=one=(uint32 1,)",
        ];
        case.theirs(
            "repo",
            &[&["commit", "-b", "values", "--canonical-permissions"][..], &values, &["look"]].concat(),
        );
        case.theirs(
            "repo",
            &["commit", "-b", "plain", "--subject=only this", "--canonical-permissions", "look"],
        );
        for arguments in
            [&["os/main"][..], &["os/main^^"], &["other"], &["--raw", "os/main"], &["plain"], &["none"]]
        {
            case.both("repo", &[&["show"], arguments].concat());
            case.both("repo", &[&["log"], arguments].concat());
        }
        for arguments in [&["--raw", "values"][..], &["-B", "--raw", "values"], &["values"]] {
            case.both("repo", &[&["show"], arguments].concat());
        }
        for value in values {
            let key = value.split('=').nth(1).unwrap();
            let key = format!("--print-metadata-key={key}");
            let (printed, code) = case.both("repo", &["show", &key, "values"]);
            assert!(code == Some(0) && !printed.is_empty(), "{key}");
            case.both("repo", &["show", "-B", &key, "values"]);
        }
        for key in ["version", "ostree.ref-binding", "none"] {
            case.both("repo", &["show", &format!("--print-metadata-key={key}"), "os/main"]);
        }
        case.both("repo", &["show", "--print-detached-metadata-key=x", "os/main"]);
        let listing = case.theirs("repo", &["ls", "-RC", "values"]);
        let mut shown = 0;
        for line in listing.lines() {
            for checksum in line.split(' ').filter(|word| word.len() == 64) {
                case.both("repo", &["show", checksum]);
                case.both("repo", &["show", "--raw", checksum]);
                shown += 1;
            }
        }
        assert!(shown > 10);
        case.both("repo", &["show", &"0".repeat(64)]);
        // History that ends where its objects do.
        let first = &commits[0];
        std::fs::remove_file(
            case.path("repo/objects").join(&first[..2]).join(format!("{}.commit", &first[2..])),
        )
        .unwrap();
        case.both("repo", &["log", "os/main"]);
    }
}

#[test]
fn what_lies_beside_a_commit_is_shown_as_by_the_tool() {
    let case = Case::new();
    super::two_trees(&case, 1);
    case.ours("repo", &["init"]);
    let detached = "--add-detached-metadata-string=note=beside it";
    case.theirs("repo", &["commit", "-b", "m", "--no-xattrs", detached, "one"]);
    case.both("repo", &["show", "--print-detached-metadata-key=note", "m"]);
    case.both("repo", &["show", "--print-detached-metadata-key=none", "m"]);
    assert_eq!(case.ours("repo", &["show", "--list-detached-metadata-keys", "m"]), "note\n");
    assert_eq!(case.ours("repo", &["show", "--list-metadata-keys", "m"]), "ostree.ref-binding\n");
}

#[test]
fn trees_of_commits_and_directories_differ_as_for_the_tool() {
    for mode in MODES {
        let case = Case::new();
        history(&case, mode);
        tree_to_look_at(&case);
        let canonical: &[&str] =
            if mode == "--mode=bare-user-only" { &["--canonical-permissions"] } else { &[] };
        case.theirs("repo", &[&["commit", "-b", "look"], canonical, &["look"]].concat());
        for arguments in [
            &["os/main"][..],
            &["os/main^"],
            &["os/main^^"],
            &["os/main", "other"],
            &["other", "os/main"],
            &["--stats", "os/main"],
            &["--stats", "--fs-diff", "os/main", "other"],
            &["os/main", "none"],
            &["--stats", "./one", "./two"],
        ] {
            case.both("repo", &[&["diff"], arguments].concat());
        }
        let absolute = case.path("two");
        let absolute = absolute.to_str().unwrap();
        let mut lines = 0;
        for arguments in [
            &["os/main", "./one"][..],
            &["os/main", "./two"],
            &["./two", "os/main"],
            &["./one", "./two"],
            &["./two", "./one"],
            &["--owner-uid=0", "os/main", absolute],
            &["--owner-uid=5", "os/main", "./one"],
            &["look", "./look"],
            &["--no-xattrs", "look", "./look"],
        ] {
            lines += case.both_sorted("repo", &[&["diff"], arguments].concat()).len();
        }
        assert!(lines > 50, "{lines}");
        // The tool gives one of two directories another owner, and finds all of it changed.
        let owned = case.ours("repo", &["diff", "--owner-uid=3", "--owner-gid=4", "./one", "./two"]);
        assert_eq!(owned, case.ours("repo", &["diff", "./one", "./two"]));
        // What no commit can have.
        rustix::fs::mknodat(
            rustix::fs::CWD,
            case.path("one/fifo"),
            rustix::fs::FileType::Fifo,
            0o644.into(),
            0,
        )
        .unwrap();
        case.both_sorted("repo", &["diff", "os/main", "./one"]);
        case.refused("repo", &["diff", "./one"]);
        case.refused("repo", &["diff", "./none", "os/main"]);
    }
}

#[test]
fn checksums_of_files_are_the_tools() {
    let case = Case::new();
    tree_to_look_at(&case);
    tree::make(&case.path("one"), 5);
    case.ours("repo", &["init"]);
    let mut command = std::process::Command::new("find");
    let listed = super::tools::success(command.args(["look", "one"]).current_dir(case.path("")));
    let mut compared = 0;
    for path in super::text(listed).lines() {
        for arguments in [&["checksum", path][..], &["checksum", "--ignore-xattrs", path]] {
            let mut theirs = super::tools::tool("ostree");
            let theirs =
                super::text(super::tools::success(theirs.args(arguments).current_dir(case.path(""))));
            assert_eq!(case.ours("repo", arguments), theirs, "{arguments:?}");
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared}");
    case.refused("repo", &["checksum", "none"]);
}

#[test]
fn summaries_are_printed_as_by_the_tool() {
    let case = Case::new();
    history(&case, "--mode=archive");
    for arguments in [&["summary", "-v"][..], &["summary", "--raw"]] {
        case.both("repo", arguments);
    }
    case.theirs("repo", &["static-delta", "generate", "--empty", "os/main"]);
    case.theirs("repo", &["static-delta", "generate", "os/main"]);
    case.theirs("repo", &["config", "set", "core.collection-id", "org.example.Os"]);
    let more = ["-m", "text='it'", "-m", "number=uint64 5", "-m", "ostree.summary.expires=uint64 1"];
    case.theirs("repo", &[&["summary", "-u"][..], &more].concat());
    for arguments in [&["summary", "-v"][..], &["summary", "--view"], &["summary", "--raw"]] {
        let (printed, code) = case.both("repo", arguments);
        assert!(code == Some(0) && printed.len() > 1000);
    }
    // One that ours makes.
    case.ours("repo", &["summary", "-u"]);
    case.both("repo", &["summary", "-v"]);
}
