//! The canonical text of a YAML document, and the locked one.
//!
//! TorizonCore Builder calls a Compose file canonical when it equals `yaml.safe_dump(yaml.safe_load(file))` of
//! PyYAML: keys sorted, block style, lists not indented, YAML 1.1 scalars, quotes only where they are needed,
//! lines folded at 80 columns. That text is what an Uptane target's digest is of, and aktualizr reads it line
//! by line, so it must be equal byte by byte. Interpolation, merging and checks have no part in it.
//!
//! Differences to PyYAML, all of them refusals: keys that appear twice, keys that are no scalars, `!!binary`,
//! `!!set`, `!!omap` and `!!pairs`, recursive aliases, and whatever passes the [limits](super::limits).

use alloc::string::String;
use alloc::vec::Vec;

use super::error::{Error, ErrorKind};
use super::limits::MAX_FILES;
use super::merge;
use super::model::ImageName;
use super::place::Position;
use super::tree::{Kind, Node, Style, Tag, Value};
use super::yaml::{Document, parse_after, parse_document};
use crate::digest::Sha256;
use crate::reference::Normalized;
use resolve::{Type, resolve};

mod emit;
mod number;
mod resolve;
mod scalar;
mod style;
mod timestamp;

/// The canonical text of a document.
///
/// ```
/// use container_spec::compose::canonical;
///
/// let text = canonical("services:\n    web: {image: x, ports: ['80:80'], tty: on}\n").unwrap();
/// assert_eq!(text, "services:\n  web:\n    image: x\n    ports:\n    - 80:80\n    tty: true\n");
/// ```
///
/// # Errors
/// With line and column of what is no YAML, or has no canonical form.
pub fn canonical(text: &str) -> Result<String, Error> {
    canonical_files(&[text])
}

/// The canonical text of several files, each over those before it, by the rules of merging. Nothing else is
/// resolved: variables, `include` and `extends` stay.
///
/// # Errors
/// As [`canonical`], with the number of the file, and for values that cannot be merged.
pub fn canonical_files(texts: &[&str]) -> Result<String, Error> {
    let (document, len) = merged(texts)?;
    emit::emit(&document, len)
}

/// The document that the texts are together, and about how long it is.
fn merged<'a>(texts: &[&'a str]) -> Result<(Document<'a>, usize), Error> {
    let (mut merged, mut len): (Option<Document<'a>>, usize) = (None, 0);
    for (text, file) in texts.iter().zip(0..) {
        if usize::from(file) >= MAX_FILES {
            return Err(Error::new(Position::default(), ErrorKind::TooManyFiles, "file"));
        }
        refuse_unprintable(text, file)?;
        len += text.len();
        merged = Some(match merged {
            None => parse_document(text, file)?,
            Some(base) => {
                let over = parse_after(text, file, base.nodes)?;
                Document {
                    root: merge::files(base.root, over.root)?,
                    nodes: over.nodes,
                    has_copies: base.has_copies || over.has_copies,
                }
            }
        });
    }
    let document = merged.ok_or(Error::new(Position::default(), ErrorKind::NoFile, "file"))?;
    Ok((document, len))
}

/// PyYAML reads only what YAML calls printable (`c-printable`), even within quotes. The line breaks that only
/// YAML 1.1 has are refused too, because they would mean something else to every other reader.
fn refuse_unprintable(text: &str, file: u16) -> Result<(), Error> {
    // Nearly every file is ASCII, which takes no time to see without stopping at each byte.
    let ascii = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    if text.bytes().fold(true, |all, byte| all & ascii(byte)) {
        return Ok(());
    }
    let printable = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{fffd}' | '\u{10000}'..);
    let Some(index) = text.find(|c| !printable(c)) else { return Ok(()) };
    let (before, rest) = text.split_at(index);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let at = Position { file, line: number(line), column: number(column) };
    let bad = rest.chars().next().map(|c| alloc::format!("{}", c.escape_unicode())).unwrap_or_default();
    Err(Error::new(at, ErrorKind::Unprintable, &bad))
}

/// The canonical text of a file in which every image is replaced by the digest that `digest_of` gives for it.
/// An image that has a digest keeps it, without its tag.
///
/// # Errors
/// As [`canonical`]; for a service without an image, an image that is no reference, and one for which there is no
/// digest; and for what stands in another file, whose content the digest of this one does not cover: `include`,
/// `extends`, `env_file`, `label_file`; and for a scalar that YAML 1.1 and 1.2 take for different things, because
/// writing down one of them would change what the file means to readers of the other.
pub fn lock(text: &str, digest_of: impl FnMut(&Normalized<'_>) -> Option<Sha256>) -> Result<String, Error> {
    lock_files(&[text], digest_of)
}

/// As [`lock`], of several files that are merged as by [`canonical_files`].
///
/// # Errors
/// As [`lock`], with the number of the file, and for values that cannot be merged.
pub fn lock_files(
    texts: &[&str],
    mut digest_of: impl FnMut(&Normalized<'_>) -> Option<Sha256>,
) -> Result<String, Error> {
    let (mut document, len) = merged(texts)?;
    if let Some(error) =
        other_halves(&document.root).chain(ambiguous(&document.root)).min_by_key(|error| error.at)
    {
        return Err(error);
    }
    let services = document.root.get_mut("services").map(|services| &mut services.value);
    let Some(Value::Mapping(services)) = services else {
        return Err(Error::new(document.root.at, ErrorKind::Missing("services"), "file"));
    };
    for (name, service) in services {
        let name = name.as_scalar().unwrap_or_default();
        let Some(image) = service.get_mut("image") else {
            return Err(Error::new(service.at, ErrorKind::NoImage, name));
        };
        let pinned = pin(image, &mut digest_of)?;
        *image = Node::text(pinned, image.at);
    }
    emit::emit(&document, len)
}

fn pin(
    image: &Node<'_>,
    digest_of: &mut impl FnMut(&Normalized<'_>) -> Option<Sha256>,
) -> Result<String, Error> {
    let text = image.as_scalar().unwrap_or_default();
    let reference =
        Normalized::parse(text).map_err(|e| Error::new(image.at, ErrorKind::Image(e.kind), text))?;
    let digest = match reference.pinned() {
        Some(digest) => digest,
        None => digest_of(&reference).ok_or(Error::new(image.at, ErrorKind::Unpinned, text))?,
    };
    // What is written before the tag stays as the author wrote it.
    let name = text.split('@').next().unwrap_or(text);
    let name = match reference.tag() {
        Some(tag) => name.strip_suffix(tag).and_then(|name| name.strip_suffix(':')).unwrap_or(name),
        None => name,
    };
    Ok(alloc::format!("{name}@{digest}"))
}

/// Whether the text is canonical, has no variables, pins every image and stands alone, without `include`, `extends`,
/// `env_file` and `label_file`: nothing can change its meaning.
///
/// # Errors
/// All that is missing, in the order of the file; at least [`ErrorKind::NotCanonical`] at its first line if it
/// only differs from the canonical text.
pub fn check_locked(text: &str) -> Result<(), Vec<Error>> {
    refuse_unprintable(text, 0).map_err(|error| Vec::from([error]))?;
    let document = parse_document(text, 0).map_err(|error| Vec::from([error]))?;
    let mut errors = Vec::new();
    let mut rest = Vec::from([&document.root]);
    while let Some(node) = rest.pop() {
        match &node.value {
            Value::Scalar(text, _) if has_variable(text) => {
                errors.push(Error::new(node.at, ErrorKind::Unresolved, text));
            }
            Value::Scalar(..) => {}
            Value::List(items) => rest.extend(items),
            Value::Mapping(entries) => rest.extend(entries.iter().map(|(_, value)| value)),
        }
    }
    errors.extend(other_halves(&document.root));
    for (name, service) in document.root.get("services").map(Node::entries).unwrap_or_default() {
        let Some(image) = service.get("image") else {
            let name = name.as_scalar().unwrap_or_default();
            errors.push(Error::new(service.at, ErrorKind::NoImage, name));
            continue;
        };
        let text = image.as_scalar().unwrap_or_default();
        if Normalized::parse(text).ok().and_then(|image| image.pinned()).is_none() {
            errors.push(Error::new(image.at, ErrorKind::Unpinned, text));
        }
    }
    match emit::emit(&document, text.len()) {
        Ok(canonical) if canonical == text => {}
        Ok(canonical) => errors.push(first_difference(text, &canonical)),
        Err(error) => errors.push(error),
    }
    errors.sort_by_key(|error| error.at);
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Scalars that are numbers or truth values by YAML 1.1 alone.
fn ambiguous(root: &Node<'_>) -> Vec<Error> {
    let mut found = Vec::new();
    let mut rest = Vec::from([root]);
    while let Some(node) = rest.pop() {
        match &node.value {
            Value::Scalar(text, Style::Plain)
                if node.tag == Tag::None
                    && Kind::of_plain(text) == Kind::Text
                    && matches!(resolve(text), Type::Bool | Type::Int | Type::Float) =>
            {
                found.push(Error::new(node.at, ErrorKind::Ambiguous, text));
            }
            Value::Scalar(..) => {}
            Value::List(items) => rest.extend(items),
            Value::Mapping(entries) => rest.extend(entries.iter().flat_map(|(key, value)| [key, value])),
        }
    }
    found
}

/// What stands for something in another file or service. Without it, the file means something else.
fn other_halves<'n, 'a>(root: &'n Node<'a>) -> impl Iterator<Item = Error> {
    let named = |node: &'n Node<'a>, name: &'static str| {
        let key = node.entries().iter().map(|(key, _)| key).find(|key| key.as_scalar() == Some(name));
        key.map(|key| Error::new(key.at, ErrorKind::RefusedProperty, name))
    };
    let services = root.get("services").map(Node::entries).unwrap_or_default();
    let of_services = services.iter().flat_map(move |(name, service)| {
        named(service, "extends")
            .into_iter()
            .chain(named_files(name.as_scalar().unwrap_or_default(), service))
    });
    named(root, "include").into_iter().chain(of_services)
}

/// The properties of a service that name files of values.
pub(super) fn named_files<'n>(name: &'n str, service: &'n Node<'_>) -> impl Iterator<Item = Error> {
    ["env_file", "label_file"].into_iter().filter_map(move |property| {
        let value = service.get(property)?;
        Some(Error::new(value.at, ErrorKind::NamesFile(property), name))
    })
}

/// A `$` that is not doubled.
fn has_variable(text: &str) -> bool {
    text.replace("$$", "").contains('$')
}

fn first_difference(text: &str, canonical: &str) -> Error {
    let mut line = 1_u32;
    let mut theirs = canonical.split('\n');
    for ours in text.split('\n') {
        if theirs.next() != Some(ours) {
            return Error::new(
                Position { file: 0, line, column: 1 },
                ErrorKind::NotInCanonicalForm,
                ours.trim(),
            );
        }
        line = line.saturating_add(1);
    }
    Error::new(Position { file: 0, line, column: 1 }, ErrorKind::NotInCanonicalForm, "end of file")
}

impl ImageName {
    /// Whether the image is pinned by a sha256 digest.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.normalized().and_then(|image| image.pinned()).is_some()
    }
}
