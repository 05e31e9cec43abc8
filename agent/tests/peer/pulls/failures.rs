//! Servers that fail, deltas that are of no use, and pulls of less or more than one commit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use testkit::tools;

use super::served;
use super::server::{Answer, Server};
use crate::deltas::served as two_commits;
use crate::ostree::{Case, two_trees};

/// The directory of the only delta.
fn delta(served: &Path) -> PathBuf {
    let mut path = served.join("deltas");
    for _ in 0..2 {
        path = std::fs::read_dir(&path).unwrap().next().unwrap().unwrap().path();
    }
    path
}

/// Puts `part` in the place of the only part, and its checksum and size into superblock and index.
fn replace_part(case: &Case, delta: &Path, part: &[u8]) {
    let old = std::fs::read(delta.join("0")).unwrap();
    let mut superblock = std::fs::read(delta.join("superblock")).unwrap();
    let sums = |bytes: &[u8]| {
        let size = u64::try_from(bytes.len()).unwrap().to_le_bytes();
        (ostree_objects::Checksum::of(bytes).0, size)
    };
    let ((old_sum, old_size), (new_sum, new_size)) = (sums(&old), sums(part));
    let mut replaced = 0;
    for (old, new) in [(&old_sum[..], &new_sum[..]), (&old_size, &new_size)] {
        let places: Vec<_> =
            superblock.windows(old.len()).enumerate().filter(|(_, bytes)| *bytes == old).collect();
        let &[(place, _)] = &places[..] else { panic!("{} places", places.len()) };
        superblock[place..place + old.len()].copy_from_slice(new);
        replaced += 1;
    }
    assert_eq!(replaced, 2);
    std::fs::write(delta.join("superblock"), superblock).unwrap();
    std::fs::write(delta.join("0"), part).unwrap();
    case.theirs("served", &["summary", "-u"]);
}

/// What the program prints, which gets the part as `part`.
fn python(case: &Case, delta: &Path, program: &str) -> Vec<u8> {
    let _ = case;
    let path = delta.join("0");
    let program =
        format!("import lzma, sys\npart = open({:?}, 'rb').read()\n{program}", path.to_str().unwrap());
    tools::run("/usr/bin/python3", ["-c", &program])
}

#[test]
fn a_delta_of_no_use_is_replaced_by_objects_or_leaves_the_repository_as_it_was() {
    type Spoil = fn(&Case, &Path);
    let spoilt: [(&str, Spoil, &str); 6] = [
        (
            "truncated",
            |_, delta| {
                let part = std::fs::read(delta.join("0")).unwrap();
                std::fs::write(delta.join("0"), &part[..part.len() / 2]).unwrap();
            },
            "bytes",
        ),
        ("missing", |_, delta| std::fs::remove_file(delta.join("0")).unwrap(), "part 0"),
        (
            "flipped",
            |_, delta| {
                let mut part = std::fs::read(delta.join("0")).unwrap();
                let middle = part.len() / 2;
                part[middle] ^= 1;
                std::fs::write(delta.join("0"), part).unwrap();
            },
            "a part with checksum",
        ),
        (
            "bomb",
            |case, delta| {
                let program = "sys.stdout.buffer.write(b'x' + lzma.compress(bytes(200 << 20), preset=1))";
                replace_part(case, delta, &python(case, delta, program));
            },
            "bytes",
        ),
        (
            "other content",
            |case, delta| {
                let program = "plain = bytearray(lzma.decompress(part[1:]))\n\
                    at = plain.index(b'two')\nplain[at] ^= 1\n\
                    sys.stdout.buffer.write(b'x' + lzma.compress(plain))";
                replace_part(case, delta, &python(case, delta, program));
            },
            " came out as ",
        ),
        (
            "superblock",
            |_, delta| {
                let mut superblock = std::fs::read(delta.join("superblock")).unwrap();
                let last = superblock.len() - 1;
                superblock[last] ^= 1;
                std::fs::write(delta.join("superblock"), superblock).unwrap();
            },
            "a superblock with checksum",
        ),
    ];
    for (name, spoil, told) in spoilt {
        let case = Case::new();
        let [one, two] = two_commits(&case);
        let is_bare_of_objects = Arc::new(AtomicBool::new(false));
        let bare = Arc::clone(&is_bare_of_objects);
        let server = Server::start(&case.path("served"), move |asked| {
            let is_gone = bare.load(Ordering::SeqCst) && asked.path.starts_with("objects/");
            if is_gone { Answer::Status(404) } else { Answer::File }
        });
        for repo in ["loose", "nothing-left"] {
            case.ours(repo, &["init"]);
            case.ours(repo, &["pull", &server.url, &one]);
        }
        case.theirs("served", &["static-delta", "generate", "--from", &one, "--to", &two]);
        case.theirs("served", &["summary", "-u"]);
        spoil(&case, &delta(&case.path("served")));

        is_bare_of_objects.store(true, Ordering::SeqCst);
        let failed = case.run("nothing-left", &["pull", &server.url, "os/main"]);
        assert_eq!(failed.status.code(), Some(1), "{name}");
        let printed = String::from_utf8(failed.stdout).unwrap();
        let note = printed.lines().find(|line| line.contains("without a static delta, object by object: "));
        assert!(note.is_some_and(|note| note.contains(told)), "{name}: {printed}");
        let error = String::from_utf8(failed.stderr).unwrap();
        assert!(error.contains("the server answered 404"), "{name}: {error}");
        case.theirs("nothing-left", &["fsck"]);
        assert_eq!(case.run("nothing-left", &["rev-parse", "origin:os/main"]).status.code(), Some(1));
        let required = ["pull", "--require-static-deltas", &server.url, "os/main"];
        let failed = case.run("nothing-left", &required);
        let error = String::from_utf8(failed.stderr).unwrap();
        assert!(error.contains("a static delta is required: ") && error.contains(told), "{name}: {error}");

        is_bare_of_objects.store(false, Ordering::SeqCst);
        for repo in ["loose", "nothing-left"] {
            case.ours(repo, &["pull", &server.url, "os/main"]);
            case.theirs(repo, &["fsck"]);
            assert_eq!(case.theirs(repo, &["rev-parse", "origin:os/main"]).trim(), two, "{name}");
        }
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let case = Case::new();
    two_trees(&case, 1);
    served(&case);
    let server = Server::start(&case.path("served"), |_| Answer::Silence(0));
    case.ours("new", &["init"]);
    let patience = ["pull", "--stall-timeout=1", "--network-retries=1", &server.url, "os/main"];
    let output = case.run("new", &patience);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("/refs/heads/os/main: nothing came for 1 s"), "{error}");
    assert_eq!(server.asked().len(), 2);

    // In the middle of content as well.
    let server =
        Server::start(
            &case.path("served"),
            |asked| {
                if asked.is_file() { Answer::Silence(20) } else { Answer::File }
            },
        );
    let output =
        case.run("new", &["pull", "--stall-timeout=1", "--network-retries=0", &server.url, "os/main"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(".filez: nothing came for 1 s"), "{error}");
    case.theirs("new", &["fsck"]);
}

#[test]
fn a_server_that_sends_next_to_nothing_is_given_up() {
    let case = Case::new();
    two_trees(&case, 1);
    let checksums = (0..3000_u32).map(|number| ostree_objects::Checksum::of(&number.to_le_bytes()).0);
    let incompressible = checksums.collect::<Vec<_>>().concat();
    std::fs::write(case.path("two/large"), incompressible).unwrap();
    served(&case);
    case.ours("new", &["init"]);
    let directory = case.path("served");
    let server = Server::start(&case.path("served"), move |asked| {
        let length = std::fs::metadata(directory.join(&asked.path)).map_or(0, |metadata| metadata.len());
        if asked.is_file() && length > 90_000 { Answer::Trickle } else { Answer::File }
    });
    let patience = ["pull", "--stall-timeout=1", "--network-retries=2", &server.url, "os/main"];
    let output = case.run("new", &patience);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("or less than 1000 bytes a second"), "{error}");
    // Each time it goes on where it was; what came in between does not renew the patience.
    let starts: Vec<_> = server.asked().into_iter().filter(|asked| asked.start.is_some()).collect();
    assert_eq!(starts.len(), 2, "{starts:?}");
    case.theirs("new", &["fsck"]);
}

#[test]
fn a_failure_that_passes_is_waited_for_as_often_as_said() {
    let case = Case::new();
    two_trees(&case, 1);
    served(&case);
    let start = || {
        let times = Mutex::new(BTreeMap::<String, usize>::new());
        Server::start(&case.path("served"), move |asked| {
            let mut times = times.lock().unwrap();
            let before = times.entry(asked.path.clone()).or_default();
            *before += 1;
            if asked.is_file() && *before < 3 { Answer::Status(503) } else { Answer::File }
        })
    };
    case.ours("new", &["init"]);
    let server = start();
    let output = case.run("new", &["pull", "--network-retries=1", &server.url, "os/main"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("the server answered 503"));
    let server = start();
    case.ours("new", &["pull", "--network-retries=2", &server.url, "os/main"]);
    let asked = server.asked();
    let files: Vec<_> = asked.iter().filter(|asked| asked.is_file()).map(|asked| &asked.path).collect();
    assert_eq!(files.len(), 3 * files.iter().collect::<BTreeSet<_>>().len());
    case.theirs("new", &["fsck"]);
}

/// Everything below a directory of a repository, with the content of what is in `refs`.
fn names(case: &Case, repo: &str, below: &str) -> BTreeSet<String> {
    let root = case.path(repo);
    let (mut all, mut left) = (BTreeSet::new(), vec![root.join(below)]);
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            let text = if below == "refs" { std::fs::read_to_string(&path).unwrap() } else { String::new() };
            all.insert(format!("{name} {text}"));
        }
    }
    all
}

#[test]
fn parents_paths_and_mirrors_are_pulled_as_by_the_tool() {
    let case = Case::new();
    let [one, two] = two_commits(&case);
    case.theirs("served", &["commit", "-b", "other", "--no-xattrs", "one"]);
    case.theirs("served", &["summary", "-u"]);
    let server = Server::start(&case.path("served"), |_| Answer::File);
    for (number, (mode, options, revs)) in [
        ("--mode=bare-user", &["--depth=0"][..], &["os/main"][..]),
        ("--mode=bare-user", &["--depth=1"], &["os/main"]),
        ("--mode=archive", &["--depth=-1"], &["os/main"]),
        ("--mode=bare-user", &["--subpath=/zz"], &["os/main"]),
        ("--mode=bare-user", &["--subpath=/zz/deep", "--subpath=/new/er"], &["os/main"]),
        ("--mode=bare-user", &["--commit-metadata-only"], &["os/main"]),
        ("--mode=bare-user", &["--commit-metadata-only", "--depth=-1"], &["os/main"]),
        ("--mode=archive", &["--mirror"], &["os/main"]),
        ("--mode=archive", &["--mirror"], &[]),
    ]
    .into_iter()
    .enumerate()
    {
        let (ours, theirs) = (format!("ours-{number}"), format!("theirs-{number}"));
        case.ours(&ours, &["init", mode]);
        std::fs::create_dir(case.path(&theirs)).unwrap();
        case.theirs(&theirs, &["init", mode]);
        case.theirs(&theirs, &["remote", "add", "--no-gpg-verify", "origin", &server.url]);
        case.ours(&ours, &[&["pull"], options, &[&server.url], revs].concat());
        case.theirs(&theirs, &[&["pull"], options, &["origin"], revs].concat());
        for below in ["objects", "state", "refs"] {
            assert_eq!(names(&case, &ours, below), names(&case, &theirs, below), "{options:?} {revs:?}");
        }
    }
    // What was pulled in part is completed, and nothing of it is fetched again.
    let before = names(&case, "ours-3", "objects");
    server.asked();
    case.ours("ours-3", &["pull", &server.url, "os/main"]);
    case.theirs("ours-3", &["fsck"]);
    assert_eq!(names(&case, "ours-3", "state"), BTreeSet::new());
    let asked = server.asked().into_iter().filter(|asked| asked.path.starts_with("objects/"));
    let asked: BTreeSet<_> =
        asked.map(|asked| format!("{} ", asked.path.replace(".filez", ".file"))).collect();
    assert_eq!(asked.intersection(&before).count(), 0);
    let missing = case.run("ours-0", &["pull", "--subpath=/no/such", &server.url, &one]);
    assert_eq!(missing.status.code(), Some(1));
    let error = String::from_utf8(missing.stderr).unwrap();
    assert!(error.contains("path number 1 of those that are wanted is not in the commit"), "{error}");

    // History ends where the server's does; what lies beside commits comes with them.
    let first = case.path("served/objects").join(&one[..2]).join(format!("{}.commit", &one[2..]));
    std::fs::remove_file(first).unwrap();
    case.ours("end", &["init"]);
    let printed = case.ours("end", &["pull", "--depth=-1", &server.url, "os/main"]);
    assert_eq!(case.ours("end", &["rev-parse", "origin:os/main"]).trim(), two);
    assert!(printed.contains("objects and 0 delta parts"), "{printed}");
    case.theirs("end", &["fsck"]);
}

#[test]
fn a_machine_is_told_what_came() {
    let case = Case::new();
    let [one, two] = two_commits(&case);
    let server = Server::start(&case.path("served"), |_| Answer::File);
    case.ours("new", &["init"]);
    let last = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ota-agent"));
        command.args(["--json", "ostree"]).arg(case.repo("new")).args(arguments);
        let output = String::from_utf8(tools::success(&mut command)).unwrap();
        serde_json::from_str::<serde_json::Value>(output.lines().last().unwrap()).unwrap()
    };
    server.asked();
    let first = last(&["pull", &server.url, &one]);
    let asked = server.asked().into_iter().filter(|asked| asked.path.starts_with("objects/"));
    let objects: Vec<_> =
        asked.map(|asked| asked.path).filter(|path| !path.ends_with(".commitmeta")).collect();
    let bytes: u64 =
        objects.iter().map(|path| std::fs::metadata(case.path("served").join(path)).unwrap().len()).sum();
    let expected = serde_json::json!({
        "event": "pulled", "rev": one, "commit": one, "objects": objects.len(), "bytes": bytes, "delta_parts": 0
    });
    assert_eq!(first, expected);
    case.theirs("served", &["static-delta", "generate", "--from", &one, "--to", &two]);
    case.theirs("served", &["summary", "-u"]);
    let second = last(&["pull", &server.url, "os/main"]);
    assert_eq!((&second["objects"], &second["delta_parts"]), (&0.into(), &1.into()));
    assert_eq!(second["commit"], two);
    let third = last(&["pull", &server.url, "os/main"]);
    assert_eq!(
        (&third["objects"], &third["bytes"], &third["delta_parts"]),
        (&0.into(), &0.into(), &0.into())
    );
}

#[test]
fn no_server_is_asked_for_what_is_no_name_of_a_branch() {
    let case = Case::new();
    std::fs::create_dir(case.path("served")).unwrap();
    case.theirs("served", &["init", "--mode=archive"]);
    case.ours("ours", &["init", "--mode=bare-user"]);
    let server = Server::start(&case.path("served"), |_| Answer::File);
    for name in ["../../config", "a//b", "/a", ".", "a/../b"] {
        let output = case.run("ours", &["pull", &server.url, name]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains("not a name of a ref"), "{name}: {said}");
    }
    assert_eq!(server.asked().len(), 0);
}
