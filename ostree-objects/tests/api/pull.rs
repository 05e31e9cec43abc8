//! Plans of pulls: parts of a tree, what is there already, and checkpoints.

use std::collections::BTreeSet;

use ostree_objects::pull::{Checkpoint, MAX_SUBPATHS, Planner, PullError, SubpathError};
use ostree_objects::repo::{CommitOptions, EntryObjects, Repo, RepoError};
use ostree_objects::{BeyondSizes, Checksum, Limits, NameError, ObjectSize, ObjectType, RepoMode};

/// A repository with a commit of these files.
fn repository(files: &[&str]) -> (tempfile::TempDir, Repo, Checksum) {
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    for file in files {
        std::fs::create_dir_all(tree.join(file).parent().unwrap()).unwrap();
        std::fs::write(tree.join(file), file).unwrap();
    }
    let repo = Repo::init(&directory.path().join("repo"), RepoMode::Archive).unwrap();
    let commit = repo.commit(&tree, &CommitOptions::default()).unwrap();
    (directory, repo, commit)
}

/// Carries the plan out; returns what was asked for.
fn carry_out(repo: &Repo, planner: &mut Planner) -> Result<Vec<(ObjectType, Checksum)>, PullError> {
    let mut asked = Vec::new();
    while let Some(request) = planner.next_request() {
        asked.push((request.object_type, request.checksum));
        if request.object_type == ObjectType::File {
            planner.file_arrived(request)?;
        } else {
            let bytes = repo.load_metadata(request.object_type, &request.checksum).unwrap();
            planner.metadata_arrived(request, &bytes)?;
        }
    }
    assert!(planner.is_done());
    assert_eq!(planner.progress(), (asked.len(), asked.len()));
    Ok(asked)
}

/// The file objects of a commit, by their paths.
fn files(repo: &Repo, commit: &Checksum) -> std::collections::BTreeMap<String, Checksum> {
    let mut files = std::collections::BTreeMap::new();
    repo.walk(repo.root(commit).unwrap(), |entry| {
        if let EntryObjects::File { checksum } = entry.objects {
            files.insert(entry.path.clone(), checksum);
        }
        Ok::<(), RepoError>(())
    })
    .unwrap();
    files
}

#[test]
fn only_what_is_at_or_below_the_paths_is_asked_for() {
    let (_directory, repo, commit) = repository(&["a/b/c", "a/b/d/e", "a/f", "g", "h/i"]);
    let all = files(&repo, &commit);
    for (paths, wanted) in [
        (&["/a/b"][..], &["/a/b/c", "/a/b/d/e"][..]),
        (&["a/f", "/h/"], &["/a/f", "/h/i"]),
        (&["/a/b/d", "/a/b/d/e", "/g"], &["/a/b/d/e", "/g"]),
        (&["/a", "/"], &["/a/b/c", "/a/b/d/e", "/a/f", "/g", "/h/i"]),
        (&[], &["/a/b/c", "/a/b/d/e", "/a/f", "/g", "/h/i"]),
    ] {
        let mut planner = Planner::new(commit, Limits::DEFAULT).only(paths.iter().copied()).unwrap();
        let asked = carry_out(&repo, &mut planner).unwrap();
        let of_files =
            asked.iter().filter(|(kind, _)| *kind == ObjectType::File).map(|(_, checksum)| *checksum);
        let wanted: BTreeSet<_> = wanted.iter().map(|path| all[*path]).collect();
        assert_eq!(of_files.collect::<BTreeSet<_>>(), wanted, "{paths:?}");
    }
    for (paths, number) in [(&["/a", "/no"][..], 2), (&["/g/x"], 1), (&["/a/f/x"], 1)] {
        let mut planner = Planner::new(commit, Limits::DEFAULT).only(paths.iter().copied()).unwrap();
        assert_eq!(carry_out(&repo, &mut planner), Err(PullError::NoSubpath { number }));
    }
}

#[test]
fn as_many_paths_as_the_limit_and_only_of_names() {
    let planner = || Planner::new(Checksum([1; 32]), Limits::DEFAULT);
    assert!(planner().only(["a"; MAX_SUBPATHS]).is_ok());
    let actual = MAX_SUBPATHS + 1;
    assert_eq!(planner().only(vec!["a"; actual]).unwrap_err(), SubpathError::TooMany { actual });
    assert_eq!(planner().only(["/a/../b"]).unwrap_err(), SubpathError::Name(NameError::Dots));
}

#[test]
fn directories_of_a_complete_commit_are_left_out() {
    let (directory, repo, one) = repository(&["a/b/c", "a/b/d/e", "a/f", "g"]);
    std::fs::write(directory.path().join("tree/a/f"), "changed").unwrap();
    let two = repo.commit(&directory.path().join("tree"), &CommitOptions::default()).unwrap();
    let mut planner = Planner::new(two, Limits::DEFAULT).without(repo.trees(&one).unwrap());
    let asked = carry_out(&repo, &mut planner).unwrap();
    let of_files: BTreeSet<_> =
        asked.iter().filter(|(kind, _)| *kind == ObjectType::File).map(|(_, checksum)| *checksum).collect();
    let all = files(&repo, &two);
    assert_eq!(of_files, BTreeSet::from([all["/a/f"], all["/g"]]));
    assert_eq!(asked.iter().filter(|(kind, _)| *kind == ObjectType::DirTree).count(), 2);
    // Of a commit that may lack objects nothing is known to be there.
    repo.set_partial(&one).unwrap();
    assert_eq!(repo.trees(&one).unwrap(), BTreeSet::new());
}

#[test]
fn a_checkpoint_has_what_came_and_nothing_else() {
    let (directory, repo, commit) = repository(&["a", "b", "c", "d"]);
    let mut planner = Planner::new(commit, Limits::DEFAULT);
    let mut came = BTreeSet::new();
    let mut handed_out = Vec::new();
    while let Some(request) = planner.next_request() {
        if request.object_type != ObjectType::File {
            let bytes = repo.load_metadata(request.object_type, &request.checksum).unwrap();
            planner.metadata_arrived(request, &bytes).unwrap();
            continue;
        }
        handed_out.push(request);
        // The second of each two comes, so that others are under way and still to be asked for.
        if handed_out.len() == 2 {
            planner.file_arrived(handed_out[1]).unwrap();
            came.insert(handed_out[1].checksum);
            break;
        }
    }
    let checkpoint = planner.checkpoint();
    assert_eq!(checkpoint.len(), 1);
    for file in files(&repo, &commit).values() {
        assert_eq!(checkpoint.contains(file), came.contains(file));
    }
    // It is there for the next process, of this commit alone, until the pull is over.
    repo.write_checkpoint(&commit, &checkpoint).unwrap();
    let other = Checksum([3; 32]);
    assert_eq!(repo.read_checkpoint(&commit, &Limits::DEFAULT).unwrap(), Some(checkpoint.clone()));
    assert_eq!(repo.read_checkpoint(&other, &Limits::DEFAULT).unwrap(), None);
    repo.write_checkpoint(&other, &checkpoint).unwrap();
    assert_eq!(repo.read_checkpoint(&other, &Limits::DEFAULT).unwrap(), None);
    repo.forget_interrupted().unwrap();
    assert_eq!(repo.read_checkpoint(&commit, &Limits::DEFAULT).unwrap(), None);
    // Nor is there one where nothing is made durable.
    let path = directory.path().join("repo");
    let config = std::fs::read_to_string(path.join("config")).unwrap();
    std::fs::write(path.join("config"), config + "fsync=false\n").unwrap();
    Repo::open(&path).unwrap().write_checkpoint(&commit, &checkpoint).unwrap();
    assert_eq!(repo.read_checkpoint(&commit, &Limits::DEFAULT).unwrap(), None);
    let bytes = checkpoint.encode();
    assert_eq!(Checkpoint::decode(&bytes, &commit, &Limits::DEFAULT), Ok(checkpoint));
}

#[cfg(feature = "zlib")]
#[test]
fn an_object_as_large_as_its_commit_says_is_taken_and_no_larger_one() {
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(tree.join("file"), "eleven byte").unwrap();
    std::os::unix::fs::symlink("to/file", tree.join("link")).unwrap();
    let repo = Repo::init(&directory.path().join("repo"), RepoMode::Archive).unwrap();
    let options = CommitOptions { generate_sizes: true, ..CommitOptions::default() };
    let commit = repo.commit(&tree, &options).unwrap();
    let other = |name, mode| Repo::init(&directory.path().join(name), mode).unwrap();
    let others = [other("archive", RepoMode::Archive), other("bare", RepoMode::BareUserOnly)];
    let mut planner = Planner::new(commit, Limits::DEFAULT);
    let mut sizes = Vec::new();
    while let Some(request) = planner.next_request() {
        let listed = planner.listed(&request);
        if request.object_type == ObjectType::Commit {
            // Nothing is known of it, nor of anything before it is there.
            assert!(listed.is_none() && planner.sizes().is_none());
        }
        if request.object_type != ObjectType::File {
            let bytes = repo.load_metadata(request.object_type, &request.checksum).unwrap();
            planner.metadata_arrived(request, &bytes).unwrap();
            continue;
        }
        planner.file_arrived(request).unwrap();
        let listed = listed.unwrap();
        let path = request.checksum.loose_path(ObjectType::File, RepoMode::Archive);
        let filez = std::fs::read(directory.path().join("repo/objects").join(path.as_str())).unwrap();
        assert_eq!(usize::try_from(listed.archived), Ok(filez.len()));
        for other in &others {
            let unpacked = listed.unpacked - 1;
            let less = ObjectSize { unpacked, ..listed };
            let error = other.write_filez_within(&request.checksum, Some(&less), &filez[..]).unwrap_err();
            let (object_type, checksum, actual) = (ObjectType::File, request.checksum, listed.unpacked);
            let beyond = BeyondSizes { object_type, checksum, listed: unpacked, actual };
            assert!(matches!(error, RepoError::BeyondSizes(found) if found == beyond), "{error}");
            assert!(!other.has(ObjectType::File, &checksum).unwrap());
        }
        // The tree is its user's, whose files an archive alone can store.
        others[0].write_filez_within(&request.checksum, Some(&listed), &filez[..]).unwrap();
        sizes.push(listed.unpacked);
    }
    sizes.sort_unstable();
    assert_eq!(sizes, [7, 11]);
}
