//! From files to a project.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::decode::{Context, Decode};
use super::environment::Environment;
use super::error::{Error, ErrorKind};
use super::interpolate::{Unset, interpolate};
use super::project::{Places, Project};
use super::tree::{Node, Tag, Value};
use super::{validate, yaml};

/// Reads one Compose file: parse, interpolate, decode, check.
///
/// # Errors
/// The first problem of the file. [`check`] gives all of them.
pub fn load(text: &str, environment: &Environment) -> Result<Project, Error> {
    let (project, errors) = read(text, environment)?;
    match errors.into_iter().next() {
        Some(error) => Err(error),
        None => Ok(project),
    }
}

/// All problems of one Compose file, in its order; none if it can be loaded.
#[must_use]
pub fn check(text: &str, environment: &Environment) -> Vec<Error> {
    match read(text, environment) {
        Ok((_, errors)) => errors,
        Err(error) => [error].into(),
    }
}

fn read(text: &str, environment: &Environment) -> Result<(Project, Vec<Error>), Error> {
    let mut root = yaml::parse(text, 0)?;
    let unset = interpolate(&mut root, environment)?;
    Ok(project(&root, unset))
}

/// Decodes and checks a tree that is interpolated.
pub(crate) fn project(root: &Node<'_>, unset: Vec<Unset>) -> (Project, Vec<Error>) {
    let mut cx = Context::default();
    let mut project = Project { unset, ..Project::default() };
    if let Some(entries) = cx.entries(root) {
        for (key, value) in entries {
            property(&mut project, key, value, &mut cx);
        }
        if root.get("services").is_none() {
            cx.error(root.at, ErrorKind::Missing("services"), "file");
        }
    }
    refuse_merging(root, &mut cx);
    validate::normalize(&mut project);
    validate::validate(&project, root, &mut cx);
    cx.errors.sort_by_key(|error| error.at);
    (project, cx.errors)
}

/// The keys that stand for another file or service. Without it, the file means something else.
pub(super) fn other_halves<'n, 'a>(root: &'n Node<'a>) -> impl Iterator<Item = (&'n Node<'a>, &'static str)> {
    let named = |node: &'n Node<'a>, name: &'static str| {
        let key = node.entries().iter().map(|(key, _)| key).find(|key| key.as_scalar() == Some(name));
        key.map(|key| (key, name))
    };
    let services = root.get("services").map(Node::entries).unwrap_or_default();
    let extends = services.iter().filter_map(move |(_, service)| named(service, "extends"));
    named(root, "include").into_iter().chain(extends)
}

/// Refuses what merges services or files, which is not done here.
fn refuse_merging(root: &Node<'_>, cx: &mut Context) {
    for (key, name) in other_halves(root) {
        cx.error(key.at, ErrorKind::RefusedProperty, name);
    }
    let mut rest = Vec::from([root]);
    while let Some(node) = rest.pop() {
        match node.tag {
            Tag::Reset => cx.error(node.at, ErrorKind::UnknownTag, "!reset"),
            Tag::Override => cx.error(node.at, ErrorKind::UnknownTag, "!override"),
            _ => {}
        }
        match &node.value {
            Value::Scalar(..) => {}
            Value::List(items) => rest.extend(items),
            Value::Mapping(entries) => rest.extend(entries.iter().map(|(_, value)| value)),
        }
    }
}

fn property(project: &mut Project, key: &Node<'_>, value: &Node<'_>, cx: &mut Context) {
    match key.as_scalar().unwrap_or_default() {
        "name" => project.name = project_name(value, cx),
        "version" => project.version = cx.scalar_text(value),
        "services" => {
            for (key, value) in cx.entries(value).unwrap_or_default() {
                let name = key.as_scalar().unwrap_or_default();
                check_name(key, cx);
                let image = value.get("image").map(|image| image.at);
                project.places.insert(name.to_owned(), Places { name: key.at, image });
                if let Some(service) = Decode::decode(value, cx) {
                    project.services.insert(name.to_owned(), service);
                }
            }
        }
        "networks" => project.networks = definitions(value, cx),
        "volumes" => project.volumes = definitions(value, cx),
        "secrets" => project.secrets = definitions(value, cx),
        "configs" => project.configs = definitions(value, cx),
        "models" => project.models = definitions(value, cx),
        // Refused with all that needs merging.
        "include" => {}
        name if name.starts_with("x-") => {
            if let Some(value) = Decode::decode(value, cx) {
                project.extensions.insert(name.to_owned(), value);
            }
        }
        name => cx.error(key.at, ErrorKind::UnknownProperty, name),
    }
}

/// Definitions by name; nothing stands for one without options.
fn definitions<T: Decode + Default>(node: &Node<'_>, cx: &mut Context) -> BTreeMap<String, T> {
    if node.is_null() {
        return BTreeMap::new();
    }
    let mut map = BTreeMap::new();
    for (key, value) in cx.entries(node).unwrap_or_default() {
        check_name(key, cx);
        let value = if value.is_null() { Some(T::default()) } else { T::decode(value, cx) };
        if let Some(value) = value {
            map.insert(key.as_scalar().unwrap_or_default().to_owned(), value);
        }
    }
    map
}

fn check_name(key: &Node<'_>, cx: &mut Context) {
    let name = key.as_scalar().unwrap_or_default();
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if name.is_empty() || !name.bytes().all(good) {
        cx.error(key.at, ErrorKind::Value("letters, digits, `.`, `_` and `-`"), name);
    }
}

fn project_name(node: &Node<'_>, cx: &mut Context) -> Option<String> {
    let name = cx.text(node)?;
    if is_project_name(name) {
        return Some(name.to_owned());
    }
    cx.error(
        node.at,
        ErrorKind::Value("small letters, digits, `_` and `-`, not starting with `_` or `-`"),
        name,
    );
    None
}

/// Whether `name` is a project name: `[a-z0-9][a-z0-9_-]*`.
#[must_use]
pub fn is_project_name(name: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.bytes().next().is_some_and(alphanumeric)
        && name.bytes().all(|b| alphanumeric(b) || matches!(b, b'_' | b'-'))
}
