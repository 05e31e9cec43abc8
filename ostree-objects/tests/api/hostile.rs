//! Objects that the real tool accepts and that are refused here.

use ostree_objects::pull::{Planner, PullError, Request};
use ostree_objects::repo::{CheckoutOptions, Repo, RepoError, Union};
use ostree_objects::{
    Checksum, Commit, DirMetaRef, DirTree, DirTreeRef, ErrorKind, FileHeaderRef, Limits, Name, NameError,
    ObjectType, RepoMode, XattrsRef,
};

/// A dirtree with one directory entry of that name, put together by hand.
fn dirtree(name: &[u8]) -> Vec<u8> {
    let mut element = [name, &[0]].concat();
    let name_end = u8::try_from(element.len()).unwrap();
    element.extend([7; 64]);
    element.extend([name_end + 32, name_end]);
    let end = u8::try_from(element.len()).unwrap();
    element.extend([end, 0]);
    element
}

#[test]
fn names_that_leave_their_directory_are_refused() {
    let good = dirtree(b"usr");
    let entry = DirTreeRef::parse(&good).unwrap().dir("usr").unwrap();
    assert_eq!((entry.tree, entry.meta), (Checksum([7; 32]), Checksum([7; 32])));
    for (name, rule) in [
        (&b".."[..], NameError::Dots),
        (b".", NameError::Dots),
        (b"a/b", NameError::Slash),
        (b"", NameError::Empty),
    ] {
        let error = DirTreeRef::parse(&dirtree(name)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Name(rule), "{name:?}");
    }
}

#[test]
fn a_planner_takes_only_what_it_asked_for_with_the_right_content() {
    let commit = Checksum::of(b"not a commit");
    let mut planner = Planner::new(commit, Limits::DEFAULT);
    let request = planner.next_request().unwrap();
    let other = Request { object_type: ObjectType::DirMeta, ..request };
    assert_eq!(planner.metadata_arrived(other, b""), Err(PullError::Unexpected));
    let actual = Checksum::of(b"tampered");
    let expected = PullError::Checksum { object_type: ObjectType::Commit, expected: commit, actual };
    assert_eq!(planner.metadata_arrived(request, b"tampered"), Err(expected));
}

#[test]
fn a_tree_that_tries_to_leave_its_directory_touches_nothing_outside() {
    let directory =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hostile-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let repo = Repo::init(&directory.join("repo"), RepoMode::Archive).unwrap();
    let mut meta = Vec::new();
    DirMetaRef::new(0, 0, 0o755, XattrsRef::EMPTY).unwrap().encode(&mut meta).unwrap();
    let meta = repo.write_metadata(ObjectType::DirMeta, None, &meta).unwrap();
    let empty = repo.write_metadata(ObjectType::DirTree, None, &DirTree::new().encode()).unwrap();
    let mut bytes = DirTree::new();
    bytes.insert_dir(Name::new("xx").unwrap(), empty, meta).unwrap();
    let hostile = String::from_utf8_lossy(b"..").into_owned();
    let mut bytes = bytes.encode();
    bytes[..2].copy_from_slice(hostile.as_bytes());
    let tree = repo.write_metadata(ObjectType::DirTree, None, &bytes).unwrap();
    let commit = Commit {
        metadata: Vec::new(),
        parent: None,
        subject: String::new(),
        body: String::new(),
        timestamp: 0,
        tree,
        meta,
    };
    let commit = repo.write_metadata(ObjectType::Commit, None, &commit.encode()).unwrap();
    let at = std::fs::File::open(&directory).unwrap();
    let error = repo.checkout(&commit, &at, "out", CheckoutOptions::default()).unwrap_err();
    let RepoError::Malformed { object_type, checksum, error } = error else { panic!("{error}") };
    assert_eq!((object_type, checksum), (ObjectType::DirTree, tree));
    assert_eq!(error.kind, ErrorKind::Name(NameError::Dots));
    std::fs::remove_dir_all(&directory).unwrap();
}

/// A commit of files with these names and this content, and of directories with a file in each.
fn commit_of(repo: &Repo, files: &[&str], directories: &[&str]) -> Checksum {
    let mut meta = Vec::new();
    DirMetaRef::new(0, 0, 0o755, XattrsRef::EMPTY).unwrap().encode(&mut meta).unwrap();
    let meta = repo.write_metadata(ObjectType::DirMeta, None, &meta).unwrap();
    let header = FileHeaderRef::regular(0, 0, 0o100_644, XattrsRef::EMPTY).unwrap();
    let file = repo.write_file(&header, None, &b"hostile"[..]).unwrap();
    let mut below = DirTree::new();
    below.insert_file(Name::new("file").unwrap(), file).unwrap();
    let below = repo.write_metadata(ObjectType::DirTree, None, &below.encode()).unwrap();
    let mut tree = DirTree::new();
    for name in files {
        tree.insert_file(Name::new(name).unwrap(), file).unwrap();
    }
    for name in directories {
        tree.insert_dir(Name::new(name).unwrap(), below, meta).unwrap();
    }
    let tree = repo.write_metadata(ObjectType::DirTree, None, &tree.encode()).unwrap();
    let (subject, body) = (String::new(), String::new());
    let commit = Commit { metadata: Vec::new(), parent: None, subject, body, timestamp: 0, tree, meta };
    repo.write_metadata(ObjectType::Commit, None, &commit.encode()).unwrap()
}

#[test]
fn whiteouts_of_what_is_no_name_and_links_in_a_union_touch_nothing_outside() {
    let directory = tempfile::TempDir::new().unwrap();
    let repo = Repo::init(&directory.path().join("repo"), RepoMode::Archive).unwrap();
    let around = directory.path().join("around");
    let dest = around.join("dest");
    std::fs::create_dir_all(&dest).unwrap();
    std::fs::create_dir(around.join("outside")).unwrap();
    std::fs::write(around.join("outside/witness"), "untouched").unwrap();
    std::os::unix::fs::symlink("../outside", dest.join("link")).unwrap();
    let at = std::fs::File::open(&around).unwrap();
    let options = CheckoutOptions { union: Union::Files, whiteouts: true, ..CheckoutOptions::default() };
    for (name, rule) in [(".wh.", NameError::Empty), (".wh..", NameError::Dots), (".wh...", NameError::Dots)]
    {
        let commit = commit_of(&repo, &[name], &[]);
        let error = repo.checkout(&commit, &at, "dest", options).unwrap_err();
        assert!(matches!(error, RepoError::Whiteout(found) if found == rule), "{name}: {error}");
    }
    // A directory of the commit where a symbolic link is: not followed.
    for union in [Union::Files, Union::Add, Union::Identical] {
        let commit = commit_of(&repo, &[], &["link"]);
        let error = repo.checkout(&commit, &at, "dest", CheckoutOptions { union, ..options }).unwrap_err();
        assert!(matches!(error, RepoError::Io { doing: "opening a directory", .. }), "{error}");
    }
    // A whiteout of the link removes the link alone.
    repo.checkout(&commit_of(&repo, &[".wh.link"], &[]), &at, "dest", options).unwrap();
    assert!(!dest.join("link").is_symlink());
    let names = |path: &std::path::Path| -> Vec<_> {
        std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    assert_eq!(names(&around.join("outside")), ["witness"]);
    assert_eq!(std::fs::read(around.join("outside/witness")).unwrap(), b"untouched");
    assert_eq!(names(&around).len(), 2);
}
