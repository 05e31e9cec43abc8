use super::*;
use crate::CommitRef;

/// The commit of the real tool's `commit --generate-sizes`: `tests/fixtures/record-sizes.sh`.
const COMMIT: &[u8] = include_bytes!("../../../tests/fixtures/sized.commit");

fn entry(first: u8, rest: &[u8]) -> heapless::Vec<u8, 96> {
    let mut bytes = heapless::Vec::new();
    bytes.extend_from_slice(&[first; 32]).unwrap();
    bytes.extend_from_slice(rest).unwrap();
    bytes
}

/// An `aay` of one or two short entries.
fn array(entries: &[&[u8]]) -> heapless::Vec<u8, 256> {
    let mut bytes = heapless::Vec::<u8, 256>::new();
    let mut ends = heapless::Vec::<u8, 4>::new();
    for entry in entries {
        bytes.extend_from_slice(entry).unwrap();
        ends.push(u8::try_from(bytes.len()).unwrap()).unwrap();
    }
    bytes.extend_from_slice(&ends).unwrap();
    bytes
}

#[test]
fn reads_the_sizes_of_a_commit_of_the_tool() {
    let sizes = CommitRef::parse(COMMIT).unwrap().sizes().unwrap().unwrap();
    let of = |archived, unpacked, object_type| (archived, unpacked, Some(object_type));
    let mut found: heapless::Vec<_, 16> =
        sizes.iter().map(|size| (size.archived, size.unpacked, size.object_type)).collect();
    found.sort_unstable();
    // A symbolic link's target of one byte, an empty file, `hello`, 5000 zeros; root's 040755 and the two dirtrees.
    assert_eq!(
        found[..],
        [
            of(12, 12, ObjectType::DirMeta),
            of(35, 1, ObjectType::File),
            of(36, 0, ObjectType::File),
            of(37, 37, ObjectType::DirTree),
            of(42, 6, ObjectType::File),
            of(56, 5000, ObjectType::File),
            of(218, 218, ObjectType::DirTree),
        ]
    );
    assert_eq!(sizes.total(), SizesTotal { objects: 7, archived: 436, unpacked: 5274 });
    for size in sizes.iter() {
        assert_eq!(sizes.get(size.object_type(), &size.checksum), Some(size));
        let checked = |actual| sizes.check(size.object_type(), &size.checksum, actual);
        assert_eq!(checked(size.unpacked), Ok(()));
        let (object_type, checksum, listed) = (size.object_type(), size.checksum, size.unpacked);
        let beyond = BeyondSizes { object_type, checksum, listed, actual: listed + 1 };
        assert_eq!(checked(listed + 1), Err(beyond));
    }
    let other = Checksum([0x77; 32]);
    assert_eq!(
        (sizes.get(ObjectType::File, &other), sizes.check(ObjectType::File, &other, 9)),
        (None, Ok(()))
    );
}

#[test]
fn an_entry_is_as_long_as_its_largest_numbers_and_no_longer() {
    let largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let mut rest = heapless::Vec::<u8, 32>::new();
    rest.extend_from_slice(&largest).unwrap();
    rest.extend_from_slice(&largest).unwrap();
    rest.push(3).unwrap();
    let longest = entry(1, &rest);
    assert_eq!(longest.len(), MAX_SIZES_ENTRY_BYTES);
    let size = ObjectSize {
        checksum: Checksum([1; 32]),
        archived: u64::MAX,
        unpacked: u64::MAX,
        object_type: Some(ObjectType::DirMeta),
    };
    let bytes = array(&[&longest, &entry(2, b"\x01\x01\x01")]);
    let sizes = SizesRef::parse(&bytes).unwrap();
    assert_eq!(sizes.iter().next(), Some(size));
    assert_eq!(sizes.total(), SizesTotal { objects: 2, archived: u64::MAX, unpacked: u64::MAX });
    rest.push(0).unwrap();
    let error = SizesRef::parse(&array(&[&entry(1, &rest)])).unwrap_err();
    let kind = ErrorKind::TrailingData { bytes: 1 };
    assert_eq!(error, Error { kind, offset: MAX_SIZES_ENTRY_BYTES });
}

#[test]
fn says_what_is_wrong_and_where() {
    let error = |entries: &[&[u8]]| SizesRef::parse(&array(entries)).map(drop).unwrap_err();
    for (rest, kind, offset) in [
        (&b""[..], ErrorKind::Varint, 32),
        (b"\x05", ErrorKind::Varint, 33),
        (b"\x85\x00\x05", ErrorKind::Varint, 32),
        (b"\x05\x85\x80", ErrorKind::Varint, 33),
        (b"\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", ErrorKind::Varint, 33),
        (b"\x05\x05\x00", ErrorKind::SizesObjectType { number: 0 }, 34),
        (b"\x05\x05\x04", ErrorKind::SizesObjectType { number: 4 }, 34),
        (b"\x05\x85\x01\x01\x00\x00", ErrorKind::TrailingData { bytes: 2 }, 36),
    ] {
        assert_eq!(error(&[&entry(1, rest)]), Error { kind, offset }, "{rest:?}");
    }
    let good = entry(2, b"\x05\x85\x01\x01");
    let short = ErrorKind::Truncated { needed: 32, available: 31 };
    assert_eq!(error(&[&good, &good[..31]]), Error { kind: short, offset: 36 });
    for second in [&good, &entry(1, b"\x05\x05")] {
        assert_eq!(error(&[&good, second]), Error { kind: ErrorKind::SizesOrder, offset: 36 });
    }
}

#[test]
fn files_alone_are_listed_without_a_type() {
    let bytes = array(&[&entry(1, b"\x05\x06"), &entry(2, b"\x05\x07\x02")]);
    let sizes = SizesRef::parse(&bytes).unwrap();
    let get = |object_type, first| {
        sizes.get(object_type, &Checksum([first; 32])).map(|size| (size.unpacked, size.object_type))
    };
    assert_eq!(get(ObjectType::File, 1), Some((6, None)));
    assert_eq!(get(ObjectType::DirTree, 1), None);
    assert_eq!(get(ObjectType::DirTree, 2), Some((7, Some(ObjectType::DirTree))));
    assert_eq!((sizes.len(), sizes.is_empty()), (2, false));
    assert!(SizesRef::parse(b"").unwrap().is_empty());
}

#[test]
fn places_are_those_in_the_commit() {
    let at = COMMIT.windows(32).position(|bytes| bytes.starts_with(b"ostree.sizes")).unwrap();
    let mut bytes = heapless::Vec::<u8, 1024>::from_slice(COMMIT).unwrap();
    // The value is aligned to 8; the first of its entries is an object of 32 and two numbers of one byte each.
    let value = (at + "ostree.sizes\0".len()).next_multiple_of(8);
    bytes[value + 34] = 9;
    let error = CommitRef::parse(&bytes).unwrap().sizes().map(drop).unwrap_err();
    assert_eq!(error, Error { kind: ErrorKind::SizesObjectType { number: 9 }, offset: value + 34 });
}

#[cfg(feature = "alloc")]
#[test]
fn what_is_built_is_what_the_tool_wrote() {
    let sizes = CommitRef::parse(COMMIT).unwrap().sizes().unwrap().unwrap();
    let mut listed: alloc::vec::Vec<ObjectSize> = sizes.iter().collect();
    listed.reverse();
    let built = Sizes::new(listed.iter().copied()).unwrap();
    assert_eq!(built, Sizes::from(sizes));
    assert!(built.as_ref().iter().eq(sizes.iter()));
    let value = CommitRef::parse(COMMIT).unwrap().metadata().get(SIZES_KEY).unwrap();
    assert_eq!(built.to_variant().as_ref(), value);
    assert!(Sizes::new([]).unwrap().as_ref().is_empty());

    let twice = Sizes::new([listed[0], listed[1], listed[0]]);
    assert_eq!(twice, Err(SizesError::Twice { checksum: listed[0].checksum }));
    let mut commit = crate::Commit::from(CommitRef::parse(COMMIT).unwrap());
    commit.metadata = alloc::vec![(SIZES_KEY.into(), crate::Variant::string("none").unwrap())];
    let error = CommitRef::parse(&commit.encode()).unwrap().sizes().map(drop).unwrap_err();
    assert_eq!(error, Error { kind: ErrorKind::ValueType, offset: 16 });
    let commit = ObjectSize { object_type: Some(ObjectType::Commit), ..listed[0] };
    assert_eq!(Sizes::new([commit]), Err(SizesError::ObjectType { object_type: ObjectType::Commit }));
}
