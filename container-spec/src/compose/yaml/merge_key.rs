//! Merge keys (`<<`), and the rule that a key appears once.
//!
//! `<<` is from YAML 1.1 (`yaml.org/type/merge.html`): the mapping's own keys win, then the first of a list.

use alloc::vec::Vec;

use crate::compose::error::{Error, ErrorKind};
use crate::compose::tree::{Node, Style, Tag, Value};

type Entry<'a> = (Node<'a>, Node<'a>);

/// Above this many keys, duplicates are found by sorting.
const FEW_KEYS: usize = 12;

/// Whether the node is a mapping with a `<<`.
pub(super) fn has_merge(node: &Node<'_>) -> bool {
    node.entries().iter().any(|(key, _)| is_merge(key))
}

/// Replaces `<<` by what it stands for.
pub(super) fn apply(node: &mut Node<'_>) -> Result<(), Error> {
    let Value::Mapping(entries) = &mut node.value else { return Ok(()) };
    let mut merged: Vec<Entry<'_>> = Vec::new();
    let mut own = Vec::with_capacity(entries.len());
    for (key, value) in entries.drain(..) {
        if !is_merge(&key) {
            own.push((key, value));
            continue;
        }
        match value.value {
            Value::Mapping(entries) => merged.extend(entries),
            // The first of a list wins, so it comes last.
            Value::List(items) => {
                for item in items.into_iter().rev() {
                    match item.value {
                        Value::Mapping(entries) => merged.extend(entries),
                        _ => return Err(Error::new(item.at, ErrorKind::BadMerge, "<<")),
                    }
                }
            }
            Value::Scalar(..) => return Err(Error::new(value.at, ErrorKind::BadMerge, "<<")),
        }
    }
    // The order is Python's: a key keeps the place where it came first, and takes the value that came last.
    merged.append(&mut own);
    let mut order: Vec<usize> = (0..merged.len()).collect();
    order.sort_by(|&a, &b| key_at(&merged, a).cmp(&key_at(&merged, b)).then(a.cmp(&b)));
    let mut winners = alloc::vec![None; merged.len()];
    for group in order.chunk_by(|&a, &b| key_at(&merged, a) == key_at(&merged, b)) {
        if let (Some(&first), Some(&last)) = (group.first(), group.last())
            && let Some(slot) = winners.get_mut(first)
        {
            *slot = Some(last);
        }
    }
    let mut values: Vec<Option<Entry<'_>>> = merged.into_iter().map(Some).collect();
    for winner in winners.into_iter().flatten() {
        if let Some(entry) = values.get_mut(winner).and_then(Option::take) {
            entries.push(entry);
        }
    }
    Ok(())
}

fn key_at<'n>(entries: &'n [Entry<'_>], index: usize) -> Option<&'n str> {
    entries.get(index).and_then(|(key, _)| key.as_scalar())
}

fn is_merge(key: &Node<'_>) -> bool {
    matches!(&key.value, Value::Scalar(text, Style::Plain) if text == "<<") && key.tag == Tag::None
}

/// Checks that no key of a mapping appears twice.
pub(super) fn refuse_duplicates(node: &Node<'_>) -> Result<(), Error> {
    let entries = node.entries();
    let duplicate = |key: &Node<'_>| {
        Err(Error::new(key.at, ErrorKind::DuplicateKey, key.as_scalar().unwrap_or_default()))
    };
    if entries.len() <= FEW_KEYS {
        for (index, (key, _)) in entries.iter().enumerate() {
            let before = entries.get(..index).unwrap_or_default();
            if before.iter().any(|(other, _)| other.as_scalar() == key.as_scalar()) {
                return duplicate(key);
            }
        }
        return Ok(());
    }
    let mut keys: Vec<&Node<'_>> = entries.iter().map(|(key, _)| key).collect();
    keys.sort_by(|a, b| a.as_scalar().cmp(&b.as_scalar()).then(a.at.cmp(&b.at)));
    let twice = keys.windows(2).filter(|pair| matches!(pair, [a, b] if a.as_scalar() == b.as_scalar()));
    match twice.filter_map(|pair| pair.last()).min_by_key(|key| key.at) {
        Some(key) => duplicate(key),
        None => Ok(()),
    }
}
