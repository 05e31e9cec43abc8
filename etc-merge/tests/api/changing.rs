//! Files that change while they are merged.

use std::cell::Cell;
use std::fs;

use etc_merge::apply::{ApplyError, Disk, Installer, MAX_PASSES, Storage as _, Trees};
use etc_merge::{
    Cursor, DirectoryTree, Kind, MemoryTree, Meta, Node, PlanError, Policy, Side, SourceError, Tree,
    merge_directories, merge_in_memory,
};

use crate::power::PowerCut;

/// A tree in which some file changes while it is copied, in so many passes.
struct Busy {
    tree: MemoryTree,
    passes: Cell<u32>,
}

struct BusyCursor<'t>(<MemoryTree as Tree>::Cursor<'t>, &'t Cell<u32>);

impl Tree for Busy {
    type Cursor<'t> = BusyCursor<'t>;

    fn root(&self) -> Result<BusyCursor<'_>, SourceError> {
        Ok(BusyCursor(self.tree.root()?, &self.passes))
    }
}

impl Cursor for BusyCursor<'_> {
    fn advance(&mut self) -> Result<bool, SourceError> {
        self.0.advance()
    }

    fn name(&self) -> &[u8] {
        self.0.name()
    }

    fn meta(&self) -> Meta {
        self.0.meta()
    }

    fn descend(&self) -> Result<Self, SourceError> {
        Ok(Self(self.0.descend()?, self.1))
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        self.0.read(offset, buffer)
    }

    fn xattrs(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), SourceError> {
        self.0.xattrs(visit)
    }

    fn check_unchanged(&self) -> Result<(), SourceError> {
        match self.1.get() {
            0 => Ok(()),
            left => {
                self.1.set(left - 1);
                Err(SourceError::Changed)
            }
        }
    }
}

/// Merges where a file of the device changes in this many passes.
fn merge(passes: u32) -> (Result<(), ApplyError>, PowerCut) {
    let file = |content: &str| Node::new(Kind::File, content.as_bytes());
    let (mut old, mut local) = (MemoryTree::new(), MemoryTree::new());
    old.insert(b"a", file("1")).unwrap();
    local.insert(b"a", file("2")).unwrap();
    local.insert(b"b", file("3")).unwrap();
    let expected = merge_in_memory(&old, &old, &local, &Policy::safe()).unwrap();
    let local = Busy { tree: local, passes: Cell::new(passes) };
    let disk = PowerCut::new();
    let root = disk.root();
    let installer = Installer::new(&disk, &root, b"etc");
    let result = installer.install(Trees { old: &old, new: &old, local: &local }, &Policy::safe()).map(drop);
    if result.is_ok() {
        assert_eq!(disk.tree("etc"), Some(expected));
    }
    (result, disk)
}

#[test]
fn a_file_that_changes_while_it_is_copied_is_read_anew_a_few_times() {
    assert_eq!(merge(MAX_PASSES - 1).0, Ok(()));
    let (result, disk) = merge(MAX_PASSES);
    let error = PlanError::Source { side: Side::Local, error: SourceError::Changed };
    assert_eq!(result, Err(ApplyError::Plan { path: b"a".to_vec(), error }));
    assert_eq!(disk.tree("etc"), None);
}

/// A cursor of the directory's only file, `f`.
fn at_file(tree: &DirectoryTree) -> <DirectoryTree as Tree>::Cursor<'_> {
    let mut root = tree.root().unwrap();
    assert!(root.advance().unwrap());
    let mut inside = root.descend().unwrap();
    assert!(inside.advance().unwrap());
    assert_eq!(inside.name(), b"f");
    inside
}

#[test]
fn content_and_metadata_of_two_versions_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f");
    let tree = DirectoryTree::open(directory.path()).unwrap();
    let mut buffer = [0; 16];
    // Replaced by rename, as editors do, before it is opened.
    fs::write(&path, "public").unwrap();
    let cursor = at_file(&tree);
    fs::write(directory.path().join("x"), "secret").unwrap();
    fs::rename(directory.path().join("x"), &path).unwrap();
    assert_eq!(cursor.read(0, &mut buffer), Ok(6));
    assert_eq!(cursor.check_unchanged(), Err(SourceError::Changed));
    // Written to after it was opened.
    let cursor = at_file(&tree);
    assert_eq!(cursor.read(0, &mut buffer), Ok(6));
    assert_eq!(cursor.check_unchanged(), Ok(()));
    fs::write(&path, "longer than before").unwrap();
    assert_eq!(cursor.check_unchanged(), Err(SourceError::Changed));
    // A new hard link is no new version.
    let cursor = at_file(&tree);
    assert_eq!(cursor.read(0, &mut buffer), Ok(16));
    fs::hard_link(&path, directory.path().join("link")).unwrap();
    assert_eq!(cursor.check_unchanged(), Ok(()));
    // It became a directory, or vanished.
    let cursor = at_file(&tree);
    fs::remove_file(&path).unwrap();
    assert_eq!(cursor.read(0, &mut buffer), Err(SourceError::Changed));
    fs::create_dir(&path).unwrap();
    assert_eq!(cursor.read(0, &mut buffer), Err(SourceError::Changed));
}

#[test]
fn defaults_that_share_files_by_hard_links_merge_as_copies_do() {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &str| directory.path().join(path);
    for side in ["old", "new", "copied", "local"] {
        fs::create_dir_all(at(side).join("d")).unwrap();
    }
    for (name, content) in [("a", "1"), ("d/b", "2"), ("d/c", "3"), ("e", "4")] {
        fs::write(at("old").join(name), content).unwrap();
        fs::write(at("local").join(name), if name == "d/b" { "edited" } else { content }).unwrap();
        if name == "e" {
            fs::write(at("new").join(name), "updated").unwrap();
        } else {
            fs::hard_link(at("old").join(name), at("new").join(name)).unwrap();
        }
        fs::copy(at("new").join(name), at("copied").join(name)).unwrap();
    }
    // One that has the name of another of its links.
    fs::hard_link(at("old/a"), at("new/d/a")).unwrap();
    fs::copy(at("old/a"), at("copied/d/a")).unwrap();
    for policy in [Policy::safe(), Policy::libostree()] {
        let [linked, copied] = ["new", "copied"].map(|new| {
            let out = at(&format!("out-{new}"));
            let report = merge_directories(&at("old"), &at(new), &at("local"), &out, &policy).unwrap();
            let merged = DirectoryTree::open(&out).unwrap();
            let nothing = MemoryTree::new();
            let tree = merge_in_memory(&nothing, &merged, &nothing, &Policy::libostree()).unwrap();
            fs::remove_dir_all(out).unwrap();
            (report, tree)
        });
        assert_eq!(linked, copied);
        assert_eq!((linked.0.totals.kept, linked.0.totals.updated), (1, 2));
    }
}

#[test]
fn a_directory_is_empty_or_not() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let open = std::os::fd::OwnedFd::from(fs::File::open(directory.path()).unwrap());
    assert_eq!(disk.is_empty(&open), Ok(true));
    fs::write(directory.path().join("x"), "").unwrap();
    assert_eq!(disk.is_empty(&open), Ok(false));
    assert_eq!(disk.is_empty(&open), Ok(false), "asked twice");
}
