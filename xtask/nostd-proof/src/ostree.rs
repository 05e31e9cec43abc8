//! ostree-objects: each kind of metadata object, its name, and a file's.

use ostree_objects::{
    Checksum, CommitRef, ContentHasher, DirMetaRef, DirTreeRef, Error, FileHeaderRef, ObjectType, RepoMode,
    XattrsRef,
};

use crate::{Bytes, REFUSED};

/// When the commit was made, if `name` is its name.
#[unsafe(no_mangle)]
pub extern "C" fn ostree_commit(commit: &Bytes, name: &[u8; 64]) -> u64 {
    let is_named = Checksum::from_hex(name) == Ok(Checksum::of(commit));
    let commit = CommitRef::parse(commit);
    commit.ok().filter(|_| is_named).map_or(REFUSED, |commit| commit.timestamp())
}

/// The sum of a directory's entries and its mode.
#[unsafe(no_mangle)]
pub extern "C" fn ostree_directory(tree: &Bytes, meta: &Bytes) -> u64 {
    let read = || -> Result<_, Error> {
        let tree = DirTreeRef::parse(tree)?;
        let entries = tree.files().map(|file| file.name).chain(tree.dirs().map(|dir| dir.name)).count();
        Ok((entries, DirMetaRef::parse(meta)?.mode()))
    };
    let sum = |(entries, mode)| u64::try_from(entries).ok()?.checked_add(u64::from(mode));
    read().ok().and_then(sum).unwrap_or(REFUSED)
}

/// The sum of the characters of the path that a file is stored at.
#[unsafe(no_mangle)]
pub extern "C" fn ostree_file(content: &Bytes, mode: u32) -> u64 {
    let Ok(header) = FileHeaderRef::regular(0, 0, mode, XattrsRef::EMPTY) else { return REFUSED };
    let mut hasher = ContentHasher::new(&header);
    hasher.update(content);
    let path = hasher.finish().loose_path(ObjectType::File, RepoMode::BareUser);
    path.as_str().bytes().map(u64::from).sum()
}
