//! A project from several files: overrides, `include`, `extends`, files of variables.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::environment::Environment;
use super::error::{Error, ErrorKind};
use super::interpolate::{Unset, interpolate, substitute};
use super::limits::MAX_FILES;
use super::load::{self, PROJECT_NAME_FORM, is_project_name};
use super::place::Position;
use super::project::Project;
use super::tree::Node;
use super::{merge, paths, yaml};

mod extends;
mod include;
mod variables;

/// Where the files come from that a Compose file names. The library opens none itself.
pub trait Files {
    /// The text of the file at `path`. It is absolute if the paths of the sources are, and clean.
    ///
    /// # Errors
    /// [`ErrorKind::NoFile`] if there is none, which is no problem where a file may be missing;
    /// [`ErrorKind::TooLarge`] and [`ErrorKind::Unreadable`] for one that is there but cannot be taken.
    fn read(&mut self, path: &str) -> Result<String, ErrorKind>;
}

/// Files in memory, by their path. An empty map is for projects of one file.
impl Files for BTreeMap<String, String> {
    fn read(&mut self, path: &str) -> Result<String, ErrorKind> {
        self.get(path).cloned().ok_or(ErrorKind::NoFile)
    }
}

/// A Compose file, and where it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// Its path: absolute, or a name alone if it names no other file.
    pub path: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// Reads the files of one project.
///
/// ```
/// use std::collections::BTreeMap;
/// use container_spec::compose::{Environment, Loader, Source};
///
/// let base = Source { path: "/app/compose.yml", text: "services: {web: {image: nginx, env_file: web.env}}" };
/// let device = Source { path: "/app/device.yml", text: "services: {web: {tty: true}}" };
/// let files = BTreeMap::from([("/app/web.env".to_owned(), "COLOUR=red\n".to_owned())]);
/// let environment = Environment::new();
/// let project = Loader::new(&environment, files).load(&[base, device]).unwrap();
/// let web = &project.services["web"];
/// assert_eq!((web.tty, web.environment["COLOUR"].as_deref()), (Some(true), Some("red")));
/// ```
#[derive(Debug)]
pub struct Loader<'e, F> {
    environment: &'e Environment,
    files: F,
    directory: Option<String>,
    name: Option<String>,
    profiles: Vec<String>,
    opened: Vec<Opened>,
    unset: Vec<Unset>,
    /// Bytes that were copied by `extends`.
    extended: usize,
    /// Bytes of the files of variables that were read.
    variable_bytes: usize,
    nodes: u32,
    /// There is one text and nothing else: files of variables stay named, but are not read.
    alone: bool,
}

/// The variable that holds the name of the project.
const PROJECT_NAME: &str = "COMPOSE_PROJECT_NAME";

/// A file that was read.
#[derive(Clone, Debug)]
struct Opened {
    path: String,
    /// What its relative paths start from; empty if it is not known.
    directory: String,
}

/// What holds for one set of files that are merged: the project's own, or those of one `include`.
struct Scope<'s> {
    environment: &'s Environment,
    directory: &'s str,
    /// The files that led here by `include`, outermost first.
    chain: &'s [String],
}

impl<'e, F: Files> Loader<'e, F> {
    /// A loader with these variables, whose further files come from `files`.
    pub fn new(environment: &'e Environment, files: F) -> Self {
        Self {
            environment,
            files,
            directory: None,
            name: None,
            profiles: Vec::new(),
            opened: Vec::new(),
            unset: Vec::new(),
            extended: 0,
            variable_bytes: 0,
            nodes: 0,
            alone: false,
        }
    }

    /// A loader of one text that stands alone.
    pub(super) fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// The directory that relative paths start from, absolute; that of the first file if it is not given.
    #[must_use]
    pub fn directory(mut self, directory: &str) -> Self {
        self.directory = Some(paths::clean(directory));
        self
    }

    /// The name of the project. Without it, it is that of the variable `COMPOSE_PROJECT_NAME`, of the last file
    /// with a `name`, or of the directory, in this order.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// A profile that is active, or `*` for all; those of the variable `COMPOSE_PROFILES` are too.
    #[must_use]
    pub fn profile(mut self, profile: &str) -> Self {
        self.profiles.push(profile.to_owned());
        self
    }

    /// The path of a file that was read: [`Position::file`] of an error says which.
    #[must_use]
    pub fn path(&self, file: u16) -> Option<&str> {
        self.opened.get(usize::from(file)).map(|opened| opened.path.as_str())
    }

    /// Reads a project from these files, each over those before it.
    ///
    /// # Errors
    /// The first problem.
    pub fn load(&mut self, sources: &[Source<'_>]) -> Result<Project, Error> {
        let (project, errors) = self.read(sources)?;
        match errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(project),
        }
    }

    /// As [`Loader::load`].
    ///
    /// # Errors
    /// All problems, in the order of the files. What is broken in a file before it can be read as a whole, such as
    /// its YAML, is the only one.
    pub fn load_all(&mut self, sources: &[Source<'_>]) -> Result<Project, Vec<Error>> {
        match self.read(sources) {
            Ok((project, errors)) if errors.is_empty() => Ok(project),
            Ok((_, errors)) => Err(errors),
            Err(error) => Err([error].into()),
        }
    }

    pub(super) fn read(&mut self, sources: &[Source<'_>]) -> Result<(Project, Vec<Error>), Error> {
        (self.opened, self.unset) = (Vec::new(), Vec::new());
        (self.extended, self.variable_bytes, self.nodes) = (0, 0, 0);
        let first = sources.first().map_or("", |source| source.path);
        let directory = self.directory.clone().unwrap_or_else(|| paths::parent(first).to_owned());
        let mut files = Vec::with_capacity(sources.len());
        for source in sources {
            let file = self.open(source.path, &directory, Position::default())?;
            files.push((file, self.parse(source.text, file)?));
        }
        let name = self.project_name(&files, &directory)?;
        let mut environment = self.environment.clone();
        if let Some(name) = name.as_deref() {
            environment.set(PROJECT_NAME, name);
        }
        let root =
            self.merged(files, &Scope { environment: &environment, directory: &directory, chain: &[] })?;
        let directories = self.opened.iter().map(|opened| opened.directory.clone()).collect();
        let (mut project, mut cx) = load::decode(&root, directories);
        project.unset = core::mem::take(&mut self.unset);
        project.name = name.or(project.name);
        let listed = environment.get("COMPOSE_PROFILES").unwrap_or_default().split(',');
        let profiles: Vec<&str> = self.profiles.iter().map(String::as_str).chain(listed).collect();
        project.activate(&profiles);
        if !self.alone {
            self.read_variables(&mut project, &root, &mut cx);
        }
        variables::inherit(&mut project, self.environment);
        Ok(load::finish(project, &root, cx))
    }

    /// The name of the project, by the order that [`Loader::name`] gives.
    fn project_name(&self, files: &[(u16, Node<'_>)], directory: &str) -> Result<Option<String>, Error> {
        if let Some(name) = self.name.as_deref().or_else(|| self.environment.get(PROJECT_NAME)) {
            return match is_project_name(name) {
                true => Ok(Some(name.to_owned())),
                false => Err(Error::new(Position::default(), ErrorKind::Value(PROJECT_NAME_FORM), name)),
            };
        }
        let mut named = files.iter().rev().filter_map(|(_, root)| root.get("name"));
        if let Some((node, text)) = named.find_map(|node| node.as_scalar().map(|text| (node, text))) {
            let name = substitute(text, self.environment, node.at, &mut Vec::new())?;
            // One of another form is reported when the property is read.
            return Ok(Some(name).filter(|name| is_project_name(name)));
        }
        let name: String = paths::name(directory)
            .chars()
            .map(|letter| letter.to_ascii_lowercase())
            .filter(|letter| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '_' | '-')
            })
            .collect();
        let name = name.trim_start_matches(['_', '-']);
        Ok(Some(name.to_owned()).filter(|name| !name.is_empty()))
    }

    /// Counts a file and gives it a number. `at` is where it is named.
    fn open(&mut self, path: &str, directory: &str, at: Position) -> Result<u16, Error> {
        let file = u16::try_from(self.opened.len()).unwrap_or(u16::MAX);
        if self.opened.len() >= MAX_FILES {
            return Err(Error::new(at, ErrorKind::TooManyFiles, paths::name(path)));
        }
        self.opened.push(Opened { path: path.to_owned(), directory: directory.to_owned() });
        Ok(file)
    }

    fn parse<'a>(&mut self, text: &'a str, file: u16) -> Result<Node<'a>, Error> {
        let document = yaml::parse_after(text, file, self.nodes)?;
        self.nodes = document.nodes;
        Ok(document.root)
    }

    /// Reads a Compose file that another one names at `at`.
    fn fetch(&mut self, path: &str, directory: &str, at: Position) -> Result<(u16, Node<'static>), Error> {
        let file = self.open(path, directory, at)?;
        let text = self.files.read(path).map_err(|kind| Error::new(at, kind, path))?;
        Ok((file, self.parse(&text, file)?.into_owned()))
    }

    /// Interpolates, extends and includes each file, and merges them in their order.
    fn merged<'a>(&mut self, files: Vec<(u16, Node<'a>)>, scope: &Scope<'_>) -> Result<Node<'a>, Error> {
        let mut merged: Option<Node<'a>> = None;
        for (file, mut root) in files {
            self.unset.extend(interpolate(&mut root, scope.environment)?);
            self.extend_services(&mut root, file, scope)?;
            self.include_files(&mut root, file, scope)?;
            merged = Some(match merged {
                Some(base) => merge::files(base, root)?,
                None => {
                    merge::settle(&mut root)?;
                    root
                }
            });
        }
        merged.ok_or(Error::new(Position::default(), ErrorKind::NoFile, "file"))
    }

    /// Where relative paths of this file start from.
    fn directory_of(&self, file: u16) -> &str {
        self.opened.get(usize::from(file)).map_or("", |opened| opened.directory.as_str())
    }
}
