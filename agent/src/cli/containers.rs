//! `ota-agent containers`: an application on the Docker Engine of this device.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Subcommand;
use container_spec::compose::{self, Environment};
use container_spec::plan::{Next, Options, Outcome};

use crate::cli::Exit;
use crate::containers::{
    Archives, Engine, Lockbox, NoArchives, Settings, Switch, Timeouts, archive_sizes, start,
};
use crate::output::say;
use crate::report::Printer;

/// Deploy, update and start an application on the Docker Engine, in steps that a power cut does not break
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The engine's socket.
    #[arg(long, value_name = "FILE", default_value = "/var/run/docker.sock", global = true)]
    socket: PathBuf,
    /// Where the Compose file that runs and the journal are kept.
    #[arg(long, value_name = "DIR", default_value = "/var/sota/storage/docker-compose", global = true)]
    dir: PathBuf,
    /// The name of the project.
    #[arg(long, value_name = "NAME", default_value = crate::device::PROJECT, global = true)]
    project: String,
    /// The platform that images are for, such as `linux/arm64`; this machine's if absent.
    #[arg(long, value_name = "PLATFORM", global = true)]
    platform: Option<String>,
    /// A `config.json` of Docker's with the credentials for registries, in `auths`.
    #[arg(long, value_name = "FILE", global = true)]
    credentials: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Switch to a locked Compose file; ends with 1 if what ran before runs again, 3 if all of it runs already
    Deploy {
        /// The Compose file, every image by its digest.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// After a boot: finish or turn back a switch that was cut off, then start what is confirmed
    Start(How),
    /// Turn a switch back that is not confirmed; ends with 3 if there is none
    Rollback(How),
    /// Print the containers of the application, and how far a switch is
    Status,
}

#[derive(Debug, clap::Args)]
struct How {
    /// Take images from archives in this directory, `HEX.tar` by the digest of the manifest, not from registries.
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
    /// Manifests and indexes of the archives, `HEX.json` by their digest; beside the archives if absent.
    #[arg(long, value_name = "DIR", requires = "images")]
    manifests: Option<PathBuf>,
    /// How long a service may take to become healthy, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    start_timeout: u32,
    /// How long a service without a health check must run to count as started, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    settle: u32,
}

impl How {
    fn options(&self) -> Options {
        Options {
            offline: self.images.is_some(),
            start_timeout: nanos(Duration::from_secs(self.start_timeout.into())),
            settle: nanos(Duration::from_millis(self.settle.into())),
            ..Options::default()
        }
    }

    fn archives(&self, platform: Option<&str>) -> Box<dyn Archives> {
        let Some(images) = &self.images else { return Box::new(NoArchives) };
        let manifests = self.manifests.as_ref().unwrap_or(images);
        Box::new(Lockbox::new(images, manifests, platform.unwrap_or(std::env::consts::ARCH)))
    }
}

fn nanos(duration: Duration) -> container_spec::duration::Duration {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    container_spec::duration::Duration::from_nanos(nanos)
}

/// Runs the command.
///
/// # Errors
/// If the file is refused, the engine cannot be asked, or a reverse does not work.
pub(crate) fn run(args: &Args, json: bool) -> anyhow::Result<Exit> {
    let settings = Settings::new(&args.project, &args.dir, args.platform.as_deref())?
        .with_credentials(args.credentials.as_deref());
    let engine = Engine::connect(&args.socket, Timeouts::default())?;
    let mut printer = Printer::new(json);
    match &args.command {
        Command::Deploy { file, how } => {
            let text = crate::files::read_text(file, compose::limits::MAX_DOCUMENT_BYTES)?;
            let archives = how.archives(args.platform.as_deref());
            let mut options = how.options();
            // What is wrong with the file is told when the switch is prepared.
            if let Ok(project) = compose::load(&text, &Environment::new()) {
                options.image_bytes = archive_sizes(&*archives, &project)?;
            }
            let switch = Switch::prepare(&engine, &settings, &*archives, &text, &options)?;
            let nothing = switch.plan().is_empty();
            Ok(match switch.run(&mut printer)? {
                Outcome::Applied if nothing => Exit::NothingToDo,
                Outcome::Applied => Exit::Done,
                Outcome::RolledBack => bail!("the switch failed; what ran before runs again"),
            })
        }
        Command::Start(how) => {
            let archives = how.archives(args.platform.as_deref());
            start(&engine, &settings, &*archives, &how.options(), &mut printer)?;
            Ok(Exit::Done)
        }
        Command::Rollback(how) => {
            let archives = how.archives(args.platform.as_deref());
            let Some(mut switch) = Switch::resume(&engine, &settings, &*archives)? else {
                return Ok(Exit::NothingToDo);
            };
            if !switch.roll_back()? {
                bail!("the switch is confirmed: there is no way back");
            }
            switch.run(&mut printer)?;
            // What was cut off before its turn to stop came is started as well.
            start(&engine, &settings, &*archives, &how.options(), &mut printer)?;
            Ok(Exit::Done)
        }
        Command::Status => status(&engine, &settings, json),
    }
}

fn status(engine: &Engine, settings: &Settings, json: bool) -> anyhow::Result<Exit> {
    let mut containers = engine.states(&settings.project)?;
    containers.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    for (container, state) in containers {
        let health = state.health.map(|health| health.status).unwrap_or_default();
        if json {
            let line = serde_json::json!({
                "event": "container", "name": container.name, "service": container.service,
                "image": container.image_id, "state": state.status,
                "health": format!("{health:?}").to_lowercase(),
            });
            say!("{line}");
        } else {
            let health = format!("{health:?}").to_lowercase();
            say!("{} {} {health} {}", container.name, state.status, container.image_id);
        }
    }
    if let Some(progress) = settings.progress()? {
        let (done, of) = (progress.steps_done(), progress.plan().steps.len());
        let back = matches!(progress.next(), Next::Undo(_) | Next::Finished(Outcome::RolledBack));
        if json {
            say!("{}", serde_json::json!({ "event": "switch", "done": done, "of": of, "back": back }));
        } else {
            say!("switch: {done} of {of} steps done{}", if back { ", going back" } else { "" });
        }
    }
    Ok(Exit::Done)
}
