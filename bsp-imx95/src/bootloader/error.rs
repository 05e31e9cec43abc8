use super::Place;
use crate::emmc::PartitionConfig;

/// Why a boot image is not updated. `E` is the error of the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error<E> {
    /// The medium failed.
    #[error("the medium failed: {0}")]
    Medium(E),
    /// The boot image is larger than its place.
    #[error("a boot image of {len} bytes in units of {unit}: there is room for {room}")]
    TooLarge {
        /// Bytes of the image.
        len: usize,
        /// Bytes of a unit.
        unit: usize,
        /// Bytes that it may have.
        room: u64,
    },
    /// The buffer holds no unit of the medium.
    #[error("a buffer of {given} bytes: the medium is written in units of {unit}")]
    Buffer {
        /// Bytes of the buffer.
        given: usize,
        /// Bytes of a unit.
        unit: usize,
    },
    /// Other bytes were read back than were written.
    #[error("place {place:?} holds other bytes at {offset:#x} than were written")]
    Differs {
        /// The place.
        place: Place,
        /// Where the part that differs begins.
        offset: u32,
    },
    /// The first byte that makes a container one is neither that of a container nor of one that was put away.
    #[error("place {place:?} holds no boot image: its tag is {tag:#04x}")]
    NoImage {
        /// The place.
        place: Place,
        /// The byte.
        tag: u8,
    },
    /// The medium has no EXT_CSD register, which the board's ROM would look at.
    #[error("the ROM boots the partition that EXT_CSD enables, and the medium has no EXT_CSD")]
    NoPartitionConfig,
    /// Byte 179 of EXT_CSD has a reserved value.
    #[error(transparent)]
    PartitionConfig(#[from] crate::emmc::Error),
    /// Byte 179 of EXT_CSD did not take the value.
    #[error("PARTITION_CONFIG is {found:?} after {wanted:?} was written")]
    NotSwitched {
        /// What was written.
        wanted: PartitionConfig,
        /// What it is.
        found: PartitionConfig,
    },
}
