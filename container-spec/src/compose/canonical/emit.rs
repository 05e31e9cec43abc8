//! The writer: PyYAML's emitter in block style, for one document.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::resolve::Type;
use super::scalar::Scalar;
use super::style::{Analysis, Quotes};
use crate::compose::error::{Error, ErrorKind};
use crate::compose::tree::{Node, Tag, Value};
use crate::compose::yaml::Document;

mod quote;

/// Lines are folded where they are longer.
const WIDTH: usize = 80;

/// Columns of one level.
const INDENT: usize = 2;

/// Longest key that is written without `?`, in characters, its tag included.
const MAX_SIMPLE_KEY: usize = 127;

type Entry<'n, 'a> = (Scalar<'n>, &'n Node<'a>);

/// A collection that is not yet finished.
enum Frame<'n, 'a> {
    List { items: core::slice::Iter<'n, Node<'a>>, indent: usize },
    Mapping { entries: alloc::vec::IntoIter<Entry<'n, 'a>>, indent: usize },
}

/// Writes the document. `len` is about how long the text will be.
pub(super) fn emit(document: &Document<'_>, len: usize) -> Result<String, Error> {
    let mut emitter = Emitter {
        out: String::with_capacity(len + len / 8),
        column: 0,
        whitespace: true,
        indention: true,
        anchors: Anchors::of(document)?,
    };
    let mut stack: Vec<Frame<'_, '_>> = Vec::new();
    if let Some(frame) = emitter.node(&document.root, None, false)? {
        stack.push(frame);
    }
    while let Some(frame) = stack.last_mut() {
        let opened = match frame {
            Frame::List { items, indent } => match items.next() {
                Some(item) => {
                    let indent = *indent;
                    emitter.indent(indent);
                    emitter.indicator("-", true, true);
                    emitter.node(item, Some(indent), false)?
                }
                None => {
                    stack.pop();
                    continue;
                }
            },
            Frame::Mapping { entries, indent } => match entries.next() {
                Some((key, value)) => {
                    let indent = *indent;
                    emitter.key(&key, indent);
                    emitter.node(value, Some(indent), true)?
                }
                None => {
                    stack.pop();
                    continue;
                }
            },
        };
        stack.extend(opened);
    }
    emitter.finish(&document.root)
}

struct Emitter {
    out: String,
    /// Characters since the line began.
    column: usize,
    /// Whether what was written last separates words.
    whitespace: bool,
    /// Whether the line holds nothing but indentation and `-`, `?`, `:`.
    indention: bool,
    anchors: Anchors,
}

impl Emitter {
    /// Writes a scalar or an empty collection, or opens a collection. `parent` is the column of the collection
    /// that the node is in.
    fn node<'n, 'a>(
        &mut self,
        node: &'n Node<'a>,
        parent: Option<usize>,
        in_mapping: bool,
    ) -> Result<Option<Frame<'n, 'a>>, Error> {
        match self.anchors.next(node) {
            Mark::None => {}
            Mark::Anchor(number) => self.indicator(&format!("&id{number:03}"), true, false),
            Mark::Alias(number) => {
                self.indicator(&format!("*id{number:03}"), true, false);
                return Ok(None);
            }
        }
        match &node.value {
            Value::Scalar(..) => {
                let scalar = Scalar::of(node)?;
                let quotes = Analysis::of(&scalar.text).quotes(scalar.implicit, false);
                self.scalar(&scalar.text, quotes, parent.map_or(INDENT, |parent| parent + INDENT), true);
                Ok(None)
            }
            Value::List(_) | Value::Mapping(_) if !matches!(node.tag, Tag::None | Tag::Collection) => {
                Err(Error::new(node.at, ErrorKind::UnknownTag, "collection"))
            }
            Value::List(items) if items.is_empty() => {
                self.indicator("[]", true, false);
                Ok(None)
            }
            Value::Mapping(entries) if entries.is_empty() => {
                self.indicator("{}", true, false);
                Ok(None)
            }
            Value::List(items) => {
                // A list in a mapping is not indented.
                let indentless = in_mapping && !self.indention;
                let indent = parent.map_or(0, |parent| if indentless { parent } else { parent + INDENT });
                Ok(Some(Frame::List { items: items.iter(), indent }))
            }
            Value::Mapping(entries) => {
                let entries = sorted(entries)?.into_iter();
                Ok(Some(Frame::Mapping { entries, indent: parent.map_or(0, |parent| parent + INDENT) }))
            }
        }
    }

    fn key(&mut self, key: &Scalar<'_>, indent: usize) {
        let analysis = Analysis::of(&key.text);
        self.indent(indent);
        let len = key.tag_len() + key.text.chars().count();
        if len <= MAX_SIMPLE_KEY && !analysis.empty && !analysis.multiline {
            let quotes = analysis.quotes(key.implicit, true);
            self.scalar(&key.text, quotes, indent + INDENT, false);
            self.indicator(":", false, false);
        } else {
            self.indicator("?", true, true);
            let quotes = analysis.quotes(key.implicit, false);
            self.scalar(&key.text, quotes, indent + INDENT, true);
            self.indent(indent);
            self.indicator(":", true, true);
        }
    }

    fn scalar(&mut self, text: &str, quotes: Quotes, indent: usize, fold: bool) {
        match quotes {
            Quotes::None => self.plain(text, indent, fold),
            Quotes::Single => self.single(text, indent, fold),
            Quotes::Double => self.double(text, indent, fold),
        }
    }

    /// A plain scalar has no line breaks; it is folded at single spaces.
    fn plain(&mut self, text: &str, indent: usize, fold: bool) {
        if text.is_empty() {
            return;
        }
        if !self.whitespace {
            self.push(" ");
        }
        self.whitespace = false;
        self.indention = false;
        if !fold || self.column + text.len() <= WIDTH {
            self.push(text);
            return;
        }
        let mut rest = text;
        while !rest.is_empty() {
            let word = rest.find(' ').unwrap_or(rest.len());
            let (word, after) = rest.split_at(word);
            self.push(word);
            let spaces = after.bytes().take_while(|b| *b == b' ').count();
            let (blank, next) = after.split_at(spaces);
            if spaces == 1 && self.column > WIDTH {
                self.indent(indent);
                self.whitespace = false;
                self.indention = false;
            } else {
                self.push(blank);
            }
            rest = next;
        }
    }

    /// `need_space`: whether a space comes before it if nothing separates yet.
    fn indicator(&mut self, text: &str, need_space: bool, keeps_indention: bool) {
        if !self.whitespace && need_space {
            self.push(" ");
        }
        self.push(text);
        self.whitespace = false;
        self.indention = self.indention && keeps_indention;
    }

    /// Goes to a column, on a new line unless this one holds nothing but indentation.
    fn indent(&mut self, indent: usize) {
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break();
        }
        if self.column < indent {
            self.whitespace = true;
            for _ in self.column..indent {
                self.out.push(' ');
            }
            self.column = indent;
        }
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.whitespace = true;
        self.indention = true;
        self.column = 0;
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        // What is written is ASCII, except for line breaks of YAML 1.1 in quotes, which start a line.
        self.column += text.len();
    }

    fn finish(mut self, root: &Node<'_>) -> Result<String, Error> {
        if self.column > 0 {
            self.line_break();
        }
        if matches!(root.value, Value::Scalar(..)) {
            let scalar = Scalar::of(root)?;
            // After a plain scalar alone, the end of the document must be marked.
            if Analysis::of(&scalar.text).quotes(scalar.implicit, false) == Quotes::None {
                self.out.push_str("...\n");
            }
        }
        Ok(self.out)
    }
}

/// The entries in the order of their keys; in the order of the file if keys of different types cannot be
/// compared.
fn sorted<'n, 'a>(entries: &'n [(Node<'a>, Node<'a>)]) -> Result<Vec<Entry<'n, 'a>>, Error> {
    let mut list = Vec::with_capacity(entries.len());
    let mut text_only = true;
    for (key, value) in entries {
        let scalar = Scalar::of_key(key)?;
        text_only &= scalar.kind == Type::Str;
        list.push((scalar, value));
    }
    if text_only {
        list.sort_unstable_by(|(a, _), (b, _)| a.text.cmp(&b.text));
        return Ok(list);
    }
    if let Some(index) = duplicate(&list)
        && let Some((node, _)) = entries.get(index)
    {
        return Err(Error::new(node.at, ErrorKind::DuplicateKey, node.as_scalar().unwrap_or_default()));
    }
    let comparable = list.iter().all(|(a, _)| list.first().is_some_and(|(b, _)| a.compare(b).is_some()));
    if comparable && list.len() > 1 {
        list.sort_by(|(a, _), (b, _)| a.compare(b).unwrap_or(Ordering::Equal));
    }
    Ok(list)
}

/// The first key that Python takes for an earlier one, such as `1.0` for `1`. Texts differ: the parser saw to that.
fn duplicate(list: &[Entry<'_, '_>]) -> Option<usize> {
    let mut keys: Vec<(u8, usize, &Scalar<'_>)> = list
        .iter()
        .enumerate()
        .filter(|(_, (key, _))| key.kind != Type::Str)
        .map(|(index, (key, _))| (key.class(), index, key))
        .collect();
    let order = |a: &Scalar<'_>, b: &Scalar<'_>| a.compare(b).unwrap_or(Ordering::Equal);
    keys.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| order(a.2, b.2)).then(a.1.cmp(&b.1)));
    let twice = keys.windows(2).filter_map(|pair| match pair {
        [a, b] if a.0 == b.0 && a.2.compare(b.2) == Some(Ordering::Equal) => Some(b.1),
        _ => None,
    });
    twice.min()
}

/// Anchors and aliases: objects that are in the document twice.
struct Anchors {
    /// For each identity its state; empty if nothing is there twice.
    states: Vec<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Once,
    Numbered { number: u32, written: bool },
}

enum Mark {
    None,
    Anchor(u32),
    Alias(u32),
}

impl Anchors {
    /// Numbers what is met a second time, in the order in which it will be written.
    fn of(document: &Document<'_>) -> Result<Self, Error> {
        if !document.has_copies {
            return Ok(Self { states: Vec::new() });
        }
        let len = usize::try_from(document.nodes).unwrap_or(0).saturating_add(1);
        let mut states = alloc::vec![State::New; len];
        let mut next = 1;
        let mut rest = Vec::from([&document.root]);
        while let Some(node) = rest.pop() {
            // What was merged has no identity, but what is in it may have.
            let state = states.get_mut(usize::try_from(node.id).unwrap_or(0)).filter(|_| has_identity(node));
            match state {
                Some(state @ State::New) => *state = State::Once,
                Some(state @ State::Once) => {
                    *state = State::Numbered { number: next, written: false };
                    next += 1;
                    continue;
                }
                Some(State::Numbered { .. }) => continue,
                None => {}
            }
            match &node.value {
                Value::List(items) => rest.extend(items.iter().rev()),
                Value::Mapping(entries) => {
                    rest.extend(sorted(entries)?.into_iter().rev().map(|(_, value)| value));
                }
                Value::Scalar(..) => {}
            }
        }
        Ok(Self { states })
    }

    fn next(&mut self, node: &Node<'_>) -> Mark {
        if self.states.is_empty() || !has_identity(node) {
            return Mark::None;
        }
        match self.states.get_mut(usize::try_from(node.id).unwrap_or(0)) {
            Some(State::Numbered { number, written }) => {
                if core::mem::replace(written, true) {
                    Mark::Alias(*number)
                } else {
                    Mark::Anchor(*number)
                }
            }
            _ => Mark::None,
        }
    }
}

/// Python objects that PyYAML writes once: everything but texts, numbers, truth values and nothing.
fn has_identity(node: &Node<'_>) -> bool {
    match &node.value {
        Value::Scalar(..) => Scalar::of(node).is_ok_and(|scalar| scalar.kind == Type::Timestamp),
        Value::List(_) | Value::Mapping(_) => node.id != 0,
    }
}
