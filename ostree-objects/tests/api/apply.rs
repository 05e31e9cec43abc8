//! Applying static deltas to a repository: what the real tool's deltas do not show.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fs;

use ostree_objects::delta::{
    ApplyError, Budget, Compression, DeltaName, Objects, PartBuilder, PartHeaderRef, PartObject, PartRef,
    ReadContent, SuperblockBuilder, SuperblockRef, apply_unpacked,
};
use ostree_objects::repo::{CommitOptions, Repo, RepoError};
use ostree_objects::{
    Checksum, CommitRef, ContentHasher, DirTreeRef, FileHeaderRef, ObjectType, RepoMode, XattrsRef,
};
use tempfile::TempDir;

fn header() -> FileHeaderRef<'static> {
    FileHeaderRef::regular(0, 0, 0o100_644, XattrsRef::EMPTY).unwrap()
}

fn name_of(content: &[u8]) -> Checksum {
    let mut hasher = ContentHasher::new(&header());
    hasher.update(content);
    hasher.finish()
}

/// Two files that are there, and the content of those that are made.
struct Store {
    old: [Vec<u8>; 2],
    made: RefCell<Vec<Vec<u8>>>,
    reads: RefCell<usize>,
}

impl Objects for Store {
    type Error = Infallible;
    type Source = usize;

    fn wants(&self, _: &PartObject) -> Result<bool, Infallible> {
        Ok(true)
    }

    fn open(&self, file: &Checksum) -> Result<Option<(usize, u64)>, Infallible> {
        let found = self.old.iter().position(|content| name_of(content) == *file);
        Ok(found.map(|number| (number, u64::try_from(self.old[number].len()).unwrap())))
    }

    fn read_at(&self, source: &mut usize, offset: u64, out: &mut [u8]) -> Result<(), Infallible> {
        *self.reads.borrow_mut() += 1;
        let start = usize::try_from(offset).unwrap();
        out.copy_from_slice(&self.old[*source][start..start + out.len()]);
        Ok(())
    }

    fn keep_metadata(&self, _: &PartObject, _: &[u8]) -> Result<(), Infallible> {
        Ok(())
    }

    fn keep_file(
        &self,
        _: &PartObject,
        _: &FileHeaderRef<'_>,
        content: &mut dyn ReadContent<Infallible>,
    ) -> Result<(), ApplyError<Infallible>> {
        let remaining = usize::try_from(content.remaining()).unwrap();
        // More than it has: one reading brings all of it.
        let mut buffer = vec![0; remaining + 1];
        assert_eq!(content.read(&mut buffer)?, remaining);
        assert_eq!((content.remaining(), content.read(&mut buffer)?), (0, 0));
        buffer.truncate(remaining);
        self.made.borrow_mut().push(buffer);
        Ok(())
    }
}

/// A part with one mode and no extended attributes.
fn part(payload: &[u8], operations: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, 0xa4]);
    // One set, which is empty.
    bytes.push(0);
    let payload_end = u8::try_from(bytes.len() + payload.len()).unwrap();
    bytes.extend([payload, operations].concat());
    bytes.extend([payload_end, 13, 12]);
    assert!(bytes.len() <= 255, "framing offsets have one byte");
    bytes
}

#[test]
fn content_of_two_files_in_turn_is_that_of_each_and_is_read_ahead() {
    let old = [vec![b'a'; 200], vec![b'b'; 200]];
    let payload = [name_of(&old[0]).0, name_of(&old[1]).0].concat();
    // Three bytes of the first file, of the second, of the first again: numbers are length and offset.
    let operations = b"r\x00o\x00\x00\x0cw\x03\x00w\x03\x05r\x20w\x03\x00r\x00w\x03\x09cR";
    let expected = b"aaaaaabbbaaa";
    let mut listed = vec![ObjectType::File.number()];
    listed.extend(name_of(expected).0);
    let header = PartHeaderRef::new(Checksum([0; 32]), 0, 12, &listed).unwrap();
    let store = Store { old, made: RefCell::default(), reads: RefCell::default() };
    let bytes = part(&payload, operations);
    apply_unpacked(PartRef::parse(&bytes).unwrap(), &header, &mut Budget::default(), &store).unwrap();
    assert_eq!(store.made.into_inner(), [expected]);
    assert_eq!(store.reads.into_inner(), 3, "once for each change of the file");
}

/// A tree with a file that nothing changes, one that is changed, and one that is moved.
fn trees(directory: &TempDir) -> [std::path::PathBuf; 2] {
    let trees = ["one", "two"].map(|name| directory.path().join(name));
    for (tree, changed, moved) in [(&trees[0], "before", "same/moved"), (&trees[1], "after", "changed/moved")]
    {
        for directory in ["same", "changed"] {
            fs::create_dir_all(tree.join(directory)).unwrap();
        }
        fs::write(tree.join("changed/stays"), "stays").unwrap();
        fs::write(tree.join("changed/file"), changed).unwrap();
        fs::write(tree.join(moved), "moved").unwrap();
    }
    trees
}

fn file(repo: &Repo, commit: &Checksum, directory: &str, name: &str) -> Checksum {
    let bytes = repo.load_metadata(ObjectType::Commit, commit).unwrap();
    let root = CommitRef::parse(&bytes).unwrap().tree();
    let bytes = repo.load_metadata(ObjectType::DirTree, &root).unwrap();
    let tree = DirTreeRef::parse(&bytes).unwrap().dir(directory).unwrap().tree;
    let bytes = repo.load_metadata(ObjectType::DirTree, &tree).unwrap();
    DirTreeRef::parse(&bytes).unwrap().file(name).unwrap().checksum
}

#[test]
fn only_what_a_complete_commit_has_in_the_same_place_is_not_looked_for() {
    let directory = TempDir::new().unwrap();
    let repo = Repo::init(&directory.path().join("repo"), RepoMode::Archive).unwrap();
    let [one, two] = trees(&directory).map(|tree| repo.commit(&tree, &CommitOptions::default()).unwrap());
    let missing = |base: Option<&Checksum>| match repo.complete(&two, base) {
        Ok(()) => None,
        Err(RepoError::Missing { object_type: ObjectType::File, checksum }) => Some(checksum),
        Err(error) => panic!("{error}"),
    };
    for (name, is_missed) in [("file", true), ("moved", true), ("stays", false)] {
        let checksum = file(&repo, &two, "changed", name);
        let path = checksum.loose_path(ObjectType::File, RepoMode::Archive);
        let path = directory.path().join("repo/objects").join(path.as_str());
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        repo.set_partial(&two).unwrap();
        assert_eq!(missing(Some(&one)), is_missed.then_some(checksum), "{name}");
        assert_eq!(repo.is_partial(&two).unwrap(), is_missed, "{name}");
        assert_eq!(missing(None), Some(checksum), "{name}");
        repo.set_partial(&one).unwrap();
        assert_eq!(missing(Some(&one)), Some(checksum), "{name}: a partial commit says nothing");
        repo.set_complete(&one).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(missing(Some(&one)), None);
}

#[test]
fn files_that_are_patched_from_files_of_the_same_part_are_made() {
    let directory = TempDir::new().unwrap();
    let served = Repo::init(&directory.path().join("served"), RepoMode::Archive).unwrap();
    let tree = directory.path().join("tree");
    fs::create_dir(&tree).unwrap();
    let content = |number: usize| format!("{}{number}", "the same text again and again ".repeat(20));
    for number in 0..40 {
        fs::write(tree.join(format!("file{number:02}")), content(number)).unwrap();
    }
    let options = CommitOptions { canonical_permissions: true, ..CommitOptions::default() };
    let commit = served.commit(&tree, &options).unwrap();
    let commit_bytes = served.load_metadata(ObjectType::Commit, &commit).unwrap();
    let parsed = CommitRef::parse(&commit_bytes).unwrap();
    let mut part = PartBuilder::default();
    for (object_type, checksum) in
        [(ObjectType::DirTree, parsed.tree()), (ObjectType::DirMeta, parsed.meta())]
    {
        let bytes = served.load_metadata(object_type, &checksum).unwrap();
        part.metadata(&PartObject { object_type, checksum }, &bytes);
    }
    part.file(&name_of(content(0).as_bytes()), &header(), content(0).as_bytes());
    for number in 1..40 {
        let (old, new) = (content(number - 1), content(number));
        let names = [&new, &old].map(|content| name_of(content.as_bytes()));
        assert!(part.patched_file(&names[0], &header(), new.as_bytes(), &names[1], old.as_bytes()));
    }
    let encoded = part.encode();
    let parts = [part.finish(Compression::None, &encoded)];
    let bytes = SuperblockBuilder {
        name: DeltaName { from: None, to: commit },
        timestamp: 0,
        commit: &commit_bytes,
        detached: None,
        parts: &parts,
        is_inline: true,
        fallbacks: &[],
    }
    .encode();
    let repo = Repo::init(&directory.path().join("repo"), RepoMode::Archive).unwrap();
    let delta = SuperblockRef::parse(&bytes).unwrap();
    repo.apply_delta::<Box<dyn core::error::Error>>(&delta, None, Budget::default(), |_, _| Ok(None))
        .unwrap();
    repo.complete(&commit, None).unwrap();
    for number in 0..40 {
        repo.check_file(&name_of(content(number).as_bytes())).unwrap();
    }
}
