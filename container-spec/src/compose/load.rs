//! From files to a project.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::canonical;
use super::decode::{Context, Decode};
use super::environment::Environment;
use super::error::{Error, ErrorKind};
use super::loader::{Loader, Source};
use super::place::Position;
use super::project::{Places, Project};
use super::tree::Node;
use super::validate;

/// Reads one Compose file: parse, interpolate, extend, decode, check. It must stand alone, as a locked file does:
/// a [`Loader`](super::Loader) reads several, and what they name.
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
    Loader::new(environment, BTreeMap::new()).alone().read(&[Source { path: "", text }])
}

/// Decodes a tree that is interpolated and merged. `directories` are what the relative paths of each file start
/// from.
pub(super) fn decode(root: &Node<'_>, directories: Vec<String>) -> (Project, Context) {
    let mut cx = Context { directories, ..Context::default() };
    let mut project = Project::default();
    if let Some(entries) = cx.entries(root) {
        for (key, value) in entries {
            property(&mut project, key, value, &mut cx);
        }
        if root.get("services").is_none() {
            cx.error(root.at, ErrorKind::Missing("services"), "file");
        }
    }
    (project, cx)
}

/// Completes and checks a project.
pub(super) fn finish(mut project: Project, root: &Node<'_>, mut cx: Context) -> (Project, Vec<Error>) {
    validate::normalize(&mut project);
    validate::validate(&project, root, &mut cx);
    cx.errors.sort_by_key(|error| error.at);
    (project, cx.errors)
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
                project.named_files.extend(canonical::named_files(name, value));
                if let Some(service) = Decode::decode(value, cx) {
                    project.services.insert(name.to_owned(), service);
                }
            }
        }
        "networks" => project.networks = definitions(value, cx),
        "volumes" => {
            project.volumes = definitions(value, cx);
            for (name, volume) in &mut project.volumes {
                let bind = volume.driver.as_deref().is_none_or(|driver| driver == "local")
                    && volume.driver_opts.get("o").is_some_and(|o| o.split(',').any(|o| o == "bind"));
                if let Some(device) = volume.driver_opts.0.get_mut("device").filter(|_| bind) {
                    *device = cx.path(place(value, name, &["driver_opts", "device"]), device);
                }
            }
        }
        "secrets" => {
            project.secrets = definitions(value, cx);
            for (name, secret) in &mut project.secrets {
                if let Some(file) = &mut secret.file {
                    *file = cx.path(place(value, name, &["file"]), file);
                }
            }
        }
        "configs" => {
            project.configs = definitions(value, cx);
            for (name, config) in &mut project.configs {
                if let Some(file) = &mut config.file {
                    *file = cx.path(place(value, name, &["file"]), file);
                }
            }
        }
        "models" => project.models = definitions(value, cx),
        name if name.starts_with("x-") => {
            if let Some(value) = Decode::decode(value, cx) {
                project.extensions.insert(name.to_owned(), value);
            }
        }
        name => cx.error(key.at, ErrorKind::UnknownProperty, name),
    }
}

/// Where the value at `path` below the definition `name` stands.
fn place(definitions: &Node<'_>, name: &str, path: &[&str]) -> Position {
    let start = definitions.get(name);
    let end = path.iter().fold(start, |node, key| node.and_then(|node| node.get(key)));
    end.map(|node| node.at).unwrap_or_default()
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
    cx.error(node.at, ErrorKind::Value(PROJECT_NAME_FORM), name);
    None
}

/// What a project name must be.
pub(super) const PROJECT_NAME_FORM: &str = "small letters, digits, `_` and `-`, not starting with `_` or `-`";

/// Whether `name` is a project name: `[a-z0-9][a-z0-9_-]*`.
#[must_use]
pub fn is_project_name(name: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.bytes().next().is_some_and(alphanumeric)
        && name.bytes().all(|b| alphanumeric(b) || matches!(b, b'_' | b'-'))
}
