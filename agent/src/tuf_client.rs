//! A client of plain TUF repositories, with the command line that TUF's conformance suite drives clients by.
//!
//! Trusted metadata is kept as it was served, one file a role. The names of delegated roles and of targets may
//! hold any character, so they are percent-encoded to be the name of one file.

mod download;
mod session;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

use session::Session;

/// Download targets of a TUF repository, verified.
#[derive(Debug, Parser)]
#[command(name = "tuf-client", version, arg_required_else_help = true)]
struct Cli {
    /// Where trusted metadata is kept
    #[arg(long, value_name = "DIR")]
    metadata_dir: PathBuf,
    /// Where the repository's metadata is
    #[arg(long, value_name = "URL")]
    metadata_url: Option<String>,
    /// The path of a target in the repository; once for each target
    #[arg(long, value_name = "PATH")]
    target_name: Vec<String>,
    /// Where targets are kept
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
    /// Where the repository's targets are
    #[arg(long, value_name = "URL")]
    target_base_url: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Trust this Root metadata
    Init {
        /// The Root metadata
        #[arg(value_name = "ROOT")]
        root: PathBuf,
    },
    /// Bring the top-level metadata up to date
    Refresh,
    /// Download targets, in order; ends at the first that cannot be had
    Download,
}

/// Runs the command line of this process: 0 if all of it was done, 1 if not.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to report a failure of printing to.
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()));
        }
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tuf-client: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    if let Command::Init { root } = &cli.command {
        return session::init(&cli.metadata_dir, root);
    }
    let url = cli.metadata_url.context("--metadata-url is missing")?;
    let mut session = Session::refresh(&cli.metadata_dir, &url)?;
    if matches!(cli.command, Command::Download) {
        let directory = cli.target_dir.context("--target-dir is missing")?;
        let url = cli.target_base_url.context("--target-base-url is missing")?;
        for name in &cli.target_name {
            session.download(name, &directory, &url).with_context(|| format!("target {name}"))?;
        }
    }
    Ok(())
}

/// `name` as the name of one file, and as one component of a URL's path.
fn quote(name: &str) -> String {
    crate::http::encode_path(name).replace('/', "%2F")
}
