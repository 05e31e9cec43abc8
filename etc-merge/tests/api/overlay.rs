//! A tree over another.

use etc_merge::{
    Cursor, Digest, Kind, ListEntry, ListTree, MemoryTree, Meta, Node, OverlayTree, Policy, Report,
    SourceError, Tree, merge_in_memory,
};

use crate::random_trees::three;

/// What an overlay is: the lower tree with each entry of the upper one put in, in place of what is in its way.
fn united(lower: &MemoryTree, upper: &MemoryTree) -> MemoryTree {
    let mut tree = lower.clone();
    for (path, node) in upper.iter() {
        let there = tree.get(&path).map(|node| node.meta.kind);
        if there != Some(Kind::Directory) || node.meta.kind != Kind::Directory {
            tree.remove(&path);
        }
        tree.insert(&path, node.clone()).unwrap();
    }
    tree
}

fn all<T: Tree>(tree: &T) -> MemoryTree {
    let empty = MemoryTree::new();
    merge_in_memory(&empty, tree, &empty, &Policy::libostree()).unwrap()
}

#[test]
fn it_is_the_union_in_which_the_upper_tree_counts() {
    for seed in 0..300 {
        let trees = three(seed);
        for (lower, upper) in [(&trees.old, &trees.new), (&trees.new, &trees.old)] {
            let overlay = OverlayTree::new(lower, upper);
            assert_eq!(all(&overlay), all(&united(lower, upper)), "seed {seed}");
            let report = |new: &dyn Fn() -> Report| new();
            let ours = report(&|| Report::plan(lower, &overlay, &trees.local, &Policy::safe()).unwrap());
            let theirs = report(&|| {
                Report::plan(lower, &united(lower, upper), &trees.local, &Policy::safe()).unwrap()
            });
            assert_eq!(ours, theirs, "seed {seed}");
        }
        assert_eq!(all(&OverlayTree::new(&trees.old, &MemoryTree::new())), all(&trees.old));
    }
}

#[test]
fn a_special_file_of_the_upper_tree_hides_a_default() {
    let (mut lower, mut upper) = (MemoryTree::new(), MemoryTree::new());
    lower.insert(b"a", Node::new(Kind::File, b"1")).unwrap();
    lower.insert(b"b", Node::new(Kind::File, b"1")).unwrap();
    upper.insert(b"b", Node::new(Kind::CharacterDevice, b"")).unwrap();
    let mut expected = lower.clone();
    expected.remove(b"b");
    assert_eq!(all(&OverlayTree::new(&lower, &upper)), expected);
}

/// A tree whose directory `d` claims to be known, and counts who reads it.
struct Known(MemoryTree);

struct KnownCursor<'t>(<MemoryTree as Tree>::Cursor<'t>);

impl Tree for Known {
    type Cursor<'t> = KnownCursor<'t>;

    fn root(&self) -> Result<KnownCursor<'_>, SourceError> {
        Ok(KnownCursor(self.0.root()?))
    }
}

impl Cursor for KnownCursor<'_> {
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
        Ok(Self(self.0.descend()?))
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        self.0.read(offset, buffer)
    }

    fn xattrs(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), SourceError> {
        self.0.xattrs(visit)
    }

    fn subtree(&self) -> Option<Digest> {
        (self.name() == b"d").then(|| Digest::of(b"d"))
    }
}

#[test]
fn a_directory_of_one_tree_is_known_by_its_name_and_one_of_both_is_not() {
    let entry =
        |depth, name, kind| ListEntry { depth, name, meta: Meta::new(kind), content: b"", xattrs: &[] };
    let mut lower = MemoryTree::new();
    lower.insert(b"d", Node::new(Kind::Directory, b"")).unwrap();
    let lower = Known(lower);
    for (name, known) in [(&b"c"[..], Some(Digest::of(b"d"))), (b"d", None)] {
        let upper = [entry(0, b"", Kind::Directory), entry(1, name, Kind::Directory)];
        let upper = ListTree::new(&upper).unwrap();
        let overlay = OverlayTree::new(&lower, &upper);
        let mut root = overlay.root().unwrap();
        assert!(root.advance().unwrap());
        let mut inside = root.descend().unwrap();
        while inside.advance().unwrap() && inside.name() != b"d" {}
        assert_eq!((inside.name(), inside.subtree()), (&b"d"[..], known));
    }
}
