//! Each limit, at it and one beyond it.

use std::fs::File;

use ostree_objects::limits::{MAX_CONTENT_BYTES, MAX_DEPTH};
use ostree_objects::pull::{Planner, PullError, Request};
use ostree_objects::repo::{CheckoutOptions, CommitOptions, Repo, RepoError, TreeDiff};
use ostree_objects::{
    Checksum, Commit, DirMetaRef, DirTree, ErrorKind, FileHeaderRef, Limits, Name, ObjectType, RepoMode,
    XattrsRef,
};
use tempfile::TempDir;

fn repository() -> (TempDir, Repo) {
    let directory = TempDir::new().unwrap();
    let repo = Repo::init(&directory.path().join("repo"), RepoMode::Archive).unwrap();
    (directory, repo)
}

/// A commit of so many directories, each in the one before it; the root is the first.
fn commit_of_depth(repo: &Repo, depth: usize) -> Checksum {
    let mut meta = Vec::new();
    DirMetaRef::new(0, 0, 0o755, XattrsRef::EMPTY).unwrap().encode(&mut meta).unwrap();
    let meta = repo.write_metadata(ObjectType::DirMeta, None, &meta).unwrap();
    let mut tree = repo.write_metadata(ObjectType::DirTree, None, &DirTree::new().encode()).unwrap();
    for _ in 1..depth {
        let mut parent = DirTree::new();
        parent.insert_dir(Name::new("d").unwrap(), tree, meta).unwrap();
        tree = repo.write_metadata(ObjectType::DirTree, None, &parent.encode()).unwrap();
    }
    let (subject, body) = (String::new(), String::new());
    let commit = Commit { metadata: Vec::new(), parent: None, subject, body, timestamp: 0, tree, meta };
    repo.write_metadata(ObjectType::Commit, None, &commit.encode()).unwrap()
}

fn bytes_of(repo: &Repo, request: Request) -> Vec<u8> {
    repo.load_metadata(request.object_type, &request.checksum).unwrap()
}

fn plan(repo: &Repo, commit: Checksum, limits: Limits) -> Result<(), PullError> {
    let mut planner = Planner::new(commit, limits);
    while let Some(request) = planner.next_request() {
        planner.metadata_arrived(request, &bytes_of(repo, request))?;
    }
    assert!(planner.is_done());
    Ok(())
}

#[test]
fn as_many_directories_inside_each_other_as_the_limit_and_no_more() {
    let (directory, repo) = repository();
    let outside = directory.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let at = File::open(&outside).unwrap();
    let fits = commit_of_depth(&repo, MAX_DEPTH);
    assert_eq!(plan(&repo, fits, Limits::DEFAULT), Ok(()));
    repo.checkout(&fits, &at, "fits", CheckoutOptions::default()).unwrap();
    repo.commit(&outside.join("fits"), &CommitOptions::default()).unwrap();

    let deeper = commit_of_depth(&repo, MAX_DEPTH + 1);
    assert_eq!(plan(&repo, deeper, Limits::DEFAULT), Err(PullError::Depth { limit: MAX_DEPTH }));
    let error = repo.checkout(&deeper, &at, "deeper", CheckoutOptions::default()).unwrap_err();
    // The innermost one is empty, which is the limit's only reason to look at it.
    let innermost = Checksum::of(&DirTree::new().encode());
    let is_refused = |error: &RepoError| matches!(error, RepoError::TooDeep { checksum, limit: MAX_DEPTH } if *checksum == innermost);
    assert!(is_refused(&error), "{error}");
    let count = |commit: &Checksum| {
        let mut entries = 0;
        let walked = repo.walk(repo.root(commit).unwrap(), |_| {
            entries += 1;
            Ok::<(), RepoError>(())
        });
        walked.map(|()| entries)
    };
    assert_eq!(count(&fits).unwrap(), MAX_DEPTH);
    assert!(is_refused(&count(&deeper).unwrap_err()));
    // Of the one directory that both roots have, everything below differs, down to one that is too deep.
    assert_eq!(repo.diff(&fits, &fits).unwrap(), TreeDiff::default());
    assert!(is_refused(&repo.diff(&fits, &deeper).unwrap_err()));
    let root = commit_of_depth(&repo, 1);
    assert_eq!(repo.diff(&root, &fits).unwrap().added.len(), MAX_DEPTH - 1);
    assert!(is_refused(&repo.diff(&root, &deeper).unwrap_err()));
    let error = repo.commit(&outside, &CommitOptions::default()).unwrap_err();
    assert!(matches!(error, RepoError::Depth { limit: MAX_DEPTH }), "{error}");
}

#[test]
fn as_many_objects_as_the_limit_and_no_more() {
    let (_directory, repo) = repository();
    // The commit, one dirmeta and three dirtrees.
    let commit = commit_of_depth(&repo, 3);
    let mut limits = Limits::DEFAULT;
    limits.objects = 5;
    assert_eq!(plan(&repo, commit, limits), Ok(()));
    limits.objects = 4;
    assert_eq!(plan(&repo, commit, limits), Err(PullError::Objects { limit: 4 }));
}

#[test]
fn a_file_that_declares_too_much_content_is_refused_before_it_is_read() {
    let (_directory, repo) = repository();
    let declaring = |size: u64| {
        let mut filez = Vec::new();
        let header = FileHeaderRef::regular(0, 0, 0o100_644, XattrsRef::EMPTY).unwrap();
        header.encode_filez(size, &mut filez).unwrap();
        repo.write_filez(&Checksum::of(b""), &filez[..]).unwrap_err()
    };
    let error = declaring(MAX_CONTENT_BYTES + 1);
    let RepoError::Malformed { object_type, error, .. } = error else { panic!("{error}") };
    let kind = ErrorKind::ContentTooLarge { limit: MAX_CONTENT_BYTES, actual: MAX_CONTENT_BYTES + 1 };
    assert_eq!((object_type, error.kind, error.offset), (ObjectType::File, kind, 0));
    // As much as the limit is read, and found to be missing.
    let error = declaring(MAX_CONTENT_BYTES);
    assert!(matches!(error, RepoError::Io { .. }), "{error}");
}

/// So many directories, each twice in the one before it: 2^n - 1 entries of n dirtrees.
fn commit_that_doubles(repo: &Repo, depth: usize) -> Checksum {
    let mut meta = Vec::new();
    DirMetaRef::new(0, 0, 0o755, XattrsRef::EMPTY).unwrap().encode(&mut meta).unwrap();
    let meta = repo.write_metadata(ObjectType::DirMeta, None, &meta).unwrap();
    let header = FileHeaderRef::regular(0, 0, 0o100_644, XattrsRef::EMPTY).unwrap();
    let file = repo.write_file(&header, None, &[7; 10][..]).unwrap();
    let mut tree = DirTree::new();
    tree.insert_file(Name::new("file").unwrap(), file).unwrap();
    let mut tree = repo.write_metadata(ObjectType::DirTree, None, &tree.encode()).unwrap();
    for _ in 1..depth {
        let mut parent = DirTree::new();
        for name in ["a", "b"] {
            parent.insert_dir(Name::new(name).unwrap(), tree, meta).unwrap();
        }
        tree = repo.write_metadata(ObjectType::DirTree, None, &parent.encode()).unwrap();
    }
    let (subject, body) = (String::new(), String::new());
    let commit = Commit { metadata: Vec::new(), parent: None, subject, body, timestamp: 0, tree, meta };
    repo.write_metadata(ObjectType::Commit, None, &commit.encode()).unwrap()
}

#[test]
fn as_many_entries_and_bytes_as_the_limit_and_no_more() {
    let (directory, repo) = repository();
    let at = File::open(directory.path()).unwrap();
    // Eight directories with a file of ten bytes each, and six that lead to them: 22 entries below the root.
    let commit = commit_that_doubles(&repo, 4);
    let with =
        |max_entries, max_bytes| CheckoutOptions { max_entries, max_bytes, ..CheckoutOptions::default() };
    repo.checkout(&commit, &at, "fits", with(22, 80)).unwrap();
    let error = repo.checkout(&commit, &at, "entries", with(21, 80)).unwrap_err();
    assert!(matches!(error, RepoError::CheckoutEntries { limit: 21 }), "{error}");
    let error = repo.checkout(&commit, &at, "bytes", with(22, 79)).unwrap_err();
    assert!(matches!(error, RepoError::CheckoutBytes { limit: 79 }), "{error}");
    // A few kilobytes stand for 2^200 entries; nobody makes or lists them.
    let endless = commit_that_doubles(&repo, 200);
    let error = repo.checkout(&endless, &at, "endless", with(1000, 1_000_000)).unwrap_err();
    assert!(matches!(error, RepoError::CheckoutEntries { limit: 1000 }), "{error}");
    assert!(repo.fsck().unwrap().damaged.is_empty());
}
