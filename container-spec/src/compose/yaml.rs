//! Text to tree: saphyr's events, with bounds on what they may cost.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag as EventTag};

use super::error::{Error, ErrorKind};
use super::limits::{MAX_ALIAS_BYTES, MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_NODES};
use super::place::Position;
use super::tree::{Node, Style, Tag, Value};
use origin::Origin;

mod merge_key;
mod origin;

/// Parses one YAML document. Aliases are expanded and merge keys (`<<`) applied.
///
/// # Errors
/// With line and column, if it is no YAML, if a key appears twice, or if a limit is passed.
pub fn parse(text: &str, file: u16) -> Result<Node<'_>, Error> {
    parse_document(text, file).map(|document| document.root)
}

/// A tree, and what is known about all of it.
pub(crate) struct Document<'a> {
    pub(crate) root: Node<'a>,
    /// The highest identity of a node.
    pub(crate) nodes: u32,
    /// Whether a collection or scalar is in the tree more than once.
    pub(crate) has_copies: bool,
}

pub(crate) fn parse_document(text: &str, file: u16) -> Result<Document<'_>, Error> {
    parse_after(text, file, 0)
}

/// As [`parse_document`], for a tree that is merged with others that have identities up to `used`.
pub(crate) fn parse_after(text: &str, file: u16, used: u32) -> Result<Document<'_>, Error> {
    let at = Position { file, line: 1, column: 1 };
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(Error::new(at, ErrorKind::TooLarge { bytes: text.len() }, "file"));
    }
    let mut builder = Builder { used, ..Builder::default() };
    let mut origin = Origin::new(text);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| refused(text, file, &error))?;
        builder.event(origin.borrow(event, &span.start), position(file, &span.start))?;
    }
    let nothing =
        || Node { value: Value::Scalar(Cow::Borrowed(""), Style::Plain), at, tag: Tag::None, id: 0 };
    Ok(Document {
        root: builder.root.unwrap_or_else(nothing),
        nodes: builder.nodes.saturating_add(used),
        has_copies: builder.alias_bytes > 0,
    })
}

/// What is wrong with the text. The parser knows indentation in flow context by these words alone.
fn refused(text: &str, file: u16, error: &ScanError) -> Error {
    let at = position(file, error.marker());
    if !matches!(error.info(), "invalid indentation" | "invalid indentation in flow construct") {
        return Error::new(at, ErrorKind::Yaml, error.info());
    }
    let rest = text
        .char_indices()
        .nth(error.marker().index())
        .map_or("", |(start, _)| text.get(start..).unwrap_or(""));
    let word = rest.split_whitespace().next().unwrap_or_default();
    Error::new(at, ErrorKind::FlowIndentation, word)
}

fn position(file: u16, marker: &Marker) -> Position {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position { file, line: number(marker.line()), column: number(marker.col()).saturating_add(1) }
}

/// A collection that is not yet closed.
struct Frame {
    mapping: bool,
    at: Position,
    tag: Tag,
    id: u32,
    anchor: usize,
    /// The highest number of an anchor before its children: theirs are higher.
    anchors_before: usize,
    /// Where its children start among those of all open collections.
    start: usize,
}

#[derive(Default)]
struct Builder<'a> {
    stack: Vec<Frame>,
    /// What is in the open collections so far, outermost first; keys and values of mappings in turn.
    children: Vec<Node<'a>>,
    root: Option<Node<'a>>,
    documents: usize,
    /// How many values there are so far.
    nodes: u32,
    /// The highest identity in other trees.
    used: u32,
    alias_bytes: usize,
    /// By their numbers, which the parser counts in the order of the text.
    anchors: BTreeMap<usize, Anchor<'a>>,
    /// The highest of these numbers so far, those of open collections included.
    last_anchor: usize,
}

struct Anchor<'a> {
    /// The way to its node: the index of the child at each level.
    path: Vec<usize>,
    /// The node itself, when the way no longer leads to it.
    copy: Option<Node<'a>>,
}

impl<'a> Builder<'a> {
    fn event(&mut self, event: Event<'a>, at: Position) -> Result<(), Error> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Error::new(at, ErrorKind::SecondDocument, "---"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Text };
                let tag = tag_of(tag.as_deref(), false, at)?;
                let id = self.count(1, at)?;
                self.remember(anchor);
                self.add(Node { value: Value::Scalar(text, style), at, tag, id })
            }
            Event::SequenceStart(anchor, tag) => self.open(false, anchor, tag.as_deref(), at),
            Event::MappingStart(anchor, tag) => self.open(true, anchor, tag.as_deref(), at),
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(frame) => self.close(frame),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let copy = self.alias(anchor, at)?;
                self.add(copy)
            }
        }
    }

    fn open(
        &mut self,
        mapping: bool,
        anchor: usize,
        tag: Option<&EventTag>,
        at: Position,
    ) -> Result<(), Error> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(Error::new(at, ErrorKind::TooDeep, "value"));
        }
        let tag = tag_of(tag, true, at)?;
        let id = self.count(1, at)?;
        self.last_anchor = self.last_anchor.max(anchor);
        let (anchors_before, start) = (self.last_anchor, self.children.len());
        self.stack.push(Frame { mapping, at, tag, id, anchor, anchors_before, start });
        Ok(())
    }

    fn add(&mut self, node: Node<'a>) -> Result<(), Error> {
        let Some(frame) = self.stack.last() else {
            self.root = Some(node);
            return Ok(());
        };
        let is_key = frame.mapping && (self.children.len() - frame.start).is_multiple_of(2);
        if is_key && node.as_scalar().is_none() {
            return Err(Error::new(node.at, ErrorKind::BadKey, "key"));
        }
        self.children.push(node);
        Ok(())
    }

    /// The children of the open collection at `level`, without the one that is open itself.
    fn children_of(&self, level: usize) -> &[Node<'a>] {
        let start = |level: usize| self.stack.get(level).map_or(self.children.len(), |frame| frame.start);
        self.children.get(start(level)..start(level.saturating_add(1))).unwrap_or_default()
    }

    /// The way to the node that is added next: the number of each child on it; keys count too.
    fn path(&self) -> Vec<usize> {
        (0..self.stack.len()).map(|level| self.children_of(level).len()).collect()
    }

    fn count(&mut self, nodes: usize, at: Position) -> Result<u32, Error> {
        let total = u32::try_from(nodes).ok().and_then(|nodes| self.nodes.checked_add(nodes));
        match total {
            Some(total) if usize::try_from(total).is_ok_and(|total| total <= MAX_NODES) => {
                self.nodes = total;
                Ok(total.saturating_add(self.used))
            }
            _ => Err(Error::new(at, ErrorKind::TooManyNodes, "value")),
        }
    }

    /// Notes where the node that is added next can be found again.
    fn remember(&mut self, anchor: usize) {
        if anchor != 0 {
            self.last_anchor = self.last_anchor.max(anchor);
            let _ = self.anchors.insert(anchor, Anchor { path: self.path(), copy: None });
        }
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Result<Node<'a>, Error> {
        // The parser refuses names without an anchor: what is not found is still open.
        let recursive = Error::new(at, ErrorKind::RecursiveAlias, "alias");
        let anchor = self.anchors.get(&anchor).ok_or(recursive)?;
        let node = match &anchor.copy {
            Some(copy) => copy,
            None => self.find(&anchor.path).ok_or(recursive)?,
        };
        let cost = Cost::of(node);
        if self.stack.len() + cost.depth > MAX_DEPTH {
            return Err(Error::new(at, ErrorKind::TooDeep, "alias"));
        }
        cost.check(self.alias_bytes, at)?;
        let copy = node.clone();
        self.alias_bytes += cost.bytes;
        self.count(cost.nodes, at)?;
        Ok(copy)
    }

    /// Completes a collection.
    fn close(&mut self, frame: Frame) -> Result<(), Error> {
        let mut children = self.children.drain(frame.start..);
        let value = if frame.mapping {
            let mut entries = Vec::with_capacity(children.len() / 2);
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                entries.push((key, value));
            }
            Value::Mapping(entries)
        } else {
            Value::List(children.by_ref().collect())
        };
        drop(children);
        let mut node = Node { value, at: frame.at, tag: frame.tag, id: frame.id };
        self.apply_merge_keys(&mut node, frame.anchors_before)?;
        self.remember(frame.anchor);
        self.add(node)
    }

    /// Applies merge keys to a collection that is complete. That moves its entries, so what is anchored in
    /// it is copied first: anchors with numbers above `anchors_before`.
    fn apply_merge_keys(&mut self, node: &mut Node<'a>, anchors_before: usize) -> Result<(), Error> {
        merge_key::refuse_duplicates(node)?;
        if !merge_key::has_merge(node) {
            return Ok(());
        }
        let here = self.path();
        let inside = self.anchors.range_mut(anchors_before.saturating_add(1)..);
        for anchor in inside.map(|(_, anchor)| anchor).filter(|anchor| anchor.copy.is_none()) {
            let Some(inner @ [_, ..]) = anchor.path.strip_prefix(here.as_slice()) else { continue };
            let mut found = Some(&*node);
            for &index in inner {
                found = found.and_then(|node| child(node, index));
            }
            if let Some(found) = found {
                let cost = Cost::of(found);
                cost.check(self.alias_bytes, found.at)?;
                self.alias_bytes += cost.bytes;
                anchor.copy = Some(found.clone());
            }
        }
        merge_key::apply(node)
    }

    /// The node at the end of `path`: through the open collections first, then down the closed ones.
    fn find(&self, path: &[usize]) -> Option<&Node<'a>> {
        let mut steps = path.iter().enumerate();
        let mut found = None;
        for (level, &index) in steps.by_ref() {
            self.stack.get(level)?;
            found = self.children_of(level).get(index);
            if found.is_some() {
                break;
            }
        }
        let mut node = match found {
            Some(node) => node,
            None => return if path.is_empty() { self.root.as_ref() } else { None },
        };
        for (_, &index) in steps {
            node = child(node, index)?;
        }
        Some(node)
    }
}

fn child<'n, 'a>(node: &'n Node<'a>, index: usize) -> Option<&'n Node<'a>> {
    match &node.value {
        Value::List(items) => items.get(index),
        Value::Mapping(entries) => {
            entries.get(index / 2).map(|(key, value)| if index.is_multiple_of(2) { key } else { value })
        }
        Value::Scalar(..) => None,
    }
}

/// What a copy of a node takes.
pub(crate) struct Cost {
    pub(crate) bytes: usize,
    nodes: usize,
    /// How many collections are inside each other.
    depth: usize,
}

impl Cost {
    pub(crate) fn of(node: &Node<'_>) -> Self {
        let mut cost = Self { bytes: 0, nodes: 0, depth: 0 };
        let mut rest = Vec::from([(node, 1)]);
        while let Some((node, depth)) = rest.pop() {
            cost.nodes += 1;
            cost.bytes = cost.bytes.saturating_add(8);
            match &node.value {
                Value::Scalar(text, _) => {
                    cost.bytes = cost.bytes.saturating_add(text.len());
                    continue;
                }
                Value::List(items) => rest.extend(items.iter().map(|item| (item, depth + 1))),
                Value::Mapping(entries) => {
                    rest.extend(entries.iter().flat_map(|(k, v)| [(k, depth + 1), (v, depth + 1)]));
                }
            }
            cost.depth = cost.depth.max(depth);
        }
        cost
    }

    fn check(&self, used: usize, at: Position) -> Result<(), Error> {
        match used.checked_add(self.bytes) {
            Some(total) if total <= MAX_ALIAS_BYTES => Ok(()),
            _ => Err(Error::new(at, ErrorKind::AliasesTooLarge, "alias")),
        }
    }
}

fn tag_of(tag: Option<&EventTag>, collection: bool, at: Position) -> Result<Tag, Error> {
    let Some(tag) = tag else { return Ok(Tag::None) };
    if tag.is_yaml_core_schema() {
        return Ok(match (tag.suffix.as_str(), collection) {
            ("seq" | "map", true) => Tag::Collection,
            ("str", false) => Tag::Str,
            ("int", false) => Tag::Int,
            ("float", false) => Tag::Float,
            ("bool", false) => Tag::Bool,
            ("null", false) => Tag::Null,
            ("timestamp", false) => Tag::Timestamp,
            ("binary" | "set" | "omap" | "pairs", _) => Tag::Other,
            _ => return Err(Error::new(at, ErrorKind::UnknownTag, &tag.suffix)),
        });
    }
    match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("!", "reset") => Ok(Tag::Reset),
        ("!", "override") => Ok(Tag::Override),
        ("" | "!", "" | "!") => Ok(if collection { Tag::None } else { Tag::NonSpecific }),
        (_, suffix) => Err(Error::new(at, ErrorKind::UnknownTag, suffix)),
    }
}
