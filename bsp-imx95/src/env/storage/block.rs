use super::{PlacementError, Storage, check_placement, position};

/// Copies on a medium that overwrites in place: eMMC, SD, a disk, an EEPROM, RAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a, S> {
    medium: S,
    starts: &'a [u32],
    size: usize,
}

impl<'a, S: embedded_storage::Storage> Block<'a, S> {
    /// Copies of `size` bytes that start at `starts`.
    ///
    /// # Errors
    /// [`PlacementError::Outside`] and [`PlacementError::Overlap`].
    pub fn new(medium: S, starts: &'a [u32], size: usize) -> Result<Self, PlacementError> {
        check_placement(starts, size, medium.capacity())?;
        Ok(Self { medium, starts, size })
    }

    /// Gives the medium back.
    pub fn release(self) -> S {
        self.medium
    }
}

impl<S: embedded_storage::Storage> Storage for Block<'_, S> {
    type Error = S::Error;

    fn size(&self) -> usize {
        self.size
    }

    fn read(&mut self, copy: usize, at: usize, out: &mut [u8]) -> Result<(), S::Error> {
        self.medium.read(position(self.starts, copy, at), out)
    }

    fn write(&mut self, copy: usize, image: &[u8]) -> Result<(), S::Error> {
        self.medium.write(position(self.starts, copy, 0), image)
    }

    fn obsolete(&mut self, copy: usize) -> Result<(), S::Error> {
        self.medium.write(position(self.starts, copy, 4), &[0])
    }

    /// Nothing to do: what `embedded_storage::Storage` has written is written.
    fn sync(&mut self) -> Result<(), S::Error> {
        Ok(())
    }
}
