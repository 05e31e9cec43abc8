//! Static deltas, summaries and what lies beside commits.

use ostree_objects::delta::{
    DeltaIndexRef, DeltaName, DeltasRef, PartRef, SignedSuperblockRef, SuperblockRef,
};
use ostree_objects::summary::{Summary, SummaryRef};
use ostree_objects::{Checksum, DetachedRef, ObjectType};

use super::{accepted, check_variant, check_xattrs, gvariant};

/// A superblock, signed or not: what it lists can be in a delta, and what it has in itself is found.
pub fn superblock(data: &[u8]) {
    if SignedSuperblockRef::is_signed(data) {
        let Some(signed) = accepted(data, SignedSuperblockRef::parse(data), "(taya{sv})") else { return };
        detached_signatures(signed.signatures());
        return superblock_proper(signed.superblock());
    }
    assert!(SignedSuperblockRef::parse(data).is_err());
    superblock_proper(data);
}

fn superblock_proper(data: &[u8]) {
    let kind = "(a{sv}tayay(a{sv}aya(say)sstayay)aya(uayttay)a(yaytt))";
    let Some(delta) = accepted(data, SuperblockRef::parse(data), kind) else { return };
    super::commit(delta.commit_bytes());
    check_name(delta.name());
    let mut count = 0;
    for (index, part) in delta.parts().enumerate() {
        for object in part.objects() {
            let is_made =
                matches!(object.object_type, ObjectType::File) || object.object_type.is_named_by_bytes();
            assert!(is_made, "{object:?}");
        }
        if let Some((_, payload)) = delta.inline_part(index) {
            assert!(data.windows(payload.len().max(1)).any(|window| payload.is_empty() || window == payload));
        }
        count += 1;
    }
    assert_eq!(delta.parts().len(), count);
    if let Some(detached) = delta.detached() {
        self::detached(detached);
    }
}

/// A name's texts lead back to it.
fn check_name(name: DeltaName) {
    assert_eq!(name.to_string().parse(), Ok(name));
    let path = name.superblock_path();
    let rest = path.as_str().strip_prefix("deltas/").and_then(|rest| rest.strip_suffix("/superblock"));
    let (first, rest) = rest.and_then(|rest| rest.split_once('/')).expect("a path");
    assert_eq!(DeltaName::from_directory(first, rest), Ok(name));
}

/// An index of static deltas.
pub fn index(data: &[u8]) {
    if let Some(index) = accepted(data, DeltaIndexRef::parse(data), "a{sv}") {
        check_deltas(index.deltas());
    }
}

fn check_deltas(deltas: DeltasRef<'_>) {
    for (name, checksum) in deltas.iter() {
        check_name(name);
        assert_eq!(Checksum::from_mbase64(&checksum.to_mbase64()), Some(checksum));
    }
}

/// A summary: refs in order, each found by its name.
pub fn summary(data: &[u8]) {
    let Some(summary) = accepted(data, SummaryRef::parse(data), "(a(s(taya{sv}))a{sv})") else { return };
    let names: Vec<_> = summary.refs().map(|entry| entry.name).collect();
    assert!(names.is_sorted_by(|a, b| a < b));
    for entry in summary.refs() {
        let found = summary.get(entry.name).expect("it is there");
        assert_eq!(
            (found.name, found.commit, found.commit_size),
            (entry.name, entry.commit, entry.commit_size)
        );
        entry.metadata.iter().for_each(|(_, value)| check_variant(value));
    }
    assert!(summary.get("\u{10ffff}").is_none_or(|entry| names.contains(&entry.name)));
    check_deltas(summary.deltas());
    assert_eq!(Summary::from(summary).encode(), data);
}

/// What lies beside a commit or a summary.
pub fn detached(data: &[u8]) {
    if let Some(detached) = accepted(data, DetachedRef::parse(data), "a{sv}") {
        detached_signatures(detached);
    }
}

fn detached_signatures(detached: DetachedRef<'_>) {
    let signatures: Vec<_> = detached.ed25519_signatures().map(|signature| &signature[..]).collect();
    let value = detached.metadata().get("ostree.sign.ed25519");
    let stored: Vec<_> = value.and_then(|value| value.as_byte_strings()).into_iter().flatten().collect();
    assert!(signatures.iter().all(|signature| signature.len() == 64 && stored.contains(signature)));
    detached.metadata().iter().for_each(|(_, value)| check_variant(value));
}

/// A part without its compression.
pub fn part(data: &[u8]) {
    let Ok(part) = PartRef::parse(data) else { return };
    let sets: Vec<_> = (0..part.xattr_sets()).map(|index| part.xattrs(index).expect("a set")).collect();
    if sets.iter().all(Result::is_ok) {
        assert_ne!(gvariant::is_normal("(a(uuu)aa(ayay)ayay)", data), Some(false));
    }
    sets.into_iter().flatten().for_each(check_xattrs);
    assert!(part.xattrs(part.xattr_sets()).is_none() && part.mode(part.modes()).is_none());
    assert!((0..part.modes()).all(|index| part.mode(index).is_some()));
    assert!(part.payload().len() + part.operations().len() <= data.len());
}
