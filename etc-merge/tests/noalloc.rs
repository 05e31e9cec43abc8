//! Planning needs no heap, and little stack.
#![allow(missing_docs, clippy::unwrap_used, clippy::as_conversions)]

use etc_merge::{
    Action, Class, DirectoryTree, Kind, ListEntry, ListTree, MAX_DEPTH, Meta, Plan, Policy, Refusal, Row,
    Totals, Workspace, glob_matches, plan,
};
use testkit::count_alloc::{CountingAllocator, allocations_during, peak_bytes_during};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const fn directory(depth: usize, name: &[u8]) -> ListEntry<'_> {
    ListEntry { depth, name, meta: Meta::new(Kind::Directory), content: b"", xattrs: &[] }
}

const fn file<'a>(depth: usize, name: &'a [u8], content: &'a [u8]) -> ListEntry<'a> {
    ListEntry { depth, name, meta: Meta::new(Kind::File), content, xattrs: &[] }
}

const OLD: &[ListEntry<'_>] = &[
    directory(0, b""),
    directory(1, b"d"),
    file(2, b"a", b"1"),
    file(2, b"b", b"1"),
    file(1, b"f", b"1"),
    file(1, b"g", b"1"),
];
const NEW: &[ListEntry<'_>] = &[
    directory(0, b""),
    directory(1, b"d"),
    file(2, b"a", b"2"),
    file(2, b"b", b"2"),
    directory(1, b"f"),
    file(1, b"g", b"1"),
];
const LOCAL: &[ListEntry<'_>] = &[
    directory(0, b""),
    directory(1, b"d"),
    file(2, b"a", b"1"),
    file(2, b"b", b"3"),
    file(1, b"f", b"4"),
    file(1, b"g", b"5"),
];

/// What a plan says of a path: row, class, whether something is placed.
type Told = (heapless::Vec<u8, 8>, Row, Class, bool);

fn told(policy: &Policy<'_>) -> (heapless::Vec<Told, 8>, Totals) {
    let (old, new, local) =
        (ListTree::new(OLD).unwrap(), ListTree::new(NEW).unwrap(), ListTree::new(LOCAL).unwrap());
    let mut workspace = Workspace::new();
    let mut plan = plan(&mut workspace, &old, &new, &local, policy).unwrap();
    let mut told = heapless::Vec::new();
    while let Some(step) = plan.next_step().unwrap() {
        let path = heapless::Vec::from_slice(step.path).unwrap();
        told.push((path, step.row, step.class, matches!(step.action, Action::Place(_)))).unwrap();
    }
    (told, plan.totals())
}

#[test]
fn planning_allocates_nothing() {
    for policy in [Policy::safe(), Policy::libostree()] {
        let ((told, totals), count) = allocations_during(|| told(&policy));
        assert_eq!(count, 0);
        assert_eq!(told.len(), 4);
        assert_eq!((&told[0].0[..], told[0].1, told[0].2), (&b"d/a"[..], Row::Untouched, Class::Updated));
        assert_eq!((&told[1].0[..], told[1].1, told[1].2), (&b"d/b"[..], Row::BothEdited, Class::Conflict));
        assert_eq!(
            (&told[2].0[..], told[2].1, told[2].2),
            (&b"f"[..], Row::FileBecomesDirectory, Class::Conflict)
        );
        assert_eq!((&told[3].0[..], told[3].1, told[3].2), (&b"g"[..], Row::LocalEdit, Class::Kept));
        assert_eq!(told[2].3, policy == Policy::safe(), "libostree refuses it");
        assert_eq!((totals.updated, totals.kept, totals.conflicts, totals.same), (1, 1, 2, 2));
    }
    let (matched, count) = allocations_during(|| glob_matches(b"**/*.conf", b"a/b/c.conf"));
    assert_eq!((matched, count), (true, 0));
}

#[test]
fn planning_needs_less_than_32_kib_of_stack() {
    let planned =
        std::thread::Builder::new().stack_size(32 * 1024).spawn(|| told(&Policy::safe()).1).unwrap();
    assert_eq!(planned.join().unwrap().conflicts, 2);
}

#[test]
fn the_deepest_directory_is_planned() {
    let mut entries = vec![directory(0, b"")];
    entries.extend((1..MAX_DEPTH).map(|depth| directory(depth, b"d")));
    let mut deeper = entries.clone();
    deeper.push(file(MAX_DEPTH, b"f", b"1"));
    let (old, new) = (ListTree::new(&entries).unwrap(), ListTree::new(&deeper).unwrap());
    let policy = Policy::safe();
    let mut workspace = Workspace::new();
    let mut plan = plan(&mut workspace, &old, &new, &old, &policy).unwrap();
    let step = plan.next_step().unwrap().unwrap();
    assert_eq!(step.path.len(), 2 * MAX_DEPTH - 1);
    assert_eq!((step.class, step.refusal()), (Class::Updated, None::<Refusal>));
    assert!(plan.next_step().unwrap().is_none());
    let mut too_deep = deeper.clone();
    too_deep.insert(MAX_DEPTH, directory(MAX_DEPTH, b"d"));
    too_deep.insert(MAX_DEPTH + 1, file(MAX_DEPTH + 1, b"f", b"1"));
    let error = ListTree::new(&too_deep).unwrap_err();
    assert_eq!((error.at, error.kind), (MAX_DEPTH + 1, etc_merge::ListErrorKind::TooDeep));
}

/// The planner's own memory: frames and one path, whatever the trees hold.
#[test]
fn a_plan_is_small() {
    fn size<O, N, L>(_: &Plan<'_, O, N, L>) -> usize {
        size_of::<Workspace<O, N, L>>()
    }
    let tree = ListTree::new(OLD).unwrap();
    let policy = Policy::safe();
    let mut workspace = Workspace::new();
    let bytes = size(&plan(&mut workspace, &tree, &tree, &tree, &policy).unwrap());
    assert!(bytes <= 20 * 1024, "{bytes} bytes");
}

/// What planning holds at once: the planner's memory, and what the three walks of directories need.
#[test]
fn planning_3000_files_on_disk_holds_less_than_256_kib() {
    let scene = tempfile::tempdir().unwrap();
    for side in ["old", "new", "local"] {
        for file in 0..3000 {
            let directory = scene.path().join(side).join(format!("d{}/e{}", file % 40, file % 3));
            if file < 120 {
                std::fs::create_dir_all(&directory).unwrap();
            }
            let edited = side == "local" && file % 150 == 0 || side == "new" && file % 100 == 1;
            let content = format!("# file {file}\n").repeat(40) + if edited { side } else { "" };
            std::fs::write(directory.join(format!("file{file}.conf")), content).unwrap();
        }
    }
    let ((kept, updated), bytes) = peak_bytes_during(|| {
        let [old, new, local] = ["old", "new", "local"].map(|side| scene.path().join(side));
        let old = DirectoryTree::open(&old).unwrap();
        let new = DirectoryTree::open(&new).unwrap().with_links_of(&old);
        let local = DirectoryTree::open(&local).unwrap();
        let mut workspace = Box::new(Workspace::new());
        let policy = Policy::safe();
        let mut plan = plan(&mut workspace, &old, &new, &local, &policy).unwrap();
        while plan.next_step().unwrap().is_some() {}
        (plan.totals().kept, plan.totals().updated)
    });
    assert_eq!((kept, updated), (20, 30));
    assert!(bytes <= 256 * 1024, "{bytes} bytes");
}
