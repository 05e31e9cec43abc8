//! Services that take their properties from another one, of the same or another file.
//!
//! `05-services.md`, "extends": the service is put over the one it extends, by the rules of merging.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Files, Loader, Scope};
use crate::compose::error::{Error, ErrorKind, Expected};
use crate::compose::interpolate::interpolate;
use crate::compose::limits::{MAX_EXTENDED_BYTES, MAX_EXTENDS};
use crate::compose::place::Position;
use crate::compose::tree::{Node, Value};
use crate::compose::{merge, paths, yaml};

/// A file whose services are extended.
struct Origin<'a> {
    path: String,
    directory: String,
    root: Node<'a>,
    /// Where each service is among the entries of `services`.
    index: BTreeMap<String, usize>,
}

/// What `extends` says.
struct Reference {
    service: String,
    file: Option<String>,
    at: Position,
}

impl<F: Files> Loader<'_, F> {
    /// Resolves `extends` in all services of a file that is interpolated.
    pub(super) fn extend_services<'a>(
        &mut self,
        root: &mut Node<'a>,
        file: u16,
        scope: &Scope<'_>,
    ) -> Result<(), Error> {
        let services = root.get("services").map(Node::entries).unwrap_or_default();
        let extended = services.iter().filter(|(_, service)| service.get("extends").is_some());
        let names: Vec<String> =
            extended.filter_map(|(name, _)| name.as_scalar()).map(ToOwned::to_owned).collect();
        if names.is_empty() {
            return Ok(());
        }
        let path = self.path(file).unwrap_or_default().to_owned();
        let directory = self.directory_of(file).to_owned();
        let whole = core::mem::replace(root, Node::text("", root.at));
        let mut origins = Vec::from([Origin::new(path, directory, whole)]);
        for name in names {
            self.extend(&mut origins, name, scope)?;
        }
        if let Some(first) = origins.into_iter().next() {
            *root = first.root;
        }
        Ok(())
    }

    /// Resolves one service of the first file, and those it extends.
    fn extend(
        &mut self,
        origins: &mut Vec<Origin<'_>>,
        name: String,
        scope: &Scope<'_>,
    ) -> Result<(), Error> {
        let mut chain: Vec<(usize, String, Position)> = Vec::from([(0, name, Position::default())]);
        while let Some((origin, name, _)) = chain.last() {
            let origin = *origin;
            let Some(extends) = service(origins, origin, name).and_then(|service| service.get("extends"))
            else {
                break;
            };
            let reference = Reference::read(extends)?;
            let next = match &reference.file {
                None => origin,
                Some(file) => self.origin(origins, origin, file, reference.at, scope)?,
            };
            let entry = (next, reference.service, reference.at);
            if let Some(start) = chain.iter().position(|(o, n, _)| (*o, n) == (entry.0, &entry.1)) {
                let names = chain.iter().skip(start).map(|(_, name, _)| name.as_str());
                let names: Vec<&str> = names.chain([entry.1.as_str()]).collect();
                return Err(Error::new(entry.2, ErrorKind::ExtendsCycle, &names.join(" -> ")));
            }
            if service(origins, next, &entry.1).is_none() {
                return Err(Error::new(entry.2, ErrorKind::Undefined("service"), &entry.1));
            }
            if chain.len() > MAX_EXTENDS {
                return Err(Error::new(entry.2, ErrorKind::ExtendsTooDeep, &entry.1));
            }
            chain.push(entry);
        }
        while let Some((origin, name, at)) = chain.pop() {
            let Some((over_origin, over_name, _)) = chain.last() else { break };
            let Some(base) = service(origins, origin, &name).cloned() else { break };
            self.extended = self.extended.saturating_add(yaml::Cost::of(&base).bytes);
            if self.extended > MAX_EXTENDED_BYTES {
                return Err(Error::new(at, ErrorKind::ExtendsTooLarge, &name));
            }
            let Some(slot) = service_mut(origins, *over_origin, over_name) else { break };
            let mut over = core::mem::replace(slot, Node::text("", at));
            over.remove("extends");
            *slot = merge::service(base, over)?;
        }
        Ok(())
    }

    /// The number of the file that a service of `from` extends one of.
    fn origin(
        &mut self,
        origins: &mut Vec<Origin<'_>>,
        from: usize,
        file: &str,
        at: Position,
        scope: &Scope<'_>,
    ) -> Result<usize, Error> {
        let directory = origins.get(from).map_or("", |origin| origin.directory.as_str());
        let path = paths::resolve(directory, file);
        if let Some(known) = origins.iter().position(|origin| origin.path == path) {
            return Ok(known);
        }
        let directory = paths::parent(&path).to_owned();
        let (_, mut root) = self.fetch(&path, &directory, at)?;
        self.unset.extend(interpolate(&mut root, scope.environment)?);
        origins.push(Origin::new(path, directory, root));
        Ok(origins.len() - 1)
    }
}

impl<'a> Origin<'a> {
    fn new(path: String, directory: String, root: Node<'a>) -> Self {
        let services = root.get("services").map(Node::entries).unwrap_or_default();
        let names = services.iter().map(|(name, _)| name.as_scalar().unwrap_or_default().to_owned());
        let index = names.zip(0..).collect();
        Self { path, directory, root, index }
    }
}

fn service<'n, 'a>(origins: &'n [Origin<'a>], origin: usize, name: &str) -> Option<&'n Node<'a>> {
    let origin = origins.get(origin)?;
    let index = *origin.index.get(name)?;
    origin.root.get("services")?.entries().get(index).map(|(_, service)| service)
}

fn service_mut<'n, 'a>(origins: &'n mut [Origin<'a>], origin: usize, name: &str) -> Option<&'n mut Node<'a>> {
    let origin = origins.get_mut(origin)?;
    let index = *origin.index.get(name)?;
    match &mut origin.root.get_mut("services")?.value {
        Value::Mapping(entries) => entries.get_mut(index).map(|(_, service)| service),
        _ => None,
    }
}

impl Reference {
    fn read(node: &Node<'_>) -> Result<Self, Error> {
        let text = |node: &Node<'_>| match node.as_scalar() {
            Some(text) if !node.is_null() => Ok(text.to_owned()),
            _ => Err(Error::new(node.at, ErrorKind::Type(Expected::Text), "extends")),
        };
        match &node.value {
            Value::Scalar(..) => Ok(Self { service: text(node)?, file: None, at: node.at }),
            Value::List(_) => Err(Error::new(node.at, ErrorKind::Type(Expected::TextOrMapping), "a list")),
            Value::Mapping(entries) => {
                for (key, _) in entries {
                    let name = key.as_scalar().unwrap_or_default();
                    if !matches!(name, "service" | "file") {
                        return Err(Error::new(key.at, ErrorKind::UnknownProperty, name));
                    }
                }
                let missing = Error::new(node.at, ErrorKind::Missing("service"), "service");
                let service = text(node.get("service").ok_or(missing)?)?;
                let file = node.get("file").map(text).transpose()?;
                Ok(Self { service, file, at: node.at })
            }
        }
    }
}
