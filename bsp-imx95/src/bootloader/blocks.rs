use embedded_storage::Storage;

use super::{Medium, Place, SECTOR};

/// Two block devices, or two parts of one: the medium for drivers of `embedded-storage`.
///
/// `embedded-storage` has no way to wait for a write: `S::write` must return only when it is durable. It has
/// no registers either: byte 179 of EXT_CSD comes from a `Register`, if there is one.
#[derive(Debug)]
pub struct Blocks<S, C> {
    /// The first place.
    pub a: S,
    /// The second place.
    pub b: S,
    /// The register, if the storage is an eMMC.
    pub register: C,
}

/// Access to byte 179 of EXT_CSD.
pub trait Register<E> {
    /// The byte; `None` if there is none.
    ///
    /// # Errors
    /// What the driver says.
    fn get(&mut self) -> Result<Option<u8>, E>;

    /// Sets the byte.
    ///
    /// # Errors
    /// What the driver says.
    fn set(&mut self, byte: u8) -> Result<(), E>;
}

/// No register: a card.
impl<E> Register<E> for () {
    fn get(&mut self) -> Result<Option<u8>, E> {
        Ok(None)
    }

    fn set(&mut self, _: u8) -> Result<(), E> {
        Ok(())
    }
}

impl<S: Storage, C: Register<S::Error>> Medium for Blocks<S, C> {
    type Error = S::Error;

    fn unit(&self) -> usize {
        SECTOR
    }

    fn read(&mut self, place: Place, offset: u32, out: &mut [u8]) -> Result<(), S::Error> {
        self.place(place).read(offset, out)
    }

    fn write(&mut self, place: Place, offset: u32, units: &[u8]) -> Result<(), S::Error> {
        self.place(place).write(offset, units)
    }

    fn sync(&mut self) -> Result<(), S::Error> {
        Ok(())
    }

    fn partition_config(&mut self) -> Result<Option<u8>, S::Error> {
        self.register.get()
    }

    fn set_partition_config(&mut self, byte: u8) -> Result<(), S::Error> {
        self.register.set(byte)
    }
}

impl<S, C> Blocks<S, C> {
    const fn place(&mut self, place: Place) -> &mut S {
        match place {
            Place::A => &mut self.a,
            Place::B => &mut self.b,
        }
    }
}
