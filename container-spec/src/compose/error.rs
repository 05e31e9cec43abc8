//! What can be wrong with a Compose file.

use super::limits::{
    MAX_ALIAS_BYTES, MAX_CONTAINERS, MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_EXTENDED_BYTES, MAX_EXTENDS,
    MAX_FILES, MAX_INTERPOLATED_BYTES, MAX_NODES, MAX_PORTS, MAX_VARIABLE_BYTES,
};
use super::place::{Position, Word};
use crate::device::DeviceErrorKind;
use crate::duration::DurationErrorKind;
use crate::platform::PlatformErrorKind;
use crate::port::PortErrorKind;
use crate::reference::ReferenceErrorKind;
use crate::size::SizeErrorKind;
use crate::volume::VolumeErrorKind;

/// Something wrong in a Compose file: where, what, and with which text.
///
/// `Display` writes the message alone; a tool puts `FILE:LINE:COLUMN: ` before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {kind}")]
pub struct Error {
    /// Where it is.
    pub at: Position,
    /// What is wrong.
    pub kind: ErrorKind,
    /// The key, name or value it is about.
    pub subject: Word,
}

impl Error {
    pub(crate) fn new(at: Position, kind: ErrorKind, subject: &str) -> Self {
        Self { at, kind, subject: Word::new(subject) }
    }
}

/// What a property must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expected {
    /// Text. A plain number or `true` is none: it must be quoted.
    Text,
    /// Text, a number or a truth value.
    Scalar,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A list.
    List,
    /// A mapping.
    Mapping,
    /// A text or a list.
    TextOrList,
    /// A list or a mapping.
    ListOrMapping,
    /// A text or a mapping.
    TextOrMapping,
}

impl core::fmt::Display for Expected {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Text => "a text (numbers and truth values need quotes)",
            Self::Scalar => "a text, a number or a truth value",
            Self::Bool => "true or false",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::List => "a list",
            Self::Mapping => "a mapping",
            Self::TextOrList => "a text or a list",
            Self::ListOrMapping => "a list or a mapping",
            Self::TextOrMapping => "a text or a mapping",
        })
    }
}

/// The ways in which a Compose file is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is no YAML; the subject is the parser's message.
    #[error("invalid YAML")]
    Yaml,
    /// A line within brackets or braces that is not indented further than the key they belong to, as YAML 1.2.2 demands
    /// (section 7.4); PyYAML takes it.
    #[error("what is in brackets must be indented further than the key before them, the closing one as well")]
    FlowIndentation,
    /// The file is longer than [`MAX_DOCUMENT_BYTES`].
    #[error("the file has {bytes} bytes, at most {MAX_DOCUMENT_BYTES} are allowed")]
    TooLarge {
        /// Length of the file in bytes.
        bytes: usize,
    },
    /// More than [`MAX_DEPTH`] collections inside each other.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// More than [`MAX_NODES`] scalars and collections.
    #[error("more than {MAX_NODES} values")]
    TooManyNodes,
    /// Aliases would expand to more than [`MAX_ALIAS_BYTES`].
    #[error("aliases expand to more than {MAX_ALIAS_BYTES} bytes")]
    AliasesTooLarge,
    /// An alias to the collection it is in.
    #[error("an alias inside of what it refers to")]
    RecursiveAlias,
    /// A second document after `---`.
    #[error("a Compose file is one YAML document")]
    SecondDocument,
    /// The same key twice in a mapping.
    #[error("this key was set before")]
    DuplicateKey,
    /// A key that is a list or mapping.
    #[error("a key must be a scalar")]
    BadKey,
    /// A tag that Compose does not know.
    #[error("this tag is not allowed here")]
    UnknownTag,
    /// The value of `<<` is neither a mapping nor a list of mappings.
    #[error("`<<` takes a mapping or a list of mappings")]
    BadMerge,
    /// `$` that starts no variable.
    #[error("invalid substitution; write $$ for a dollar sign")]
    BadSubstitution,
    /// A `${VAR:?message}` whose variable is missing; the subject is the message.
    #[error("a required variable is not set")]
    RequiredVariable,
    /// Variables expand to more than [`MAX_INTERPOLATED_BYTES`].
    #[error("variables expand to more than {MAX_INTERPOLATED_BYTES} bytes")]
    InterpolationTooLarge,
    /// A property that the Compose specification does not have.
    #[error("unknown property")]
    UnknownProperty,
    /// A property that the specification has, but that has no meaning on a device, or one that takes values from
    /// another file or service where the text must stand alone.
    #[error("this property is not supported")]
    RefusedProperty,
    /// A property that names a file of values, where the digest of the text must cover all that it means; the subject
    /// is the service.
    #[error("`{0}` names another file, whose content nothing pins: write its values into this one")]
    NamesFile(&'static str),
    /// A scalar without quotes that is a number or truth value in YAML 1.1, which the canonical form is of, and text in
    /// YAML 1.2: `22:22` is 1342 to one and a port to the other.
    #[error("this means another thing in YAML 1.1 than in YAML 1.2: put it in quotes")]
    Ambiguous,
    /// A property that must be there is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A service that is needed, but in none of the active profiles.
    #[error("the service is in none of the active profiles")]
    Inactive,
    /// A value of another type.
    #[error("must be {0}")]
    Type(Expected),
    /// A value out of its range, or none of those allowed.
    #[error("must be {0}")]
    Value(&'static str),
    /// The same entry twice in a list.
    #[error("this entry was listed before")]
    DuplicateItem,
    /// Quotes that do not close.
    #[error("a quote is not closed")]
    UnclosedQuote,
    /// Not an image reference.
    #[error("image: {0}")]
    Image(ReferenceErrorKind),
    /// Not a platform.
    #[error("platform: {0}")]
    Platform(PlatformErrorKind),
    /// Not a device, or not a device rule.
    #[error("device: {0}")]
    Device(DeviceErrorKind),
    /// Not a byte size.
    #[error("size: {0}")]
    Size(SizeErrorKind),
    /// Not a duration.
    #[error("duration: {0}")]
    Duration(DurationErrorKind),
    /// Not a port.
    #[error("port: {0}")]
    Port(PortErrorKind),
    /// Not a volume.
    #[error("volume: {0}")]
    Volume(VolumeErrorKind),
    /// A name that nothing defines.
    #[error("no such {0} is defined")]
    Undefined(&'static str),
    /// Services that wait for each other.
    #[error("services that depend on each other can never start")]
    DependencyCycle,
    /// Services that extend each other; the subject is the chain.
    #[error("services that extend each other have no beginning")]
    ExtendsCycle,
    /// A service extends another over more than [`MAX_EXTENDS`] steps.
    #[error("a chain of `extends` has more than {MAX_EXTENDS} steps")]
    ExtendsTooDeep,
    /// Services would copy more than [`MAX_EXTENDED_BYTES`] from those they extend.
    #[error("services copy more than {MAX_EXTENDED_BYTES} bytes by `extends`")]
    ExtendsTooLarge,
    /// Files that include each other; the subject is the chain.
    #[error("files that include each other have no beginning")]
    IncludeCycle,
    /// Two properties that exclude each other.
    #[error("cannot be used together with `{0}`")]
    Conflict(&'static str),
    /// The same thing defined twice.
    #[error("another {0} has this already")]
    Taken(&'static str),
    /// Files whose values cannot be merged.
    #[error("a {0} cannot replace a value of another kind")]
    BadOverride(&'static str),
    /// A file that does not exist.
    #[error("the file is missing")]
    NoFile,
    /// A file that exists, but is no text or cannot be read.
    #[error("the file cannot be read as text")]
    Unreadable,
    /// More than [`MAX_FILES`] files.
    #[error("more than {MAX_FILES} files")]
    TooManyFiles,
    /// Ranges of ports that stand for more than [`MAX_PORTS`].
    #[error("more than {MAX_PORTS} ports in all")]
    TooManyPorts,
    /// Services that are scaled to more than [`MAX_CONTAINERS`].
    #[error("more than {MAX_CONTAINERS} containers in all")]
    TooManyContainers,
    /// More than [`MAX_VARIABLE_BYTES`] in files of variables.
    #[error("files of variables have more than {MAX_VARIABLE_BYTES} bytes")]
    VariablesTooLarge,
    /// A line of an environment file that is no `NAME=VALUE`.
    #[error("a line of an environment file is NAME=VALUE")]
    BadEnvironmentLine,
    /// An image that another one can replace at any time.
    #[error("the image is not pinned by a sha256 digest")]
    Unpinned,
    /// A service that is built, not pulled.
    #[error("the service has no image")]
    NoImage,
    /// A variable that is not set, where the file must be complete.
    #[error("the variable is not set")]
    Unresolved,
    /// A character that YAML does not allow, not even in quotes.
    #[error("this character must be escaped")]
    Unprintable,
    /// A line that is not as in the canonical text.
    #[error("this line is not in canonical form")]
    NotInCanonicalForm,
    /// A value that the canonical form cannot keep.
    #[error("the canonical form cannot hold this value")]
    NotCanonical,
}
