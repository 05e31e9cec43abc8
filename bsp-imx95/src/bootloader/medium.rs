use super::Place;

/// Storage with two places for a boot image. Offsets count from where the first container of the place is.
///
/// A write that is interrupted may leave each of its units old, new, or a mixture of both; it must leave all
/// other units alone. After [`Medium::sync`] everything written before survives a loss of power.
pub trait Medium {
    /// Why it fails.
    type Error;

    /// Bytes that are written at once: a sector, or what NOR flash erases at once.
    fn unit(&self) -> usize;

    /// Fills `out` with the bytes from `offset` on, as the storage has them, not as a cache remembers them.
    ///
    /// # Errors
    /// If they cannot be read.
    fn read(&mut self, place: Place, offset: u32, out: &mut [u8]) -> Result<(), Self::Error>;

    /// Stores whole units. `offset` is a multiple of [`Medium::unit`].
    ///
    /// NOR flash must not erase when every changed bit goes from 1 to 0: a switch then needs no erasure.
    ///
    /// # Errors
    /// If they cannot be written.
    fn write(&mut self, place: Place, offset: u32, units: &[u8]) -> Result<(), Self::Error>;

    /// Makes durable what was written.
    ///
    /// # Errors
    /// If that fails.
    fn sync(&mut self) -> Result<(), Self::Error>;

    /// Byte 179 of EXT_CSD; `None` if the storage is no eMMC.
    ///
    /// # Errors
    /// If it cannot be read.
    fn partition_config(&mut self) -> Result<Option<u8>, Self::Error>;

    /// Sets byte 179 of EXT_CSD, which is durable at once. Is not called if there is none.
    ///
    /// # Errors
    /// If it cannot be set.
    fn set_partition_config(&mut self, byte: u8) -> Result<(), Self::Error>;
}
