//! Whole repositories that the real tool accepts, and follows out of the destination or off its stack: each is
//! refused with the object and the rule, by everything that reads it, and leaves what is around as it was.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::Command;

use ostree_objects::limits::MAX_DEPTH;
use ostree_objects::repo::{CheckoutOptions, CommitOptions, Damage, PruneOptions, Repo, RepoError, Union};
use ostree_objects::{
    Checksum, Commit, DirMetaRef, DirTree, ErrorKind, FileHeaderRef, NameError, ObjectType, RepoMode,
    StringRule, XattrsRef,
};
use tempfile::TempDir;
use testkit::files::walk;

/// An array of GVariants without alignment, with the offsets of their ends.
fn array(elements: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = elements.concat();
    let mut ends = Vec::new();
    let mut end = 0;
    for element in elements {
        end += element.len();
        ends.push(end);
    }
    offsets(&mut bytes, &ends);
    bytes
}

/// Appends offsets in as few bytes as they need.
fn offsets(bytes: &mut Vec<u8>, ends: &[usize]) {
    let width = if bytes.len() + ends.len() <= 0xff { 1 } else { 2 };
    for end in ends {
        bytes.extend(&u16::try_from(*end).unwrap().to_le_bytes()[..width]);
    }
}

/// `(a(say)a(sayay))` with whatever names, in whatever order.
fn dirtree(files: &[(&[u8], Checksum)], dirs: &[(&[u8], Checksum, Checksum)]) -> Vec<u8> {
    let file = |(name, checksum): &(&[u8], Checksum)| {
        let mut bytes = [name, &[0][..]].concat();
        let end = bytes.len();
        bytes.extend(checksum.0);
        offsets(&mut bytes, &[end]);
        bytes
    };
    let dir = |(name, tree, meta): &(&[u8], Checksum, Checksum)| {
        let mut bytes = [name, &[0][..]].concat();
        let end = bytes.len();
        bytes.extend([tree.0, meta.0].concat());
        offsets(&mut bytes, &[end + 32, end]);
        bytes
    };
    let mut bytes = array(&files.iter().map(file).collect::<Vec<_>>());
    let end = bytes.len();
    bytes.extend(array(&dirs.iter().map(dir).collect::<Vec<_>>()));
    offsets(&mut bytes, &[end]);
    bytes
}

/// A repository, and what is around the place to which is checked out.
struct Scene {
    directory: TempDir,
    repo: Repo,
    meta: Checksum,
    file: Checksum,
    link: Checksum,
    below: Checksum,
}

impl Scene {
    fn new() -> Self {
        // In memory where that is possible: one of the trees has a hundred thousand objects.
        let directory = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
        let repo = Repo::init(&directory.path().join("repo"), RepoMode::Archive).unwrap();
        let mut meta = Vec::new();
        DirMetaRef::new(0, 0, 0o755, XattrsRef::EMPTY).unwrap().encode(&mut meta).unwrap();
        let meta = repo.write_metadata(ObjectType::DirMeta, None, &meta).unwrap();
        let header = FileHeaderRef::regular(0, 0, 0o100_644, XattrsRef::EMPTY).unwrap();
        let file = repo.write_file(&header, None, &b"evil\n"[..]).unwrap();
        let header = FileHeaderRef::symlink(0, 0, "../outside", XattrsRef::EMPTY).unwrap();
        let link = repo.write_file(&header, None, &[][..]).unwrap();
        let below = dirtree(&[(b"pwned", file)], &[]);
        let below = repo.write_metadata(ObjectType::DirTree, None, &below).unwrap();
        let around = directory.path().join("around");
        fs::create_dir_all(around.join("outside")).unwrap();
        fs::write(around.join("outside/witness"), "untouched").unwrap();
        fs::create_dir(around.join("filled")).unwrap();
        std::os::unix::fs::symlink("../outside", around.join("filled/x")).unwrap();
        Self { directory, repo, meta, file, link, below }
    }

    fn commit(&self, tree: Checksum) -> Checksum {
        let (subject, body) = (String::new(), String::new());
        let (meta, timestamp) = (self.meta, 0);
        let commit = Commit { metadata: Vec::new(), parent: None, subject, body, timestamp, tree, meta };
        self.repo.write_metadata(ObjectType::Commit, None, &commit.encode()).unwrap()
    }

    fn tree(&self, bytes: &[u8]) -> Checksum {
        self.repo.write_metadata(ObjectType::DirTree, None, bytes).unwrap()
    }

    /// Everything around the destinations, and those that were there before.
    fn surroundings(&self) -> BTreeMap<String, Vec<u8>> {
        let found = walk(&self.directory.path().join("around")).into_iter();
        found.map(|found| (found.path.to_str().unwrap().to_owned(), found.content)).collect()
    }

    /// What each reader says of the commit: checkouts of every kind, listing, comparison, check and prune.
    fn refusals(&self, commit: &Checksum) -> Vec<RepoError> {
        let before = self.surroundings();
        let at = File::open(self.directory.path().join("around")).unwrap();
        let mut refusals = Vec::new();
        for union in [Union::None, Union::Files, Union::Add, Union::Identical] {
            let destinations: &[&str] = if union == Union::None { &["new"] } else { &["new", "filled"] };
            for name in destinations {
                for whiteouts in [false, true] {
                    let options = CheckoutOptions { union, whiteouts, ..CheckoutOptions::default() };
                    refusals.push(self.repo.checkout(commit, &at, name, options).unwrap_err());
                    // What is made of the first directories is in the destination.
                    for made in ["new", "filled/d"] {
                        let _ = fs::remove_dir_all(self.directory.path().join("around").join(made));
                    }
                    assert_eq!(self.surroundings(), before);
                }
            }
        }
        let root = self.repo.root(commit).unwrap();
        refusals.push(self.repo.walk(root, |_| Ok::<(), RepoError>(())).unwrap_err());
        let empty = self.commit(self.tree(&DirTree::new().encode()));
        refusals.push(self.repo.diff(&empty, commit).unwrap_err());
        refusals.push(self.repo.diff(commit, &empty).err().unwrap_or(RepoError::NoRef));
        let mut damaged = self.repo.fsck().unwrap().damaged;
        assert_eq!(damaged.len(), 1);
        let Some(Damage { error, .. }) = damaged.pop() else { return refusals };
        refusals.push(error);
        refusals
    }
}

/// Names and combinations of them that no directory can have.
fn refuses_trees() {
    let long = [b'n'; 256];
    type Tree<'a> = (Vec<(&'a [u8], bool)>, Vec<&'a [u8]>);
    let cases: [(Tree<'_>, ErrorKind); 13] = [
        // A directory that would be filled through a symbolic link of the same name.
        ((vec![(b"x", true)], vec![b"x"]), ErrorKind::Clash),
        ((vec![(b"x", false)], vec![b"x"]), ErrorKind::Clash),
        ((vec![(b"z", false), (b"a", false)], vec![]), ErrorKind::Order),
        ((vec![(b"a", false), (b"a", false)], vec![]), ErrorKind::Order),
        ((vec![(b"a", false), (b"a", true)], vec![]), ErrorKind::Order),
        ((vec![], vec![b"b", b"a"]), ErrorKind::Order),
        ((vec![], vec![b"a", b"a"]), ErrorKind::Order),
        ((vec![(b"", false)], vec![]), ErrorKind::Name(NameError::Empty)),
        ((vec![(b"..", true)], vec![]), ErrorKind::Name(NameError::Dots)),
        ((vec![], vec![b"."]), ErrorKind::Name(NameError::Dots)),
        ((vec![(b"../outside/x", false)], vec![]), ErrorKind::Name(NameError::Slash)),
        ((vec![(&long, false)], vec![]), ErrorKind::Name(NameError::TooLong { bytes: 256 })),
        ((vec![(b"\xff", false)], vec![]), ErrorKind::String(StringRule::NotUtf8)),
    ];
    for ((files, dirs), rule) in cases {
        let scene = Scene::new();
        let object = |is_link| if is_link { scene.link } else { scene.file };
        let files: Vec<_> = files.into_iter().map(|(name, is_link)| (name, object(is_link))).collect();
        let dirs: Vec<_> = dirs.into_iter().map(|name| (name, scene.below, scene.meta)).collect();
        let tree = scene.tree(&dirtree(&files, &dirs));
        let commit = scene.commit(tree);
        let mut refusals = scene.refusals(&commit);
        refusals.push(scene.repo.prune(&PruneOptions::default()).unwrap_err());
        for refusal in refusals {
            let RepoError::Malformed { object_type, checksum, error } = refusal else { panic!("{refusal}") };
            assert_eq!((object_type, checksum, error.kind), (ObjectType::DirTree, tree, rule));
        }
    }
    // What is no more than odd is a name: a line break, and as many bytes as there may be.
    let scene = Scene::new();
    let tree = scene.tree(&dirtree(&[(b"a\nb", scene.file), (&long[1..], scene.file)], &[]));
    let at = File::open(scene.directory.path()).unwrap();
    scene.repo.checkout(&scene.commit(tree), &at, "odd", CheckoutOptions::default()).unwrap();
    let made = fs::read_dir(scene.directory.path().join("odd")).unwrap().count();
    assert_eq!((made, scene.repo.fsck().unwrap().damaged.len()), (2, 0));
}

/// A tree of a hundred thousand directories inside each other.
fn refuses_depth() {
    const DEPTH: usize = 100_000;
    let scene = Scene::new();
    let objects = scene.directory.path().join("repo/objects");
    let (mut tree, mut trees) = (scene.tree(&DirTree::new().encode()), vec![]);
    for _ in 0..DEPTH {
        trees.push(tree);
        let bytes = dirtree(&[], &[(b"d", tree, scene.meta)]);
        tree = Checksum::of(&bytes);
        let path = tree.loose_path(ObjectType::DirTree, RepoMode::Archive);
        let _ = fs::create_dir(objects.join(path.directory()));
        fs::write(objects.join(path.as_str()), bytes).unwrap();
    }
    let commit = scene.commit(tree);
    // The directory in as many as there may be, and one more.
    let expected = trees[DEPTH - MAX_DEPTH];
    let refusals = scene.refusals(&commit);
    for (number, refusal) in refusals.iter().enumerate() {
        // Of a directory that is in the first commit alone, nothing but itself is compared.
        if number == refusals.len() - 2 {
            assert!(matches!(refusal, RepoError::NoRef));
            continue;
        }
        assert!(
            matches!(refusal, RepoError::TooDeep { checksum, limit: MAX_DEPTH } if *checksum == expected),
            "{refusal}"
        );
    }
    // Directories that nobody can commit, because nobody could check them out.
    let source = scene.directory.path().join("source");
    fs::create_dir_all(source.join("d/".repeat(MAX_DEPTH))).unwrap();
    let refused = scene.repo.commit(&source, &CommitOptions::default()).unwrap_err();
    assert!(matches!(refused, RepoError::Depth { limit: MAX_DEPTH }), "{refused}");
    // To keep all of it takes no look at how deep it is.
    let pruned = scene.repo.prune(&PruneOptions { dry_run: true, ..PruneOptions::default() }).unwrap();
    assert!(pruned.total > DEPTH);
}

/// A dirtree can only be in itself if it has another name than its bytes say.
fn refuses_cycles() {
    let scene = Scene::new();
    let name = Checksum([7; 32]);
    let bytes = dirtree(&[], &[(b"again", name, scene.meta)]);
    let path = name.loose_path(ObjectType::DirTree, RepoMode::Archive);
    let objects = scene.directory.path().join("repo/objects");
    fs::create_dir(objects.join(path.directory())).unwrap();
    fs::write(objects.join(path.as_str()), &bytes).unwrap();
    let mut refusals = scene.refusals(&scene.commit(name));
    refusals.push(scene.repo.prune(&PruneOptions::default()).unwrap_err());
    for refusal in refusals {
        let RepoError::Corrupt { object_type, expected, actual } = refusal else { panic!("{refusal}") };
        assert_eq!((object_type, expected, actual), (ObjectType::DirTree, name, Checksum::of(&bytes)));
    }
}

/// Tells the process that it is the one with small stacks.
const VARIABLE: &str = "HOSTILE_REPO_SMALL_STACK";

/// All threads, that of the test and those it starts, get 64 KiB: an overflow ends the process.
#[test]
fn hostile_repositories_are_refused_on_a_stack_of_64_kib_and_nothing_around_is_touched() {
    if std::env::var_os(VARIABLE).is_some() {
        refuses_trees();
        refuses_cycles();
        refuses_depth();
        return;
    }
    let test = concat!(
        "hostile_repo::",
        "hostile_repositories_are_refused_on_a_stack_of_64_kib_and_nothing_around_is_touched"
    );
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", test, "--nocapture"]).env(VARIABLE, "1").env("RUST_MIN_STACK", "65536");
    let output = again.output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
