//! Other Compose applications: `14-include.md`.
//!
//! What is included is read as a project of its own, with its own directory and variables, and copied into
//! the file that includes it. A name that both define, and not the same way, is an error.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Files, Loader, Scope};
use crate::compose::environment::Environment;
use crate::compose::error::{Error, ErrorKind, Expected};
use crate::compose::paths;
use crate::compose::place::Position;
use crate::compose::tree::{Node, Tag, Value};

/// One entry of `include`.
#[derive(Default)]
struct Include {
    /// The file and its overrides.
    paths: Vec<(String, Position)>,
    directory: Option<String>,
    /// `None` stands for `.env` of the directory, if there is one.
    env_files: Option<Vec<(String, Position)>>,
}

/// What is copied.
const SECTIONS: [&str; 6] = ["services", "networks", "volumes", "secrets", "configs", "models"];

impl<F: Files> Loader<'_, F> {
    /// Copies what a file includes into it.
    pub(super) fn include_files(
        &mut self,
        root: &mut Node<'_>,
        file: u16,
        scope: &Scope<'_>,
    ) -> Result<(), Error> {
        let Some((_, include)) = root.remove("include") else { return Ok(()) };
        if include.is_null() {
            return Ok(());
        }
        let Value::List(items) = &include.value else {
            return Err(Error::new(include.at, ErrorKind::Type(Expected::List), "include"));
        };
        let mut chain = scope.chain.to_vec();
        chain.push(self.path(file).unwrap_or_default().to_owned());
        for item in items {
            let include = Include::read(item)?;
            let included = self.include(&include, &chain, scope)?;
            self.import(root, included)?;
        }
        Ok(())
    }

    fn include(
        &mut self,
        include: &Include,
        chain: &[String],
        scope: &Scope<'_>,
    ) -> Result<Node<'static>, Error> {
        let mut directory =
            include.directory.as_ref().map(|directory| paths::resolve(scope.directory, directory));
        let mut files = Vec::with_capacity(include.paths.len());
        for (path, at) in &include.paths {
            let path = paths::resolve(scope.directory, path);
            if chain.contains(&path) {
                let names = chain.iter().map(|path| paths::name(path)).chain([paths::name(&path)]);
                let names: Vec<&str> = names.collect();
                return Err(Error::new(*at, ErrorKind::IncludeCycle, &names.join(" -> ")));
            }
            let directory = &*directory.get_or_insert_with(|| paths::parent(&path).to_owned());
            files.push(self.fetch(&path, directory, *at)?);
        }
        let directory = directory.unwrap_or_default();
        let environment = self.variables(include, &directory, scope)?;
        self.merged(files, &Scope { environment: &environment, directory: &directory, chain })
    }

    /// The variables of what is included: those of the project, and below them those of its own files.
    fn variables(
        &mut self,
        include: &Include,
        directory: &str,
        scope: &Scope<'_>,
    ) -> Result<Environment, Error> {
        let mut environment = scope.environment.clone();
        let Some(files) = &include.env_files else {
            let path = paths::resolve(directory, ".env");
            // It may be missing, and without a directory it is.
            if let Some((file, text)) = self.variable_file(&path, Position::default(), false)? {
                environment.read_file(&text, file)?;
            }
            return Ok(environment);
        };
        // A later file wins over an earlier one, so it is read first.
        for (path, at) in files.iter().rev() {
            let path = paths::resolve(scope.directory, path);
            if let Some((file, text)) = self.variable_file(&path, *at, true)? {
                environment.read_file(&text, file)?;
            }
        }
        Ok(environment)
    }

    /// Copies the definitions of `included` into `root`.
    fn import<'a>(&self, root: &mut Node<'a>, mut included: Node<'a>) -> Result<(), Error> {
        for section in SECTIONS {
            let Some((key, theirs)) = included.remove(section) else { continue };
            let Value::Mapping(theirs) = theirs.value else { continue };
            let at = key.at;
            if root.get(section).is_none_or(Node::is_null) {
                root.remove(section);
                let empty = Node { value: Value::Mapping(Vec::new()), at, tag: Tag::None, id: 0 };
                if let Value::Mapping(entries) = &mut root.value {
                    entries.push((key, empty));
                }
            }
            let Some(Value::Mapping(ours)) = root.get_mut(section).map(|node| &mut node.value) else {
                continue;
            };
            let known: alloc::collections::BTreeMap<String, usize> =
                ours.iter().map(|(key, _)| key.as_scalar().unwrap_or_default().to_owned()).zip(0..).collect();
            for (key, value) in theirs {
                let name = key.as_scalar().unwrap_or_default();
                match known.get(name).and_then(|&index| ours.get(index)) {
                    None => ours.push((key, value)),
                    Some((_, other)) if self.same(other, &value) => {}
                    Some((other, _)) => return Err(Error::new(other.at, ErrorKind::Taken("file"), name)),
                }
            }
        }
        Ok(())
    }

    /// Whether two values are written the same, and mean the same: their relative paths start from one place.
    /// No deeper than the tree, which is bounded by `MAX_DEPTH`.
    fn same(&self, one: &Node<'_>, other: &Node<'_>) -> bool {
        if self.directory_of(one.at.file) != self.directory_of(other.at.file) {
            return false;
        }
        match (&one.value, &other.value) {
            (Value::Scalar(a, _), Value::Scalar(b, _)) => a == b && one.kind() == other.kind(),
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same(a, b))
            }
            (Value::Mapping(a), Value::Mapping(b)) => {
                a.len() == b.len()
                    && a.iter().zip(b).all(|((key, value), (other, theirs))| {
                        key.as_scalar() == other.as_scalar() && self.same(value, theirs)
                    })
            }
            _ => false,
        }
    }
}

impl Include {
    fn read(node: &Node<'_>) -> Result<Self, Error> {
        let entries = match &node.value {
            Value::Mapping(entries) => entries,
            _ => return Ok(Self { paths: texts(node)?, ..Self::default() }),
        };
        let mut include = Self::default();
        for (key, value) in entries {
            match key.as_scalar().unwrap_or_default() {
                "path" => include.paths = texts(value)?,
                "project_directory" => {
                    let text = texts(value)?.into_iter().next().unwrap_or_default();
                    include.directory = Some(text.0);
                }
                "env_file" => include.env_files = Some(texts(value)?),
                name => return Err(Error::new(key.at, ErrorKind::UnknownProperty, name)),
            }
        }
        if include.paths.is_empty() {
            return Err(Error::new(node.at, ErrorKind::Missing("path"), "include"));
        }
        Ok(include)
    }
}

/// One text or several.
fn texts(node: &Node<'_>) -> Result<Vec<(String, Position)>, Error> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => core::slice::from_ref(node),
    };
    let text = |item: &Node<'_>| match item.as_scalar() {
        Some(text) if !item.is_null() => Ok((text.to_owned(), item.at)),
        _ => Err(Error::new(item.at, ErrorKind::Type(Expected::Text), "include")),
    };
    items.iter().map(text).collect()
}
