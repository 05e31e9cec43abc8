//! One form for values that have two, so that they can be merged. What has neither form is left as it is.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::compose::error::{Error, ErrorKind};
use crate::compose::tree::{Node, Style, Tag, Value};

fn plain<'a>(text: &'static str, like: &Node<'a>) -> Node<'a> {
    Node { value: Value::Scalar(Cow::Borrowed(text), Style::Plain), at: like.at, tag: Tag::None, id: 0 }
}

fn mapping<'a>(of: &Node<'a>, entries: Vec<(Node<'a>, Node<'a>)>) -> Node<'a> {
    Node { value: Value::Mapping(entries), at: of.at, tag: of.tag, id: 0 }
}

/// `NAME=VALUE` lines as a mapping; a line without `=` has the value nothing.
///
/// # Errors
/// If a name is listed twice: as a mapping it could not be told any more.
pub(super) fn pairs(node: Node<'_>) -> Result<Node<'_>, Error> {
    let items = match &node.value {
        Value::List(items) if items.iter().all(|item| item.as_scalar().is_some()) => items.as_slice(),
        _ => return Ok(node),
    };
    let mut entries: Vec<(Node<'_>, Node<'_>)> = Vec::with_capacity(items.len());
    let mut names: alloc::collections::BTreeSet<&str> = alloc::collections::BTreeSet::new();
    for item in items {
        let line = item.as_scalar().unwrap_or_default();
        let name = line.split('=').next().unwrap_or(line);
        if !names.insert(name) {
            return Err(Error::new(item.at, ErrorKind::DuplicateItem, name));
        }
        let key = Node::text(name.to_string(), item.at);
        let value = match line.split_once('=') {
            Some((_, value)) => Node::text(value.to_string(), item.at),
            None => plain("", item),
        };
        entries.push((key, value));
    }
    Ok(mapping(&node, entries))
}

/// A list of names as a mapping of names to nothing.
pub(super) fn names(node: Node<'_>) -> Node<'_> {
    listed(node, |item| plain("", item))
}

/// A list of services as a mapping of names to the condition that they run.
pub(super) fn dependencies(node: Node<'_>) -> Node<'_> {
    listed(node, |item| {
        mapping(item, [(plain("condition", item), Node::text("service_started", item.at))].into())
    })
}

fn listed<'a>(node: Node<'a>, value: impl Fn(&Node<'a>) -> Node<'a>) -> Node<'a> {
    match &node.value {
        Value::List(items) if items.iter().all(|item| item.as_scalar().is_some()) => {
            let entries = items.iter().map(|item| {
                let name = item.as_scalar().unwrap_or_default().to_string();
                (Node::text(name, item.at), value(item))
            });
            let entries = entries.collect();
            mapping(&node, entries)
        }
        _ => node,
    }
}

/// A directory alone as the mapping that it stands for.
pub(super) fn build(node: Node<'_>) -> Node<'_> {
    if node.as_scalar().is_none() || node.is_null() {
        return node;
    }
    let key = plain("context", &node);
    let (at, tag) = (node.at, node.tag);
    Node { value: Value::Mapping([(key, node)].into()), at, tag, id: 0 }
}

/// Hosts as lines `HOST=ADDRESS`, one for each address.
pub(super) fn hosts(node: Node<'_>) -> Node<'_> {
    let mut lines = Vec::new();
    let mut push = |host: &str, address: &Node<'_>| {
        let text = address.as_scalar()?;
        lines.push(Node::text(alloc::format!("{host}={text}"), address.at));
        Some(())
    };
    match &node.value {
        Value::Mapping(entries) => {
            for (key, value) in entries {
                let host = key.as_scalar().unwrap_or_default();
                let addresses = match &value.value {
                    Value::List(items) => items.as_slice(),
                    _ => core::slice::from_ref(value),
                };
                if addresses.iter().try_for_each(|address| push(host, address)).is_none() {
                    return node;
                }
            }
        }
        Value::List(items) => {
            for item in items {
                let Some(text) = item.as_scalar() else { return node };
                let line = match text.split_once('=').or_else(|| text.split_once(':')) {
                    Some((host, address)) => alloc::format!("{host}={address}"),
                    None => String::from(text),
                };
                lines.push(Node::text(line, item.at));
            }
        }
        Value::Scalar(..) => return node,
    }
    Node { value: Value::List(lines), at: node.at, tag: node.tag, id: 0 }
}

/// One value alone as a list of it.
pub(super) fn list(node: Node<'_>) -> Node<'_> {
    if node.as_scalar().is_none() || node.is_null() {
        return node;
    }
    let (at, tag) = (node.at, node.tag);
    Node { value: Value::List([Node { tag: Tag::None, ..node }].into()), at, tag, id: 0 }
}
