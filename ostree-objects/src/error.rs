use crate::name::NameError;

/// Why bytes are not the object they should be, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {kind}")]
pub struct Error {
    /// The rule that does not hold.
    pub kind: ErrorKind,
    /// Where it does not hold, in bytes from the start of the object.
    pub offset: usize,
}

/// A rule of the formats that input can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The object is larger than the limit; both in bytes.
    #[error("an object of {actual} bytes, where {limit} are the limit")]
    TooLarge {
        /// The limit in force.
        limit: usize,
        /// The size of the object.
        actual: usize,
    },
    /// A member needs more bytes than are left.
    #[error("{needed} bytes are needed, {available} are left")]
    Truncated {
        /// What the member needs.
        needed: usize,
        /// What is left of the container.
        available: usize,
    },
    /// Bytes are left after the last member.
    #[error("{bytes} bytes too many")]
    TrailingData {
        /// How many.
        bytes: usize,
    },
    /// A framing offset points outside its container, or before the one that precedes it.
    #[error("framing offset {value} is out of order or out of range")]
    FramingOffset {
        /// The offset as stored.
        value: u64,
    },
    /// Framing offsets are wider than the container's size asks for.
    #[error("framing offsets of {actual} bytes, where {expected} suffice")]
    OffsetWidth {
        /// The width that is used, in bytes.
        actual: usize,
        /// The width of the normal form, in bytes.
        expected: usize,
    },
    /// A padding byte is not zero.
    #[error("a padding byte is {value:#04x}, not zero")]
    Padding {
        /// The byte.
        value: u8,
    },
    /// A fixed-size value, or an array of such, has the wrong size.
    #[error("{actual} bytes, where a multiple of {unit} is expected")]
    FixedSize {
        /// The size of one value, in bytes.
        unit: usize,
        /// The size found, in bytes.
        actual: usize,
    },
    /// A string breaks a rule.
    #[error("string {0}")]
    String(StringRule),
    /// A boolean is neither 0 nor 1.
    #[error("a boolean is {value}, neither 0 nor 1")]
    Boolean {
        /// The byte.
        value: u8,
    },
    /// What should be a GVariant type string is not one, or is longer than
    /// [`MAX_TYPE_STRING_BYTES`](crate::limits::MAX_TYPE_STRING_BYTES).
    #[error("not a GVariant type string")]
    TypeString,
    /// Containers nest deeper than [`MAX_VARIANT_DEPTH`](crate::limits::MAX_VARIANT_DEPTH).
    #[error("containers nest deeper than {limit}")]
    Nesting {
        /// The limit.
        limit: usize,
    },
    /// A checksum is not 32 bytes.
    #[error("a checksum of {actual} bytes, not 32")]
    ChecksumLength {
        /// The size found, in bytes.
        actual: usize,
    },
    /// A file or directory has a name that is not allowed.
    #[error("name {0}")]
    Name(NameError),
    /// Entries are not in strictly increasing order of their names.
    #[error("names are not in strictly increasing order")]
    Order,
    /// A directory has a file and a directory of the same name.
    #[error("a file and a directory have the same name")]
    Clash,
    /// A mode is of the wrong type, or has bits that no mode has.
    #[error("mode {mode:#o} is not allowed here")]
    Mode {
        /// The mode as stored.
        mode: u32,
    },
    /// A file header has a device number; OSTree has no devices.
    #[error("device number {rdev} in a file header, not 0")]
    DeviceNumber {
        /// The number as stored.
        rdev: u32,
    },
    /// A symbolic link has no target, or one that is longer than
    /// [`MAX_SYMLINK_BYTES`](crate::limits::MAX_SYMLINK_BYTES), or a regular file has one.
    #[error("a symbolic link's target of {bytes} bytes is not allowed here")]
    SymlinkTarget {
        /// Its length in bytes.
        bytes: usize,
    },
    /// A symbolic link declares content.
    #[error("a symbolic link with {bytes} bytes of content")]
    SymlinkContent {
        /// The size it declares.
        bytes: u64,
    },
    /// A file declares more content than the limit; both in bytes.
    #[error("{actual} bytes of content, where {limit} are the limit")]
    ContentTooLarge {
        /// The limit in force.
        limit: u64,
        /// The size it declares.
        actual: u64,
    },
    /// The name of an extended attribute is empty, has no NUL at its end or one before, or is longer than
    /// [`MAX_XATTR_NAME_BYTES`](crate::limits::MAX_XATTR_NAME_BYTES).
    #[error("not a name of an extended attribute")]
    XattrName,
    /// The value of an extended attribute is longer than
    /// [`MAX_XATTR_VALUE_BYTES`](crate::limits::MAX_XATTR_VALUE_BYTES).
    #[error("an extended attribute's value of {bytes} bytes")]
    XattrValue {
        /// Its length in bytes.
        bytes: usize,
    },
    /// Extended attributes are not in strictly increasing order of their names.
    #[error("extended attributes are not in strictly increasing order")]
    XattrOrder,
    /// A key of a dictionary of metadata is empty.
    #[error("an empty key in the metadata")]
    EmptyKey,
    /// A value of the metadata is not of the type that its key has.
    #[error("a value of another type than its key has")]
    ValueType,
    /// A number has no end, is larger than 64 bits hold, or longer than it need be.
    #[error("not a number, seven bits a byte")]
    Varint,
    /// What has a size is of a type whose size no commit lists: no file, dirtree or dirmeta.
    #[error("the size of an object of type {number}")]
    SizesObjectType {
        /// The type's number.
        number: u8,
    },
    /// Sizes are not in strictly increasing order of their objects' checksums.
    #[error("sizes are not in strictly increasing order of checksums")]
    SizesOrder,
    /// A tombstone names no commit, or another one than the object's name.
    #[error("a tombstone that does not name its commit")]
    TombstoneCommit,
    /// What should name a static delta, `FROM-TO` or `TO` in hexadecimal digits, does not.
    #[error("not the name of a static delta")]
    DeltaName,
    /// The version of a static delta's part is not 0.
    #[error("version {version} of a static delta's part, not 0")]
    DeltaVersion {
        /// The version as stored, in the delta's byte order.
        version: u32,
    },
    /// The byte order of a static delta is neither `l` nor `B`.
    #[error("byte order {value:#04x} of a static delta, neither `l` nor `B`")]
    DeltaByteOrder {
        /// The byte.
        value: u8,
    },
    /// An object of a static delta is of a type that cannot be there.
    #[error("an object of type {number} in a static delta")]
    DeltaObjectType {
        /// The type's number.
        number: u8,
    },
    /// A signed static delta does not start with its magic number.
    #[error("magic number {value:#018x}, not that of a signed static delta")]
    DeltaMagic {
        /// The number found.
        value: u64,
    },
}

/// A rule about strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StringRule {
    /// Strings end with a NUL.
    #[error("does not end with a NUL")]
    NoNul,
    /// Strings have no NUL before their end.
    #[error("has a NUL before its end")]
    InnerNul,
    /// Strings are UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// D-Bus object paths (type `o`) have a syntax.
    #[error("is not a D-Bus object path")]
    NotObjectPath,
    /// D-Bus signatures (type `g`) are a row of types.
    #[error("is not a D-Bus signature")]
    NotSignature,
}
