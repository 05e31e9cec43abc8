//! Commits that fail or are killed, what is left in `tmp`, and objects that two repositories share.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::revisions::history;
use super::{Case, two_trees};

const NOTHING: [&str; 0] = [];

fn listed(case: &Case, path: &str) -> Vec<PathBuf> {
    let mut find = Command::new("find");
    let files = super::tools::success(find.args([path, "-not", "-type", "d"]).current_dir(case.path("")));
    let mut files: Vec<PathBuf> = super::text(files).lines().map(|line| case.path(line)).collect();
    files.sort();
    files
}

fn in_tmp(case: &Case) -> Vec<String> {
    let entries = fs::read_dir(case.path("repo/tmp")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "cache");
    names.sort();
    names
}

#[test]
fn a_commit_that_fails_names_the_path_and_leaves_nothing() {
    for mode in ["--mode=archive", "--mode=bare-user"] {
        let case = Case::new();
        two_trees(&case, 3);
        case.ours("repo", &["init", mode]);
        case.ours("repo", &["commit", "-b", "m", "one"]);
        let before = listed(&case, "repo/objects");
        fs::create_dir_all(case.path("two/deep/est")).unwrap();
        fs::write(case.path("two/deep/large"), vec![7; 3 << 20]).unwrap();
        let fifo = case.path("two/deep/est/fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
        let error = case.refused("repo", &["commit", "-b", "m", "two"]);
        let expected = "committing two: deep/est/fifo: no file, directory or symbolic link";
        assert_eq!(error, format!("ota-agent: error: {expected}\n"));
        assert_eq!(listed(&case, "repo/objects"), before);
        assert_eq!(in_tmp(&case), NOTHING);
        let theirs = super::tools::tool("ostree")
            .arg(case.repo("repo"))
            .args(["commit", "-b", "m", "two"])
            .current_dir(case.path(""))
            .output();
        assert!(!theirs.unwrap().status.success());
        assert_eq!(listed(&case, "repo/objects"), before);
        fs::remove_file(fifo).unwrap();
        // A name that no object can have.
        let odd: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"no\xfftext");
        fs::write(case.path("two/deep/est").join(odd), "").unwrap();
        let error = case.refused("repo", &["commit", "-b", "m", "two"]);
        assert_eq!(
            error,
            "ota-agent: error: committing two: deep/est/no\u{fffd}text: a name that is not UTF-8\n"
        );
        // A branch that cannot be is refused before anything is read.
        case.refused("repo", &["commit", "-b", "m//", "one"]);
        assert_eq!(listed(&case, "repo/objects"), before);
        fs::remove_file(case.path("two/deep/est").join(odd)).unwrap();
        case.ours("repo", &["commit", "-b", "m", "two"]);
        case.theirs("repo", &["fsck"]);
    }
}

/// Starts a commit of a large tree and stops it while it writes.
fn stopped_commit(case: &Case) -> std::process::Child {
    fs::create_dir_all(case.path("large")).unwrap();
    for number in 0..40_u8 {
        fs::write(case.path("large").join(number.to_string()), vec![number; 2 << 20]).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
    command
        .arg("ostree")
        .arg(case.repo("repo"))
        .args(["commit", "-b", "large", "large"])
        .current_dir(case.path(""));
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    let began = std::time::Instant::now();
    loop {
        assert!(began.elapsed() < Duration::from_secs(60), "it makes no files: {:?}", in_tmp(case));
        // Its directory and lock, and a file in it.
        let names = in_tmp(case);
        if let Some(name) = names.iter().find(|name| name.contains("-ota-") && !name.ends_with("-lock"))
            && fs::read_dir(case.path("repo/tmp").join(name)).is_ok_and(|files| files.count() > 2)
        {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    child
}

#[test]
fn what_a_killed_commit_left_goes_with_the_next_writer_and_not_before_it_is_dead() {
    for next_is_the_tool in [false, true] {
        let case = Case::new();
        two_trees(&case, 3);
        case.ours("repo", &["init"]);
        let commit = |branch: &str| {
            let branch = format!("--branch={branch}");
            if next_is_the_tool {
                case.theirs("repo", &["commit", &branch, "one"]);
            } else {
                case.ours("repo", &["commit", &branch, "one"]);
            }
        };
        let mut child = stopped_commit(&case);
        let left = in_tmp(&case);
        assert_eq!(left.len(), 2, "{left:?}");
        // While it lives, nobody takes its files away.
        commit("a");
        assert_eq!(in_tmp(&case), left);
        child.kill().unwrap();
        child.wait().unwrap();
        commit("b");
        assert_eq!(in_tmp(&case), NOTHING, "the tool: {next_is_the_tool}");
        case.theirs("repo", &["fsck"]);
        assert_eq!(case.both_sorted("repo", &["refs"]), ["a", "b"]);
        // It goes on where nothing happened.
        case.ours("repo", &["commit", "-b", "large", "large"]);
        case.theirs("repo", &["fsck"]);
    }
}

#[test]
fn a_stopped_commit_goes_on_beside_others() {
    let case = Case::new();
    two_trees(&case, 3);
    case.ours("repo", &["init"]);
    let mut child = stopped_commit(&case);
    case.theirs("repo", &["commit", "-b", "theirs", "one"]);
    case.ours("repo", &["commit", "-b", "ours", "two"]);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    assert!(child.wait().unwrap().success());
    case.theirs("repo", &["fsck"]);
    assert_eq!(case.both_sorted("repo", &["refs"]), ["large", "ours", "theirs"]);
    assert_eq!(in_tmp(&case), NOTHING);
}

#[test]
fn old_files_in_tmp_go_as_with_the_tool() {
    for next_is_the_tool in [false, true] {
        let case = Case::new();
        two_trees(&case, 3);
        case.ours("repo", &["init"]);
        let tmp = case.path("repo/tmp");
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let another = "staging-00000000-1111-2222-3333-444444444444-abcdef";
        let this = format!("staging-{}-abcdef", boot.trim());
        for directory in ["old-directory/below", "cache", another, &*this] {
            fs::create_dir_all(tmp.join(directory)).unwrap();
        }
        for file in ["old-directory/below/file", "new-1-2", "old", "young", "cache/summary"] {
            fs::write(tmp.join(file), "").unwrap();
        }
        let age = |name: &str, days: u64| {
            let time = SystemTime::now() - Duration::from_secs(days * 86_400 + 60);
            fs::File::open(tmp.join(name)).unwrap().set_modified(time).unwrap();
        };
        for name in ["old-directory", "new-1-2", "old", "cache"] {
            age(name, 1);
        }
        age(&this, 2);
        if next_is_the_tool {
            case.theirs("repo", &["commit", "-b", "m", "one"]);
        } else {
            case.ours("repo", &["commit", "-b", "m", "one"]);
        }
        let mut left = in_tmp(&case);
        left.retain(|name| !name.ends_with("-lock"));
        assert_eq!(left, ["young"], "the tool: {next_is_the_tool}");
        assert!(tmp.join("cache/summary").exists());
        // The limit is the config's.
        age("young", 0);
        case.theirs("repo", &["config", "set", "core.tmp-expiry-secs", "30"]);
        case.ours("repo", &["commit", "-b", "m", "two"]);
        let mut left = in_tmp(&case);
        left.retain(|name| !name.ends_with("-lock"));
        assert_eq!(left, NOTHING);
    }
}

/// How many of the repository's objects are files of another one too.
fn shared(case: &Case, repo: &str) -> Vec<String> {
    let objects = listed(case, &format!("{repo}/objects"));
    let linked = objects.into_iter().filter(|path| fs::symlink_metadata(path).unwrap().nlink() > 1);
    linked.map(|path| path.strip_prefix(case.path(repo)).unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn objects_are_shared_with_a_repository_on_this_machine_where_the_tool_shares_them() {
    let modes = ["archive", "bare", "bare-user", "bare-user-only"];
    let mut linked = 0;
    for from in modes {
        for to in modes {
            let case = Case::new();
            two_trees(&case, 3);
            for (repo, mode) in [("from", from), ("theirs", to), ("ours", to)] {
                case.ours(repo, &["init", &format!("--mode={mode}")]);
            }
            case.ours("from", &["commit", "-b", "m", "--canonical-permissions", "one"]);
            case.theirs("theirs", &["pull-local", "from", "m"]);
            let theirs = shared(&case, "theirs");
            fs::remove_dir_all(case.path("theirs")).unwrap();
            case.ours("ours", &["pull-local", "from", "m"]);
            assert_eq!(shared(&case, "ours"), theirs, "{from} -> {to}");
            linked += theirs.len();
            case.theirs("ours", &["fsck"]);
            assert_eq!(case.theirs("ours", &["rev-parse", "m"]), case.theirs("from", &["rev-parse", "m"]));
        }
    }
    assert!(linked > 200, "{linked}");
}

#[test]
fn objects_that_are_damaged_or_of_another_owner_are_not_shared() {
    let case = Case::new();
    two_trees(&case, 3);
    for repo in ["from", "ours", "damaged"] {
        case.ours(repo, &["init"]);
    }
    case.ours("from", &["commit", "-b", "m", "one"]);
    let mut chown = Command::new("chown");
    if rustix::process::geteuid().is_root() {
        super::tools::success(chown.args(["-R", "65534", "from"]).current_dir(case.path("")));
        case.ours("ours", &["pull-local", "from", "m"]);
        assert_eq!(shared(&case, "ours"), NOTHING);
        let mut chown = Command::new("chown");
        super::tools::success(chown.args(["-R", "0", "from"]).current_dir(case.path("")));
    }
    // The tool links what it does not look at, unless it is told that it is untrusted.
    let path = listed(&case, "from/objects").into_iter().find(|path| {
        path.extension().is_some_and(|extension| extension == "file") && fs::metadata(path).unwrap().len() > 0
    });
    let path = path.unwrap();
    let content = fs::read(&path).unwrap();
    let mut bytes = content.clone();
    bytes[0] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = case.refused("damaged", &["pull-local", "from", "m"]);
    assert!(error.contains(" has the content of "), "{error}");
    let name = path.strip_prefix(case.path("from")).unwrap();
    assert!(!case.path("damaged").join(name).exists());
    let theirs = |more: &[&str]| {
        let mut theirs = super::tools::tool("ostree");
        theirs.arg(case.repo("damaged")).arg("pull-local").args(more).args(["from", "m"]);
        theirs.current_dir(case.path("")).output().unwrap().status.success()
    };
    assert!(!theirs(&["--untrusted"]));
    fs::write(&path, content).unwrap();
    case.ours("damaged", &["pull-local", "--untrusted", "from", "m"]);
    case.theirs("damaged", &["fsck"]);
}

#[test]
fn pull_local_takes_the_tools_arguments() {
    let case = Case::new();
    let commits = history(&case, "--mode=archive");
    for repo in ["ours", "theirs"] {
        case.ours(repo, &["init", "--mode=archive"]);
    }
    for arguments in [
        &["repo", "os/main"][..],
        &["--remote=far", "repo", "other"],
        &["--depth=1", "repo", "os/main"],
        &["--depth=-1", "repo", "os/main"],
        &["--commit-metadata-only", "repo", "other"],
        &["repo", &commits[3]],
        &["repo", "none"],
        &["none", "os/main"],
    ] {
        let arguments = [&["pull-local"], arguments].concat();
        let ours = case.run("ours", &arguments).status.success();
        let mut theirs = super::tools::tool("ostree");
        theirs.arg(case.repo("theirs")).args(&arguments).current_dir(case.path(""));
        assert_eq!(ours, theirs.output().unwrap().status.success(), "{arguments:?}");
        for path in ["objects", "refs", "state"] {
            let names = |repo: &str| {
                let root = case.path(repo);
                let found = listed(&case, &format!("{repo}/{path}")).into_iter();
                found.map(|path| path.strip_prefix(&root).unwrap().to_owned()).collect::<Vec<_>>()
            };
            assert_eq!(names("ours"), names("theirs"), "{arguments:?}");
        }
    }
    // All branches; and revisions, which the tool does not take here.
    case.ours("all", &["init", "--mode=archive"]);
    case.ours("all", &["pull-local", "repo"]);
    assert_eq!(case.both_sorted("all", &["refs"]), ["os/main", "other"]);
    case.ours("some", &["init", "--mode=archive"]);
    case.ours("some", &["pull-local", "repo", "os/main^", &commits[3][..10]]);
    assert_eq!(case.both_sorted("some", &["refs"]), NOTHING);
    for commit in [&commits[1], &commits[3]] {
        case.both("some", &["show", commit]);
    }
}
