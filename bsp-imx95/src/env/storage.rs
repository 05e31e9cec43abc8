//! Where the copies lie: a trait, and adapters of `embedded-storage`'s traits for block media and NOR flash.

mod block;
mod nor;

pub use block::Block;
pub use nor::{MAX_WORD, Nor};

/// What holds the copies of an environment. Positions are bytes from the start of a copy.
///
/// A power cut during a call may leave anything in the bytes it was to change, and nothing else changed.
pub trait Storage {
    /// Why it cannot be read or written.
    type Error;

    /// Size in bytes of each copy, header included.
    fn size(&self) -> usize;

    /// Reads `out.len()` bytes of a copy, starting at `at`.
    ///
    /// # Errors
    /// If the medium cannot be read there.
    fn read(&mut self, copy: usize, at: usize, out: &mut [u8]) -> Result<(), Self::Error>;

    /// Overwrites a copy whole.
    ///
    /// # Errors
    /// If the medium cannot be written; the copy then holds anything.
    fn write(&mut self, copy: usize, image: &[u8]) -> Result<(), Self::Error>;

    /// Sets the flags of a copy to 0 without touching its other bytes. Only called with a scheme of NOR flash.
    ///
    /// # Errors
    /// If the medium cannot be written.
    fn obsolete(&mut self, copy: usize) -> Result<(), Self::Error>;

    /// Returns once what was written is durable, and is what [`read`](Self::read) sees.
    ///
    /// # Errors
    /// If the medium says that it is not.
    fn sync(&mut self) -> Result<(), Self::Error>;
}

impl<S: Storage + ?Sized> Storage for &mut S {
    type Error = S::Error;

    fn size(&self) -> usize {
        (**self).size()
    }

    fn read(&mut self, copy: usize, at: usize, out: &mut [u8]) -> Result<(), Self::Error> {
        (**self).read(copy, at, out)
    }

    fn write(&mut self, copy: usize, image: &[u8]) -> Result<(), Self::Error> {
        (**self).write(copy, image)
    }

    fn obsolete(&mut self, copy: usize) -> Result<(), Self::Error> {
        (**self).obsolete(copy)
    }

    fn sync(&mut self) -> Result<(), Self::Error> {
        (**self).sync()
    }
}

/// Why copies cannot lie where they are said to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlacementError {
    /// The copies share bytes: a torn write would lose both.
    #[error(
        "environment copies of {room} bytes at {first:#x} and {second:#x} share bytes: a torn write would lose both"
    )]
    Overlap {
        /// Start of copy 0.
        first: u32,
        /// Start of copy 1.
        second: u32,
        /// Bytes that each of them needs, on NOR flash whole erase blocks.
        room: usize,
    },
    /// A copy ends beyond the end of the medium.
    #[error(
        "environment copy {copy} of {room} bytes at {start:#x} does not lie on a medium of {capacity} bytes"
    )]
    Outside {
        /// 0 or 1.
        copy: usize,
        /// Its start.
        start: u32,
        /// Bytes that it needs.
        room: usize,
        /// Size in bytes of the medium.
        capacity: usize,
    },
    /// A copy does not start at an erase block, or its size is not a multiple of the flash's words.
    #[error("environment copy {copy}: {value:#x} is no multiple of {unit} bytes, the flash's unit")]
    Unaligned {
        /// 0 or 1.
        copy: usize,
        /// Its start or size.
        value: usize,
        /// What it must be a multiple of.
        unit: usize,
    },
    /// The flash programs words of more than [`MAX_WORD`] bytes.
    #[error("the flash programs words of {word} bytes, the limit is {limit}")]
    Word {
        /// Size in bytes of its words.
        word: usize,
        /// The limit.
        limit: usize,
    },
}

/// Checks that copies, each with `room` bytes of its own, lie on the medium and do not overlap.
fn check_placement(starts: &[u32], room: usize, capacity: usize) -> Result<(), PlacementError> {
    for (copy, start) in starts.iter().copied().enumerate() {
        let end = usize::try_from(start).ok().and_then(|start| start.checked_add(room));
        if end.is_none_or(|end| end > capacity) {
            return Err(PlacementError::Outside { copy, start, room, capacity });
        }
    }
    if let [first, second] = *starts {
        let distance = usize::try_from(first.abs_diff(second)).unwrap_or(usize::MAX);
        if distance < room {
            return Err(PlacementError::Overlap { first, second, room });
        }
    }
    Ok(())
}

/// A position on the medium, known to lie on it.
fn position(starts: &[u32], copy: usize, at: usize) -> u32 {
    let start = starts.get(copy).copied().unwrap_or(u32::MAX);
    // What is out of bounds, the medium refuses.
    start.saturating_add(u32::try_from(at).unwrap_or(u32::MAX))
}
