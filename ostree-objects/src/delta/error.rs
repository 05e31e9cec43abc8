use crate::{BeyondSizes, Checksum, Error, ObjectType};

/// Why a static delta cannot be applied. Its commit can still be had object by object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeltaError {
    /// The part is not of the size that the superblock says, in bytes.
    #[error("a part of {actual} bytes, not {expected}")]
    PartSize {
        /// As the superblock says.
        expected: u64,
        /// That of what arrived.
        actual: u64,
    },
    /// The part has another checksum than the superblock says.
    #[error("a part with checksum {actual}, not {expected}")]
    PartChecksum {
        /// As the superblock says.
        expected: Checksum,
        /// That of what arrived.
        actual: Checksum,
    },
    /// The part is not there.
    #[error("part {number} is missing")]
    PartMissing {
        /// Its number, from 0.
        number: usize,
    },
    /// The part is compressed in a way that is not known.
    #[error("compression {byte:#04x} is not known")]
    Compression {
        /// The byte that stands for it.
        byte: u8,
    },
    /// The part is no sound `.xz` stream, or needs more memory than [`Budget::xz_memory_kib`](super::Budget).
    #[error("a damaged .xz stream, or one that needs more memory than is allowed")]
    Xz,
    /// The part is larger than the limit when it is inflated; both in bytes.
    #[error("a part that inflates to more than {limit} bytes")]
    Unpacked {
        /// The limit in force.
        limit: usize,
    },
    /// The objects are larger than the superblock declares or the caller allows, in bytes.
    #[error("objects of more than {limit} bytes")]
    ObjectsSize {
        /// What was declared for this part, or is left of what the caller allows.
        limit: u64,
    },
    /// An object is larger than the commit says.
    #[error("{0}")]
    BeyondSizes(#[from] BeyondSizes),
    /// Files are larger than all that the commit lists have together, in bytes.
    #[error("files of more than {limit} bytes, which is what the commit says is left of them")]
    CommitFiles {
        /// What is left of what the commit lists.
        limit: u64,
    },
    /// The superblock, the part or an object's header is malformed.
    #[error("{0}")]
    Malformed(#[from] Error),
    /// An operation breaks a rule.
    #[error("operation at byte {offset}: {rule}")]
    Operation {
        /// Where it starts, in bytes from the start of the part's operations.
        offset: usize,
        /// The rule.
        rule: OperationRule,
    },
    /// An object that the delta starts from is not there.
    #[error("file {checksum}, which the delta starts from, is not there")]
    SourceMissing {
        /// Its name.
        checksum: Checksum,
    },
    /// The commit that the delta starts from is not there, or not all of it.
    #[error("commit {commit}, which the delta starts from, is not there")]
    FromMissing {
        /// Its checksum.
        commit: Checksum,
    },
    /// What was made is not the object that was promised.
    #[error("{} {expected} came out as {actual}", .object_type.name())]
    ObjectChecksum {
        /// Its type.
        object_type: ObjectType,
        /// Its name.
        expected: Checksum,
        /// The checksum of what was made.
        actual: Checksum,
    },
    /// The part ends with fewer objects than it lists.
    #[error("{made} objects where {listed} are listed")]
    ObjectsMissing {
        /// How many were made.
        made: usize,
        /// How many are listed.
        listed: usize,
    },
    /// The delta leads to another commit than was asked for.
    #[error("a delta to {actual}, not to {expected}")]
    OtherCommit {
        /// The commit that was asked for.
        expected: Checksum,
        /// The one that the delta leads to.
        actual: Checksum,
    },
}

/// A rule about operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperationRule {
    /// There is no such operation.
    #[error("{byte:#04x} is none")]
    Unknown {
        /// The byte in its place.
        byte: u8,
    },
    /// A number has no end, or is larger than 64 bits hold.
    #[error("a number has no end")]
    Number,
    /// A range is outside of the payload or the source.
    #[error("a range outside of what there is")]
    Range,
    /// A number of owner and mode, or of extended attributes, is not in the part's list.
    #[error("a number that is in no list")]
    Index,
    /// There are more objects than the part lists.
    #[error("more objects than are listed")]
    ObjectCount,
    /// The object in the list is not of the type that the operation makes.
    #[error("another type of object is listed")]
    ObjectType,
    /// A file must be open for it, or none may be.
    #[error("out of place")]
    Place,
    /// There is no source.
    #[error("there is no source")]
    NoSource,
    /// The patch is damaged.
    #[error("a damaged patch")]
    Patch,
    /// A file gets more or less content than it declares.
    #[error("content of another size than declared")]
    Size,
}

/// Why applying a delta ended.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError<E> {
    /// The delta is at fault: fetch the commit's objects one by one instead.
    #[error("{0}")]
    Delta(DeltaError),
    /// The store of objects is at fault.
    #[error("{0}")]
    Objects(E),
}

impl<E> ApplyError<E> {
    /// Whether the same commit can still be had by fetching its objects one by one.
    #[must_use]
    pub const fn can_fall_back(&self) -> bool {
        matches!(self, Self::Delta(_))
    }
}

impl<E> From<DeltaError> for ApplyError<E> {
    fn from(error: DeltaError) -> Self {
        Self::Delta(error)
    }
}

impl<E> From<Error> for ApplyError<E> {
    fn from(error: Error) -> Self {
        Self::Delta(DeltaError::Malformed(error))
    }
}
