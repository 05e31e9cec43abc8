//! How two entries of the same path differ.

use crate::error::{PlanError, Side, SourceError, at};
use crate::tree::{Cursor, Meta};

/// What differs between two entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// File, symlink, directory: another kind of file.
    pub(super) kind: bool,
    /// Content or target; always when the kind differs.
    pub(super) content: bool,
    /// Mode, owner or group.
    pub(super) meta: bool,
    pub(super) xattrs: bool,
}

impl Changes {
    pub(super) const fn any(self) -> bool {
        self.content || self.meta || self.xattrs
    }

    /// What libostree's diff sees: it ignores extended attributes.
    pub(super) const fn seen_by_libostree(self) -> bool {
        self.content || self.meta
    }
}

/// Compares two entries; for directories their own metadata alone.
pub(super) fn changes<A: Cursor, B: Cursor>(
    (side_a, a): (Side, &A),
    (side_b, b): (Side, &B),
) -> Result<Changes, PlanError> {
    if a.identity().is_some_and(|identity| b.identity() == Some(identity)) {
        return Ok(Changes::default());
    }
    let (meta_a, meta_b) = (a.meta(), b.meta());
    let kind = meta_a.kind != meta_b.kind;
    let content = kind || meta_a.kind.is_leaf() && !same_content((side_a, a), (side_b, b))?;
    let xattrs = at(side_a, a.xattrs_digest())? != at(side_b, b.xattrs_digest())?;
    Ok(Changes { kind, content, meta: differs(meta_a, meta_b), xattrs })
}

fn differs(a: Meta, b: Meta) -> bool {
    (a.mode, a.uid, a.gid) != (b.mode, b.uid, b.gid)
}

/// Compares content byte for byte, or by digests if both are known: half the work of hashing, or none.
fn same_content<A: Cursor, B: Cursor>(
    (side_a, a): (Side, &A),
    (side_b, b): (Side, &B),
) -> Result<bool, PlanError> {
    let size = a.meta().size;
    if size != b.meta().size {
        return Ok(false);
    }
    if let (Some(a), Some(b)) = (a.known_digest(), b.known_digest()) {
        return Ok(a == b);
    }
    let mut buffer_a = [0; BUFFER];
    let mut buffer_b = [0; BUFFER];
    let mut offset = 0;
    // Up to the size that was seen: a read more only to see the end would double the cost of small files.
    while offset < size {
        let bytes_a = at(side_a, fill(a, offset, &mut buffer_a))?;
        let bytes_b = at(side_b, fill(b, offset, &mut buffer_b))?;
        if bytes_a != bytes_b {
            return Ok(false);
        }
        if bytes_a.is_empty() {
            return Ok(true);
        }
        let length = u64::try_from(bytes_a.len()).unwrap_or(u64::MAX);
        offset = offset.saturating_add(length);
    }
    Ok(true)
}

/// Two of these are on the stack.
const BUFFER: usize = 2048;

/// Fills the buffer as far as the content goes.
fn fill<'b, C: Cursor>(cursor: &C, offset: u64, buffer: &'b mut [u8]) -> Result<&'b [u8], SourceError> {
    let left = usize::try_from(cursor.meta().size.saturating_sub(offset)).unwrap_or(usize::MAX);
    let wanted = buffer.len().min(left);
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..wanted).filter(|rest| !rest.is_empty()) {
        let start = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        let length = cursor.read(start, rest)?;
        if length == 0 {
            break;
        }
        filled = filled.saturating_add(length).min(wanted);
    }
    Ok(buffer.get(..filled).unwrap_or(&[]))
}
