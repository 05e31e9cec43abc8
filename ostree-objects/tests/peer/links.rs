//! Commits of directories whose files are links to the repository's, beside those of the real tool.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ostree_objects::repo::{CheckoutOptions, CommitOptions, KnownLinks, Links, Ownership, Repo};
use ostree_objects::{Checksum, RepoMode};

use crate::repository::{commit_by_ostree, options, ostree, own, tempfile};
use crate::tree;

/// A checkout of a commit of the tool's, and what it linked.
struct Case {
    directory: PathBuf,
    repo: Repo,
    known: Arc<KnownLinks>,
    commit: Checksum,
}

impl Case {
    fn new(mode: &str, seed: u64) -> Self {
        let directory = tempfile();
        let (source, path) = (directory.join("tree"), directory.join("repo"));
        tree::make(&source, seed);
        fs::write(source.join("linked"), "what is linked").unwrap();
        fs::write(source.join("large"), "what is linked\n".repeat(10_000)).unwrap();
        own(&source);
        fs::create_dir(&path).unwrap();
        ostree(&path, &["init", &format!("--mode={mode}")]);
        let commit = commit_by_ostree(&path, &source);
        let repo = Repo::open(&path).unwrap();
        let known = KnownLinks::new();
        let ownership = if mode == "bare" { Ownership::Committed } else { Ownership::User };
        let options = CheckoutOptions {
            ownership,
            links: Links::Allowed,
            known_links: Some(&known),
            ..CheckoutOptions::default()
        };
        repo.checkout(&commit, &File::open(&directory).unwrap(), "out", options).unwrap();
        Self { directory, repo, known: Arc::new(known), commit }
    }

    fn out(&self) -> PathBuf {
        self.directory.join("out")
    }

    fn ours(&self, known: Option<&Arc<KnownLinks>>, more: impl FnOnce(&mut CommitOptions)) -> Checksum {
        let mut options = CommitOptions { known_links: known.cloned(), ..options() };
        options.branch = Some("again".into());
        more(&mut options);
        self.repo.commit(&self.out(), &options).unwrap()
    }

    fn theirs(&self, more: &[&str]) -> String {
        let fixed = ["--timestamp=@1767225600", "--subject=A subject", "--body=A body", "--branch=again"];
        let version = ["--add-metadata-string=version=1.0", "--parent=none"];
        let out = self.out();
        let arguments = [&["commit"], &fixed[..], &version, more, &[out.to_str().unwrap()]].concat();
        ostree(&self.directory.join("repo"), &arguments)
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.directory).unwrap();
        }
    }
}

fn set_time(path: &Path, time: SystemTime) {
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn a_commit_of_links_is_the_tools_whatever_else_it_changes() {
    for (mode, seed) in [("bare", 3), ("bare-user", 4), ("bare-user-only", 5), ("bare-user", 6), ("bare", 7)]
    {
        let case = Case::new(mode, seed);
        let linked = tree::list(&case.out());
        let linked = linked.keys().filter(|name| {
            let stat = fs::symlink_metadata(case.out().join(name)).unwrap();
            std::os::unix::fs::MetadataExt::nlink(&stat) > 1
        });
        assert!(case.known.len() >= 2 && case.known.len() <= linked.count(), "{mode}");
        let scanned = Arc::new(case.repo.scan_links().unwrap());
        assert!(scanned.len() >= case.known.len());
        let speedup = "--link-checkout-speedup";
        let nothing: &dyn Fn(&mut CommitOptions) = &|_| ();
        for (arguments, change) in [
            (&[speedup][..], nothing),
            (&[speedup, "--owner-uid=7", "--owner-gid=8"], &|options| {
                (options.uid, options.gid) = (Some(7), Some(8));
            }),
            (&[speedup, "--canonical-permissions"], &|options| options.canonical_permissions = true),
            (&[speedup, "--no-xattrs"], &|options| options.skip_xattrs = true),
            (&["-I", "--owner-uid=7", "--no-xattrs"], &|options| {
                options.trust_links = true;
                (options.uid, options.skip_xattrs) = (Some(7), true);
            }),
        ] {
            // Modes without owners have those of root alone, which the tool checks only after it has read all.
            if mode == "bare-user-only" && arguments.iter().any(|argument| argument.contains("owner")) {
                continue;
            }
            let theirs = case.theirs(arguments);
            for known in [&case.known, &scanned] {
                let ours = case.ours(Some(known), change);
                assert_eq!(ours.to_hex().as_str(), theirs, "{mode} {seed} {arguments:?}");
            }
        }
        ostree(&case.directory.join("repo"), &["fsck"]);
        // Owners and attributes are in the files themselves: nothing is lost without the links, and all is found again.
        if mode == "bare" {
            let again = case.ours(Some(&case.known), |options| options.branch = Some("os/main".into()));
            assert_eq!(again, case.commit);
            assert_eq!(case.ours(None, |options| options.branch = Some("os/main".into())), case.commit);
        }
    }
}

#[test]
fn what_is_known_is_not_read_and_what_was_written_to_is() {
    let case = Case::new("bare-user", 8);
    let path = case.out().join("linked");
    let untouched = case.ours(Some(&case.known), |_| ());
    // Through the link it is the object that changes: that nobody notices while the time stays.
    fs::write(&path, "what was edited").unwrap();
    set_time(&path, SystemTime::UNIX_EPOCH);
    assert_eq!(case.ours(Some(&case.known), |_| ()), untouched);
    assert_eq!(case.theirs(&["--link-checkout-speedup"]), untouched.to_hex().as_str());
    for time in [Duration::from_nanos(1), Duration::from_secs(1)] {
        set_time(&path, SystemTime::UNIX_EPOCH + time);
        let edited = case.ours(Some(&case.known), |_| ());
        assert_ne!(edited, untouched, "{time:?}");
    }
    // A file of its own in its place is not known.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "what is new").unwrap();
    set_time(&path, SystemTime::UNIX_EPOCH);
    let replaced = case.ours(Some(&case.known), |_| ());
    assert_eq!(replaced.to_hex().as_str(), case.theirs(&["--link-checkout-speedup"]));
    assert_ne!(replaced, untouched);
}

#[test]
fn a_file_that_was_an_object_once_is_read() {
    let case = Case::new("bare-user", 10);
    let untouched = case.ours(Some(&case.known), |_| ());
    // As if it had been pruned and fetched again: the object is another file, and the one that is known is free.
    let objects = tree::list(&case.directory.join("repo/objects"));
    let object = objects.iter().find(|(_, entry)| entry.content == b"what is linked").unwrap().0;
    let object = case.directory.join("repo/objects").join(object);
    let copy = object.with_extension("copy");
    testkit::tools::success(testkit::tools::tool("cp").arg("-a").arg(&object).arg(&copy));
    fs::rename(&copy, &object).unwrap();
    let path = case.out().join("linked");
    fs::write(&path, "what is edited").unwrap();
    set_time(&path, SystemTime::UNIX_EPOCH);
    let edited = case.ours(Some(&case.known), |_| ());
    assert_ne!(edited, untouched);
    assert_eq!(edited.to_hex().as_str(), case.theirs(&["--link-checkout-speedup"]));
    assert!(case.repo.fsck().unwrap().damaged.is_empty());
}

#[test]
fn what_is_not_in_this_repository_is_not_believed() {
    let case = Case::new("bare-user-only", 9);
    let expected = case.ours(None, |_| ());
    // Another repository has the same objects in other files, or none of them.
    let other = Repo::init(&case.directory.join("other"), RepoMode::BareUserOnly).unwrap();
    for _ in 0..2 {
        let options = CommitOptions { known_links: Some(case.known.clone()), trust_links: true, ..options() };
        let options = CommitOptions { branch: Some("again".into()), ..options };
        assert_eq!(other.commit(&case.out(), &options).unwrap(), expected);
        assert!(other.fsck().unwrap().damaged.is_empty());
    }
    let archive = Repo::init(&case.directory.join("archive"), RepoMode::Archive).unwrap();
    archive
        .commit(&case.out(), &CommitOptions { known_links: Some(case.known.clone()), ..options() })
        .unwrap();
    assert!(archive.fsck().unwrap().damaged.is_empty() && archive.scan_links().unwrap().is_empty());
}
