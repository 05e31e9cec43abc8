/// Why an environment cannot be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A copy is too short to hold its header and one byte, or longer than [`MAX_SIZE`](super::MAX_SIZE).
    #[error("an environment copy of {len} bytes: it must have {min} to {max}")]
    Size {
        /// Length in bytes of the copy.
        len: usize,
        /// Least length in bytes for this layout.
        min: usize,
        /// Most bytes accepted.
        max: usize,
    },
    /// The two copies of a redundant environment differ in size.
    #[error("the environment's copies have {first} and {second} bytes: they must have the same size")]
    SizesDiffer {
        /// Length in bytes of copy 0.
        first: usize,
        /// Length in bytes of copy 1.
        second: usize,
    },
    /// A single environment with two copies, or a redundant one with one.
    #[error("the layout has {expected} environment copies, but {given} were given")]
    Copies {
        /// Copies the layout has.
        expected: usize,
        /// Copies given.
        given: usize,
    },
    /// No copy has the right checksum: U-Boot would use its compiled-in environment.
    #[error("no environment copy is whole: copy 0 says CRC {stored:#010x}, its data have {computed:#010x}")]
    NoValidCopy {
        /// CRC-32 stored in copy 0.
        stored: u32,
        /// CRC-32 of copy 0's data.
        computed: u32,
    },
    /// A value without a name: U-Boot refuses the whole environment.
    #[error("a variable without a name at byte {at}: U-Boot refuses the whole environment")]
    EmptyName {
        /// Offset in bytes in the data.
        at: usize,
    },
    /// More entries than [`MAX_ENTRIES`](super::MAX_ENTRIES).
    #[error("more than {limit} entries in the environment")]
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
    /// A changed variable's name is empty, holds `=` or a NUL, or starts with `#`, a blank or a tab.
    #[error("change {change} has a name that an environment cannot hold")]
    InvalidName {
        /// Index of the change in the list.
        change: usize,
    },
    /// A changed variable's value holds a NUL.
    #[error("change {change} has a value with a NUL byte")]
    InvalidValue {
        /// Index of the change in the list.
        change: usize,
    },
    /// The variables do not fit.
    #[error("the environment needs {need} bytes for its variables and has {room}")]
    Full {
        /// Bytes needed, the final NUL included.
        need: usize,
        /// Bytes of the data area.
        room: usize,
    },
    /// The output buffer has another size than the copies.
    #[error("the buffer has {given} bytes, the environment's copies {expected}")]
    Buffer {
        /// Size in bytes of a copy.
        expected: usize,
        /// Size in bytes of the buffer.
        given: usize,
    },
}
