//! One file over another: `13-merge.md`, and the special paths of compose-go's `override/merge.go`.
//!
//! Mappings are merged, lists appended, scalars replaced, except where a [`Rule`] says otherwise. `!reset`
//! removes what was there before, `!override` replaces it whole. Every value keeps its place in its own file.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::error::{Error, ErrorKind};
use super::tree::{Node, Tag, Value};
use rule::Rule;

mod forms;
mod rule;
mod unique;

/// Puts the root mapping of a file over that of the files before it.
pub(crate) fn files<'a>(base: Node<'a>, over: Node<'a>) -> Result<Node<'a>, Error> {
    let mut merged = merge(base, over, &[])?;
    settle(&mut merged)?;
    Ok(merged)
}

/// Puts a service over the one it extends. `!reset` and `!override` stay for the files before.
pub(crate) fn service<'a>(base: Node<'a>, over: Node<'a>) -> Result<Node<'a>, Error> {
    merge(base, over, &["services", ""])
}

/// Removes what is marked with `!reset`, and the marks of `!override`: nothing more comes below this file.
///
/// # Errors
/// For a mark on an item of a list, which has nothing below it.
pub(crate) fn settle(root: &mut Node<'_>) -> Result<(), Error> {
    let mut rest = Vec::from([root]);
    while let Some(node) = rest.pop() {
        match &mut node.value {
            Value::Scalar(..) => {}
            Value::List(items) => {
                if let Some(item) = items.iter().find(|item| is_marked(item)) {
                    let name = if item.tag == Tag::Reset { "!reset" } else { "!override" };
                    return Err(Error::new(item.at, ErrorKind::UnknownTag, name));
                }
                rest.extend(items.iter_mut().rev());
            }
            Value::Mapping(entries) => {
                entries.retain(|(_, value)| value.tag != Tag::Reset);
                for (_, value) in entries.iter_mut().filter(|(_, value)| value.tag == Tag::Override) {
                    value.tag = Tag::None;
                }
                rest.extend(entries.iter_mut().rev().map(|(_, value)| value));
            }
        }
    }
    Ok(())
}

fn is_marked(node: &Node<'_>) -> bool {
    matches!(node.tag, Tag::Reset | Tag::Override)
}

/// No tree is deeper than [`MAX_DEPTH`](super::limits::MAX_DEPTH), and neither is this recursion.
fn merge<'a>(mut base: Node<'a>, mut over: Node<'a>, path: &[&str]) -> Result<Node<'a>, Error> {
    if is_marked(&over) {
        return Ok(over);
    }
    if base.tag == Tag::Reset {
        // What was removed cannot be merged with; what comes instead stands alone.
        over.tag = Tag::Override;
        return Ok(over);
    }
    let rule = rule::of(path);
    // Nothing over something adds nothing, except where it is a value of its own.
    let collection = !matches!(base.value, Value::Scalar(..));
    if over.is_null() && collection && !matches!(rule, Rule::Replace) {
        return Ok(base);
    }
    match rule {
        Rule::Replace => return Ok(over),
        Rule::Either => {
            if !(matches!(base.value, Value::Mapping(_)) && matches!(over.value, Value::Mapping(_))) {
                return Ok(over);
            }
        }
        Rule::SameDriver => {
            let driver =
                |node: &Node<'_>| node.get("driver").and_then(Node::as_scalar).map(ToOwned::to_owned);
            if let (Some(theirs), Some(ours)) = (driver(&base), driver(&over))
                && theirs != ours
            {
                return Ok(over);
            }
        }
        Rule::Pairs => {
            base = forms::pairs(base)?;
            over = forms::pairs(over)?;
        }
        Rule::TextOrPairs => {
            base = forms::pairs(forms::list(base))?;
            over = forms::pairs(forms::list(over))?;
        }
        Rule::Names => {
            base = forms::names(base);
            over = forms::names(over);
        }
        Rule::Dependencies => {
            base = forms::dependencies(base);
            over = forms::dependencies(over);
        }
        Rule::Build => {
            base = forms::build(base);
            over = forms::build(over);
        }
        Rule::Hosts => {
            base = forms::hosts(base);
            over = forms::hosts(over);
        }
        Rule::Texts(_) => {
            base = forms::list(base);
            over = forms::list(over);
        }
        Rule::Subnets | Rule::Unique(_) | Rule::Plain => {}
    }
    // An earlier `!override` holds for what is merged into it.
    let (tag, at) = (base.tag, base.at);
    let value = match (base.value, over.value) {
        (Value::Mapping(below), Value::Mapping(above)) => Value::Mapping(mappings(below, above, path)?),
        (Value::List(below), Value::List(above)) => Value::List(match rule {
            Rule::Subnets => subnets(below, above, path)?,
            Rule::Unique(key) | Rule::Texts(key) => unique::append(below, above, key),
            Rule::Hosts => unique::append(below, above, unique::Key::Whole),
            _ => below.into_iter().chain(above).collect(),
        }),
        (Value::Scalar(..), value) => return Ok(Node { value, ..over }),
        (_, value) => {
            let kind = match value {
                Value::Mapping(_) => "mapping",
                Value::List(_) => "list",
                Value::Scalar(..) => "text",
            };
            let property = path.last().copied().unwrap_or("file");
            return Err(Error::new(over.at, ErrorKind::BadOverride(kind), property));
        }
    };
    // What is merged is no copy of anything: it has no identity.
    Ok(Node { value, at, tag, id: 0 })
}

type Entries<'a> = Vec<(Node<'a>, Node<'a>)>;

fn mappings<'a>(mut below: Entries<'a>, above: Entries<'a>, path: &[&str]) -> Result<Entries<'a>, Error> {
    // Large mappings, such as all services of a project, are looked up by a sorted index.
    let mut index: Vec<usize> = (0..below.len()).collect();
    let key = |entries: &Entries<'a>, i: usize| {
        entries.get(i).and_then(|(key, _)| key.as_scalar().map(String::from))
    };
    index.sort_by_cached_key(|&i| key(&below, i));
    for (key_node, value) in above {
        let name = String::from(key_node.as_scalar().unwrap_or_default());
        let found = index.binary_search_by(|&i| {
            below.get(i).and_then(|(key, _)| key.as_scalar()).cmp(&Some(name.as_str()))
        });
        let slot = found.ok().and_then(|found| index.get(found)).and_then(|&i| below.get_mut(i));
        let Some((_, slot)) = slot else {
            below.push((key_node, value));
            continue;
        };
        let mut deeper = path.to_vec();
        deeper.push(&name);
        let old = core::mem::replace(slot, Node::text("", value.at));
        *slot = merge(old, value, &deeper)?;
    }
    Ok(below)
}

/// Subnets of an address pool: one with the same `subnet` is merged, others are added.
fn subnets<'a>(
    mut below: Vec<Node<'a>>,
    above: Vec<Node<'a>>,
    path: &[&str],
) -> Result<Vec<Node<'a>>, Error> {
    for item in above {
        let subnet = item.get("subnet").and_then(Node::as_scalar).map(ToOwned::to_owned);
        let slot = below
            .iter_mut()
            .find(|old| subnet.is_some() && old.get("subnet").and_then(Node::as_scalar) == subnet.as_deref());
        match slot {
            Some(slot) => {
                let mut deeper = path.to_vec();
                deeper.push("");
                let old = core::mem::replace(slot, Node::text("", item.at));
                *slot = merge(old, item, &deeper)?;
            }
            None => below.push(item),
        }
    }
    Ok(below)
}
