//! `ota-agent compose`: Compose files checked, brought into the one canonical form, pinned, planned.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;
use container_spec::compose::{self, Environment, Error};
use container_spec::digest::Sha256;
use container_spec::engine::{ApiVersion, Target};
use container_spec::plan::{self, Current, Options};

use crate::cli::Exit;

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
        file: File,
        /// Refuse as well what could change its meaning: images without a digest, variables that are not set.
        #[arg(long)]
        locked: bool,
    },
    /// Print the canonical YAML, as PyYAML's `safe_dump` writes it; it judges YAML, not Compose rules
    Canonical(File),
    /// Print the canonical YAML with every image pinned by its digest
    Lock {
        #[command(flatten)]
        file: File,
        /// The digest of an image that the file names by tag; may be repeated.
        #[arg(long = "image", value_name = "IMAGE=sha256:HEX")]
        images: Vec<String>,
    },
    /// Print the steps from nothing to what the file wants, each with its way back
    Plan {
        #[command(flatten)]
        file: File,
        /// Images come from archives, not from a registry.
        #[arg(long)]
        offline: bool,
    },
    /// Print what the engine would be asked, one JSON object a line, from nothing to what the file wants
    Requests {
        #[command(flatten)]
        file: File,
        /// The version of the Engine API.
        #[arg(long, value_name = "VERSION", default_value = "1.41")]
        api: String,
    },
}

#[derive(Debug, clap::Args)]
struct File {
    /// The Compose file. Merging several is not supported yet.
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Variables, a `NAME=VALUE` line each.
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
    /// The name of the project.
    #[arg(long, value_name = "NAME", default_value = crate::device::PROJECT)]
    project: String,
}

/// The largest file of variables, in bytes.
const MAX_ENV_FILE_BYTES: u64 = 1024 * 1024;

/// Runs the command.
///
/// # Errors
/// If a file cannot be read or is refused; `check` prints the refusals and ends with 1 instead.
pub(crate) fn run(args: Args, json: bool) -> anyhow::Result<Exit> {
    match args.command {
        Command::Check { file, locked } => check(&file, locked, json),
        Command::Canonical(file) => {
            let text = read(&file.path)?;
            print(&file.refused(compose::canonical(&text))?)
        }
        Command::Lock { file, images } => {
            let digests = images.iter().map(|image| digest(image)).collect::<anyhow::Result<Vec<_>>>()?;
            let text = read(&file.path)?;
            let known =
                |wanted: &str| digests.iter().find(|(image, _)| image == wanted).map(|(_, digest)| *digest);
            print(&file.refused(compose::lock(&text, |image| known(&image.to_string())))?)
        }
        Command::Plan { file, offline } => print_plan(&file, offline, json),
        Command::Requests { file, api } => print_requests(&file, &api),
    }
}

impl File {
    fn environment(&self) -> anyhow::Result<Environment> {
        let mut environment = Environment::new();
        if let Some(path) = &self.env_file {
            let text = read_limited(path, MAX_ENV_FILE_BYTES)?;
            let read = environment.read_file(&text, 0);
            read.map_err(|error| anyhow::anyhow!("{}", line(path, &error)))?;
        }
        Ok(environment)
    }

    /// An error of the library with its place in front.
    fn refused<T>(&self, result: Result<T, Error>) -> anyhow::Result<T> {
        result.map_err(|error| anyhow::anyhow!("{}", line(&self.path, &error)))
    }
}

fn check(file: &File, locked: bool, json: bool) -> anyhow::Result<Exit> {
    let text = read(&file.path)?;
    let environment = file.environment()?;
    let mut errors = compose::check(&text, &environment);
    if locked && errors.is_empty() {
        let project = compose::load(&text, &environment);
        errors = project
            .map_err(|error| vec![error])
            .and_then(|project| project.locked())
            .err()
            .unwrap_or_default();
    }
    for error in &errors {
        if json {
            let Error { at, .. } = error;
            let message = error.to_string();
            let line = serde_json::json!({ "event": "problem", "file": file.path, "line": at.line, "column": at.column, "message": message });
            println!("{line}");
        } else {
            println!("{}", line(&file.path, error));
        }
    }
    Ok(if errors.is_empty() { Exit::Done } else { Exit::Failed })
}

fn print_plan(file: &File, offline: bool, json: bool) -> anyhow::Result<Exit> {
    let text = read(&file.path)?;
    let project = file.refused(compose::load(&text, &file.environment()?))?;
    let options = Options { offline, ..Options::default() };
    let plan = plan::plan(&file.project, &project, &Current::default(), &options)?;
    for step in &plan.steps {
        let undo = step.undo();
        if json {
            println!("{}", serde_json::json!({ "event": "step", "step": step, "undo": undo }));
        } else {
            match undo {
                Some(undo) => println!("{step}; back: {undo}"),
                None => println!("{step}"),
            }
        }
    }
    Ok(Exit::Done)
}

fn print_requests(file: &File, api: &str) -> anyhow::Result<Exit> {
    let api = ApiVersion::parse(api).with_context(|| format!("{api}: not an API version such as 1.41"))?;
    let text = read(&file.path)?;
    let project = file.refused(compose::load(&text, &file.environment()?))?;
    let path = std::path::absolute(&file.path)?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    let directory = directory.to_str().context("the file is in a directory whose name is no UTF-8")?;
    let target = Target { project: &file.project, directory: directory.trim_end_matches('/'), api };
    for request in target.requests(&project)? {
        println!("{}", serde_json::to_string(&request)?);
    }
    Ok(Exit::Done)
}

/// `IMAGE=sha256:HEX`, the image as the engine would name it in full.
fn digest(text: &str) -> anyhow::Result<(String, Sha256)> {
    let (image, digest) = text.rsplit_once('=').with_context(|| format!("{text}: not IMAGE=sha256:HEX"))?;
    let image = container_spec::reference::Normalized::parse(image).with_context(|| image.to_owned())?;
    Ok((image.to_string(), digest.parse().with_context(|| digest.to_owned())?))
}

fn line(path: &Path, error: &Error) -> String {
    format!("{}:{}: {error}", path.display(), error.at)
}

fn read(path: &Path) -> anyhow::Result<String> {
    read_limited(path, u64::try_from(compose::limits::MAX_DOCUMENT_BYTES)?)
}

fn read_limited(path: &Path, max_bytes: u64) -> anyhow::Result<String> {
    let length = std::fs::metadata(path).with_context(|| format!("reading {}", path.display()))?.len();
    if length > max_bytes {
        bail!("{}: {length} bytes, more than {max_bytes}", path.display());
    }
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn print(text: &str) -> anyhow::Result<Exit> {
    std::io::stdout().write_all(text.as_bytes()).context("printing")?;
    Ok(Exit::Done)
}
