//! Pulls that are cut off, from servers that fail: what is asked for again, and what is left behind.

mod failures;
mod server;
mod sizes;
mod tombstones;
mod trusted;

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ostree_objects::repo::Repo;
use ostree_objects::{Checksum, Limits};
use ota_agent::pull::{CHECKPOINT_OBJECTS, MIN_PART_BYTES};

use crate::ostree::{Case, two_trees};
use server::{Answer, Asked, Server};

/// An archive of the tool's with one commit of the tree `two`.
fn served(case: &Case) -> String {
    std::fs::create_dir(case.path("served")).unwrap();
    case.theirs("served", &["init", "--mode=archive"]);
    case.theirs("served", &["commit", "-b", "os/main", "--no-xattrs", "two"]).trim().to_owned()
}

/// A pull that is going to be killed.
fn start(case: &Case, repo: &str, url: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ota-agent"));
    command.arg("ostree").arg(case.repo(repo)).args(["pull", url, "os/main"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A server that falls silent before the content object of this number, until the number is raised.
fn silent_after(directory: &Path, limit: &Arc<AtomicUsize>) -> Server {
    let (limit, count) = (Arc::clone(limit), AtomicUsize::new(0));
    Server::start(directory, move |asked| {
        if asked.is_file() && count.fetch_add(1, Ordering::SeqCst) >= limit.load(Ordering::SeqCst) {
            Answer::Silence(0)
        } else {
            Answer::File
        }
    })
}

/// The objects of a bare-user repository, as they are asked of an archive, and their files.
fn objects(case: &Case, repo: &str) -> Vec<(String, PathBuf)> {
    let mut all = Vec::new();
    for folder in std::fs::read_dir(case.path(repo).join("objects")).unwrap() {
        let folder = folder.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            let (folder, name) =
                (folder.file_name().into_string().unwrap(), file.file_name().into_string().unwrap());
            let name =
                name.strip_suffix(".file").map_or_else(|| name.clone(), |rest| format!("{rest}.filez"));
            all.push((format!("objects/{folder}/{name}"), file.path()));
        }
    }
    all
}

fn paths(asked: &[Asked]) -> BTreeSet<&str> {
    asked.iter().map(|asked| asked.path.as_str()).collect()
}

#[test]
fn a_pull_that_is_killed_anywhere_asks_for_nothing_again_that_is_complete() {
    let case = Case::new();
    two_trees(&case, 4);
    served(&case);
    let files = objects(&case, "served").iter().filter(|(name, _)| name.ends_with(".filez")).count();
    assert!(files >= 12, "{files}");
    for stop in 0..files {
        let limit = Arc::new(AtomicUsize::new(stop));
        let server = silent_after(&case.path("served"), &limit);
        let repo = format!("killed-{stop}");
        case.ours(&repo, &["init"]);
        let child = start(&case, &repo, &server.url);
        server.wait_for_files(files.min(stop + 8));
        kill(child);
        assert_ne!(case.run(&repo, &["rev-parse", "origin:os/main"]).status.code(), Some(0));
        let there = objects(&case, &repo);
        let there: BTreeSet<&str> = there.iter().map(|(name, _)| name.as_str()).collect();
        // Those in flight may have come without having been named yet.
        let named = there.iter().filter(|name| name.ends_with(".filez")).count();
        assert!(named + 8 >= stop && named <= stop, "{named} of {stop}");
        server.asked();
        limit.store(usize::MAX, Ordering::SeqCst);
        case.ours(&repo, &["pull", &server.url, "os/main"]);
        let asked = server.asked();
        let again: Vec<_> = paths(&asked).intersection(&there).copied().collect();
        assert!(again.is_empty(), "{stop}: {again:?}");
        assert_eq!(asked.iter().filter(|asked| asked.is_file()).count(), files - named);
        case.theirs(&repo, &["fsck"]);
        assert!(std::fs::read_dir(case.path(&repo).join("state")).unwrap().next().is_none());
    }
}

#[test]
fn after_a_power_cut_only_what_was_not_durable_is_asked_for_again() {
    let case = Case::new();
    let count = usize::try_from(CHECKPOINT_OBJECTS).unwrap() + 400;
    for number in 0..count {
        let folder = case.path("two").join(format!("{}", number % 20));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{number}")), format!("content {number}")).unwrap();
    }
    let commit: Checksum = served(&case).parse().unwrap();
    let limit = Arc::new(AtomicUsize::new(count - 100));
    let server = silent_after(&case.path("served"), &limit);
    case.ours("cut", &["init"]);
    let child = start(&case, "cut", &server.url);
    server.wait_for_files(count - 92);
    kill(child);
    let repo = Repo::open(&case.path("cut")).unwrap();
    let checkpoint = repo.read_checkpoint(&commit, &Limits::DEFAULT).unwrap().unwrap();
    assert!(checkpoint.len() > 4000, "{}", checkpoint.len());
    // Names are there, but the content of what was not synced never reached the disk.
    let mut durable = BTreeSet::new();
    let (mut lost, mut there) = (0, BTreeSet::new());
    for (name, path) in objects(&case, "cut") {
        let hex = name["objects/".len()..].replace('/', "").replace(".filez", "");
        if hex.parse().is_ok_and(|checksum| checkpoint.contains(&checksum)) {
            durable.insert(name.clone());
        } else {
            std::fs::write(&path, "").unwrap();
            lost += 1;
        }
        there.insert(name);
    }
    assert_eq!(durable.len(), checkpoint.len());
    assert!(lost > 50, "{lost}");
    server.asked();
    limit.store(usize::MAX, Ordering::SeqCst);
    case.ours("cut", &["pull", &server.url, "os/main"]);
    let asked = server.asked();
    let files: BTreeSet<_> =
        asked.iter().filter(|asked| asked.is_file()).map(|asked| asked.path.clone()).collect();
    assert!(files.is_disjoint(&durable));
    assert_eq!(files.len(), count - durable.len());
    case.theirs("cut", &["fsck"]);
    assert!(repo.read_checkpoint(&commit, &Limits::DEFAULT).unwrap().is_none());

    // A checkpoint with a flipped bit is worth nothing: then all is hashed, and still nothing is fetched again.
    let limit = Arc::new(AtomicUsize::new(count - 100));
    let server = silent_after(&case.path("served"), &limit);
    case.ours("bit", &["init"]);
    let child = start(&case, "bit", &server.url);
    server.wait_for_files(count - 92);
    kill(child);
    let kept = case.path("bit").join(format!("tmp/pull-{commit}"));
    let mut bytes = std::fs::read(&kept).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&kept, bytes).unwrap();
    // One that the checkpoint called durable is damaged: only hashing can tell.
    let there = objects(&case, "bit");
    let (damaged, path) = there.iter().find(|(name, _)| name.ends_with(".filez")).unwrap();
    std::fs::write(path, "damaged").unwrap();
    server.asked();
    limit.store(usize::MAX, Ordering::SeqCst);
    case.ours("bit", &["pull", &server.url, "os/main"]);
    let asked = server.asked();
    let there: BTreeSet<&str> = there.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(paths(&asked).intersection(&there).copied().collect::<Vec<_>>(), [damaged.as_str()]);
    case.theirs("bit", &["fsck"]);
}

/// The part of an object that the repository keeps, once it has so many bytes.
fn part(case: &Case, repo: &str, bytes: u64) -> PathBuf {
    loop {
        let entries =
            std::fs::read_dir(case.path(repo).join("tmp")).unwrap().map(|entry| entry.unwrap().path());
        let found = entries.into_iter().find(|path| {
            path.file_name().unwrap().to_str().unwrap().starts_with("part-")
                && std::fs::metadata(path).is_ok_and(|found| found.len() >= bytes)
        });
        match found {
            Some(path) => return path,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

#[test]
fn a_large_object_goes_on_in_the_middle_in_another_process() {
    let case = Case::new();
    std::fs::create_dir(case.path("two")).unwrap();
    let mut state = 1_u64;
    let content: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    })
    .take(6_000_000)
    .collect();
    std::fs::write(case.path("two/large"), content).unwrap();
    served(&case);
    let sent = MIN_PART_BYTES * 3;
    let before_silence = usize::try_from(sent).unwrap();
    for (mode, power_cut) in
        [("bare-user", false), ("bare-user", true), ("archive", false), ("archive", true)]
    {
        let is_silent = Arc::new(AtomicUsize::new(1));
        let silent = Arc::clone(&is_silent);
        let server = Server::start(&case.path("served"), move |asked| {
            if asked.is_file() && silent.load(Ordering::SeqCst) == 1 {
                Answer::Silence(before_silence)
            } else {
                Answer::File
            }
        });
        let repo = format!("{mode}-{power_cut}");
        case.ours(&repo, &["init", "--mode", mode]);
        let child = start(&case, &repo, &server.url);
        let part = part(&case, &repo, sent);
        kill(child);
        assert_eq!(std::fs::metadata(&part).unwrap().len(), sent);
        if power_cut {
            // The length is there, and the last of the content is not.
            let file = std::fs::OpenOptions::new().write(true).open(&part).unwrap();
            file.write_all_at(&[0; 4096], sent - 4096).unwrap();
        }
        server.asked();
        is_silent.store(0, Ordering::SeqCst);
        case.ours(&repo, &["pull", &server.url, "os/main"]);
        let starts: Vec<_> =
            server.asked().iter().filter(|asked| asked.is_file()).map(|asked| asked.start).collect();
        let expected: &[Option<u64>] = if power_cut { &[Some(sent), None] } else { &[Some(sent)] };
        assert_eq!(starts, expected, "{repo}");
        assert!(!part.exists());
        case.theirs(&repo, &["fsck"]);
    }
}
