//! What works without a heap needs none.
#![allow(missing_docs, clippy::unwrap_used)]

use ostree_objects::delta::SuperblockRef;
use ostree_objects::summary::SummaryRef;
use ostree_objects::{
    Checksum, CommitRef, DetachedRef, ObjectType, RepoMode, SizesRef, SizesTotal, TombstoneRef,
};
use testkit::count_alloc::{CountingAllocator, allocations_during};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const COMMIT: &[u8] = include_bytes!("fixtures/sized.commit");
const BESIDE: &[u8] = include_bytes!("fixtures/two.commitmeta");
const SUPERBLOCK: &[u8] = include_bytes!("fixtures/scratch-inline.superblock");
const SUMMARY: &[u8] = include_bytes!("fixtures/plain.summary");

/// A commit, the sizes it lists, each found again, and its path in a repository.
fn read_commit() -> (SizesTotal, usize) {
    let commit = CommitRef::parse(COMMIT).unwrap();
    let sizes = commit.sizes().unwrap().unwrap();
    let found = |size: &ostree_objects::ObjectSize| {
        sizes.check(size.object_type(), &size.checksum, size.unpacked).is_ok()
            && sizes.get(size.object_type(), &size.checksum) == Some(*size)
    };
    let path = Checksum::of(COMMIT).loose_path(ObjectType::Commit, RepoMode::Archive);
    (sizes.total(), sizes.iter().filter(found).count() + path.as_str().len())
}

#[test]
fn reading_allocates_nothing() {
    let ((total, count), allocations) = allocations_during(read_commit);
    assert_eq!((total.objects, total.unpacked, count, allocations), (7, 5274, 7 + 2 + 1 + 62 + 7, 0));
    // Of what is refused as well.
    let (refused, allocations) = allocations_during(|| SizesRef::parse(&COMMIT[1..]).is_err());
    assert_eq!((refused, allocations), (true, 0));
    let commit = Checksum::of(COMMIT);
    let (read, allocations) = allocations_during(|| {
        let bytes = TombstoneRef::encode(&commit);
        TombstoneRef::parse(&bytes).map(|tombstone| tombstone.commit())
    });
    assert_eq!((read, allocations), (Ok(commit), 0));
    let (counts, allocations) = allocations_during(|| {
        let delta = SuperblockRef::parse(SUPERBLOCK).unwrap();
        let summary = SummaryRef::parse(SUMMARY).unwrap();
        let beside = DetachedRef::parse(BESIDE).unwrap();
        (delta.parts().len(), summary.refs().count(), beside.metadata().iter().count())
    });
    assert_eq!((counts, allocations), ((1, 1, 1), 0));
}

#[test]
fn reading_needs_less_than_32_kib_of_stack() {
    let read = std::thread::Builder::new().stack_size(32 * 1024).spawn(read_commit).unwrap();
    assert_eq!(read.join().unwrap().0.objects, 7);
}
