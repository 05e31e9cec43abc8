//! The short form of `volumes`: `[SOURCE:]TARGET[:OPTIONS]`.
//!
//! Form: `format/volume.go` of compose-go, with one difference: an option that nobody knows is an error.

/// Where a mount comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source<'a> {
    /// A volume without a name, made for this container.
    Anonymous,
    /// A named volume.
    Volume(&'a str),
    /// A path of the host: it starts with `.`, `/`, `~`, a drive letter or `\\`.
    Path(&'a str),
}

/// How mounts travel between host and container: `mount(8)`, "Shared subtree operations".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Propagation {
    /// `private`
    Private,
    /// `rprivate`
    RPrivate,
    /// `shared`
    Shared,
    /// `rshared`
    RShared,
    /// `slave`
    Slave,
    /// `rslave`
    RSlave,
}

impl Propagation {
    const ALL: [(&'static str, Self); 6] = [
        ("private", Self::Private),
        ("rprivate", Self::RPrivate),
        ("shared", Self::Shared),
        ("rshared", Self::RShared),
        ("slave", Self::Slave),
        ("rslave", Self::RSlave),
    ];

    /// The propagation of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, value)| *value == self).map_or("", |(name, _)| name)
    }
}

/// The `z` or `Z` option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relabel {
    /// `z`: several containers share the content.
    Shared,
    /// `Z`: for this container alone.
    Private,
}

/// One line of `volumes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VolumeSpec<'a> {
    /// What is mounted.
    pub source: Source<'a>,
    /// Where in the container.
    pub target: &'a str,
    /// `ro`
    pub read_only: bool,
    /// `nocopy`: the volume does not start with the image's content.
    pub no_copy: bool,
    /// How mounts below it travel.
    pub propagation: Option<Propagation>,
    /// SELinux label.
    pub relabel: Option<Relabel>,
}

impl<'a> VolumeSpec<'a> {
    /// Parses the whole of `text`.
    ///
    /// ```
    /// use container_spec::volume::{Source, VolumeSpec};
    ///
    /// let volume = VolumeSpec::parse("/run/dbus:/run/dbus:ro").unwrap();
    /// assert_eq!(volume.source, Source::Path("/run/dbus"));
    /// assert!(volume.read_only);
    /// ```
    ///
    /// # Errors
    /// With the byte at which the form is broken.
    pub fn parse(text: &'a str) -> Result<Self, VolumeError> {
        let mut parts = [""; 3];
        let mut offsets = [0; 3];
        let mut count = 0;
        let mut at = 0;
        let mut rest = Some(text);
        while let Some(remaining) = rest {
            let (part, next) = split_part(remaining);
            let (Some(slot), Some(offset)) = (parts.get_mut(count), offsets.get_mut(count)) else {
                return Err(VolumeError { at, kind: VolumeErrorKind::TooManyParts });
            };
            if part.is_empty() {
                let kind = if text.is_empty() { VolumeErrorKind::Empty } else { VolumeErrorKind::EmptyPart };
                return Err(VolumeError { at, kind });
            }
            (*slot, *offset) = (part, at);
            count += 1;
            at += part.len() + 1;
            rest = next;
        }
        let [first, second, options] = parts;
        let (source, target) = match count {
            1 => (Source::Anonymous, first),
            _ if is_path(first) => (Source::Path(first), second),
            _ => (Source::Volume(first), second),
        };
        let volume =
            Self { source, target, read_only: false, no_copy: false, propagation: None, relabel: None };
        volume.with_options(options, offsets[2])
    }

    fn with_options(mut self, options: &str, mut at: usize) -> Result<Self, VolumeError> {
        for option in options.split(',').filter(|_| !options.is_empty()) {
            match option {
                "ro" => self.read_only = true,
                "rw" => self.read_only = false,
                "nocopy" => self.no_copy = true,
                "z" => self.relabel = Some(Relabel::Shared),
                "Z" => self.relabel = Some(Relabel::Private),
                // Docker for Mac's consistency modes have no effect on Linux, and never had.
                "cached" | "delegated" | "consistent" => {}
                other => match Propagation::from_name(other) {
                    Some(propagation) => self.propagation = Some(propagation),
                    None => return Err(VolumeError { at, kind: VolumeErrorKind::UnknownOption }),
                },
            }
            at += option.len() + 1;
        }
        Ok(self)
    }
}

/// Splits at the first colon that is not the one after a drive letter.
fn split_part(text: &str) -> (&str, Option<&str>) {
    let from = if starts_with_drive(text) { 2 } else { 0 };
    match text.get(from..).and_then(|rest| rest.find(':')) {
        Some(at) => {
            let (part, rest) = text.split_at(from + at);
            (part, rest.get(1..))
        }
        None => (text, None),
    }
}

fn starts_with_drive(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic()) && bytes.next() == Some(b':')
}

fn is_path(source: &str) -> bool {
    source.starts_with(['.', '/', '~']) || source.starts_with(r"\\") || starts_with_drive(source)
}

/// What is wrong with a volume, and at which byte of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("volume, byte {at}: {kind}")]
pub struct VolumeError {
    /// Offset in bytes from the start of the text.
    pub at: usize,
    /// What is wrong there.
    pub kind: VolumeErrorKind,
}

/// The ways in which a text is no volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VolumeErrorKind {
    /// There is no text.
    #[error("it is empty")]
    Empty,
    /// Nothing between two colons.
    #[error("a part of it is empty")]
    EmptyPart,
    /// More parts than source, target and options.
    #[error("there are more than three parts")]
    TooManyParts,
    /// An option that has no meaning.
    #[error("options are ro, rw, nocopy, z, Z and the propagations such as rshared")]
    UnknownOption,
}
