//! Copies single files and whole subtrees from a cursor to a storage.

use alloc::vec;
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use crate::apply::at_place;
use crate::apply::error::{ApplyError, Place};
use crate::apply::storage::{Attributes, Storage};
use crate::digest::Digest;
use crate::error::{PlanError, Side, at};
use crate::resolve;
use crate::step::Xattrs;
use crate::tree::{Cursor, Kind, Meta};

/// How much is read and written at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// Names the path of a plan's error.
pub(crate) fn at_path<T>(path: &[u8], result: Result<T, PlanError>) -> Result<T, ApplyError> {
    result.map_err(|error| ApplyError::Plan { path: path.into(), error })
}

/// The place of an error while something is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Where<'p> {
    pub(super) path: &'p [u8],
    pub(super) saved: bool,
}

impl Where<'_> {
    pub(super) fn place(self) -> Place {
        if self.saved { Place::Saved(self.path.into()) } else { Place::Result(self.path.into()) }
    }
}

/// Copies the current file or symlink to `name`; the digest of what was copied.
pub(super) fn leaf<S: Storage, C: Cursor>(
    storage: &S,
    (directory, name): (&S::Directory, &[u8]),
    (side, cursor): (Side, &C),
    attributes: &Attributes<'_>,
    place: Where<'_>,
) -> Result<Digest, ApplyError> {
    if cursor.meta().kind == Kind::Symlink {
        let target = at_path(place.path, resolve::content(side, cursor, usize::MAX))?.unwrap_or_default();
        at_place(place.place(), storage.symlink(directory, name, &target, attributes))?;
        return Ok(Digest::of(&target));
    }
    let written = |result| at_place(place.place(), result);
    let mut file = at_place(place.place(), storage.create(directory, name))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; usize::try_from(cursor.meta().size).map_or(CHUNK, |size| size.clamp(1, CHUNK))];
    let mut offset = 0_u64;
    loop {
        let length = at_path(place.path, at(side, cursor.read(offset, &mut buffer)))?;
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        hash.update(bytes);
        written(storage.write(&mut file, bytes))?;
        offset = offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
    }
    at_path(place.path, at(side, cursor.check_unchanged()))?;
    written(storage.finish(file, attributes))?;
    Ok(Digest::finish(hash))
}

/// Copies what the cursor stands on, with all below it, to `name`. Special files are left out.
pub(super) fn subtree<S: Storage, C: Cursor>(
    storage: &S,
    (parent, name): (&S::Directory, &[u8]),
    (side, cursor): (Side, &C),
    path: &[u8],
) -> Result<(), ApplyError> {
    let place = Where { path, saved: true };
    let meta = cursor.meta();
    if meta.kind.is_special() {
        return Ok(());
    }
    if meta.kind != Kind::Directory {
        let xattrs = own_xattrs((side, cursor), path)?;
        leaf(storage, (parent, name), (side, cursor), &own(meta, &xattrs), place)?;
        return Ok(());
    }
    struct Level<C, D> {
        cursor: C,
        directory: D,
        meta: Meta,
        xattrs: resolve::XattrMap,
    }
    let enter =
        |parent: &S::Directory, name: &[u8], cursor: &C| -> Result<Level<C, S::Directory>, ApplyError> {
            Ok(Level {
                cursor: at_path(path, at(side, cursor.descend()))?,
                directory: at_place(place.place(), storage.make_directory(parent, name))?,
                meta: cursor.meta(),
                xattrs: own_xattrs((side, cursor), path)?,
            })
        };
    let mut stack: Vec<Level<C, S::Directory>> = vec![enter(parent, name, cursor)?];
    while let Some(level) = stack.last_mut() {
        if at_path(path, at(side, level.cursor.advance()))? {
            let (cursor, directory) = (&level.cursor, &level.directory);
            match cursor.meta().kind {
                Kind::Directory => {
                    let next = enter(directory, cursor.name(), cursor)?;
                    stack.push(next);
                }
                kind if kind.is_leaf() => {
                    let xattrs = own_xattrs((side, cursor), path)?;
                    let attributes = own(cursor.meta(), &xattrs);
                    leaf(storage, (directory, cursor.name()), (side, cursor), &attributes, place)?;
                }
                _ => {}
            }
            continue;
        }
        if let Some(Level { directory, meta, xattrs, .. }) = stack.pop() {
            at_place(place.place(), storage.set_attributes(&directory, &own(meta, &xattrs)))?;
            at_place(place.place(), storage.sync_in_tree(&directory))?;
        }
    }
    Ok(())
}

fn own_xattrs<C: Cursor>((side, cursor): (Side, &C), path: &[u8]) -> Result<resolve::XattrMap, ApplyError> {
    at_path(
        path,
        resolve::xattrs::<C, C, C>(Xattrs::Local, (None, None, Some(cursor))).map_err(|error| match error {
            PlanError::Source { error, .. } => PlanError::Source { side, error },
            error => error,
        }),
    )
}

const fn own(meta: Meta, xattrs: &resolve::XattrMap) -> Attributes<'_> {
    let mtime = Some((meta.mtime, meta.mtime_nanoseconds));
    Attributes { mode: meta.mode, owner: Some((meta.uid, meta.gid)), xattrs, mtime }
}
