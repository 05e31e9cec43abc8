use core::fmt;

use super::Algorithm;

/// Why bytes are not a sound boot container, and which container it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("boot container at {container:#x}: {kind}")]
pub struct Error {
    /// Where the container begins, in bytes from the start of the file.
    pub container: usize,
    /// What is wrong.
    pub kind: ErrorKind,
}

/// What is wrong with a container. Offsets called `at` count from the start of the file, others from the
/// structure that holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No container begins here.
    #[error("there is none (version {version}, tag {tag:#04x})")]
    NoContainer {
        /// The byte where the version would be.
        version: u8,
        /// The byte where the tag would be.
        tag: u8,
    },
    /// Version and tag are none of a container, but a signature block lies where its header says.
    #[error("a damaged header: no container has version {version} and tag {tag:#04x}")]
    Header {
        /// The version.
        version: u8,
        /// The tag.
        tag: u8,
    },
    /// The file, or the structure around it, ends too early.
    #[error("{need} bytes are needed at {at:#x}, there are {have}")]
    Truncated {
        /// Where they are needed.
        at: usize,
        /// Bytes needed.
        need: usize,
        /// Bytes there.
        have: usize,
    },
    /// A reserved byte is not zero.
    #[error("the reserved byte at {at:#x} is {value:#04x}")]
    Reserved {
        /// Where it lies.
        at: usize,
        /// Its value.
        value: u8,
    },
    /// No image, or more than [`MAX_IMAGES`](super::MAX_IMAGES).
    #[error("{images} images: there must be 1 to {limit}")]
    ImageCount {
        /// Images that the header announces.
        images: usize,
        /// The limit.
        limit: usize,
    },
    /// The signature block does not follow the image entries.
    #[error("the signature block is at offset {offset:#x}, the image entries end at {expected:#x}")]
    SignatureBlockOffset {
        /// Offset in the header.
        offset: usize,
        /// Where the entries end.
        expected: usize,
    },
    /// The container's length is not the end of its signature block.
    #[error("the header says {length} bytes, its parts have {expected}")]
    Length {
        /// Length in the header.
        length: usize,
        /// End of the signature block.
        expected: usize,
    },
    /// A structure has another version or tag than it must have.
    #[error("{block} at {at:#x} has version {version:#04x} and tag {tag:#04x}")]
    Block {
        /// Which structure.
        block: Block,
        /// Where it lies.
        at: usize,
        /// Its version.
        version: u8,
        /// Its tag.
        tag: u8,
    },
    /// A structure has another length than its parts.
    #[error("{block} at {at:#x} says {length} bytes, its parts have {expected}")]
    BlockLength {
        /// Which structure.
        block: Block,
        /// Where it lies.
        at: usize,
        /// The length it says.
        length: usize,
        /// The length of its parts.
        expected: usize,
    },
    /// A part of the signature block overlaps the one before it, or is not aligned to 8 bytes in version 1.
    #[error("{block} is at offset {offset:#x} of the signature block, it can be at {expected:#x}")]
    BlockOffset {
        /// Which part.
        block: Block,
        /// Offset in the signature block.
        offset: usize,
        /// The least offset it can have.
        expected: usize,
    },
    /// A part of the signature block that must be there is not, or the other way round.
    #[error("the container's set of keys is {set}, but {block} is {}", if *present { "there" } else { "missing" })]
    Presence {
        /// The set in the header's flags: 0 none, 1 NXP, 2 the board's maker.
        set: u8,
        /// Which part.
        block: Block,
        /// Whether it is there.
        present: bool,
    },
    /// The header names a set of keys that does not exist.
    #[error("the container's set of keys is {set}: there are 0 none, 1 NXP and 2 OEM")]
    SrkSet {
        /// The set.
        set: u8,
    },
    /// The container is signed with a key that it revokes itself.
    #[error("it is signed with key {key}, which its mask {mask:#06b} revokes")]
    Revoked {
        /// Index of the key.
        key: u8,
        /// The mask.
        mask: u8,
    },
    /// A key of an unknown kind, or with parameters of other lengths than its kind has.
    #[error("key {record}: algorithm {algorithm:#04x}, hash {hash}, size {size}, {first} and {second} bytes")]
    Key {
        /// Index of the record.
        record: u8,
        /// Its algorithm.
        algorithm: u8,
        /// Its hash.
        hash: u8,
        /// Its size or curve.
        size: u8,
        /// Length in bytes of the first parameter.
        first: u16,
        /// Length in bytes of the second.
        second: u16,
    },
    /// A record differs in kind from the first one of its table.
    #[error("key {record} is of another kind than key 0 of its table")]
    MixedKeys {
        /// Index of the record.
        record: u8,
    },
    /// The key's data belong to another record than the container names.
    #[error("the key's data are of key {record}, the container uses key {used}")]
    KeyRecord {
        /// The record that the data name.
        record: u8,
        /// The record that the header's flags name.
        used: u8,
    },
    /// The key's data do not have the hash that its record holds.
    #[error("the data of key {record} do not have the hash in the table")]
    KeyHash {
        /// Index of the record.
        record: u8,
    },
    /// An image begins inside the container's own header.
    #[error("image {image} begins at offset {offset:#x}, inside the header of {length:#x} bytes")]
    ImageInHeader {
        /// Index of the image.
        image: usize,
        /// Its offset from the container.
        offset: u32,
        /// The header's length.
        length: usize,
    },
    /// Two images share bytes.
    #[error("images {first} and {second} overlap")]
    ImagesOverlap {
        /// Index of the one.
        first: usize,
        /// Index of the other.
        second: usize,
    },
    /// An image's hash is of a kind that is not computed here.
    #[error("image {image} has a hash of kind {id}: only SHA-256, SHA-384 and SHA-512 are computed")]
    HashAlgorithm {
        /// Index of the image.
        image: usize,
        /// The kind.
        id: u8,
    },
    /// An image does not have the hash that the container holds.
    #[error("image {image} ({size} bytes at {at:#x}) does not have the hash in the container")]
    BadHash {
        /// Index of the image.
        image: usize,
        /// Where the image lies.
        at: usize,
        /// Its length in bytes.
        size: u32,
    },
    /// A signature has another type than "by the key of the table".
    #[error("signature {index} has the unknown type {value:#04x}")]
    SignatureType {
        /// Index of the signature.
        index: u8,
        /// Its type.
        value: u8,
    },
    /// A signature or its key has another length than the key's kind demands, or the key is no point of its curve.
    #[error("signature {index} of {length} bytes cannot be one of {algorithm}")]
    Malformed {
        /// Index of the signature.
        index: u8,
        /// Length in bytes of the signature.
        length: usize,
        /// Its key's algorithm.
        algorithm: Algorithm,
    },
    /// A signature does not hold.
    #[error("signature {index} does not hold for the {signed} bytes before it")]
    BadSignature {
        /// Index of the signature.
        index: u8,
        /// How many bytes it signs.
        signed: usize,
    },
    /// It is not provably signed by the keys that were asked for.
    #[error("it is not provably signed by the right keys (set of keys {set})")]
    Untrusted {
        /// The set of keys in its flags.
        set: u8,
    },
    /// More sets than [`MAX_SETS`](super::MAX_SETS).
    #[error("more than {limit} sets of containers")]
    TooManySets {
        /// The limit.
        limit: usize,
    },
}

/// The structures of a container that have a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Block {
    /// The signature block; version 1 in containers of version 2.
    SignatureBlock,
    /// The array of tables, in containers of version 2.
    SrkTableArray,
    /// A table of four super root keys; versions 0x42 and 0x43.
    SrkTable,
    /// A key, or in version 2 its hash.
    SrkRecord,
    /// The key in use, in containers of version 2.
    SrkData,
    /// A signature.
    Signature,
    /// A certificate, which can name another key for the container.
    Certificate,
    /// The wrapped decryption key.
    Blob,
}

impl Block {
    /// Whether a structure of this kind can begin so. `AHABTags` and the `VERSION`s of spsdk.
    pub(super) const fn accepts(self, version: u8, tag: u8) -> bool {
        match self {
            Self::SignatureBlock => tag == 0x90 && version <= 1,
            Self::SrkTableArray => tag == 0x5a && version == 0,
            Self::SrkTable => tag == 0xd7 && matches!(version, 0x42 | 0x43),
            // The algorithm stands where others have their version.
            Self::SrkRecord => tag == 0xe1,
            Self::SrkData => tag == 0x5d && version == 0,
            Self::Signature => tag == 0xd8 && version == 0,
            Self::Certificate => tag == 0xaf && matches!(version, 0 | 2),
            Self::Blob => tag == 0x81 && version == 0,
        }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::SignatureBlock => "the signature block",
            Self::SrkTableArray => "the array of SRK tables",
            Self::SrkTable => "the SRK table",
            Self::SrkRecord => "the SRK record",
            Self::SrkData => "the SRK data",
            Self::Signature => "the signature",
            Self::Certificate => "the certificate",
            Self::Blob => "the blob",
        })
    }
}
