//! Files of variables and labels that services name, and the variables of the project itself.
//!
//! `05-services.md`, "env_file": a later file wins over an earlier one, and `environment` over all of them.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Files, Loader};
use crate::compose::decode::Context;
use crate::compose::environment::Environment;
use crate::compose::error::{Error, ErrorKind};
use crate::compose::interpolate::dotenv;
use crate::compose::limits::MAX_VARIABLE_BYTES;
use crate::compose::model::EnvFile;
use crate::compose::paths;
use crate::compose::place::Position;
use crate::compose::project::Project;
use crate::compose::tree::{Node, Value};

impl<F: Files> Loader<'_, F> {
    /// The text of a file of variables and its number. `None` if it is missing and need not be there.
    pub(super) fn variable_file(
        &mut self,
        path: &str,
        at: Position,
        required: bool,
    ) -> Result<Option<(u16, String)>, Error> {
        let text = match self.files.read(path) {
            Ok(text) => text,
            Err(ErrorKind::NoFile) if !required => return Ok(None),
            Err(kind) => return Err(Error::new(at, kind, path)),
        };
        self.variable_bytes = self.variable_bytes.saturating_add(text.len());
        if self.variable_bytes > MAX_VARIABLE_BYTES {
            return Err(Error::new(at, ErrorKind::VariablesTooLarge, path));
        }
        let known = self.opened.iter().position(|opened| opened.path == path);
        let file = match known.and_then(|known| u16::try_from(known).ok()) {
            Some(known) => known,
            None => self.open(path, paths::parent(path), at)?,
        };
        Ok(Some((file, text)))
    }

    /// Reads what `env_file` and `label_file` of the services name into `environment` and `labels`.
    pub(super) fn read_variables(&mut self, project: &mut Project, root: &Node<'_>, cx: &mut Context) {
        let services = root.get("services");
        for (name, service) in &mut project.services {
            if service.env_file.is_empty() && service.label_file.is_empty() {
                continue;
            }
            let node = services.and_then(|services| services.get(name));
            let env_files = core::mem::take(&mut service.env_file.0);
            let places = places(node.and_then(|node| node.get("env_file")));
            match self.files_of(&env_files, &places) {
                Ok(read) => under(&mut service.environment.0, read),
                Err(error) => cx.errors.push(error),
            }
            let as_file = |path: String| EnvFile { path, ..EnvFile::default() };
            let label_files: Vec<EnvFile> =
                core::mem::take(&mut service.label_file.0).into_iter().map(as_file).collect();
            let places = self::places(node.and_then(|node| node.get("label_file")));
            match self.files_of(&label_files, &places) {
                Ok(read) => under(&mut service.labels.0, read),
                Err(error) => cx.errors.push(error),
            }
        }
    }

    /// The variables of files, of which each may use those before it.
    fn files_of(&mut self, files: &[EnvFile], places: &[Position]) -> Result<Vec<(String, String)>, Error> {
        let mut all = Vec::new();
        let mut scope: Option<Environment> = None;
        for (index, env_file) in files.iter().enumerate() {
            let at = places.get(index).copied().unwrap_or_default();
            let required = env_file.required != Some(false);
            let Some((file, text)) = self.variable_file(&env_file.path, at, required)? else { continue };
            let read = match env_file.format.as_deref() {
                None => {
                    let scope = scope.get_or_insert_with(|| self.environment.clone());
                    let read = dotenv::parse(&text, file, scope)?;
                    for (name, value) in &read {
                        // The project's own variables win where files use them.
                        if scope.get(name).is_none() {
                            scope.set(name.as_str(), value.as_str());
                        }
                    }
                    read
                }
                Some("raw") => dotenv::parse_raw(&text, file)?,
                Some(other) => return Err(Error::new(at, ErrorKind::Value("raw, or left out"), other)),
            };
            all.extend(read);
        }
        Ok(all)
    }
}

/// Puts the variables of files, of which the last wins, below those that are there.
fn under(values: &mut BTreeMap<String, Option<String>>, read: Vec<(String, String)>) {
    let read: BTreeMap<String, String> = read.into_iter().collect();
    for (name, value) in read {
        values.entry(name).or_insert(Some(value));
    }
}

/// Where each of the files is named.
fn places(node: Option<&Node<'_>>) -> Vec<Position> {
    match node.map(|node| (&node.value, node.at)) {
        Some((Value::List(items), _)) => {
            items.iter().map(|item| item.get("path").map_or(item.at, |path| path.at)).collect()
        }
        Some((_, at)) => [at].into(),
        None => Vec::new(),
    }
}

/// Gives the variables that are named without a value those of the project, if it has them.
pub(super) fn inherit(project: &mut Project, environment: &Environment) {
    for service in project.services.values_mut() {
        for (name, value) in &mut service.environment.0 {
            if value.is_none() {
                *value = environment.get(name).map(ToOwned::to_owned);
            }
        }
    }
}
