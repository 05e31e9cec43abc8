//! Whether the entries of Targets metadata are those of images, noticed by the one scan of the document: whoever asks
//! need not walk over them again. Only the usual is noticed; of anything else nothing is said, and a walk decides.

use super::open::Open;

/// How many objects are open inside of `targets`: the document, `signed` and itself.
const TARGETS: usize = 3;
/// Inside of an entry.
const ENTRY: usize = 4;
/// Inside of an entry's `hashes`.
const HASHES: usize = 5;

/// What was seen of the entry that is scanned, and of those before it.
#[derive(Default)]
pub(super) struct Images {
    /// Whether an object called `targets` is open where that of the metadata is.
    pub(super) open: bool,
    /// An entry was not as usual.
    unusual: bool,
    length: bool,
    hashes: bool,
    in_hashes: bool,
}

impl Images {
    /// An object or array was entered.
    #[inline]
    pub(super) fn entered(&mut self, bytes: &[u8], open: &Open, object: bool) {
        match open.depth {
            TARGETS => *self = Self { open: object && key(bytes, open, 1) == b"targets", ..Self::default() },
            ENTRY if self.open => {
                self.unusual |= !object;
                (self.length, self.hashes) = (false, false);
            }
            HASHES if self.open => self.in_hashes = object && key(bytes, open, 1) == b"hashes",
            _ => self.unusual |= self.in_hashes,
        }
    }

    /// A value that begins with `first` and is neither was passed, inside of the `targets` that is open.
    #[inline]
    pub(super) fn passed(&mut self, bytes: &[u8], open: &Open, first: u8) {
        match open.depth {
            ENTRY if key(bytes, open, 0) == b"length" => self.length = first.is_ascii_digit(),
            HASHES if self.in_hashes => {
                self.unusual |= first != b'"';
                self.hashes = true;
            }
            TARGETS => self.unusual = true,
            _ => {}
        }
    }

    /// The one that `open` is inside of is left; whether it was `targets`, and all of its entries as usual.
    #[inline]
    pub(super) fn left(&mut self, open: &Open) -> bool {
        match open.depth {
            HASHES => self.in_hashes = false,
            ENTRY => self.unusual |= !(self.length && self.hashes),
            TARGETS => {
                self.open = false;
                return !self.unusual;
            }
            _ => {}
        }
        false
    }
}

/// The last key of the innermost object, or of that `outside` objects around it.
#[inline]
fn key<'b>(bytes: &'b [u8], open: &Open, outside: usize) -> &'b [u8] {
    let (start, end) = open.key(outside);
    bytes.get(start..end).unwrap_or_default()
}
