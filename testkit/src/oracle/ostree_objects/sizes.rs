//! The sizes that commits list.

use ostree_objects::limits::MAX_SIZES_ENTRY_BYTES;
use ostree_objects::{Checksum, CommitRef, ObjectSize, ObjectType, Sizes, SizesRef};

use super::accepted;

/// The value of `ostree.sizes`: each object is listed once, in order, and found; the same sizes are the same bytes.
pub fn sizes(data: &[u8]) {
    let Some(sizes) = accepted(data, SizesRef::parse(data), "aay") else { return };
    let listed: Vec<ObjectSize> = sizes.iter().collect();
    assert_eq!((sizes.len(), sizes.is_empty()), (listed.len(), listed.is_empty()));
    assert!(listed.is_sorted_by(|a, b| a.checksum < b.checksum));
    assert!(data.len() <= listed.len() * (MAX_SIZES_ENTRY_BYTES + 8));
    let (mut archived, mut unpacked) = (0_u64, 0_u64);
    for size in &listed {
        let object_type = size.object_type();
        assert!(matches!(object_type, ObjectType::File | ObjectType::DirTree | ObjectType::DirMeta));
        assert_eq!(sizes.get(object_type, &size.checksum), Some(*size));
        assert_eq!(sizes.get(ObjectType::Commit, &size.checksum), None);
        let check = |actual| sizes.check(object_type, &size.checksum, actual).is_ok();
        assert!(check(0) && check(size.unpacked));
        assert!(size.unpacked == u64::MAX || !check(size.unpacked + 1));
        archived = archived.saturating_add(size.archived);
        unpacked = unpacked.saturating_add(size.unpacked);
    }
    let total = sizes.total();
    assert_eq!((total.objects, total.archived, total.unpacked), (listed.len(), archived, unpacked));
    let absent = Checksum([0x5a; 32]);
    let is_listed = listed.iter().any(|size| size.checksum == absent);
    assert!(is_listed || sizes.check(ObjectType::File, &absent, u64::MAX).is_ok());
    let again = Sizes::new(listed.into_iter().rev()).expect("each is there once");
    assert_eq!(again.to_variant().as_ref().bytes(), data);
    assert_eq!(again, Sizes::from(sizes));
}

/// Those of a commit are those of its metadata; what is wrong with them is at a place inside of it.
pub(super) fn of_commit(data: &[u8], commit: &CommitRef<'_>) {
    let value = commit.metadata().get("ostree.sizes");
    match commit.sizes() {
        Ok(None) => assert_eq!(value, None),
        Ok(Some(listed)) => {
            let value = value.expect("they are there");
            assert_eq!(value.type_string(), "aay");
            assert_eq!(listed.len(), SizesRef::parse(value.bytes()).map_or(0, |sizes| sizes.len()));
            sizes(value.bytes());
        }
        Err(error) => {
            assert!(value.is_some() && error.offset <= data.len(), "{error}");
        }
    }
}
