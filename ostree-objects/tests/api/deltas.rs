//! Static deltas and summaries that the real tool made (`tests/fixtures/record-deltas.sh`).

use std::path::Path;

use ostree_objects::delta::{ByteOrder, Compression, DeltaIndexRef, DeltaName, SuperblockRef};
use ostree_objects::summary::SummaryRef;
use ostree_objects::{Checksum, DetachedRef, Error, ErrorKind, ObjectType};

pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

/// The two commits.
pub fn commits() -> (Checksum, Checksum) {
    let text = String::from_utf8(fixture("deltas.txt")).unwrap();
    let find = |key| text.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim().parse().unwrap();
    (find("one "), find("two "))
}

const NEW_YEAR: u64 = 1_767_225_600;

#[test]
fn a_superblock_says_what_the_tool_put_into_it() {
    let (one, two) = commits();
    for (file, from, order, is_inline) in [
        ("from-one.superblock", Some(one), ByteOrder::Little, false),
        ("scratch-inline.superblock", None, ByteOrder::Little, true),
        ("big-endian.superblock", Some(one), ByteOrder::Big, true),
    ] {
        let bytes = fixture(file);
        let delta = SuperblockRef::parse(&bytes).unwrap();
        assert_eq!(delta.name(), DeltaName { from, to: two }, "{file}");
        assert_eq!((delta.timestamp(), delta.byte_order()), (NEW_YEAR, (order, false)), "{file}");
        assert_eq!(Checksum::of(delta.commit_bytes()), two, "{file}");
        assert_eq!((delta.commit().subject(), delta.commit().parent()), ("two", Some(one)), "{file}");
        assert_eq!(delta.fallbacks().count(), 0, "{file}");
        let parts: Vec<_> = delta.parts().collect();
        assert_eq!(parts.len(), 1, "{file}");
        // As the tool printed when it made them.
        let (objects, objects_size) = if from.is_some() { (7, 4201) } else { (9, 4218) };
        assert_eq!((parts[0].objects().len(), parts[0].objects_size), (objects, objects_size), "{file}");
        // The commit itself is in the superblock alone.
        let commits = parts[0].objects().filter(|object| object.object_type == ObjectType::Commit);
        assert_eq!(commits.count(), 0, "{file}");
        let stored = match delta.inline_part(0) {
            Some((compression, payload)) => [&[compression], payload].concat(),
            None => fixture("from-one.part"),
        };
        assert_eq!(delta.inline_part(0).is_some(), is_inline, "{file}");
        assert!(delta.inline_part(1).is_none(), "{file}");
        assert_eq!(Checksum::of(&stored), parts[0].checksum, "{file}");
        assert_eq!(u64::try_from(stored.len()), Ok(parts[0].size), "{file}");
        assert_eq!(Compression::from_byte(stored[0]), Some(Compression::Xz), "{file}");
    }
}

/// `ostree.endianness` is renamed, so that the order is guessed as for deltas of before 2015.
#[test]
fn the_byte_order_of_an_old_delta_is_guessed_right() {
    for (file, order) in
        [("from-one.superblock", ByteOrder::Little), ("big-endian.superblock", ByteOrder::Big)]
    {
        let mut bytes = fixture(file);
        let at = bytes.windows(17).position(|window| window == b"ostree.endianness").unwrap();
        bytes[at] = b'x';
        let delta = SuperblockRef::parse(&bytes).unwrap();
        assert_eq!(delta.byte_order(), (order, true), "{file}");
        assert_eq!(delta.parts().next().unwrap().objects_size, 4201, "{file}");
    }
}

/// Deltas of 2015, by ostree on machines of both kinds.
#[test]
fn the_byte_order_of_deltas_that_never_said_it_is_guessed_right() {
    let sizes = [("old-little.superblock", ByteOrder::Little), ("old-big.superblock", ByteOrder::Big)].map(
        |(file, order)| {
            let bytes = fixture(file);
            let delta = SuperblockRef::parse(&bytes).unwrap();
            assert_eq!(delta.byte_order(), (order, true), "{file}");
            let sizes: Vec<_> = delta.parts().map(|part| (part.size, part.objects_size)).collect();
            assert!(sizes.iter().all(|(size, _)| *size < 1_000_000), "{sizes:?}");
            let fallbacks: Vec<_> = delta.fallbacks().collect();
            (delta.name(), sizes, fallbacks)
        },
    );
    assert_eq!(sizes[0], sizes[1]);
}

#[test]
fn an_unknown_byte_order_and_another_commit_are_seen() {
    let mut bytes = fixture("from-one.superblock");
    let at = bytes.windows(17).position(|window| window == b"ostree.endianness").unwrap();
    assert_eq!(bytes[at + 24], b'l');
    bytes[at + 24] = b'm';
    let kind = ErrorKind::DeltaByteOrder { value: b'm' };
    assert_eq!(SuperblockRef::parse(&bytes).unwrap_err(), Error { kind, offset: 0 });
}

#[test]
fn index_and_summary_name_the_delta_and_its_superblock() {
    let (one, two) = commits();
    let superblock = Checksum::of(&fixture("from-one.superblock"));
    let expected = [(DeltaName { from: Some(one), to: two }, superblock)];
    assert!(DeltaIndexRef::parse(&fixture("two.index")).unwrap().deltas().iter().eq(expected));
    // The second was told to leave the deltas to the indexes.
    for (file, deltas) in [("plain.summary", &expected[..]), ("only-indexes.summary", &[])] {
        let bytes = fixture(file);
        let summary = SummaryRef::parse(&bytes).unwrap();
        assert!(summary.deltas().iter().eq(deltas.iter().copied()), "{file}");
        assert!(summary.has_delta_indexes(), "{file}");
        assert_eq!((summary.last_modified(), summary.expires()), (Some(NEW_YEAR), None), "{file}");
        assert_eq!(summary.refs().count(), 1, "{file}");
        let entry = summary.get("os/main").unwrap();
        let time = entry.metadata.get("ostree.commit.timestamp").unwrap().as_be_u64();
        assert_eq!((entry.name, entry.commit, time), ("os/main", two, Some(NEW_YEAR + 1)), "{file}");
        let delta = fixture("from-one.superblock");
        let size = SuperblockRef::parse(&delta).unwrap().commit_bytes().len();
        assert_eq!(u64::try_from(size), Ok(entry.commit_size), "{file}");
        assert!(summary.get("os").is_none() && summary.get("z").is_none());
    }
}

#[test]
fn what_lies_beside_a_commit_is_read() {
    let bytes = fixture("two.commitmeta");
    let detached = DetachedRef::parse(&bytes).unwrap();
    assert_eq!(detached.metadata().get("note").unwrap().as_str(), Some("beside two"));
    assert_eq!(detached.ed25519_signatures().count(), 0);
}
