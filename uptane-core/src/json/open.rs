//! Which objects and arrays a scan is inside of: a bit and a place each, instead of recursion.

use super::{JsonError, JsonErrorKind, MAX_DEPTH};

/// The open objects and arrays of one scan.
pub(super) struct Open {
    /// Those around the value that is scanned.
    outside: usize,
    pub(super) depth: usize,
    /// Whether each is an object, the innermost in bit 0.
    objects: u32,
    starts: [usize; MAX_DEPTH],
    /// The last key of each, as a range of the document.
    keys: [(usize, usize); MAX_DEPTH],
}

impl Open {
    #[inline]
    pub(super) fn new(outside: usize) -> Self {
        Self { outside, depth: 0, objects: 0, starts: [0; MAX_DEPTH], keys: [(0, 0); MAX_DEPTH] }
    }

    #[inline]
    pub(super) fn in_object(&self) -> bool {
        self.objects & 1 != 0
    }

    /// Enters the one whose bracket is at `at`; returns where it goes on.
    #[inline]
    pub(super) fn push(&mut self, object: bool, at: usize) -> Result<usize, JsonError> {
        if self.outside + self.depth >= MAX_DEPTH {
            return Err(JsonError { kind: JsonErrorKind::TooDeep, offset: at });
        }
        self.objects = self.objects << 1 | u32::from(object);
        if let (Some(start), Some(key)) = (self.starts.get_mut(self.depth), self.keys.get_mut(self.depth)) {
            (*start, *key) = (at, (0, 0));
        }
        self.depth += 1;
        Ok(at + 1)
    }

    /// Where the innermost one started.
    #[inline]
    pub(super) fn close(&mut self) -> usize {
        self.objects >>= 1;
        self.depth -= 1;
        self.starts.get(self.depth).copied().unwrap_or_default()
    }

    /// Where the last key is of the innermost one, or of that `outside` ones around it.
    #[inline]
    pub(super) fn key(&self, outside: usize) -> (usize, usize) {
        let place = self.depth.wrapping_sub(outside + 1);
        self.keys.get(place).copied().unwrap_or_default()
    }

    /// Takes the next key of the innermost object; whether its bytes come after those of the key before.
    #[inline]
    pub(super) fn follows(&mut self, document: &[u8], start: usize, end: usize) -> bool {
        let Some(last) = self.keys.get_mut(self.depth.wrapping_sub(1)) else { return false };
        let (from, to) = core::mem::replace(last, (start, end));
        // No key starts at 0: a quote stands before it.
        from == 0 || less(document, (from, to), (start, end))
    }
}

/// Whether the first range of the document holds bytes that come before those of the second.
#[inline]
fn less(document: &[u8], first: (usize, usize), second: (usize, usize)) -> bool {
    let word = |at: usize| document.get(at..)?.first_chunk().copied().map(u64::from_be_bytes);
    if let (Some(a), Some(b)) = (word(first.0), word(second.0)) {
        // Most keys differ within their first eight bytes: then those decide.
        let same = usize::try_from((a ^ b).leading_zeros() / 8).unwrap_or(8);
        if same < (first.1 - first.0).min(second.1 - second.0).min(8) {
            return a < b;
        }
    }
    document.get(first.0..first.1) < document.get(second.0..second.1)
}
