//! What a commit says of its objects' sizes, when it is pulled.

use ostree_objects::repo::{Repo, RepoError};
use ostree_objects::{
    BeyondSizes, Checksum, Commit, CommitRef, ObjectSize, ObjectType, RepoMode, Sizes, SizesTotal,
};
use ota_agent::http::Client;
use ota_agent::pull::{ObjectSource, pull};
use ota_agent::report::Event;

use super::server::{Answer, Server};
use crate::ostree::{Case, two_trees};

/// An archive of the tool's whose commit lists its sizes, and these.
fn served(case: &Case) -> (Repo, Checksum, Vec<ObjectSize>) {
    two_trees(case, 8);
    std::fs::write(case.path("two/large"), "largest of all files\n".repeat(20_000)).unwrap();
    std::fs::create_dir(case.path("served")).unwrap();
    case.theirs("served", &["init", "--mode=archive"]);
    let commit =
        case.theirs("served", &["commit", "-b", "os/main", "--generate-sizes", "--no-xattrs", "two"]);
    let (repo, commit) = (Repo::open(&case.path("served")).unwrap(), commit.trim().parse().unwrap());
    let bytes = repo.load_metadata(ObjectType::Commit, &commit).unwrap();
    let sizes = CommitRef::parse(&bytes).unwrap().sizes().unwrap().unwrap().iter().collect();
    (repo, commit, sizes)
}

/// A commit of the same tree that lists other sizes.
fn saying(served: &Repo, commit: &Checksum, sizes: Vec<ObjectSize>) -> Checksum {
    let bytes = served.load_metadata(ObjectType::Commit, commit).unwrap();
    let mut commit = Commit::from(CommitRef::parse(&bytes).unwrap());
    commit.metadata.retain(|(key, _)| key != "ostree.sizes");
    commit.metadata.push(("ostree.sizes".into(), Sizes::new(sizes).unwrap().to_variant()));
    served.write_metadata(ObjectType::Commit, None, &commit.encode()).unwrap()
}

#[test]
fn an_object_larger_than_its_commit_says_is_refused_and_not_kept() {
    let case = Case::new();
    let (served, truth, sizes) = served(&case);
    let server = Server::start(&case.path("served"), |_| Answer::File);
    let mut number = 0;
    let mut fresh = |mode| {
        number += 1;
        Repo::init(&case.path(&format!("pulled-{number}")), mode).unwrap()
    };
    let sources = || {
        let client = Client::new();
        let local = Repo::open(&case.path("served")).unwrap();
        [ObjectSource::Server { client, url: server.url.clone() }, ObjectSource::Local(local)]
    };
    for object_type in [ObjectType::File, ObjectType::DirTree, ObjectType::DirMeta] {
        let of_type = sizes.iter().filter(|size| size.object_type() == object_type);
        let ObjectSize { checksum, unpacked: actual, .. } =
            *of_type.max_by_key(|size| size.unpacked).unwrap();
        let mut less = sizes.clone();
        less.iter_mut().filter(|size| size.checksum == checksum).for_each(|size| size.unpacked -= 1);
        let commit = saying(&served, &truth, less);
        for (source, mode) in sources().iter().zip([RepoMode::Archive, RepoMode::BareUser]) {
            let repo = fresh(mode);
            let error = pull(source, &repo, commit, &mut |_| ()).unwrap_err();
            let beyond = BeyondSizes { object_type, checksum, listed: actual - 1, actual };
            let found = error.downcast_ref();
            assert!(matches!(found, Some(RepoError::BeyondSizes(found)) if *found == beyond), "{error:#}");
            assert!(!repo.has(object_type, &checksum).unwrap());
            assert!(repo.is_partial(&commit).unwrap() && repo.fsck().unwrap().damaged.is_empty());
        }
    }
    // More than there is does no harm: no memory and no space is taken for it.
    let mut more = sizes.clone();
    more.iter_mut().for_each(|size| (size.unpacked, size.archived) = (u64::MAX, u64::MAX));
    let commit = saying(&served, &truth, more);
    for (source, mode) in sources().iter().zip([RepoMode::Archive, RepoMode::BareUser]) {
        let repo = fresh(mode);
        let mut total = None;
        let mut observer = |event| match event {
            Event::Pulling { bytes_total, .. } => total = bytes_total,
            event => panic!("{event:?}"),
        };
        pull(source, &repo, commit, &mut observer).unwrap();
        assert!(!repo.is_partial(&commit).unwrap() && repo.fsck().unwrap().damaged.is_empty());
        assert_eq!(total.is_some(), matches!(source, ObjectSource::Server { .. }));
    }
}

#[test]
fn how_much_there_is_to_fetch_is_known_as_soon_as_the_commit_is() {
    let case = Case::new();
    let (served, commit, sizes) = served(&case);
    let server = Server::start(&case.path("served"), |_| Answer::File);
    let source = ObjectSource::Server { client: Client::new(), url: server.url.clone() };
    let commit_bytes = served.load_metadata(ObjectType::Commit, &commit).unwrap().len();
    // Of an empty repository, and of one that has some of the objects.
    for (name, is_there) in [("all", 0), ("some", 5)] {
        let repo = Repo::init(&case.path(name), RepoMode::Archive).unwrap();
        let mut expected = SizesTotal::default();
        for (number, size) in sizes.iter().enumerate() {
            let is_file = size.object_type() == ObjectType::File;
            if is_file && number < is_there {
                let path = size.checksum.loose_path(ObjectType::File, RepoMode::Archive);
                let path = case.path("served/objects").join(path.as_str());
                repo.write_filez(&size.checksum, std::fs::File::open(path).unwrap()).unwrap();
            } else {
                expected.add(size);
            }
        }
        let mut told = Vec::new();
        let mut observer = |event| match event {
            Event::Pulling { bytes, bytes_total, .. } => told.push((bytes, bytes_total)),
            event => panic!("{event:?}"),
        };
        pull(&source, &repo, commit, &mut observer).unwrap();
        assert!(
            told.len() >= 2 && told.iter().all(|(_, total)| *total == Some(expected.archived)),
            "{told:?}"
        );
        let fetched = expected.archived + u64::try_from(commit_bytes).unwrap();
        assert_eq!(told.last(), Some(&(fetched, Some(expected.archived))));
    }
}
