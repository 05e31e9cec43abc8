//! Static deltas of the real tool, applied to what it had before.

use std::fs;
use std::path::{Path, PathBuf};

use ostree_objects::delta::{Budget, DeltaError, DeltaName, PartHeaderRef, SuperblockRef};
use ostree_objects::repo::{DeltaOptions, Repo, RepoError};
use ostree_objects::{
    Checksum, Commit, CommitRef, ErrorKind, ObjectSize, ObjectType, RepoMode, Sizes, Variant,
};

use crate::repository::{ostree, tempfile};
use crate::tree;

/// Why a delta was not applied.
#[derive(Debug)]
enum Refused {
    Delta(DeltaError),
    Repo(RepoError),
}

impl From<DeltaError> for Refused {
    fn from(error: DeltaError) -> Self {
        Self::Delta(error)
    }
}

impl From<RepoError> for Refused {
    fn from(error: RepoError) -> Self {
        Self::Repo(error)
    }
}

/// A repository of the tool with two commits and a delta, and one of ours that has the first commit.
struct Case {
    directory: PathBuf,
    served: PathBuf,
    from: Checksum,
    to: Checksum,
}

/// How the delta is made.
const KINDS: [&[&str]; 6] = [
    &[],
    &["--inline"],
    &["--disable-bsdiff"],
    &["--max-chunk-size=1", "--min-fallback-size=0"],
    &["--inline", "--min-fallback-size=0", "--swap-endianness"],
    &["--empty", "--min-fallback-size=0"],
];

impl Case {
    fn new(seed: u64) -> Self {
        let directory = tempfile();
        let served = directory.join("served");
        fs::create_dir(&served).unwrap();
        ostree(&served, &["init", "--mode=archive"]);
        let mut commits = Vec::new();
        for number in 0..2_u8 {
            let source = directory.join(format!("tree{number}"));
            tree::make(&source, seed);
            change(&source, seed, number);
            let time = format!("--timestamp=@{}", 1_767_225_600 + u64::from(number));
            let note = "--add-detached-metadata-string=note=kept";
            // What the commit says of sizes bounds every delta to it.
            let commit = ["commit", "--no-xattrs", &time, "--branch=os/main", note, "--generate-sizes"];
            let commit = [&commit[..], &[source.to_str().unwrap()]].concat();
            commits.push(ostree(&served, &commit).parse().unwrap());
        }
        Self { directory, served, from: commits[0], to: commits[1] }
    }

    /// Has the tool make a delta, and reads its superblock.
    fn delta(&self, options: &[&str]) -> (DeltaName, Vec<u8>) {
        let from = format!("--from={}", self.from);
        let is_scratch = options.contains(&"--empty");
        let mut arguments = vec!["static-delta", "generate"];
        arguments.extend((!is_scratch).then_some(from.as_str()));
        arguments.extend(options);
        let to = self.to.to_hex();
        arguments.push(to.as_str());
        ostree(&self.served, &arguments);
        let name = DeltaName { from: (!is_scratch).then_some(self.from), to: self.to };
        (name, fs::read(self.served.join(name.superblock_path().as_str())).unwrap())
    }

    fn part(&self, name: DeltaName, number: usize) -> Vec<u8> {
        fs::read(self.served.join(name.directory().as_str()).join(number.to_string())).unwrap()
    }

    /// A repository with the first commit.
    fn device(&self, name: &str, mode: RepoMode) -> Repo {
        let path = self.directory.join(name);
        let repo = Repo::init(&path, mode).unwrap();
        let from = self.from.to_hex();
        ostree(&path, &["pull-local", self.served.to_str().unwrap(), from.as_str()]);
        repo
    }

    fn apply(&self, repo: &Repo, superblock: &[u8], name: DeltaName) -> Result<(), Refused> {
        let delta = SuperblockRef::parse(superblock).map_err(DeltaError::Malformed)?;
        repo.apply_delta(&delta, Some(&self.to), Budget::default(), |number, _| {
            Ok(Some(self.part(name, number)))
        })
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            fs::remove_dir_all(&self.directory).unwrap();
        }
    }
}

/// A file that changes in place, one that grows, one that only moves its bytes, and some that come and go.
fn change(root: &Path, seed: u64, number: u8) {
    let bytes = |count: usize, factor: usize| -> Vec<u8> {
        let seed = usize::try_from(seed).unwrap();
        (0..count).map(|at| u8::try_from((at * at / 7 + at * factor + seed) % 251).unwrap()).collect()
    };
    let mut program = bytes(300_000, 3);
    let mut library = bytes(50_000, 5);
    if number == 1 {
        program[1000..1008].copy_from_slice(b"changed!");
        program.splice(200_000..200_000, *b"some bytes in the middle");
        library.rotate_left(12_345);
        fs::write(root.join("new"), bytes(3_000, 11)).unwrap();
        std::os::unix::fs::symlink("new", root.join("link")).unwrap();
    } else {
        fs::write(root.join("gone"), "gone").unwrap();
    }
    fs::write(root.join("program"), program).unwrap();
    fs::write(root.join("library"), library).unwrap();
}

#[test]
fn every_kind_of_delta_gives_the_commit() {
    for (seed, options) in (0..).zip(KINDS) {
        let case = Case::new(seed);
        let (name, superblock) = case.delta(options);
        for mode in [RepoMode::BareUser, RepoMode::Archive] {
            let directory = format!("device-{}", mode.name());
            let repo = case.device(&directory, mode);
            assert!(!repo.has(ObjectType::Commit, &case.to).unwrap());
            case.apply(&repo, &superblock, name).unwrap();
            assert!(repo.is_partial(&case.to).unwrap());
            let beside = |repo: &Repo| repo.read_detached(&case.to).unwrap();
            assert!(beside(&repo).is_some());
            assert_eq!(beside(&repo), beside(&Repo::open(&case.served).unwrap()), "{options:?}");
            repo.complete(&case.to, None).unwrap();
            assert!(!repo.is_partial(&case.to).unwrap());
            repo.set_ref("os/main", &case.to).unwrap();
            let report = repo.fsck().unwrap();
            assert_eq!((report.commits, report.damaged.len()), (2, 0), "{options:?}");
            let path = case.directory.join(directory);
            ostree(&path, &["fsck"]);
            let listed = |repo| ostree(repo, &["ls", "-R", "-C", case.to.to_hex().as_str()]);
            assert_eq!(listed(&path), listed(&case.served), "{options:?}");
        }
    }
}

#[test]
fn one_flipped_bit_anywhere_in_a_part_is_refused_and_leaves_the_repository_sound() {
    let case = Case::new(7);
    let (name, superblock) = case.delta(&[]);
    let delta = SuperblockRef::parse(&superblock).unwrap();
    let header = delta.parts().next().unwrap();
    let part = case.part(name, 0);
    let repo = case.device("device", RepoMode::BareUser);
    // Enough places to meet every member of the file, first and last byte among them.
    let step = (part.len() / 60).max(1);
    for at in (0..part.len()).step_by(step).chain([part.len() - 1]) {
        let mut flipped = part.clone();
        flipped[at] ^= 1 << (at % 8);
        let result = repo.apply_delta::<Refused>(&delta, Some(&case.to), Budget::default(), |_, _| {
            Ok(Some(flipped.clone()))
        });
        let actual = Checksum::of(&flipped);
        let expected = DeltaError::PartChecksum { expected: header.checksum, actual };
        assert!(matches!(result, Err(Refused::Delta(error)) if error == expected), "{at}: {result:?}");
    }
    let refused = |part: Option<Vec<u8>>| {
        let result = repo.apply_delta::<Refused>(&delta, None, Budget::default(), |_, _| Ok(part.clone()));
        match result {
            Err(Refused::Delta(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let cut = part[..part.len() - 1].to_vec();
    let (size, short) = (u64::try_from(part.len()).unwrap(), u64::try_from(cut.len()).unwrap());
    assert_eq!(refused(Some(cut)), DeltaError::PartSize { expected: size, actual: short });
    assert_eq!(refused(None), DeltaError::PartMissing { number: 0 });
    assert!(!repo.has(ObjectType::Commit, &case.to).unwrap());
    assert!(matches!(repo.complete(&case.to, None), Err(RepoError::Missing { .. })));
    ostree(&case.directory.join("device"), &["fsck"]);
    assert_eq!(repo.fsck().unwrap().damaged.len(), 0);
    // The sound part still applies afterwards.
    case.apply(&repo, &superblock, name).unwrap();
    repo.complete(&case.to, None).unwrap();
}

#[test]
fn a_delta_needs_the_commit_that_it_starts_from_and_must_lead_to_the_right_one() {
    let case = Case::new(9);
    let (name, superblock) = case.delta(&["--inline"]);
    let empty = Repo::init(&case.directory.join("empty"), RepoMode::BareUser).unwrap();
    let error = case.apply(&empty, &superblock, name).unwrap_err();
    assert!(
        matches!(error, Refused::Delta(DeltaError::FromMissing { commit }) if commit == case.from),
        "{error:?}"
    );
    let delta = SuperblockRef::parse(&superblock).unwrap();
    let other = Checksum::of(b"another commit");
    let result = empty.apply_delta::<Refused>(&delta, Some(&other), Budget::default(), |_, _| Ok(None));
    let expected = DeltaError::OtherCommit { expected: other, actual: case.to };
    assert!(matches!(result, Err(Refused::Delta(error)) if error == expected), "{result:?}");
    assert!(!empty.is_partial(&case.to).unwrap());
}

#[test]
fn what_exceeds_the_budget_is_refused() {
    let case = Case::new(11);
    let (name, superblock) = case.delta(&["--empty", "--min-fallback-size=0"]);
    let delta = SuperblockRef::parse(&superblock).unwrap();
    let header = delta.parts().next().unwrap();
    let part = case.part(name, 0);
    let unpacked = ostree_objects::delta::unpack(&header, &part, &Budget::default()).unwrap().len();
    let with = |change: &dyn Fn(&mut Budget)| {
        let repo = Repo::init(&case.directory.join("fresh"), RepoMode::BareUser).unwrap();
        let mut budget = Budget::default();
        change(&mut budget);
        let result = repo.apply_delta::<Refused>(&delta, None, budget, |_, _| Ok(Some(part.clone())));
        fs::remove_dir_all(case.directory.join("fresh")).unwrap();
        result.map_err(|error| match error {
            Refused::Delta(error) => error,
            Refused::Repo(error) => panic!("{error}"),
        })
    };
    assert_eq!(with(&|budget| budget.unpacked_bytes = unpacked), Ok(()));
    let limit = unpacked - 1;
    assert_eq!(with(&|budget| budget.unpacked_bytes = limit), Err(DeltaError::Unpacked { limit }));
    // What the tool declares is what all objects have, and counts links' targets too.
    assert_eq!(with(&|budget| budget.objects_bytes = header.objects_size), Ok(()));
    assert!(matches!(with(&|budget| budget.objects_bytes = 1_000), Err(DeltaError::ObjectsSize { .. })));
    // The tool compresses with a dictionary of 32 MiB.
    assert_eq!(with(&|budget| budget.xz_memory_kib = 1024), Err(DeltaError::Xz));
}

/// A commit of the same tree that says something else of sizes.
fn commit_that_says(case: &Case, value: Variant) -> Checksum {
    let served = Repo::open(&case.served).unwrap();
    let bytes = served.load_metadata(ObjectType::Commit, &case.to).unwrap();
    let mut commit = Commit::from(CommitRef::parse(&bytes).unwrap());
    commit.metadata.retain(|(key, _)| key != "ostree.sizes");
    commit.metadata.push(("ostree.sizes".into(), value));
    served.write_metadata(ObjectType::Commit, None, &commit.encode()).unwrap()
}

#[test]
fn a_delta_makes_nothing_larger_than_its_commit_says() {
    let mut case = Case::new(13);
    let truth = case.to;
    let bytes = Repo::open(&case.served).unwrap().load_metadata(ObjectType::Commit, &truth).unwrap();
    let sizes: Vec<ObjectSize> = CommitRef::parse(&bytes).unwrap().sizes().unwrap().unwrap().iter().collect();
    let largest = *sizes.iter().max_by_key(|size| size.unpacked).unwrap();
    assert_eq!(largest.unpacked, 300_024);
    // The whole of `program` is in the one, and a patch of it in the other.
    for (kind, options) in [&["--inline", "--min-fallback-size=0", "--disable-bsdiff"][..], &["--inline"]]
        .into_iter()
        .enumerate()
    {
        let mut apply = |name: &str, value: Variant| {
            case.to = truth;
            case.to = commit_that_says(&case, value);
            let (delta, superblock) = case.delta(options);
            let repo = case.device(&format!("{name}-{kind}"), RepoMode::BareUser);
            match case.apply(&repo, &superblock, delta) {
                Ok(()) => {
                    repo.complete(&case.to, None).unwrap();
                    Ok(())
                }
                Err(Refused::Delta(error)) => Err(error),
                Err(error) => panic!("{error:?}"),
            }
        };
        let listed = |change: &dyn Fn(&mut ObjectSize)| {
            let mut sizes = sizes.clone();
            sizes.iter_mut().for_each(change);
            Sizes::new(sizes).unwrap().to_variant()
        };
        assert_eq!(apply("more", listed(&|size| size.unpacked *= 2)), Ok(()));
        // It depends on the compressor what they take when they are served.
        assert_eq!(apply("archived", listed(&|size| size.archived = 1)), Ok(()));
        for object_type in [ObjectType::File, ObjectType::DirTree] {
            let less = |size: &mut ObjectSize| {
                let by = u64::from(size.object_type() == object_type);
                size.unpacked = size.unpacked.saturating_sub(by);
            };
            let Err(DeltaError::BeyondSizes(beyond)) = apply(object_type.name(), listed(&less)) else {
                panic!("{object_type}")
            };
            let truth = sizes.iter().find(|size| size.checksum == beyond.checksum).unwrap();
            assert_eq!(
                (beyond.object_type, beyond.listed, beyond.actual),
                (object_type, truth.unpacked - 1, truth.unpacked)
            );
        }
        // Files that are not listed cannot be more than all that are.
        let but_largest = sizes.iter().copied().filter(|size| size.checksum != largest.checksum);
        let some = Sizes::new(but_largest.clone()).unwrap().to_variant();
        let files = but_largest.filter(|size| size.object_type() == ObjectType::File);
        let limit: u64 = files.map(|size| size.unpacked).sum();
        let result = apply("some", some);
        assert!(
            limit < largest.unpacked
                && matches!(result, Err(DeltaError::CommitFiles { limit: left }) if left <= limit)
        );
        let result = apply("no-sizes", Variant::byte(1));
        assert!(
            matches!(result, Err(DeltaError::Malformed(error)) if error.kind == ErrorKind::ValueType),
            "{result:?}"
        );
    }
}

#[test]
fn a_part_that_inflates_without_end_stops_at_the_limit() {
    let program = "import lzma, sys; sys.stdout.buffer.write(b'x' + lzma.compress(bytes(1 << 28)))";
    let bomb = testkit::tools::run("/usr/bin/python3", ["-c", program]);
    assert!(bomb.len() < 100_000);
    let size = u64::try_from(bomb.len()).unwrap();
    let header = PartHeaderRef::new(Checksum::of(&bomb), size, 0, &[]).unwrap();
    let limit = ostree_objects::limits::MAX_PART_UNPACKED_BYTES;
    let error = ostree_objects::delta::unpack(&header, &bomb, &Budget::default()).unwrap_err();
    assert_eq!(error, DeltaError::Unpacked { limit });
}

/// Deltas of ours, from another commit and from scratch, in all forms, applied by the tool.
#[test]
fn the_tool_applies_what_is_made_here() {
    for (seed, from_scratch, patches, is_inline, part_bytes) in [
        (21, false, true, false, 32_000_000),
        (22, false, true, true, 20_000),
        (23, false, false, false, 32_000_000),
        (24, true, true, false, 50_000),
        (25, true, true, true, 32_000_000),
    ] {
        let case = Case::new(seed);
        let served = Repo::open(&case.served).unwrap();
        let mut options = DeltaOptions::default();
        (options.timestamp, options.patches, options.part_bytes) = (1_767_225_600, patches, part_bytes);
        let name = DeltaName { from: (!from_scratch).then_some(case.from), to: case.to };
        let delta = served.make_delta(name, &options).unwrap();
        assert_eq!(delta, served.make_delta(name, &options).unwrap(), "the same delta each time");
        served.write_delta(&delta, is_inline).unwrap();
        let directory = case.served.join(name.directory().as_str());
        assert_eq!(delta.parts.len() > 1, part_bytes < 32_000_000);
        assert_eq!(directory.join("0").exists(), !is_inline);
        let superblock = fs::read(directory.join("superblock")).unwrap();
        let read = SuperblockRef::parse(&superblock).unwrap();
        assert_eq!((read.name(), read.timestamp()), (name, 1_767_225_600));
        if !is_inline {
            let shown = ostree(&case.served, &["static-delta", "show", &name.to_string()]);
            assert_eq!(shown.contains("bspatch=0"), !patches || from_scratch, "{shown}");
        }

        let theirs = case.directory.join("theirs");
        fs::create_dir(&theirs).unwrap();
        ostree(&theirs, &["init", "--mode=bare-user"]);
        if !from_scratch {
            let from = case.from.to_hex();
            ostree(&theirs, &["pull-local", case.served.to_str().unwrap(), from.as_str()]);
        }
        ostree(&theirs, &["static-delta", "apply-offline", directory.to_str().unwrap()]);
        let listed = |repo| ostree(repo, &["ls", "-R", "-C", case.to.to_hex().as_str()]);
        assert_eq!(listed(&theirs), listed(&case.served));
        ostree(&theirs, &["fsck"]);

        // And by ours.
        let ours = if from_scratch {
            Repo::init(&case.directory.join("ours"), RepoMode::BareUser).unwrap()
        } else {
            case.device("ours", RepoMode::BareUser)
        };
        case.apply(&ours, &superblock, name).unwrap();
        ours.complete(&case.to, None).unwrap();
        ostree(&case.directory.join("ours"), &["fsck"]);
    }
}

#[test]
fn what_is_too_large_is_left_to_be_fetched_and_small_changes_make_small_deltas() {
    let case = Case::new(31);
    let served = Repo::open(&case.served).unwrap();
    let name = DeltaName { from: Some(case.from), to: case.to };
    let mut options = DeltaOptions::default();
    options.fallback_bytes = 100_000;
    options.patches = false;
    let delta = served.make_delta(name, &options).unwrap();
    let superblock = delta.superblock(false);
    let fallbacks: Vec<_> = SuperblockRef::parse(&superblock).unwrap().fallbacks().collect();
    assert_eq!(fallbacks.iter().map(|object| object.content_size).collect::<Vec<_>>(), [300_024]);
    let path = fallbacks[0].checksum.loose_path(ObjectType::File, RepoMode::Archive);
    let stored = fs::metadata(case.served.join("objects").join(path.as_str())).unwrap().len();
    assert_eq!(fallbacks[0].size, stored);

    let bytes = |patches| {
        let mut options = DeltaOptions::default();
        (options.patches, options.fallback_bytes) = (patches, 0);
        let delta = served.make_delta(name, &options).unwrap();
        delta.parts.iter().map(|part| part.stored.len()).sum::<usize>()
    };
    let (patched, plain) = (bytes(true), bytes(false));
    let (name, _) = case.delta(&["--min-fallback-size=0"]);
    let theirs = case.part(name, 0).len();
    // The tool's bsdiff finds more, but not much.
    assert!(patched < plain / 2 && patched < theirs * 2, "{patched} of {plain}, the tool {theirs}");
}
