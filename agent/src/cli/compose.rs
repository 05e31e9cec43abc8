//! `ota-agent compose`: Compose files checked, brought into the one canonical form, pinned, planned.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Subcommand;
use container_spec::compose::{
    self, Environment, Error, ErrorKind, Files, Loader, Position, Project, Source,
};
use container_spec::digest::Sha256;
use container_spec::engine::{ApiVersion, Target};
use container_spec::plan::{self, Current, Options};

use crate::cli::Exit;
use crate::files;
use crate::output::{self, say};

/// Check, canonicalise, pin and plan Compose files
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print what is wrong as `FILE:LINE:COLUMN: message`; exits 1 if anything is
    Check {
        #[command(flatten)]
        input: Input,
        /// Refuse as well what could change its meaning: images without a digest, variables that are not set.
        #[arg(long)]
        locked: bool,
    },
    /// Print the canonical YAML, as PyYAML's `safe_dump` writes it; it judges YAML, not Compose rules
    Canonical(Input),
    /// Print the canonical YAML with every image pinned by its digest
    Lock {
        #[command(flatten)]
        input: Input,
        /// The digest of an image that the file names by tag; may be repeated.
        #[arg(long = "image", value_name = "IMAGE=sha256:HEX")]
        images: Vec<String>,
    },
    /// Print the steps from nothing to what the file wants, each with its way back
    Plan {
        #[command(flatten)]
        input: Input,
        /// Images come from archives, not from a registry.
        #[arg(long)]
        offline: bool,
    },
    /// Print what the engine would be asked, one JSON object a line, from nothing to what the file wants
    Requests {
        #[command(flatten)]
        input: Input,
        /// The version of the Engine API.
        #[arg(long, value_name = "VERSION", default_value = "1.41")]
        api: String,
    },
}

#[derive(Debug, clap::Args)]
struct Input {
    /// The Compose files; each is put over those before it.
    #[arg(value_name = "FILE", required_unless_present = "file")]
    paths: Vec<PathBuf>,
    /// A Compose file, as `docker compose` takes it; may be repeated.
    #[arg(short, long, value_name = "FILE", conflicts_with = "paths")]
    file: Vec<PathBuf>,
    /// Variables, a `NAME=VALUE` line each.
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// The name of the project.
    #[arg(long, value_name = "NAME", default_value = crate::device::PROJECT)]
    project: String,
    /// What relative paths start from; the directory of the first file if it is not given.
    #[arg(long, value_name = "DIR")]
    project_directory: Option<PathBuf>,
    /// A profile that is active, as are those of the variable `COMPOSE_PROFILES`; may be repeated.
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
}

/// The largest file of variables, in bytes.
const MAX_ENV_FILE_BYTES: usize = 1024 * 1024;

/// Runs the command.
///
/// # Errors
/// If a file cannot be read or is refused; `check` prints the refusals and ends with 1 instead.
pub(crate) fn run(args: Args, json: bool) -> anyhow::Result<Exit> {
    match args.command {
        Command::Check { input, locked } => check(&input, locked, json),
        Command::Canonical(input) => {
            let texts = input.good_texts()?;
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            Ok(print(&compose::canonical_files(&texts).map_err(|error| input.refused(&error))?))
        }
        Command::Lock { input, images } => {
            let digests = images.iter().map(|image| digest(image)).collect::<anyhow::Result<Vec<_>>>()?;
            let texts = input.good_texts()?;
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let known =
                |wanted: &str| digests.iter().find(|(image, _)| image == wanted).map(|(_, digest)| *digest);
            let locked = compose::lock_files(&texts, |image| known(&image.to_string()));
            Ok(print(&locked.map_err(|error| input.refused(&error))?))
        }
        Command::Plan { input, offline } => print_plan(&input, offline, json),
        Command::Requests { input, api } => print_requests(&input, &api),
    }
}

/// The files that Compose files name, read from the disk.
struct Disk;

impl Files for Disk {
    fn read(&mut self, path: &str) -> Result<String, ErrorKind> {
        let limit = compose::limits::MAX_DOCUMENT_BYTES;
        let found = files::prefix_if_there(Path::new(path), limit).map_err(|_| ErrorKind::Unreadable)?;
        let bytes = found.ok_or(ErrorKind::NoFile)?;
        if bytes.len() > limit {
            return Err(ErrorKind::TooLarge { bytes: bytes.len() });
        }
        String::from_utf8(bytes).map_err(|_| ErrorKind::Unreadable)
    }
}

/// What a problem is, and where: `FILE`, as it was named.
struct Problem {
    file: String,
    at: Position,
    message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.at, self.message)
    }
}

impl Input {
    fn paths(&self) -> &[PathBuf] {
        if self.file.is_empty() { &self.paths } else { &self.file }
    }

    /// The texts of the files, or what is wrong with the first that is no text.
    fn texts(&self) -> anyhow::Result<Result<Vec<String>, Problem>> {
        self.paths().iter().map(|path| read(path)).collect()
    }

    /// As [`texts`](Self::texts); what is wrong is an error.
    fn good_texts(&self) -> anyhow::Result<Vec<String>> {
        self.texts()?.map_err(|problem| anyhow::anyhow!("{problem}"))
    }

    fn environment(&self) -> anyhow::Result<Environment> {
        let mut environment = Environment::new();
        if let Some(path) = &self.env_file {
            let text = files::read_text(path, MAX_ENV_FILE_BYTES)?;
            let read = environment.read_file(&text, 0);
            read.map_err(|error| anyhow::anyhow!("{}:{}: {error}", path.display(), error.at))?;
        }
        Ok(environment)
    }

    /// The project, or all that is wrong with it.
    fn project(&self) -> anyhow::Result<Result<Project, Vec<Problem>>> {
        let texts = match self.texts()? {
            Ok(texts) => texts,
            Err(problem) => return Ok(Err(vec![problem])),
        };
        let paths = self.paths().iter().map(|path| absolute(path)).collect::<anyhow::Result<Vec<_>>>()?;
        let sources: Vec<Source<'_>> =
            paths.iter().zip(&texts).map(|(path, text)| Source { path, text }).collect();
        let environment = self.environment()?;
        let mut loader = Loader::new(&environment, Disk).name(&self.project);
        if let Some(directory) = &self.project_directory {
            loader = loader.directory(&absolute(directory)?);
        }
        let variable = std::env::var("COMPOSE_PROFILES").unwrap_or_default();
        for profile in self.profile.iter().map(String::as_str).chain(variable.split(',')) {
            loader = loader.profile(profile);
        }
        let errors = match loader.load_all(&sources) {
            Ok(project) => return Ok(Ok(project)),
            Err(errors) => errors,
        };
        let problem = |error: Error| {
            let given = self.paths().get(usize::from(error.at.file)).map(|path| path.display().to_string());
            let file = given.or_else(|| loader.path(error.at.file).map(str::to_owned));
            Problem { file: file.unwrap_or_default(), at: error.at, message: error.to_string() }
        };
        Ok(Err(errors.into_iter().map(problem).collect()))
    }

    /// The project; its first problem is an error.
    fn good_project(&self) -> anyhow::Result<Project> {
        self.project()?.map_err(|problems| match problems.first() {
            Some(problem) => anyhow::anyhow!("{problem}"),
            None => anyhow::anyhow!("refused"),
        })
    }

    /// An error of the library with its place in front.
    fn refused(&self, error: &Error) -> anyhow::Error {
        anyhow::anyhow!("{}", self.problem(*error))
    }

    fn problem(&self, error: Error) -> Problem {
        let path = self.paths().get(usize::from(error.at.file)).map(|path| path.display().to_string());
        Problem { file: path.unwrap_or_default(), at: error.at, message: error.to_string() }
    }
}

fn absolute(path: &Path) -> anyhow::Result<String> {
    let absolute = std::path::absolute(path)?;
    let text = absolute.to_str().with_context(|| format!("{}: the name is no UTF-8", path.display()))?;
    Ok(text.to_owned())
}

fn check(input: &Input, locked: bool, json: bool) -> anyhow::Result<Exit> {
    let problems = match input.project()? {
        Ok(project) if locked => {
            let errors = project.locked().err().unwrap_or_default();
            errors.into_iter().map(|error| input.problem(error)).collect()
        }
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    };
    for problem in &problems {
        if json {
            let Problem { file, at, message } = problem;
            let line = serde_json::json!({ "event": "problem", "file": file, "line": at.line, "column": at.column, "message": message });
            say!("{line}");
        } else {
            say!("{problem}");
        }
    }
    Ok(if problems.is_empty() { Exit::Done } else { Exit::Failed })
}

fn print_plan(input: &Input, offline: bool, json: bool) -> anyhow::Result<Exit> {
    let project = input.good_project()?;
    let options = Options { offline, ..Options::default() };
    let plan = plan::plan(&input.project, &project, &Current::default(), &options)?;
    for step in &plan.steps {
        let undo = step.undo();
        if json {
            say!("{}", serde_json::json!({ "event": "step", "step": step, "undo": undo }));
        } else {
            match undo {
                Some(undo) => say!("{step}; back: {undo}"),
                None => say!("{step}"),
            }
        }
    }
    Ok(Exit::Done)
}

fn print_requests(input: &Input, api: &str) -> anyhow::Result<Exit> {
    let api = ApiVersion::parse(api).with_context(|| format!("{api}: not an API version such as 1.41"))?;
    let project = input.good_project()?;
    // Paths are absolute by now; what is left starts from here.
    let directory = match (&input.project_directory, input.paths().first()) {
        (Some(directory), _) => absolute(directory)?,
        (None, Some(path)) => absolute(std::path::absolute(path)?.parent().unwrap_or(Path::new("/")))?,
        (None, None) => String::new(),
    };
    let target = Target { project: &input.project, directory: directory.trim_end_matches('/'), api };
    for request in target.requests(&project)? {
        say!("{}", serde_json::to_string(&request)?);
    }
    Ok(Exit::Done)
}

/// `IMAGE=sha256:HEX`, the image as the engine would name it in full.
fn digest(text: &str) -> anyhow::Result<(String, Sha256)> {
    let (image, digest) = text.rsplit_once('=').with_context(|| format!("{text}: not IMAGE=sha256:HEX"))?;
    let image = container_spec::reference::Normalized::parse(image).with_context(|| image.to_owned())?;
    Ok((image.to_string(), digest.parse().with_context(|| digest.to_owned())?))
}

/// The text of a Compose file, read no further than one may be long.
fn read(path: &Path) -> anyhow::Result<Result<String, Problem>> {
    let limit = compose::limits::MAX_DOCUMENT_BYTES;
    let found = files::prefix_if_there(path, limit)?;
    let bytes = found.with_context(|| format!("reading {}: there is no such file", path.display()))?;
    let problem = |line, column, message| {
        Ok(Err(Problem { file: path.display().to_string(), at: Position { file: 0, line, column }, message }))
    };
    if bytes.len() > limit {
        return problem(1, 1, format!("the file has more than {limit} bytes"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Ok(text)),
        Err(error) => {
            let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let good = String::from_utf8_lossy(good);
            let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1);
            let column = good.rsplit('\n').next().unwrap_or_default().chars().count();
            problem(number(good.matches('\n').count()), number(column), "this is no UTF-8".into())
        }
    }
}

fn print(text: &str) -> Exit {
    output::write(format_args!("{text}"), "");
    Exit::Done
}
