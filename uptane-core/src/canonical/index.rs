//! The index of an object whose members are out of order.

use super::Rest;
use crate::json::{JsonError, JsonErrorKind, JsonStr, Value};

/// Where one member stands in the document: 16 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slot {
    key: u32,
    key_end: u32,
    value: u32,
    value_end: u32,
}

impl Slot {
    fn new(key: Value<'_>, value: Value<'_>) -> Option<Self> {
        let position = |at: usize| u32::try_from(at).ok();
        Some(Self {
            key: position(key.offset())?,
            key_end: position(key.offset() + key.raw().len())?,
            value: position(value.offset())?,
            value_end: position(value.offset() + value.raw().len())?,
        })
    }

    fn key(self, within: Value<'_>) -> Option<JsonStr<'_>> {
        within.at(usize::try_from(self.key).ok()?, usize::try_from(self.key_end).ok()?).string().ok()
    }

    /// The member itself, in the object it was indexed from.
    pub(super) fn member(self, within: Value<'_>) -> Option<(JsonStr<'_>, Value<'_>)> {
        let value = within.at(usize::try_from(self.value).ok()?, usize::try_from(self.value_end).ok()?);
        Some((self.key(within)?, value))
    }
}

/// Room for the members of objects that are out of order: the caller decides how much.
///
/// `heapless::Vec<Slot, N>` bounds it; with feature `alloc` a `Vec<Slot>` grows, to at most the members of the
/// document, each of which is at least five bytes of it.
pub trait MemberIndex {
    /// Adds one; `false` if there is no room.
    fn push(&mut self, slot: Slot) -> bool;
    /// All of them.
    fn slots(&self) -> &[Slot];
    /// All of them, to be sorted.
    fn slots_mut(&mut self) -> &mut [Slot];
    /// Drops those from `length` on.
    fn truncate(&mut self, length: usize);
}

impl<const N: usize> MemberIndex for heapless::Vec<Slot, N> {
    fn push(&mut self, slot: Slot) -> bool {
        self.push(slot).is_ok()
    }

    fn slots(&self) -> &[Slot] {
        self
    }

    fn slots_mut(&mut self) -> &mut [Slot] {
        self
    }

    fn truncate(&mut self, length: usize) {
        self.truncate(length);
    }
}

#[cfg(feature = "alloc")]
impl MemberIndex for alloc::vec::Vec<Slot> {
    fn push(&mut self, slot: Slot) -> bool {
        self.push(slot);
        true
    }

    fn slots(&self) -> &[Slot] {
        self
    }

    fn slots_mut(&mut self) -> &mut [Slot] {
        self
    }

    fn truncate(&mut self, length: usize) {
        self.truncate(length);
    }
}

/// Indexes the members of `object`, sorted by key, above what the index holds already.
pub(super) fn fill<I: MemberIndex>(object: Value<'_>, index: &mut I) -> Result<Rest, JsonError> {
    let begin = index.slots().len();
    for (key, value) in object.members_with_keys()? {
        let slot = Slot::new(key, value).ok_or_else(|| key.error(JsonErrorKind::UnexpectedEnd))?;
        if !index.push(slot) {
            return Err(key.error(JsonErrorKind::IndexFull(index.slots().len())));
        }
    }
    let own = index.slots_mut().get_mut(begin..).unwrap_or_default();
    own.sort_unstable_by(|a, b| match (a.key(object), b.key(object)) {
        (Some(a), Some(b)) => a.order(b),
        _ => core::cmp::Ordering::Equal,
    });
    for pair in own.windows(2) {
        if let [a, b] = pair
            && let (Some(a), Some((b, value))) = (a.key(object), b.member(object))
            && a.order(b).is_eq()
        {
            return Err(value.error(JsonErrorKind::DuplicateKey));
        }
    }
    Ok(Rest::Indexed { begin, next: begin, end: index.slots().len() })
}
