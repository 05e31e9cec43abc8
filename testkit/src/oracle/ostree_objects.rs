//! Properties of `ostree-objects`.
//!
//! What a reader accepts is the normal form of its type, says what its iterators say, and is written back byte for
//! byte: no two objects mean the same, so none can be swapped for another of the same meaning.
#![allow(clippy::missing_panics_doc)] // A panic is how a property says that it does not hold.

mod deltas;
mod gvariant;
mod operations;
mod sizes;

pub use deltas::{detached, index, part, summary, superblock};
pub use operations::{SOURCE, Store, makes_objects, operations};
pub use sizes::sizes;

use std::io::Read;

use ostree_objects::filez::{Inflate, deflate, read_header};
use ostree_objects::limits::{
    MAX_NAME_BYTES, MAX_SYMLINK_BYTES, MAX_XATTR_NAME_BYTES, MAX_XATTR_VALUE_BYTES,
};
use ostree_objects::pull::Checkpoint;
use ostree_objects::{
    Checksum, ChecksumError, Commit, CommitRef, DirMeta, DirMetaRef, DirTree, DirTreeBuf, DirTreeRef, Error,
    FileHeader, FileHeaderRef, FilezHeaderRef, Limits, Name, NameBuf, ObjectType, RepoMode, TombstoneRef,
    Variant, VariantRef, Xattrs, XattrsRef,
};

/// What was parsed, if it was; an error is at a place inside the bytes, or right behind them.
fn accepted<T>(bytes: &[u8], parsed: Result<T, Error>, kind: &str) -> Option<T> {
    match parsed {
        Ok(parsed) => {
            assert_ne!(gvariant::is_normal(kind, bytes), Some(false), "not the normal form of {kind}");
            Some(parsed)
        }
        Err(error) => {
            assert!(error.offset <= bytes.len(), "{error}, of {} bytes", bytes.len());
            None
        }
    }
}

/// A commit: what it says in the owned form is the same object, if it has no related objects, which are left out.
pub fn commit(data: &[u8]) {
    let kind = "(a{sv}aya(say)sstayay)";
    let Some(commit) = accepted(data, CommitRef::parse(data), kind) else { return };
    for (key, value) in commit.metadata().iter() {
        assert!(!key.is_empty());
        let first = commit.metadata().iter().find(|(other, _)| *other == key).map(|(_, value)| value);
        assert_eq!(commit.metadata().get(key), first);
        check_variant(value);
    }
    sizes::of_commit(data, &commit);
    let owned = Commit::from(commit);
    assert_eq!(owned.metadata.len(), commit.metadata().iter().count());
    let again = owned.encode();
    if commit.related().iter().next().is_none() {
        assert_eq!(again, data);
    }
    assert_eq!(CommitRef::parse(&again).map(Commit::from), Ok(owned));
    let mut tight = Limits::DEFAULT;
    tight.metadata_bytes = data.len() - 1;
    assert!(CommitRef::parse_with(data, &tight).is_err());
}

/// A commit with one value in its metadata.
fn commit_with(value: &[u8]) -> Vec<u8> {
    let text = |text: &[u8]| [text, &[0]].concat();
    let entry = gvariant::container(&[(1, true, &text(b"key")), (8, false, value)], true);
    let metadata = gvariant::container(&[(8, true, &entry)], false);
    gvariant::container(
        &[
            (8, true, &metadata),
            (1, true, &[]),
            (1, true, &[]),
            (1, true, &text(b"subject")),
            (1, true, &text(b"")),
            (8, false, &[0; 8]),
            (1, true, &[1; 32]),
            (1, false, &[2; 32]),
        ],
        true,
    )
}

/// Whether a value of a commit's metadata is read.
#[must_use]
pub fn reads_variant(data: &[u8]) -> bool {
    CommitRef::parse(&commit_with(data)).is_ok()
}

/// A value of any type, as a commit's metadata has them: it is read if and only if it is in the normal form.
pub fn variant(data: &[u8]) {
    let commit = commit_with(data);
    let parsed = CommitRef::parse(&commit);
    if let Some(normal) = gvariant::is_normal("v", data) {
        assert_eq!(parsed.is_ok(), normal, "{:?}", parsed.err());
    }
    let Ok(parsed) = parsed else { return };
    let value = parsed.metadata().get("key").expect("the one entry");
    assert_eq!([value.bytes(), &[0], value.type_string().as_bytes()].concat(), data);
    check_variant(value);
    self::commit(&commit);
}

/// A value is what its accessors say, and each accessor answers for its type alone.
fn check_variant(value: VariantRef<'_>) {
    let kind = value.type_string();
    assert_eq!(value.as_str().is_some(), kind == "s");
    assert_eq!(value.as_strings().is_some(), kind == "as");
    assert_eq!(value.as_bool().is_some(), kind == "b");
    assert_eq!(value.as_bytes().is_some(), kind == "ay");
    assert_eq!(value.as_be_u64().is_some(), kind == "t");
    assert_eq!(value.as_byte().is_some(), kind == "y");
    assert_eq!(value.as_byte_strings().is_some(), kind == "aay");
    assert!(value.as_metadata().is_none() || kind == "a{sv}");
    let mut written = Vec::from_iter(value.as_bytes().map(Variant::bytes));
    written.extend(value.as_bool().map(Variant::boolean));
    written.extend(value.as_be_u64().map(Variant::be_u64));
    written.extend(value.as_byte().map(Variant::byte));
    written.extend(value.as_byte_strings().map(Variant::byte_strings));
    written.extend(value.as_metadata().map(|metadata| {
        let entries: Vec<_> = metadata.iter().map(|(key, value)| (key.into(), value.into())).collect();
        Variant::metadata(&entries)
    }));
    written.extend(value.as_str().map(|text| Variant::string(text).expect("no NUL")));
    written.extend(value.as_strings().map(|texts| Variant::strings(texts).expect("no NUL")));
    for written in written {
        assert_eq!(written.as_ref(), value);
    }
    assert_eq!(Variant::from(value).as_ref(), value);
}

/// A dirtree: names that are names, in order, each once; every entry is found by its name.
pub fn dirtree(data: &[u8]) {
    let Some(tree) = accepted(data, DirTreeRef::parse(data), "(a(say)a(sayay))") else { return };
    let names = |names: Vec<&str>| {
        assert!(names.iter().all(|name| is_name(name.as_bytes())), "{names:?}");
        assert!(names.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()), "{names:?}");
    };
    names(tree.files().map(|file| file.name.as_str()).collect());
    names(tree.dirs().map(|dir| dir.name.as_str()).collect());
    for (index, file) in tree.files().enumerate() {
        assert_eq!((tree.file(file.name.as_str()), tree.file_at(index)), (Some(file), Some(file)));
        assert_eq!(tree.dir(file.name.as_str()), None);
    }
    for (index, dir) in tree.dirs().enumerate() {
        assert_eq!((tree.dir(dir.name.as_str()), tree.dir_at(index)), (Some(dir), Some(dir)));
    }
    assert_eq!((tree.file_at(tree.files().len()), tree.dir_at(tree.dirs().len())), (None, None));
    let owned = DirTree::from(tree);
    assert_eq!((owned.files().len(), owned.dirs().len()), (tree.files().len(), tree.dirs().len()));
    assert_eq!(owned.encode(), data);
    let kept = DirTreeBuf::parse(data.to_vec(), &Limits::DEFAULT).expect("just read");
    assert!(kept.as_ref().files().eq(tree.files()) && kept.as_ref().dirs().eq(tree.dirs()));
}

/// A dirmeta: a directory's, and made again from its parts.
pub fn dirmeta(data: &[u8]) {
    let Some(meta) = accepted(data, DirMetaRef::parse(data), "(uuua(ayay))") else { return };
    assert_eq!(meta.mode() & !0o7777, 0o040_000);
    assert_eq!(DirMetaRef::new(meta.uid(), meta.gid(), meta.mode() & 0o7777, meta.xattrs()), Ok(meta));
    assert_eq!(DirMeta::from(meta).encode(), data);
    check_xattrs(meta.xattrs());
}

/// The header of a file object, as it is hashed.
pub fn file_header(data: &[u8]) {
    let Some(header) = accepted(data, FileHeaderRef::parse(data), "(uuuusa(ayay))") else { return };
    check_header(header);
    let mut framed = Vec::new();
    let Ok(()) = header.encode_framed(&mut framed);
    let len = u32::try_from(data.len()).expect("within the limit").to_be_bytes();
    assert_eq!(framed, [&len[..], &[0; 4], data].concat());
}

/// A regular file or a symbolic link, and made again from its parts.
fn check_header(header: FileHeaderRef<'_>) {
    let (uid, gid, xattrs) = (header.uid(), header.gid(), header.xattrs());
    match header.symlink_target() {
        Some(target) => {
            assert!((1..=MAX_SYMLINK_BYTES).contains(&target.len()) && !target.contains('\0'));
            let again = FileHeaderRef::symlink(uid, gid, target, xattrs).expect("it was read");
            assert_eq!((again.symlink_target(), again.xattrs()), (Some(target), xattrs));
        }
        None => {
            assert_eq!(header.mode() & !0o7777, 0o100_000);
            assert_eq!(FileHeaderRef::regular(uid, gid, header.mode(), xattrs), Ok(header));
        }
    }
    assert_eq!(FileHeader::from(header).as_ref(), header);
    check_xattrs(xattrs);
}

/// A `.filez`: its content is of the declared size exactly, however it is read, or there is an error.
pub fn filez(data: &[u8]) {
    let mut rest = data;
    let Ok((size, header)) = read_header(&mut rest) else { return };
    let start = &data[..data.len() - rest.len()];
    let parsed = FilezHeaderRef::parse(&start[8..]);
    let parsed = accepted(&start[8..], parsed, "(tuuuusa(ayay))").expect("just read");
    assert_eq!((parsed.size, parsed.file), (size, header.as_ref()));
    check_header(parsed.file);
    let mut again = Vec::new();
    let Ok(()) = header.as_ref().encode_filez(size, &mut again);
    assert_eq!(again, start);

    let whole = inflated(rest, size, 64 * 1024);
    assert_eq!(whole, inflated(OneByte(rest), size, 7), "in pieces");
    let Some(content) = whole else { return };
    assert_eq!(u64::try_from(content.len()), Ok(size));
    assert_eq!(inflated(rest.chain(&[0][..]), size, 4096), None, "a byte after the end");
    let mut packed = Vec::new();
    deflate(&content[..], &mut packed, 1).expect("memory");
    assert_eq!(inflated(&packed[..], size, 4096), Some(content));
    assert_eq!(inflated(&packed[..], size + 1, 4096), None, "a byte less than declared");
    if size > 0 {
        assert_eq!(inflated(&packed[..], size - 1, 4096), None, "a byte more than declared");
    }
}

/// All content, read `step` bytes at a time; `None` if there is an error. Never more than `size` bytes.
fn inflated(reader: impl Read, size: u64, step: usize) -> Option<Vec<u8>> {
    let (mut inflate, mut content, mut buffer) = (Inflate::new(reader, size), Vec::new(), vec![0; step]);
    loop {
        let result = inflate.read(&mut buffer);
        let count = *result.as_ref().unwrap_or(&0);
        content.extend_from_slice(&buffer[..count]);
        assert!(u64::try_from(content.len()).is_ok_and(|len| len <= size), "more than was declared");
        match result {
            Ok(0) => return Some(content),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

/// Gives one byte at a time.
struct OneByte<'a>(&'a [u8]);

impl Read for OneByte<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let room = buffer.len().min(1);
        self.0.read(&mut buffer[..room])
    }
}

/// Extended attributes.
pub fn xattrs(data: &[u8]) {
    if let Some(xattrs) = accepted(data, XattrsRef::parse(data), "a(ayay)") {
        assert_eq!(xattrs.as_bytes(), data);
        check_xattrs(xattrs);
    }
}

/// Names that Linux could have, in order, each once; made again from the pairs, in any order.
fn check_xattrs(xattrs: XattrsRef<'_>) {
    let pairs: Vec<_> = xattrs.iter().collect();
    assert_eq!(pairs.is_empty(), xattrs.is_empty());
    assert!(pairs.is_sorted_by(|a, b| a.0 < b.0));
    for (name, value) in &pairs {
        assert!((1..=MAX_XATTR_NAME_BYTES).contains(&name.len()) && !name.contains(&0));
        assert!(value.len() <= MAX_XATTR_VALUE_BYTES);
        assert_eq!(xattrs.get(name), Some(*value));
    }
    let again = Xattrs::new(pairs.into_iter().rev()).expect("it was read");
    assert_eq!(again.as_ref(), xattrs);
}

/// Checksums, names and words in text: what is read is written back unchanged, and nothing else is read.
pub fn text(data: &[u8]) {
    let digit = |byte: &u8| b"0123456789abcdef".contains(byte);
    match Checksum::from_hex(data) {
        Ok(checksum) => {
            assert_eq!(checksum.to_string().as_bytes(), data);
            let path = checksum.loose_path(ObjectType::Commit, RepoMode::Archive);
            assert_eq!(path.as_str(), format!("{}/{}", path.directory(), path.file_name()));
            let hex = path.as_str().strip_suffix(".commit").expect("the type").replace('/', "");
            assert_eq!(hex.as_bytes(), data);
        }
        Err(ChecksumError::Length { bytes }) => assert!(bytes == data.len() && bytes != 64),
        Err(ChecksumError::Digit { offset }) => {
            assert_eq!((data.len(), data.iter().position(|byte| !digit(byte))), (64, Some(offset)));
        }
        Err(error) => panic!("{error}"),
    }
    let name = Name::from_bytes(data);
    assert_eq!(name.is_ok(), is_name(data) && str::from_utf8(data).is_ok());
    if let Ok(name) = name {
        assert_eq!((name.as_str().as_bytes(), NameBuf::from(name).as_name()), (data, name));
    }
    let Ok(text) = str::from_utf8(data) else { return };
    if let Some(mode) = RepoMode::from_name(text) {
        assert!(mode.name() == text || text == "archive");
    }
    for mode in [RepoMode::Archive, RepoMode::BareUser] {
        if let Some(object_type) = ObjectType::from_extension(text, mode) {
            assert_eq!(object_type.extension(mode), text);
        }
    }
}

/// What Linux allows as the name of a new file.
fn is_name(bytes: &[u8]) -> bool {
    (1..=MAX_NAME_BYTES).contains(&bytes.len())
        && bytes != b"."
        && bytes != b".."
        && !bytes.iter().any(|byte| b"/\0".contains(byte))
}

/// A tombstone: one that says nothing but which commit it is of is written back.
pub fn tombstone(data: &[u8]) {
    let Some(tombstone) = accepted(data, TombstoneRef::parse(data), "a{sv}") else { return };
    let name = tombstone.metadata().get("commit").and_then(|value| value.as_bytes()).expect("it was read");
    assert_eq!(name, format!("{}\0", tombstone.commit()).as_bytes());
    if tombstone.metadata().iter().count() == 1 {
        assert_eq!(TombstoneRef::encode(&tombstone.commit()), *data);
    }
}

/// A checkpoint of a pull: what is read is what would be written, whatever commit it is of, and no other bytes are taken.
///
/// What comes before the check is also tried with one that fits, which no mutation finds.
pub fn checkpoint(data: &[u8]) {
    read_checkpoint(data);
    let body = data.get(..data.len().saturating_sub(32)).unwrap_or_default();
    read_checkpoint(&[body, &Checksum::of(body).0].concat());
}

/// Whether the bytes are a checkpoint of the commit that they name.
pub fn read_checkpoint(data: &[u8]) -> bool {
    let commit =
        data.get(1..).and_then(|rest| rest.first_chunk()).copied().map_or(Checksum([0; 32]), Checksum);
    let Ok(checkpoint) = Checkpoint::decode(data, &commit, &Limits::DEFAULT) else { return false };
    assert_eq!(checkpoint.encode(), data);
    let other = Checksum(commit.0.map(|byte| !byte));
    assert!(Checkpoint::decode(data, &other, &Limits::DEFAULT).is_err());
    true
}
