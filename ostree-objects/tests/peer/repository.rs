//! Repositories of each tool, read by the other.

use std::fs::{self, File};
use std::path::Path;

use ostree_objects::pull::Planner;
use ostree_objects::repo::{CheckoutOptions, CommitOptions, Links, Repo, RepoError};
use ostree_objects::{Checksum, CommitRef, FileHeaderRef, Limits, ObjectType, RepoMode, XattrsRef};
use testkit::tools;

use crate::tree;

const MODES: [(RepoMode, &str); 4] = [
    (RepoMode::Archive, "archive"),
    (RepoMode::BareUser, "bare-user"),
    (RepoMode::Bare, "bare"),
    (RepoMode::BareUserOnly, "bare-user-only"),
];

/// A mode for each seed.
pub fn mode_of(seed: u64) -> (RepoMode, &'static str) {
    MODES[usize::try_from(seed % 4).unwrap()]
}

/// Mode `bare` stores owners as they are: a plain user's tests commit their own files as such.
fn owner() -> (u32, u32) {
    use std::os::unix::fs::MetadataExt;
    let stat = fs::metadata(env!("CARGO_TARGET_TMPDIR")).unwrap();
    (stat.uid(), stat.gid())
}

pub fn ostree(repo: &Path, arguments: &[&str]) -> String {
    let mut command = tools::tool("ostree");
    command.arg(format!("--repo={}", repo.display())).args(arguments);
    String::from_utf8(tools::success(&mut command)).unwrap().trim().to_owned()
}

pub fn commit_by_ostree(repo: &Path, tree: &Path) -> Checksum {
    let printed = ostree(
        repo,
        &[
            "commit",
            "--timestamp=@1767225600",
            "--subject=A subject",
            "--body=A body",
            "--branch=os/main",
            "--add-metadata-string=version=1.0",
            tree.to_str().unwrap(),
        ],
    );
    printed.parse().unwrap()
}

/// As a deployment is checked out: the cache of archives, which the command uses by default, is left alone.
fn checkout_by_ostree(repo: &Path, commit: Checksum, to: &Path, copy: bool) {
    let commit = commit.to_hex();
    let mut arguments = vec!["checkout", "-U", "--disable-cache"];
    arguments.extend(copy.then_some("--force-copy"));
    arguments.extend([commit.as_str(), to.to_str().unwrap()]);
    ostree(repo, &arguments);
}

pub fn options() -> CommitOptions {
    CommitOptions {
        branch: Some("os/main".into()),
        subject: "A subject".into(),
        body: "A body".into(),
        timestamp: 1_767_225_600,
        metadata: vec![("version".into(), "1.0".into())],
        ..CommitOptions::default()
    }
}

/// All objects that `commit` needs, by the planner.
fn objects(repo: &Repo, commit: Checksum) -> Vec<(ObjectType, Checksum)> {
    let mut planner = Planner::new(commit, Limits::DEFAULT);
    let mut all = Vec::new();
    while let Some(request) = planner.next_request() {
        all.push((request.object_type, request.checksum));
        if request.object_type == ObjectType::File {
            planner.file_arrived(request).unwrap();
        } else {
            let bytes = repo.load_metadata(request.object_type, &request.checksum).unwrap();
            planner.metadata_arrived(request, &bytes).unwrap();
        }
    }
    assert!(planner.is_done());
    all
}

#[test]
fn a_repository_of_the_tool_is_read_and_checked_out_alike() {
    for seed in 0..16 {
        let directory = tempfile();
        let (source, ours, theirs) =
            (directory.join("tree"), directory.join("ours"), directory.join("theirs"));
        tree::make(&source, seed);
        let (mode, name) = mode_of(seed);
        let path = directory.join("repo");
        fs::create_dir(&path).unwrap();
        ostree(&path, &["init", &format!("--mode={name}")]);
        let commit = commit_by_ostree(&path, &source);

        let repo = Repo::open(&path).unwrap();
        assert_eq!(repo.mode(), mode);
        assert_eq!(repo.resolve("os/main").unwrap(), commit);
        for (object_type, checksum) in objects(&repo, commit) {
            if object_type == ObjectType::File {
                repo.check_file(&checksum).unwrap();
            }
        }
        for copy in [false, true] {
            let at = File::open(&directory).unwrap();
            let links = if copy { Links::Never } else { Links::Allowed };
            repo.checkout(&commit, &at, "ours", CheckoutOptions { links, ..CheckoutOptions::default() })
                .unwrap();
            let began = std::time::SystemTime::now();
            checkout_by_ostree(&path, commit, &theirs, copy);
            let mut expected = tree::list(&theirs);
            for (name, entry) in &mut expected {
                // What the tool copies has the time of the copying. Ours is of 1970, copied or linked, so that a
                // checkout does not show how and when it was made.
                if copy || tree::is_copied(&theirs.join(name)) {
                    let began = began.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
                    assert!(entry.time == 0 || entry.time >= i64::try_from(began).unwrap(), "{name}");
                    entry.time = 0;
                }
            }
            assert_eq!(tree::list(&ours), expected, "seed {seed}, copy {copy}");
            fs::remove_dir_all(&ours).unwrap();
            fs::remove_dir_all(&theirs).unwrap();
        }
        fs::remove_dir_all(&directory).unwrap();
    }
}

#[test]
fn a_commit_of_ours_is_the_tools_commit_and_passes_its_fsck() {
    for seed in 100..116 {
        let directory = tempfile();
        let source = directory.join("tree");
        tree::make(&source, seed);
        let (mode, name) = mode_of(seed);
        let (ours, theirs) = (directory.join("ours"), directory.join("theirs"));
        fs::create_dir(&theirs).unwrap();
        ostree(&theirs, &["init", &format!("--mode={name}")]);
        let expected = commit_by_ostree(&theirs, &source);
        let repo = Repo::init(&ours, mode).unwrap();
        let commit = repo.commit(&source, &options()).unwrap();
        assert_eq!(
            repo.load_metadata(ObjectType::Commit, &commit).unwrap(),
            Repo::open(&theirs).unwrap().load_metadata(ObjectType::Commit, &expected).unwrap(),
            "seed {seed}"
        );
        assert_eq!(commit, expected);
        ostree(&ours, &["fsck"]);
        assert_eq!(ostree(&ours, &["rev-parse", "os/main"]), commit.to_hex().as_str());
        fs::remove_dir_all(&directory).unwrap();
    }
}

/// Gives files of the tree extended attributes, and as root some of them to others.
pub fn own(root: &Path) {
    let is_root = owner().0 == 0;
    for (number, name) in tree::list(root).keys().enumerate() {
        let path = root.join(name);
        let stat = fs::symlink_metadata(&path).unwrap();
        let number = u32::try_from(number).unwrap();
        if is_root && number % 3 == 1 {
            std::os::unix::fs::lchown(&path, Some(number), Some(100 + number)).unwrap();
            if !stat.is_symlink() {
                // Changing the owner has taken the set-id bits away.
                fs::set_permissions(&path, stat.permissions()).unwrap();
            }
        }
        if !stat.is_symlink() && number % 4 == 1 {
            for (name, value) in [("user.b", &b"\0value"[..]), ("user.a", b"")] {
                rustix::fs::setxattr(&path, name, value, rustix::fs::XattrFlags::empty()).unwrap();
            }
        }
    }
}

/// What distinguishes a path: type and mode, owner, attributes, content.
pub type Stored = (u32, (u32, u32), Vec<u8>, Vec<u8>);

pub fn stored(root: &Path) -> std::collections::BTreeMap<String, Stored> {
    use std::os::unix::fs::MetadataExt;
    let mut all = std::collections::BTreeMap::new();
    for (name, entry) in tree::list(root) {
        let path = root.join(&name);
        let stat = fs::symlink_metadata(&path).unwrap();
        let mut attribute = vec![0; 4096];
        let mut attributes = Vec::new();
        for key in ["user.ostreemeta", "user.a", "user.b"] {
            if !stat.is_symlink()
                && let Ok(count) = rustix::fs::getxattr(&path, key, &mut attribute[..])
            {
                attributes.extend_from_slice(key.as_bytes());
                attributes.extend_from_slice(&attribute[..count]);
            }
        }
        // The bytes of a compressed object are each compressor's own.
        let content = if name.ends_with(".filez") { Vec::new() } else { entry.content };
        if name.ends_with(".file") && stat.is_file() {
            assert_eq!(stat.mtime(), 0, "{name}");
        }
        all.insert(name, (entry.mode, (stat.uid(), stat.gid()), attributes, content));
    }
    all
}

#[test]
fn owners_and_attributes_are_stored_as_the_tool_stores_them() {
    for seed in 200..212 {
        let directory = tempfile();
        let source = directory.join("tree");
        tree::make(&source, seed);
        own(&source);
        let (mode, name) = mode_of(seed);
        let (ours, theirs) = (directory.join("ours"), directory.join("theirs"));
        fs::create_dir(&theirs).unwrap();
        ostree(&theirs, &["init", &format!("--mode={name}")]);
        let expected = commit_by_ostree(&theirs, &source);
        let repo = Repo::init(&ours, mode).unwrap();
        assert_eq!(repo.commit(&source, &options()).unwrap(), expected, "seed {seed}, {name}");
        assert_eq!(stored(&ours.join("objects")), stored(&theirs.join("objects")), "seed {seed}, {name}");
        ostree(&ours, &["fsck"]);
        let report = Repo::open(&theirs).unwrap().fsck().unwrap();
        assert!(report.damaged.is_empty() && report.commits == 1, "{report:?}");
        fs::remove_dir_all(&directory).unwrap();
    }
}

#[test]
fn what_a_user_only_repository_cannot_store_is_refused() {
    let directory = tempfile();
    let repo = Repo::init(&directory.join("repo"), RepoMode::BareUserOnly).unwrap();
    let xattrs = ostree_objects::Xattrs::new([(&b"user.a"[..], &b""[..])]).unwrap();
    for (uid, gid, mode, xattrs) in [
        (1, 0, 0o100_644, XattrsRef::EMPTY),
        (0, 1, 0o100_644, XattrsRef::EMPTY),
        (0, 0, 0o104_755, XattrsRef::EMPTY),
        (0, 0, 0o100_666, XattrsRef::EMPTY),
        (0, 0, 0o100_644, xattrs.as_ref()),
    ] {
        let header = FileHeaderRef::regular(uid, gid, mode, xattrs).unwrap();
        let error = repo.write_file(&header, None, &b"content"[..]).unwrap_err();
        let count = xattrs.iter().count();
        assert!(
            matches!(error, RepoError::NotCanonical { uid: u, gid: g, mode: m, xattrs: x }
                if (u, g, m, x) == (uid, gid, mode, count)),
            "{error}"
        );
    }
    let header = FileHeaderRef::regular(0, 0, 0o100_775, XattrsRef::EMPTY).unwrap();
    repo.write_file(&header, None, &b"content"[..]).unwrap();
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn what_was_pulled_from_the_tools_archive_passes_its_fsck() {
    let directory = tempfile();
    let (source, from, to) = (directory.join("tree"), directory.join("from"), directory.join("to"));
    tree::make(&source, 7);
    fs::create_dir(&from).unwrap();
    ostree(&from, &["init", "--mode=archive"]);
    let commit = commit_by_ostree(&from, &source);
    let (served, repo) = (Repo::open(&from).unwrap(), Repo::init(&to, RepoMode::BareUser).unwrap());
    repo.set_partial(&commit).unwrap();
    assert!(repo.is_partial(&commit).unwrap());
    for (object_type, checksum) in objects(&served, commit) {
        let path = from.join("objects").join(checksum.loose_path(object_type, RepoMode::Archive).as_str());
        if object_type == ObjectType::File {
            repo.write_filez(&checksum, File::open(path).unwrap()).unwrap();
        } else {
            repo.write_metadata(object_type, Some(&checksum), &fs::read(path).unwrap()).unwrap();
        }
    }
    repo.set_complete(&commit).unwrap();
    repo.set_ref("os/main", &commit).unwrap();
    ostree(&to, &["fsck"]);
    let bytes = repo.load_metadata(ObjectType::Commit, &commit).unwrap();
    let read = CommitRef::parse(&bytes).unwrap();
    assert_eq!((read.subject(), read.timestamp(), read.parent()), ("A subject", 1_767_225_600, None));
    assert_eq!(read.metadata().get("version").unwrap().as_str(), Some("1.0"));
    fs::remove_dir_all(&directory).unwrap();
}

/// A new directory on a file system with user attributes, which some `/tmp` lack.
pub fn tempfile() -> std::path::PathBuf {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let directory =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("repo-{}-{number}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    directory
}
